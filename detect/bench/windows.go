package bench

import (
	"math"
	"slices"
	"time"
)

// window holds the samples of the last span, sorted by value, too.
type window struct {
	span   time.Duration
	times  []time.Time
	values []float64
	sorted []float64
	sum    float64
	square float64
}

func (w *window) push(t time.Time, v float64) {
	w.trim(t)
	w.times, w.values = append(w.times, t), append(w.values, v)
	i, _ := slices.BinarySearch(w.sorted, v)
	w.sorted = slices.Insert(w.sorted, i, v)
	w.sum += v
	w.square += v * v
}

// trim drops what is older than the span.
func (w *window) trim(t time.Time) {
	for len(w.times) > 0 && !w.times[0].After(t.Add(-w.span)) {
		v := w.values[0]
		i, _ := slices.BinarySearch(w.sorted, v)
		w.sorted = slices.Delete(w.sorted, i, i+1)
		w.sum -= v
		w.square -= v * v
		w.times, w.values = w.times[1:], w.values[1:]
	}
}

func (w *window) mean() float64 { return w.sum / float64(len(w.values)) }

func (w *window) deviation() float64 {
	m := w.mean()
	return math.Sqrt(math.Max(0, w.square/float64(len(w.values))-m*m))
}

// quantile interpolates, as PromQL's quantile_over_time does.
func (w *window) quantile(q float64) float64 {
	if len(w.sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(w.sorted)-1)
	i := int(at)
	if i+1 >= len(w.sorted) {
		return w.sorted[len(w.sorted)-1]
	}
	return w.sorted[i] + (at-float64(i))*(w.sorted[i+1]-w.sorted[i])
}
