package score

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
)

func TestGrid(t *testing.T) {
	start := time.Unix(1000, 0)
	g := NewGrid(start, start.Add(95*time.Second), 30*time.Second)
	assert.Equal(t, Grid{Start: start, Step: 30 * time.Second, N: 4}, g)
	assert.Equal(t, start.Add(60*time.Second), g.At(2))
	assert.Equal(t, start.Add(90*time.Second), g.End(), "the last time within")
	assert.Equal(t, 1, NewGrid(start, start, time.Second).N)
}

func TestBefore(t *testing.T) {
	start := time.Unix(1000, 0)
	g := NewGrid(start, start.Add(90*time.Second), 30*time.Second)
	for seconds, want := range map[int]int{-10: 0, 0: 0, 1: 1, 30: 1, 31: 2, 90: 3, 91: 4, 1000: 4} {
		assert.Equal(t, want, g.Before(start.Add(time.Duration(seconds)*time.Second)), "%d s", seconds)
	}
}

func TestPlace(t *testing.T) {
	g := NewGrid(time.Unix(1000, 0), time.Unix(1120, 0), 30*time.Second)
	at := func(second int64, v float64) model.SamplePair {
		return model.SamplePair{Timestamp: model.TimeFromUnix(second), Value: model.SampleValue(v)}
	}
	got := g.Place([]model.SamplePair{
		at(900, 9), at(1000, 1), at(1031, 2), at(1060, math.Inf(1)), at(1090, math.NaN()), at(1120, 5), at(1150, 9),
	})
	want := []float64{1, 2, math.NaN(), math.NaN(), 5}
	assert.Len(t, got, len(want))
	for i := range want {
		assert.True(t, got[i] == want[i] || math.IsNaN(got[i]) && math.IsNaN(want[i]), "%d: %v", i, got)
	}
}
