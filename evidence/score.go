package evidence

import (
	"math"
	"slices"
)

// change is what a series did about an onset, judged against its own past.
type change struct {
	Score  float64 // robust deviations from the past, 0 to maxScore; never NaN
	Up     bool    // the direction of the change
	At     int     // the first value of the change
	Before float64 // median of the past
	After  float64 // the level that it reached
	Lasted int     // the values since At that are more than half way there
	Share  float64 // Lasted as a share of all values since At
}

// The yardsticks of a change. None of them is fitted to a system: each is a property of the statistics named, or what
// an operator would call no change at all.
const (
	// minPast is the least number of values that make a past: quartiles of fewer say little.
	minPast = 8
	// normalIQR is the interquartile range of a normal distribution, in standard deviations.
	normalIQR = 1.349
	// smoothing is the number of values that a level must hold for: a spike of one scrape is not a level.
	smoothing = 3
	// levelExtreme and valueExtreme are how far, in standard deviations, the extreme level and the extreme value of a
	// few hundred normal values lie from their median.
	levelExtreme, valueExtreme = 2, 3
	// resolution is the relative change that counts as one deviation in a series with no noise of its own. It is also
	// what bounds a drop: nothing falls by more than all of itself.
	resolution = .02
	// foot is the part of a change's height up to which a slow change is not told from the past.
	foot = 50
	// minLasted is how many values a change must have lasted for to be sure of it.
	minLasted = 5
	// maxScore is approached by changes without bound, from a past without noise.
	maxScore = 1000
)

// confident reports whether a change, the strongest of so many series, is one that healthy series do not show: it
// lasts, and its score is beyond what the luckiest of so many reaches. The tails of healthy scores fall tenfold with
// every deviation, so each tenfold of series costs one, and half a one for safety.
func (c change) confident(series int) bool {
	return c.Lasted >= minLasted && c.Share >= .5 && c.Score >= 5+1.5*math.Log10(float64(max(series, 1)))
}

// scorer scores series after series in the same scratch space.
type scorer struct {
	levels, sorted []float64
}

// score judges finite values in order of time, of which the first n are from before the onset. The onset may be late:
// a deviation that began before it and still lasted then is part of the change, not of the past. No past is taken to
// be quieter than floor. ok is false where there is too little to judge.
//
// It is the change's height over the past's noise, times the share of values that stand for it. The noise is the
// widest of what the quartiles and the extremes of the past tell, so that a series that always had spikes is not
// suspected for one more. Scaling all values by a factor changes nothing; shifting them does, since a change is also
// held against the size of what changed.
func (s *scorer) score(values []float64, n int, floor float64) (c change, ok bool) {
	if n < minPast || n >= len(values) {
		return change{}, false
	}
	s.smooth(values)
	early := s.past(values[:wellBefore(n)])
	whole := s.past(values[:n])
	up, down := s.side(values, n, early, whole, floor, 1), s.side(values, n, early, whole, floor, -1)
	if down.Score > up.Score {
		return down, true
	}
	return up, true
}

// smooth sets the levels: the median of each value and the two before it.
func (s *scorer) smooth(values []float64) {
	s.levels = append(s.levels[:0], values[0], values[0])
	for i := smoothing - 1; i < len(values); i++ {
		a, b, c := values[i-2], values[i-1], values[i]
		s.levels = append(s.levels, max(min(a, b), min(max(a, b), c)))
	}
}

// side scores the change in one direction: sign is 1 for a rise and -1 for a drop.
func (s *scorer) side(values []float64, n int, early, past spread, floor, sign float64) change {
	peak := n
	for i := n; i < len(values); i++ {
		if sign*(s.levels[i]-s.levels[peak]) > 0 {
			peak = i
		}
	}
	c := change{Up: sign > 0, At: peak, Before: past.median, After: s.levels[peak]}
	if c.At = s.began(values, n, peak, early, sign); c.At < 0 {
		c.At = peak
		return c
	}
	quiet := max(minPast, min(n, c.At-smoothing)) // the foot of the change is not the past
	if quiet < n {
		past = s.past(values[:quiet])
		c.Before = past.median
	}
	height := sign * (c.After - c.Before)
	if height <= 0 {
		return c
	}
	for _, v := range values[c.At:] {
		if sign*(v-c.Before) > height/2 {
			c.Lasted++
		}
	}
	c.Share = float64(c.Lasted) / float64(len(values)-c.At)
	if scale := max(floor, past.scale(values[:quiet], s.levels, sign)); scale == 0 {
		c.Score = c.Share / resolution // from nothing at all: as much as a drop to nothing
	} else {
		c.Score = c.Share / (scale/height + 1./maxScore)
	}
	return c
}

// began returns the first value of the change that has its peak there, or -1 when nothing deviates. What was already
// as far off before the onset as told belongs to the change, even if it went away for a while; what was there well
// before is the past.
func (s *scorer) began(values []float64, n, peak int, early spread, sign float64) int {
	height := sign * (s.levels[peak] - early.median)
	if height <= 0 {
		return -1
	}
	beyond := func(v, edge float64) bool { return sign*(v-early.median) > edge }
	at := peak
	for i := wellBefore(n); i < n; i++ {
		if beyond(s.levels[i], max(height/2, 4*early.noise)) {
			at = i
			break
		}
	}
	edge := min(height/2, max(height/foot, 2*early.noise))
	for at > wellBefore(n) && beyond(s.levels[at-1], edge) {
		at--
	}
	if beyond(values[at-1], edge) { // a level lags one value behind
		at--
	}
	return at
}

// wellBefore returns how many of n values are past even if the onset was told late.
func wellBefore(n int) int { return max(minPast, n*2/3) }

// spread is the robust centre and noise of a past.
type spread struct {
	median, noise float64
}

func (s *scorer) past(values []float64) spread {
	s.sorted = append(s.sorted[:0], values...)
	slices.Sort(s.sorted)
	return spread{quantile(s.sorted, .5), (quantile(s.sorted, .75) - quantile(s.sorted, .25)) / normalIQR}
}

// scale is what one deviation in that direction is, given the values and levels of the past.
func (p spread) scale(values, levels []float64, sign float64) float64 {
	noise := p.noise
	for i, v := range values {
		noise = max(noise, sign*(v-p.median)/valueExtreme/2) // one value is no level: it counts half
		if i >= smoothing-1 {
			noise = max(noise, sign*(levels[i]-p.median)/levelExtreme)
		}
	}
	return math.Hypot(noise, resolution*p.median)
}

// finite returns the values that can be reckoned with.
func finite(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if math.Abs(v) < 1e300 { // false for NaN
			out = append(out, v)
		}
	}
	return out
}

// quantile interpolates between the sorted values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
