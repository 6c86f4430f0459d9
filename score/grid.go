package score

import (
	"math"
	"time"

	"github.com/prometheus/common/model"
)

// Grid is the times at which series are compared.
type Grid struct {
	Start time.Time
	Step  time.Duration
	N     int // of the times
}

// NewGrid makes the times from start to end, both included where the step leads there.
func NewGrid(start, end time.Time, step time.Duration) Grid {
	return Grid{start, step, int(end.Sub(start)/step) + 1}
}

// At returns the i-th time, from 0.
func (g Grid) At(i int) time.Time { return g.Start.Add(time.Duration(i) * g.Step) }

// End returns the last time.
func (g Grid) End() time.Time { return g.At(g.N - 1) }

// Before returns how many times lie before t.
func (g Grid) Before(t time.Time) int {
	if !t.After(g.Start) {
		return 0
	}
	return min(int((t.Sub(g.Start)+g.Step-1)/g.Step), g.N)
}

// Place puts samples on the grid; what is missing, or not a finite number, is NaN.
func (g Grid) Place(samples []model.SamplePair) []float64 {
	values := make([]float64, g.N)
	for i := range values {
		values[i] = math.NaN()
	}
	for _, s := range samples {
		i := int(s.Timestamp.Time().Sub(g.Start) / g.Step)
		if v := float64(s.Value); i >= 0 && i < g.N && math.Abs(v) < 1e300 {
			values[i] = v
		}
	}
	return values
}
