package score

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConfident(t *testing.T) {
	c := Change{Score: 10, Lasted: 10, Share: 1}
	assert.True(t, c.Confident(Bar(100, 240)))
	assert.False(t, c.Confident(Bar(10_000, 240)), "the luckiest of many")
	assert.False(t, c.Confident(Bar(100, 14)), "a short past")
	assert.False(t, c.Early(Bar(100, 240)), "not early any longer")
	c.Lasted = 4
	assert.False(t, c.Confident(Bar(100, 240)), "too short")
	assert.True(t, c.Early(Bar(100, 240)))
	assert.False(t, c.Early(Bar(100, 14)))
	c.Lasted, c.Share = 10, .3
	assert.False(t, c.Confident(Bar(100, 240)), "over again")
}

// TestCalibration: the bar follows how far series wander, and a few that jump do not raise it.
func TestCalibration(t *testing.T) {
	bar := func(keeps float64, jumps int) float64 {
		var c Calibration
		for i := range 150 {
			rng := rand.New(rand.NewPCG(uint64(i), 5))
			x, past := 0., make([]float64, 60)
			for j := range past {
				x = keeps*x + rng.NormFloat64()
				past[j] = 100 * math.Exp(x/10)
				if i < jumps && j > 40 {
					past[j] *= 50
				}
			}
			c.Learn(past, 5, 0)
		}
		return c.Bar(150)
	}
	quiet, wandering := bar(0, 0), bar(.95, 0)
	assert.Less(t, quiet, 10.)
	assert.Greater(t, wandering, 1.5*quiet)
	assert.Less(t, bar(0, 3), 10., "a few that jump")
	var none Calibration
	none.Learn([]float64{1, 2, 3}, 5, 0)
	assert.Zero(t, none.Bar(100), "too little to learn from")
}

func TestCountsUp(t *testing.T) {
	row := func(value func(i int) float64) []float64 {
		out := make([]float64, 60)
		for i := range out {
			out[i] = value(i)
		}
		return out
	}
	for name, test := range map[string]struct {
		value func(i int) float64
		want  bool
	}{
		"a counter":                       {func(i int) float64 { return float64(7 * i) }, true},
		"one that started anew":           {func(i int) float64 { return float64(7 * (i % 30)) }, true},
		"a gauge":                         {func(i int) float64 { return 50 + math.Sin(float64(i)) }, false},
		"a gauge that began to grow late": {func(i int) float64 { return 50 + float64(max(0, i-40)) }, false},
		"below zero":                      {func(i int) float64 { return float64(i - 30) }, false},
		"nothing":                         {func(int) float64 { return math.NaN() }, false},
	} {
		assert.Equal(t, test.want, CountsUp(row(test.value), 40), name)
	}
}
