package breakdown

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// MaxShown is how many parts a ranking shows.
const MaxShown = 10

// MinShare is the least share that is shown: less would read as 0 %.
const MinShare = .005

// maxTied is how many parts that share a change alike are still named as those that carry it.
const maxTied = 3

// Concentrated reports whether few values of the label carry the change, and not those that it would fall on anyway.
func (b Breakdown) Concentrated() bool {
	if len(b.Parts) < 2 || b.Unevenness < MinUnevenness {
		return false
	}
	if b.Form == promql.FormRanked {
		return true
	}
	share := 0.
	for _, c := range b.Tied() {
		share += c.Share
	}
	return share >= .5
}

// Tied returns the first part, and those that are as far up as it is; the first alone where they are many.
func (b Breakdown) Tied() []Contribution {
	n := 1
	for n < len(b.Parts) && b.alike(b.Parts[0], b.Parts[n]) {
		n++
	}
	if n > maxTied || n == len(b.Parts) {
		n = 1
	}
	return b.Parts[:n]
}

// alike reports whether a part can't be told from the first one by what ranks them.
func (b Breakdown) alike(first, other Contribution) bool {
	if b.ByLevel {
		return first.After == other.After
	}
	if b.Form == promql.FormRanked {
		return false
	}
	return other.Share >= .9*first.Share
}

// Shown returns the parts that are worth a row: those with a share of the change, or of a ranking all.
func (b Breakdown) Shown() []Contribution {
	n := min(len(b.Parts), MaxShown)
	for b.Form != promql.FormRanked && n > 1 && b.Parts[n-1].Share < MinShare {
		n--
	}
	return b.Parts[:n]
}

// RankByLevel sorts the parts of a highest or lowest by what they were when the alert fired: the first one is the value,
// whether it changed or not. It stands out from those that do not meet the condition, and as far as it is away from the others.
func (b *Breakdown) RankByLevel(c promql.Condition, extreme int, fired time.Time) {
	at := slices.IndexFunc(b.Times, func(t time.Time) bool { return !t.Before(fired) })
	if at < 0 {
		at = len(b.Times) - 1
	}
	levels := make([]float64, len(b.Parts))
	for i, p := range b.Parts {
		levels[i] = p.Whole[at]
		if math.IsNaN(levels[i]) && at > 0 {
			levels[i] = p.Whole[at-1]
		}
	}
	b.RankLevels(c, extreme, levels)
}

// RankLevels sorts the parts by what they were, one level for each; those without one are left out.
func (b *Breakdown) RankLevels(c promql.Condition, extreme int, levels []float64) {
	for i := range b.Parts {
		p := &b.Parts[i]
		p.After = levels[i]
		p.Change = finiteOrZero(p.After - p.Before)
	}
	b.Parts = slices.DeleteFunc(b.Parts, func(p Contribution) bool { return math.IsNaN(p.After) })
	if len(b.Parts) == 0 {
		return
	}
	slices.SortStableFunc(b.Parts, func(x, y Contribution) int { return cmp.Compare(float64(extreme)*y.After, float64(extreme)*x.After) })
	b.ByLevel, b.Unevenness = true, 0
	first := b.Parts[0].After
	limit, fixed := c.Limit()
	if fixed = fixed && b.Drill.IsValue && !b.Drill.OfThreshold; fixed {
		b.Limit = &limit
	}
	apart, count := 0., 0.
	for _, p := range b.Parts[1:] {
		count++
		switch {
		case p.After == first:
		case fixed && c.Met(first, limit) && !c.Met(p.After, limit):
			apart++
		default:
			apart += math.Abs(first-p.After) / (math.Abs(first) + math.Abs(p.After))
		}
	}
	b.Unevenness = finiteOrZero(ratioOrNaN(apart, count))
}

// Direction says which way a value went as it is shown: up, down, or flat where both look the same.
func Direction(before, after float64) string {
	switch {
	case promql.FormatNumber(before) == promql.FormatNumber(after):
		return "flat"
	case after > before:
		return "up"
	}
	return "down"
}

// Ranked makes the entry of a ranking. Its score is that of what ranks it.
func (b Breakdown) Ranked(c Contribution, onset time.Time) incident.RankedSeries {
	r := incident.RankedSeries{
		Labels: c.Labels, Share: min(c.Share, 1), Before: c.Before, After: c.After, Direction: Direction(c.Before, c.After),
	}
	var values []float64
	var at []time.Time
	n := 0
	for i, v := range c.judged {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		values, at = append(values, v), append(at, b.Times[i])
		if b.Times[i].Before(onset) {
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
