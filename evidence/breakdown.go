package evidence

import (
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

// part is one value of the labels by which something is broken down, over time: one number per step, 0 where there
// was none.
type part struct {
	labels map[string]string
	whole  []float64
	base   []float64 // of a ratio: the denominator
	there  []bool    // whether there was any value, be it 0
}

// breakdown is a drill by some labels: its parts and what each contributed to the change.
type breakdown struct {
	form       promql.DrillForm
	by         []string
	parts      []contribution // those that contributed most first
	unevenness float64        // 0: as before or as the traffic; towards 1: other values than before carry the change
	up         bool           // the change as a whole
	change     float64        // of the whole
	noPast     bool           // there are no data from before: shares are of what is there now
	byLevel    bool           // ranked by what the parts are, not by how they changed: the first is the whole
	empty      time.Time      // without a past: the last time without any value; zero where there was none
	limit      *float64       // by level: the threshold, where it holds for the parts
	times      []time.Time
	drill      promql.Drill
	unit       promql.Unit
}

// contribution is what a part contributed.
type contribution struct {
	part
	share         float64   // of the change of the whole; 0 for ranked forms
	expected      float64   // what its share would be if nothing were special about it
	before, after float64   // typical value, or local ratio
	change        float64   // what it contributed, in the unit of the whole
	local         []float64 // its value, or local ratio, over time; NaN where there is none
	judged        []float64 // what ranks it, over time: its value, or of a ratio what is beyond the former ratio of the whole
}

// minUnevenness is how much of the change may have moved to other values before it counts as not evenly spread.
const minUnevenness = .2

// spans are the steps to compare: those from before the onset, and those in which the change shows.
type spans struct{ before, after []int }

// compareParts compares the parts before and after the onset. direction is 1 or -1 where the alert's condition says it, else 0.
func compareParts(form promql.DrillForm, by []string, parts []part, times []time.Time, onset time.Time, direction float64) breakdown {
	b := breakdown{form: form, by: by, times: times, up: direction >= 0}
	whole, base := sumParts(parts, len(times))
	value := func(i int) float64 { return whole[i] }
	if form == promql.FormRatio {
		value = func(i int) float64 { return ratioOrNaN(whole[i], base[i]) }
	}
	var s spans
	if s = splitSpans(times, onset); form == promql.FormRatio {
		s.before = s.before[leadingWithoutBase(s.before, base):]
	}
	if form == promql.FormRanked {
		b.up = direction > 0 || direction == 0 && mostRose(parts, s)
	} else {
		s, b.up = changeSpans(s, value, direction)
	}
	b.noPast = !slices.ContainsFunc(s.before, func(i int) bool { return hasValue(parts, i) })
	if b.noPast {
		first := 0
		for first < len(times) && !hasValue(parts, first) {
			first++
		}
		if first > 0 && first < len(times) {
			b.empty = times[first-1]
		}
	}
	for _, p := range parts {
		if form == promql.FormRatio {
			b.parts = append(b.parts, contributeToRatio(p, s, whole, base))
		} else {
			b.parts = append(b.parts, contribute(form, p, s))
		}
	}
	b.weighParts(s)
	return b
}

// hasValue reports whether any part has a value at a step.
func hasValue(parts []part, i int) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		if p.there != nil {
			return p.there[i]
		}
		return p.whole[i] != 0 || p.base[i] != 0
	})
}

// leadingWithoutBase counts the first steps in which nothing was divided by: before a young Prometheus, or its target, was there.
func leadingWithoutBase(steps []int, base []float64) int {
	n := slices.IndexFunc(steps, func(i int) bool { return base[i] != 0 })
	return max(n, 0)
}

// sumParts adds the parts up.
func sumParts(parts []part, n int) (whole, base []float64) {
	whole, base = make([]float64, n), make([]float64, n)
	for _, p := range parts {
		for i := range n {
			whole[i] += finiteOrZero(p.whole[i])
			base[i] += finiteOrZero(p.base[i])
		}
	}
	return whole, base
}

// splitSpans sorts the steps by whether they lie before the onset; the last one counts as after in any case.
func splitSpans(times []time.Time, onset time.Time) spans {
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

// changeSpans keeps of the steps after the onset those at which at least half of the change shows: an alert that has been
// over for long, or that has just begun, is not watered down by the rest. Of the steps before it goes what belongs to
// the change already, since an alert fires later than its cause.
func changeSpans(s spans, value func(int) float64, direction float64) (spans, bool) {
	past := make([]float64, 0, len(s.before))
	for _, i := range s.before {
		past = append(past, finiteOrZero(value(i)))
	}
	usual := median(past)
	deviation := func(i int) float64 { return finiteOrZero(value(i)) - usual }
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

// contributeToRatio computes one part's numbers. It contributed what came into its numerator beyond what the former ratio of
// the whole would have put there, measured by the whole denominator: so the parts add up to the change of the ratio, and neither a mere
// shift of traffic counts nor that a part was always better or worse than the others.
func contributeToRatio(p part, s spans, whole, base []float64) contribution {
	c := contribution{part: p, local: slices.Clone(p.whole), judged: slices.Clone(p.whole)}
	ratio := finiteOrZero(ratioOrNaN(meanAt(whole, s.before), meanAt(base, s.before)))
	for i := range c.local {
		c.local[i] = ratioOrNaN(p.whole[i], p.base[i])
		c.judged[i] = ratioOrNaN(p.whole[i]-ratio*p.base[i], base[i])
	}
	c.before = finiteOrZero(ratioOrNaN(meanAt(p.whole, s.before), meanAt(p.base, s.before)))
	c.after = finiteOrZero(ratioOrNaN(meanAt(p.whole, s.after), meanAt(p.base, s.after)))
	excess := func(at []int) float64 {
		return finiteOrZero(ratioOrNaN(meanAt(p.whole, at)-ratio*meanAt(p.base, at), meanAt(base, at)))
	}
	c.change = excess(s.after) - excess(s.before)
	return c
}

// contribute computes the numbers of a part of a sum or a ranking.
func contribute(form promql.DrillForm, p part, s spans) contribution {
	c := contribution{part: p, local: slices.Clone(p.whole), judged: p.whole}
	c.before, c.after = meanAt(p.whole, s.before), meanAt(p.whole, s.after)
	if form == promql.FormRanked { // needs not add up, and must not be led astray by a change that began early
		c.before, c.after = medianAt(p.whole, s.before), meanOfFinite(p.whole, s.after)
	}
	c.change = c.after - c.before
	return c
}

// weighParts turns changes into shares and sorts the parts.
func (b *breakdown) weighParts(s spans) {
	sign := 1.
	if !b.up {
		sign = -1
	}
	positive, before, base := 0., 0., 0.
	for _, c := range b.parts {
		b.change += c.change
		positive += max(sign*c.change, 0)
		before += c.before
		base += meanAt(c.base, s.after)
	}
	if b.form != promql.FormRanked {
		b.setShares(s, sign, positive, before, base)
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
		b.unevenness = prominence(b.parts, sign)
	}
}

// setShares gives every part its share of the change, and the share that it would have if nothing were special about it:
// that of the traffic, or the one it had before.
func (b *breakdown) setShares(s spans, sign, positive, before, base float64) {
	for i := range b.parts {
		c := &b.parts[i]
		c.share = finiteOrZero(ratioOrNaN(max(sign*c.change, 0), positive))
		switch {
		case b.form == promql.FormRatio && base > 0:
			c.expected = meanAt(c.base, s.after) / base
		case b.form == promql.FormSum && before > 0:
			c.expected = c.before / before
		default:
			c.expected = 1 / float64(len(b.parts))
		}
		b.unevenness += math.Abs(c.share-c.expected) / 2
	}
	if positive == 0 {
		b.unevenness = 0
	}
}

// mostRose reports whether the part that changed most went up.
func mostRose(parts []part, s spans) bool {
	furthest := 0.
	for _, p := range parts {
		if change := meanOfFinite(p.whole, s.after) - meanOfFinite(p.whole, s.before); math.Abs(change) > math.Abs(furthest) {
			furthest = change
		}
	}
	return furthest >= 0
}

// prominence says how far the first part's change is above the typical one of the others: 0 not at all, 1 by far.
func prominence(parts []contribution, sign float64) float64 {
	if len(parts) < 2 || sign*parts[0].change <= 0 {
		return 0
	}
	var others []float64
	for _, c := range parts[1:] {
		others = append(others, max(sign*c.change, 0))
	}
	return 1 - median(others)/(sign*parts[0].change)
}

// ratioOrNaN is a/b, NaN where b is 0.
func ratioOrNaN(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func finiteOrZero(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// medianAt is the median of the values at some steps; 0 when there are none.
func medianAt(values []float64, at []int) float64 { return median(finiteAt(values, at)) }

// meanOfFinite averages the values that there are at some steps; 0 when there are none.
func meanOfFinite(values []float64, at []int) float64 {
	some := finiteAt(values, at)
	sum := 0.
	for _, v := range some {
		sum += v
	}
	return finiteOrZero(ratioOrNaN(sum, float64(len(some))))
}

// finiteAt returns the values that there are at some steps.
func finiteAt(values []float64, at []int) []float64 {
	var some []float64
	for _, i := range at {
		if v := values[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			some = append(some, v)
		}
	}
	return some
}

// median sorts the values; 0 when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return score.Quantile(values, .5)
}

// meanAt averages the values at some steps; 0 when there are none.
func meanAt(values []float64, at []int) float64 {
	if len(at) == 0 || values == nil {
		return 0
	}
	sum := 0.
	for _, i := range at {
		sum += finiteOrZero(values[i])
	}
	return sum / float64(len(at))
}
