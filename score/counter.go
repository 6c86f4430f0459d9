package score

import (
	"math"
	"slices"
	"time"
)

// Rate returns the increase per second over the window up to each time, resets taken into account.
func Rate(values []float64, step, window time.Duration) []float64 {
	back := max(int(window/step), 1)
	total := make([]float64, len(values))
	last, sum := math.NaN(), 0.
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			total[i] = math.NaN()
			continue
		case v < last:
			sum += v // it started again from nothing
		case v > last:
			sum += v - last
		}
		last, total[i] = v, sum
	}
	out := make([]float64, len(values))
	for i := range out {
		out[i] = math.NaN()
		if i >= back {
			out[i] = (total[i] - total[i-back]) / (float64(back) * step.Seconds())
		}
	}
	return out
}

// FallsLikeGauge reports whether what should be a counter goes down like a gauge: again and again, and not to a start.
func FallsLikeGauge(values []float64) bool {
	var drops, rises int
	last := math.NaN()
	for _, v := range values {
		switch {
		case v < last && v > last/2:
			drops++
		case v > last:
			rises++
		}
		if !math.IsNaN(v) {
			last = v
		}
	}
	return drops > 2 && drops*10 > rises || slices.ContainsFunc(values, func(v float64) bool { return v < 0 })
}

// StartAtZero reads a counter that appeared after the window began as one that stood at zero until then: exporters
// show a counter with labels only once it counts.
func StartAtZero(values []float64) {
	first := slices.IndexFunc(values, func(v float64) bool { return !math.IsNaN(v) })
	for i := range max(first, 0) {
		values[i] = 0
	}
}

// CountsUp reports whether values behave like a counter whatever they are called: they never fall but to a new start,
// and rose in most of the first n steps. A gauge that began to rise with a fault stood still before.
func CountsUp(values []float64, n int) bool {
	var rises, steps int
	last := math.NaN()
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if v < 0 || v < last && v > last/2 {
			return false
		}
		if i < n && !math.IsNaN(last) {
			steps++
			if v > last {
				rises++
			}
		}
		last = v
	}
	const least = 20 // a gauge of few values may well have risen all the time
	return steps >= least && rises*3 >= steps*2
}
