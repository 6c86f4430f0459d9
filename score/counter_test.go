package score

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRate(t *testing.T) {
	nan := math.NaN()
	got := Rate([]float64{100, 110, 120, 5, 15, nan, 35, 35}, 10*time.Second, 20*time.Second)
	want := []float64{nan, nan, 1, .75, .75, nan, 1, nan}
	require.Len(t, got, len(want))
	for i := range want {
		assert.True(t, got[i] == want[i] || math.IsNaN(got[i]) && math.IsNaN(want[i]), "%d: %v", i, got)
	}
	values := []float64{nan, nan, 3, nan, 4}
	StartAtZero(values)
	assert.Equal(t, []float64{0, 0, 3}, values[:3])
	assert.True(t, math.IsNaN(values[3]))
}

func TestFalls(t *testing.T) {
	assert.False(t, FallsLikeGauge([]float64{1, 2, 3, math.NaN(), 0, 1, 5, 1, 2}), "a counter that starts again")
	assert.True(t, FallsLikeGauge([]float64{10, 9, 10, 9, 10, 9, 10, 9}), "a gauge by a counter's name")
	assert.True(t, FallsLikeGauge([]float64{-1, 2}))
}
