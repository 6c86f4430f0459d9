package score

import (
	"math"
	"slices"
)

// Change is what a series did about an onset, judged against its own past.
type Change struct {
	Score  float64 // robust deviations from the past, 0 to MaxScore; never NaN
	Up     bool    // the direction of the change
	At     int     // the first value of the change
	Before float64 // median of the past
	After  float64 // the level that it reached
	Lasted int     // the values since At that are more than half way there
	Share  float64 // Lasted as a share of all values since At
	Past   int     // the values before the onset that it was judged by
}

// The yardsticks of a change. None of them is fitted to a system: each is a property of the statistics named, or what
// an operator would call no change at all.
const (
	// MinPast is the least number of values that make a past: quartiles of fewer say little.
	MinPast = 8
	// normalIQR is the interquartile range of a normal distribution, in standard deviations.
	normalIQR = 1.349
	// Smoothing is the number of values that a level must hold for: a spike of one scrape is not a level.
	Smoothing = 3
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
	// MaxScore is approached by changes without bound, from a past without noise.
	MaxScore = 1000
)

// Scorer scores series after series in the same scratch space.
type Scorer struct {
	levels, sorted []float64
}

// Score judges finite values in order of time, the first n from before the onset. The onset may be late:
// a deviation that began before it and still lasted then is part of the change, not of the past. No past is taken to
// be quieter than floor. ok is false where there is too little to judge.
//
// It is the change's height over the past's noise, times the share of values that stand for it. The noise is the
// widest of what the quartiles and the extremes of the past tell, so that a series that always had spikes is not
// suspected for one more. Scaling all values by a factor changes nothing; shifting them does, since a change is also
// held against the size of what changed.
func (s *Scorer) Score(values []float64, n int, floor float64) (c Change, ok bool) {
	if n < MinPast || n >= len(values) {
		return Change{}, false
	}
	s.smooth(values)
	early := s.Past(values[:wellBefore(n)])
	whole := s.Past(values[:n])
	up, down := s.side(values, n, early, whole, floor, 1), s.side(values, n, early, whole, floor, -1)
	up.Past, down.Past = n, n
	if down.Score > up.Score {
		return down, true
	}
	return up, true
}

// Noise returns what one deviation of a past is by its quartiles alone, taken well before its end. It is 0 for too few
// values, and for a past without noise around zero.
func (s *Scorer) Noise(past []float64) float64 {
	if len(past) < MinPast {
		return 0
	}
	p := s.Past(past[:wellBefore(len(past))])
	return math.Hypot(p.Noise, resolution*p.Median)
}

// Levels returns the levels of at least one value: the median of each value and the two before it, for each that has two
// before it. Fewer than three values have one level, the first value. The slice is good until the next call.
func (s *Scorer) Levels(values []float64) []float64 {
	s.smooth(values)
	return s.levels[min(Smoothing, len(values))-1 : len(values)]
}

// smooth sets the levels: the median of each value and the two before it.
func (s *Scorer) smooth(values []float64) {
	s.levels = append(s.levels[:0], values[0], values[0])
	for i := Smoothing - 1; i < len(values); i++ {
		a, b, c := values[i-2], values[i-1], values[i]
		s.levels = append(s.levels, max(min(a, b), min(max(a, b), c)))
	}
}

// side scores the change in one direction: sign is 1 for a rise and -1 for a drop.
func (s *Scorer) side(values []float64, n int, early, past Spread, floor, sign float64) Change {
	peak := n
	for i := n; i < len(values); i++ {
		if sign*(s.levels[i]-s.levels[peak]) > 0 {
			peak = i
		}
	}
	c := Change{Up: sign > 0, At: peak, Before: past.Median, After: s.levels[peak]}
	if c.At = s.began(values, n, peak, early, sign); c.At < 0 {
		c.At = peak
		return c
	}
	quiet := max(MinPast, min(n, c.At-Smoothing)) // the foot of the change is not the past
	if quiet < n {
		past = s.Past(values[:quiet])
		c.Before = past.Median
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
		c.Score = c.Share / (scale/height + 1./MaxScore)
	}
	return c
}

// began returns the first value of the change that has its peak there, or -1 when nothing deviates. What was already
// as far off before the onset as told belongs to the change, even if it went away for a while; what was there well
// before is the past.
func (s *Scorer) began(values []float64, n, peak int, early Spread, sign float64) int {
	height := sign * (s.levels[peak] - early.Median)
	if height <= 0 {
		return -1
	}
	beyond := func(v, edge float64) bool { return sign*(v-early.Median) > edge }
	at := peak
	for i := wellBefore(n); i < n; i++ {
		if beyond(s.levels[i], max(height/2, 4*early.Noise)) {
			at = i
			break
		}
	}
	edge := min(height/2, max(height/foot, 2*early.Noise))
	for at > wellBefore(n) && beyond(s.levels[at-1], edge) {
		at--
	}
	if beyond(values[at-1], edge) { // a level lags one value behind
		at--
	}
	return at
}

// wellBefore returns how many of n values are past even if the onset was told late.
func wellBefore(n int) int { return max(MinPast, n*2/3) }

// Spread is the robust center and noise of a past.
type Spread struct {
	Median float64
	Noise  float64 // the interquartile range as the standard deviation of a normal distribution
}

// Past returns the center and noise of at least one value.
func (s *Scorer) Past(values []float64) Spread {
	s.sorted = append(s.sorted[:0], values...)
	slices.Sort(s.sorted)
	return Spread{Quantile(s.sorted, .5), (Quantile(s.sorted, .75) - Quantile(s.sorted, .25)) / normalIQR}
}

// scale is what one deviation in that direction is, given the values and levels of the past.
func (p Spread) scale(values, levels []float64, sign float64) float64 {
	noise := p.Noise
	for i, v := range values {
		noise = max(noise, sign*(v-p.Median)/valueExtreme/2) // one value is no level: it counts half
		if i >= Smoothing-1 {
			noise = max(noise, sign*(levels[i]-p.Median)/levelExtreme)
		}
	}
	return math.Hypot(noise, resolution*p.Median)
}

// Finite returns the values that can be reckoned with.
func Finite(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if math.Abs(v) < 1e300 { // false for NaN
			out = append(out, v)
		}
	}
	return out
}

// Quantile interpolates between the sorted values.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
