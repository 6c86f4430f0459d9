package breakdown

import (
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

// Part is one value of the labels by which something is broken down, over time: one number per step, 0 where there
// was none.
type Part struct {
	Labels map[string]string
	Whole  []float64 // of a ratio: the numerator
	Base   []float64 // of a ratio: the denominator
	There  []bool    // whether there was any value, be it 0
}

// Breakdown is a drill by some labels: its parts and what each contributed to the change.
type Breakdown struct {
	Form       promql.DrillForm
	By         []string
	Parts      []Contribution // those that contributed most first
	Unevenness float64        // 0: as before or as the traffic; towards 1: other values than before carry the change
	Up         bool           // the change as a whole
	Change     float64        // of the whole
	NoPast     bool           // there are no data from before: shares are of what is there now
	ByLevel    bool           // ranked by what the parts are, not by how they changed: the first is the whole
	Empty      time.Time      // without a past: the last time without any value; zero where there was none
	Limit      *float64       // by level: the threshold, where it holds for the parts
	Times      []time.Time
	Drill      promql.Drill
	Unit       promql.Unit
}

// Contribution is what a part contributed.
type Contribution struct {
	Part
	Share         float64   // of the change of the whole; 0 for ranked forms
	Expected      float64   // what its share would be if nothing were special about it
	Before, After float64   // typical value, or local ratio
	Change        float64   // what it contributed, in the unit of the whole
	Local         []float64 // its value, or local ratio, over time; NaN where there is none
	judged        []float64 // what ranks it, over time: its value, or of a ratio what is beyond the former ratio of the whole
}

// MinUnevenness is how much of the change may have moved to other values before it counts as not evenly spread.
const MinUnevenness = .2

// spans are the steps to compare: those from before the onset, and those in which the change shows.
type spans struct{ before, after []int }

// Compare compares the parts before and after the onset. direction is 1 or -1 where the alert's condition says it, else 0.
func Compare(form promql.DrillForm, by []string, parts []Part, times []time.Time, onset time.Time, direction float64) Breakdown {
	b := Breakdown{Form: form, By: by, Times: times, Up: direction >= 0}
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
		b.Up = direction > 0 || direction == 0 && mostRose(parts, s)
	} else {
		s, b.Up = changeSpans(s, value, direction)
	}
	b.NoPast = !slices.ContainsFunc(s.before, func(i int) bool { return hasValue(parts, i) })
	if b.NoPast {
		first := 0
		for first < len(times) && !hasValue(parts, first) {
			first++
		}
		if first > 0 && first < len(times) {
			b.Empty = times[first-1]
		}
	}
	for _, p := range parts {
		if form == promql.FormRatio {
			b.Parts = append(b.Parts, contributeToRatio(p, s, whole, base))
		} else {
			b.Parts = append(b.Parts, contribute(form, p, s))
		}
	}
	b.weighParts(s)
	return b
}

// hasValue reports whether any part has a value at a step.
func hasValue(parts []Part, i int) bool {
	return slices.ContainsFunc(parts, func(p Part) bool {
		if p.There != nil {
			return p.There[i]
		}
		return p.Whole[i] != 0 || p.Base[i] != 0
	})
}

// leadingWithoutBase counts the first steps in which nothing was divided by: before a young Prometheus, or its target, was there.
func leadingWithoutBase(steps []int, base []float64) int {
	n := slices.IndexFunc(steps, func(i int) bool { return base[i] != 0 })
	return max(n, 0)
}

// sumParts adds the parts up.
func sumParts(parts []Part, n int) (whole, base []float64) {
	whole, base = make([]float64, n), make([]float64, n)
	for _, p := range parts {
		for i := range n {
			whole[i] += finiteOrZero(p.Whole[i])
			base[i] += finiteOrZero(p.Base[i])
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
func contributeToRatio(p Part, s spans, whole, base []float64) Contribution {
	c := Contribution{Part: p, Local: slices.Clone(p.Whole), judged: slices.Clone(p.Whole)}
	ratio := finiteOrZero(ratioOrNaN(meanAt(whole, s.before), meanAt(base, s.before)))
	for i := range c.Local {
		c.Local[i] = ratioOrNaN(p.Whole[i], p.Base[i])
		c.judged[i] = ratioOrNaN(p.Whole[i]-ratio*p.Base[i], base[i])
	}
	c.Before = finiteOrZero(ratioOrNaN(meanAt(p.Whole, s.before), meanAt(p.Base, s.before)))
	c.After = finiteOrZero(ratioOrNaN(meanAt(p.Whole, s.after), meanAt(p.Base, s.after)))
	excess := func(at []int) float64 {
		return finiteOrZero(ratioOrNaN(meanAt(p.Whole, at)-ratio*meanAt(p.Base, at), meanAt(base, at)))
	}
	c.Change = excess(s.after) - excess(s.before)
	return c
}

// contribute computes the numbers of a part of a sum or a ranking.
func contribute(form promql.DrillForm, p Part, s spans) Contribution {
	c := Contribution{Part: p, Local: slices.Clone(p.Whole), judged: p.Whole}
	c.Before, c.After = meanAt(p.Whole, s.before), meanAt(p.Whole, s.after)
	if form == promql.FormRanked { // needs not add up, and must not be led astray by a change that began early
		c.Before, c.After = medianAt(p.Whole, s.before), meanOfFinite(p.Whole, s.after)
	}
	c.Change = c.After - c.Before
	return c
}

// weighParts turns changes into shares and sorts the parts.
func (b *Breakdown) weighParts(s spans) {
	sign := 1.
	if !b.Up {
		sign = -1
	}
	positive, before, base := 0., 0., 0.
	for _, c := range b.Parts {
		b.Change += c.Change
		positive += max(sign*c.Change, 0)
		before += c.Before
		base += meanAt(c.Base, s.after)
	}
	if b.Form != promql.FormRanked {
		b.setShares(s, sign, positive, before, base)
	}
	slices.SortStableFunc(b.Parts, func(x, y Contribution) int {
		switch {
		case sign*x.Change > sign*y.Change:
			return -1
		case sign*x.Change < sign*y.Change:
			return 1
		}
		return 0
	})
	if b.Form == promql.FormRanked {
		b.Unevenness = prominence(b.Parts, sign)
	}
}

// setShares gives every part its share of the change, and the share that it would have if nothing were special about it:
// that of the traffic, or the one it had before.
func (b *Breakdown) setShares(s spans, sign, positive, before, base float64) {
	for i := range b.Parts {
		c := &b.Parts[i]
		c.Share = finiteOrZero(ratioOrNaN(max(sign*c.Change, 0), positive))
		switch {
		case b.Form == promql.FormRatio && base > 0:
			c.Expected = meanAt(c.Base, s.after) / base
		case b.Form == promql.FormSum && before > 0:
			c.Expected = c.Before / before
		default:
			c.Expected = 1 / float64(len(b.Parts))
		}
		b.Unevenness += math.Abs(c.Share-c.Expected) / 2
	}
	if positive == 0 {
		b.Unevenness = 0
	}
}

// mostRose reports whether the part that changed most went up.
func mostRose(parts []Part, s spans) bool {
	furthest := 0.
	for _, p := range parts {
		if change := meanOfFinite(p.Whole, s.after) - meanOfFinite(p.Whole, s.before); math.Abs(change) > math.Abs(furthest) {
			furthest = change
		}
	}
	return furthest >= 0
}

// prominence says how far the first part's change is above the typical one of the others: 0 not at all, 1 by far.
func prominence(parts []Contribution, sign float64) float64 {
	if len(parts) < 2 || sign*parts[0].Change <= 0 {
		return 0
	}
	var others []float64
	for _, c := range parts[1:] {
		others = append(others, max(sign*c.Change, 0))
	}
	return 1 - median(others)/(sign*parts[0].Change)
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
