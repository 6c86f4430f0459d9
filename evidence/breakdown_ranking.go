package evidence

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// minShare is the least share that is shown: less would read as 0 %.
const minShare = .005

// maxTied is how many parts that share a change alike are still named as those that carry it.
const maxTied = 3

// concentrated reports whether few values of the label carry the change, and not those that it would fall on anyway.
func (b breakdown) concentrated() bool {
	if len(b.parts) < 2 || b.unevenness < minUnevenness {
		return false
	}
	if b.form == promql.FormRanked {
		return true
	}
	share := 0.
	for _, c := range b.tied() {
		share += c.share
	}
	return share >= .5
}

// tied returns the first part, and those that are as far up as it is; the first alone where they are many.
func (b breakdown) tied() []contribution {
	n := 1
	for n < len(b.parts) && b.alike(b.parts[0], b.parts[n]) {
		n++
	}
	if n > maxTied || n == len(b.parts) {
		n = 1
	}
	return b.parts[:n]
}

// alike reports whether a part can't be told from the first one by what ranks them.
func (b breakdown) alike(first, other contribution) bool {
	if b.byLevel {
		return first.after == other.after
	}
	if b.form == promql.FormRanked {
		return false
	}
	return other.share >= .9*first.share
}

// shown returns the parts that are worth a row: those with a share of the change, or of a ranking all.
func (b breakdown) shown() []contribution {
	n := min(len(b.parts), maxParts)
	for b.form != promql.FormRanked && n > 1 && b.parts[n-1].share < minShare {
		n--
	}
	return b.parts[:n]
}

// rankByLevel sorts the parts of a highest or lowest by what they were when the alert fired: the first one is the value,
// whether it changed or not. It stands out from those that do not meet the condition, and as far as it is away from the others.
func (b *breakdown) rankByLevel(c promql.Condition, extreme int, fired time.Time) {
	at := slices.IndexFunc(b.times, func(t time.Time) bool { return !t.Before(fired) })
	if at < 0 {
		at = len(b.times) - 1
	}
	levels := make([]float64, len(b.parts))
	for i, p := range b.parts {
		levels[i] = p.whole[at]
		if math.IsNaN(levels[i]) && at > 0 {
			levels[i] = p.whole[at-1]
		}
	}
	b.rankLevels(c, extreme, levels)
}

// rankLevels sorts the parts by what they were, one level for each; those without one are left out.
func (b *breakdown) rankLevels(c promql.Condition, extreme int, levels []float64) {
	for i := range b.parts {
		p := &b.parts[i]
		p.after = levels[i]
		p.change = finiteOrZero(p.after - p.before)
	}
	b.parts = slices.DeleteFunc(b.parts, func(p contribution) bool { return math.IsNaN(p.after) })
	if len(b.parts) == 0 {
		return
	}
	slices.SortStableFunc(b.parts, func(x, y contribution) int { return cmp.Compare(float64(extreme)*y.after, float64(extreme)*x.after) })
	b.byLevel, b.unevenness = true, 0
	first := b.parts[0].after
	limit, fixed := c.Limit()
	if fixed = fixed && b.drill.IsValue && !b.drill.OfThreshold; fixed {
		b.limit = &limit
	}
	apart, count := 0., 0.
	for _, p := range b.parts[1:] {
		count++
		switch {
		case p.after == first:
		case fixed && c.Met(first, limit) && !c.Met(p.after, limit):
			apart++
		default:
			apart += math.Abs(first-p.after) / (math.Abs(first) + math.Abs(p.after))
		}
	}
	b.unevenness = finiteOrZero(ratioOrNaN(apart, count))
}

// direction says which way a value went, as it is shown: flat where both look the same.
func direction(before, after float64) string {
	switch {
	case promql.FormatNumber(before) == promql.FormatNumber(after):
		return "flat"
	case after > before:
		return "up"
	}
	return "down"
}

// rankedSeries makes the entry of a ranking. Its score is that of what ranks it.
func (b breakdown) rankedSeries(c contribution, onset time.Time) incident.RankedSeries {
	r := incident.RankedSeries{
		Labels: c.labels, Share: min(c.share, 1), Before: c.before, After: c.after, Direction: direction(c.before, c.after),
	}
	var values []float64
	var at []time.Time
	n := 0
	for i, v := range c.judged {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		values, at = append(values, v), append(at, b.times[i])
		if b.times[i].Before(onset) {
			n++
		}
	}
	var s score.Scorer
	if change, ok := s.Score(values, n, 0); ok {
		r.Score = change.Score
		if change.At < len(at) && change.Score >= 3 {
			r.Onset = at[change.At]
		}
	}
	return r
}
