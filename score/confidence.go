package score

import (
	"math"
	"slices"
)

const (
	// longPast is the number of values from which a past shows how far a series wanders. A series that wanders shows in
	// fewer values only a part of it, the smaller the fewer they are.
	longPast = 90
	// shortPast is the number of values below which a past may not show that a healthy series switches now and then.
	shortPast = longPast / 2
	// falseAlarms is the share of healthy windows in which one of the series may exceed a calibrated bar.
	falseAlarms = .02
	// minPool is the number of scores that a tail is estimated from.
	minPool = 60
	// tailFrom and tailTo are the quantiles between which a tail is estimated. What few series did earlier, such as an
	// hourly job, lies beyond and does not raise the bar for all others; of short pasts the less lies beyond the shorter they are,
	// since each shows few of the jumps that there will be.
	tailFrom, tailTo = .75, .96
	// leastEarly is how many values tell of a change that may not last.
	leastEarly = 2
	// leastTail is the score below which nothing moved.
	leastTail = .5
)

// Bar returns the score from which a change is beyond what the luckiest of so many healthy series shows, where each has
// a past of so many values. The tails of healthy scores fall tenfold with every deviation, so each tenfold of series
// costs one, and half a one for safety; a short past costs as much more as it is shorter than one of 90 values.
func Bar(series, past int) float64 {
	return (5 + 1.5*math.Log10(float64(max(series, 1)))) * max(1, longPast/float64(max(past, 1)))
}

// Confident reports whether a change lasts, and its score is beyond the bar: what a whole tail of healthy scores reaches is not.
func (c Change) Confident(bar float64) bool {
	return c.Lasted >= minLasted && c.Share >= .5 && c.Score > bar
}

// Early reports whether a change is beyond the bar but has not lasted long enough to be sure of it.
func (c Change) Early(bar float64) bool {
	return c.Lasted >= leastEarly && c.Lasted < minLasted && c.Share >= .5 && c.Score > bar
}

// Calibration learns from the pasts of series how far the series of one system wander without a fault. Its zero value
// has learned nothing.
type Calibration struct {
	scores  []float64 // 0 for what did not last
	longest int       // past, in values
	scorer  Scorer
}

// Learn scores a past as if the onset had been earlier, with so many values after it, up to three times. What did not last counts as
// nothing, but in a short past what has only just begun may last.
func (c *Calibration) Learn(past []float64, after int, floor float64) {
	after = max(min(after, len(past)/3), Smoothing)
	c.longest = max(c.longest, len(past))
	for end, n := len(past), 0; n < 3 && end-after >= MinPast; end, n = end-after, n+1 {
		change, ok := c.scorer.Score(past[:end], end-after, floor)
		if !ok {
			return
		}
		begun := len(past) < shortPast && change.Lasted >= leastEarly && change.Share == 1
		if change.Lasted < min(after, minLasted) && !begun {
			change.Score = 0
		}
		c.scores = append(c.scores, change.Score)
	}
}

// Bar returns the score that the luckiest of so many series exceeds in one of fifty healthy windows, extrapolated
// from the tail of what was learned; 0 where too little was.
func (c *Calibration) Bar(series int) float64 {
	if len(c.scores) < minPool {
		return 0
	}
	slices.Sort(c.scores)
	beyond := (1 - tailTo) * min(1, float64(c.longest)/shortPast)
	from, to := max(Quantile(c.scores, tailFrom), leastTail), Quantile(c.scores, 1-beyond)
	if to <= from {
		return to
	}
	exponent := math.Log(to/from) / math.Log((1-tailFrom)/beyond)
	return to * math.Pow(max(1, beyond*float64(series)/falseAlarms), exponent)
}
