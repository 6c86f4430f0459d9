package incident

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestCourse: shapes that one number before and one after can't tell apart.
func TestCourse(t *testing.T) {
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	noise := rand.New(rand.NewPCG(1, 2))
	sampled := func(value func(minute int) float64) Series {
		s := Series{Step: time.Minute}
		for m := range 61 {
			s.Points = append(s.Points, Point{start.Add(time.Duration(m) * time.Minute), value(m)})
		}
		return s
	}
	for name, tc := range map[string]struct {
		value func(m int) float64
		want  []int // minutes
	}{
		"flat":             {func(int) float64 { return 5 }, nil},
		"noise":            {func(int) float64 { return 100 + noise.NormFloat64() }, nil},
		"ramp":             {func(m int) float64 { return float64(m) }, []int{0, 60}},
		"step":             {func(m int) float64 { return 10 * math.Floor(float64(m)/31) }, []int{0, 30, 31, 60}},
		"ramp, then flat":  {func(m int) float64 { return min(max(float64(m-20), 0), 20) }, []int{0, 20, 40, 60}},
		"sawtooth":         {func(m int) float64 { return float64(m % 20) }, []int{0, 19, 20, 39, 40, 59, 60}},
		"gaps are skipped": {func(m int) float64 { return []float64{float64(m), math.NaN(), math.Inf(1)}[m%3] }, []int{0, 60}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			for _, p := range sampled(tc.value).Course(9) {
				got = append(got, int(p.At.Sub(start).Minutes()))
			}
			assert.Equal(t, tc.want, got)
		})
	}
	saw := sampled(func(m int) float64 { return float64(m % 7) })
	assert.Len(t, saw.Course(6), 6, "no more than asked for")
	assert.Nil(t, Series{Points: saw.Points[:2]}.Course(6))
	assert.Nil(t, saw.Course(1))
}
