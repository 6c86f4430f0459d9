package evidence

import (
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

// part is one value of the labels by which something is broken down, over time: one number per step, 0 where there
// was none.
type part struct {
	labels map[string]string
	whole  []float64
	base   []float64 // of a ratio: the denominator
}

// breakdown is a drill by some labels: its parts and what each contributed to the change.
type breakdown struct {
	form   promql.DrillForm
	by     []string
	parts  []contribution // those that contributed most first
	spread float64        // 0: as before or as the traffic; towards 1: other values than before carry the change
	up     bool           // the change as a whole
	change float64        // of the whole
	news   bool           // there are no data from before: shares are of what is there now
	times  []time.Time
}

// contribution is what a part contributed.
type contribution struct {
	part
	share         float64   // of the change of the whole; 0 for ranked forms
	expected      float64   // what its share would be if nothing were special about it
	before, after float64   // typical value, or local ratio
	change        float64   // what it contributed, in the unit of the whole
	local         []float64 // its value, or local ratio, over time; NaN where there is none
}

// evenSpread is how much of the change may have moved to other values before it counts as not evenly spread.
const evenSpread = .2

// spans are the steps to compare: those from before the onset, and those in which the change shows.
type spans struct{ before, after []int }

// breakDown compares the parts before and after the onset. direction is 1 or -1 where the alert's condition says it, else 0.
func breakDown(form promql.DrillForm, by []string, parts []part, times []time.Time, onset time.Time, direction float64) breakdown {
	b := breakdown{form: form, by: by, times: times, up: direction >= 0}
	whole, base := totals(parts, len(times))
	value := func(i int) float64 { return whole[i] }
	if form == promql.FormRatio {
		value = func(i int) float64 { return quotient(whole[i], base[i]) }
	}
	var s spans
	if s = split(times, onset); form == promql.FormRatio {
		s.before = s.before[unknown(s.before, base):]
	}
	if form == promql.FormRanked {
		b.up = direction > 0 || direction == 0 && rises(parts, s)
	} else {
		s, b.up = changed(s, value, direction)
	}
	b.news = !slices.ContainsFunc(s.before, func(i int) bool { return whole[i] != 0 || base[i] != 0 })
	ratio := quotient(mean(whole, s.before), mean(base, s.before))
	for _, p := range parts {
		b.parts = append(b.parts, contribute(form, p, s, zeroNaN(ratio)))
	}
	b.weigh(s)
	return b
}

// unknown counts the first steps in which nothing was divided by: before a young Prometheus, or its target, was there.
func unknown(steps []int, base []float64) int {
	n := slices.IndexFunc(steps, func(i int) bool { return base[i] != 0 })
	return max(n, 0)
}

// totals adds the parts up.
func totals(parts []part, n int) (whole, base []float64) {
	whole, base = make([]float64, n), make([]float64, n)
	for _, p := range parts {
		for i := range n {
			whole[i] += p.whole[i]
			base[i] += p.base[i]
		}
	}
	return whole, base
}

// split sorts the steps by whether they lie before the onset; the last one counts as after in any case.
func split(times []time.Time, onset time.Time) spans {
	var s spans
	for i, t := range times {
		if t.Before(onset) && i < len(times)-1 {
			s.before = append(s.before, i)
		} else {
			s.after = append(s.after, i)
		}
	}
	return s
}

// changed keeps of the steps after the onset those at which at least half of the change shows: an alert that has been
// over for long, or that has just begun, is not watered down by the rest. Of the steps before it goes what belongs to
// the change already, since an alert fires later than its cause.
func changed(s spans, value func(int) float64, direction float64) (spans, bool) {
	past := make([]float64, 0, len(s.before))
	for _, i := range s.before {
		past = append(past, zeroNaN(value(i)))
	}
	usual := median(past)
	deviation := func(i int) float64 { return zeroNaN(value(i)) - usual }
	if direction == 0 {
		furthest := 0.
		for _, i := range s.after {
			if math.Abs(deviation(i)) > math.Abs(furthest) {
				furthest = deviation(i)
			}
		}
		direction = math.Copysign(1, furthest)
	}
	most := 0.
	for _, i := range s.after {
		most = max(most, direction*deviation(i))
	}
	if most > 0 {
		s.after = slices.DeleteFunc(s.after, func(i int) bool { return direction*deviation(i) < most/2 })
		n := len(s.before)
		for n > len(past)/2 && direction*deviation(s.before[n-1]) > most/10 {
			n--
		}
		s.before = s.before[:n]
	}
	return s, direction > 0
}

// contribute computes one part's numbers. Of a ratio it contributed what is in its numerator beyond what the former
// ratio of the whole would have put there: so a mere shift of traffic contributes nothing.
func contribute(form promql.DrillForm, p part, s spans, ratio float64) contribution {
	c := contribution{part: p, local: slices.Clone(p.whole)}
	if form == promql.FormRatio {
		for i := range c.local {
			c.local[i] = quotient(p.whole[i], p.base[i])
		}
		c.before = zeroNaN(quotient(mean(p.whole, s.before), mean(p.base, s.before)))
		c.after = zeroNaN(quotient(mean(p.whole, s.after), mean(p.base, s.after)))
		c.change = mean(p.whole, s.after) - ratio*mean(p.base, s.after)
		return c
	}
	c.before, c.after = mean(p.whole, s.before), mean(p.whole, s.after)
	if form == promql.FormRanked { // needs not add up, and must not be led astray by a change that began early
		c.before = middle(p.whole, s.before)
	}
	c.change = c.after - c.before
	return c
}

// weigh turns changes into shares and sorts the parts.
func (b *breakdown) weigh(s spans) {
	sign := 1.
	if !b.up {
		sign = -1
	}
	positive, before, base := 0., 0., 0.
	for _, c := range b.parts {
		b.change += c.change
		positive += max(sign*c.change, 0)
		before += c.before
		base += mean(c.base, s.after)
	}
	if b.form != promql.FormRanked {
		b.share(s, sign, positive, before, base)
	}
	slices.SortStableFunc(b.parts, func(x, y contribution) int {
		switch {
		case sign*x.change > sign*y.change:
			return -1
		case sign*x.change < sign*y.change:
			return 1
		}
		return 0
	})
	if b.form == promql.FormRanked {
		b.spread = standsOut(b.parts, sign)
	}
}

// share gives every part its share of the change, and the share that it would have if nothing were special about it:
// that of the traffic, or the one it had before.
func (b *breakdown) share(s spans, sign, positive, before, base float64) {
	for i := range b.parts {
		c := &b.parts[i]
		c.share = zeroNaN(quotient(max(sign*c.change, 0), positive))
		switch {
		case b.form == promql.FormRatio && base > 0:
			c.expected = mean(c.base, s.after) / base
		case b.form == promql.FormSum && before > 0:
			c.expected = c.before / before
		default:
			c.expected = 1 / float64(len(b.parts))
		}
		b.spread += math.Abs(c.share-c.expected) / 2
	}
	if positive == 0 {
		b.spread = 0
	}
}

// rises reports whether the part that changed most went up.
func rises(parts []part, s spans) bool {
	furthest := 0.
	for _, p := range parts {
		if change := mean(p.whole, s.after) - mean(p.whole, s.before); math.Abs(change) > math.Abs(furthest) {
			furthest = change
		}
	}
	return furthest >= 0
}

// standsOut says how far the first part's change is above the typical one of the others: 0 not at all, 1 by far.
func standsOut(parts []contribution, sign float64) float64 {
	if len(parts) < 2 || sign*parts[0].change <= 0 {
		return 0
	}
	var others []float64
	for _, c := range parts[1:] {
		others = append(others, max(sign*c.change, 0))
	}
	return 1 - median(others)/(sign*parts[0].change)
}

// quotient is a/b, NaN where b is 0.
func quotient(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func zeroNaN(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// middle is the median of the values at some steps; 0 when there are none.
func middle(values []float64, at []int) float64 {
	var some []float64
	for _, i := range at {
		some = append(some, values[i])
	}
	return median(some)
}

// median sorts the values; 0 when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return score.Quantile(values, .5)
}

// mean averages the values at some steps; 0 when there are none.
func mean(values []float64, at []int) float64 {
	if len(at) == 0 || values == nil {
		return 0
	}
	sum := 0.
	for _, i := range at {
		sum += zeroNaN(values[i])
	}
	return sum / float64(len(at))
}

// ranked makes the entry of a ranking.
func (b breakdown) ranked(c contribution, onset time.Time) incident.RankedSeries {
	r := incident.RankedSeries{Labels: c.labels, Share: min(c.share, 1), Before: c.before, After: c.after, Direction: "down"}
	if c.change > 0 {
		r.Direction = "up"
	}
	var values []float64
	var at []time.Time
	n := 0
	for i, v := range c.local {
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
