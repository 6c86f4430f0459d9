package score

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shape makes values: 240 before the onset, 20 since.
func shape(value func(i int, rng *rand.Rand) float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 260)
	for i := range values {
		values[i] = value(i-240, rng)
	}
	return values
}

func TestScore(t *testing.T) {
	noise := func(_ int, rng *rand.Rand) float64 { return 100 + rng.NormFloat64() }
	tests := map[string]struct {
		value    func(i int, rng *rand.Rand) float64 // i is 0 at the fault
		n        int                                 // values before the onset as told; 0 for 240
		low, top float64                             // bounds of the score
		up       bool
		at       int // since the fault, give or take 2
	}{
		"nothing":               {noise, 0, 0, 3, false, -999},
		"flat":                  {func(int, *rand.Rand) float64 { return 5 }, 0, 0, 0, false, -999},
		"rise":                  {func(i int, r *rand.Rand) float64 { return noise(i, r) + since(i, 50) }, 0, 15, 40, true, 0},
		"drop":                  {func(i int, r *rand.Rand) float64 { return noise(i, r) - since(i, 50) }, 0, 15, 40, false, 0},
		"flat, doubled":         {func(i int, _ *rand.Rand) float64 { return 5 + since(i, 5) }, 0, 45, 50, true, 0},
		"flat, down to nothing": {func(i int, _ *rand.Rand) float64 { return 5 - since(i, 5) }, 0, 45, 50, false, 0},
		"up from nothing":       {func(i int, _ *rand.Rand) float64 { return since(i, 5) }, 0, 50, 50, true, 0},
		"a hundredfold":         {func(i int, _ *rand.Rand) float64 { return 5 + since(i, 500) }, 0, 800, 1000, true, 0},
		"two per cent":          {func(i int, _ *rand.Rand) float64 { return 5 + since(i, .1) }, 0, .5, 1.5, true, 0},
		"told 5 late":           {func(i int, r *rand.Rand) float64 { return noise(i, r) + since(i, 50) }, 245, 15, 40, true, 0},
		"told 15 late":          {func(i int, r *rand.Rand) float64 { return noise(i, r) + since(i, 50) }, 255, 15, 40, true, 0},
		"told 5 early":          {func(i int, r *rand.Rand) float64 { return noise(i, r) + since(i, 50) }, 235, 15, 40, true, 0},
		"leak":                  {func(i int, r *rand.Rand) float64 { return noise(i, r) + float64(max(i, 0))*5 }, 0, 8, 50, true, 2},
		"spike of one":          {func(i int, r *rand.Rand) float64 { return noise(i, r) + spike(i == 10, 500) }, 0, 0, 3, true, -999},
		"spikes as ever":        {func(i int, r *rand.Rand) float64 { return noise(i, r) + spike((i+240)%50 < 4, 500) }, 0, 0, 3, true, -999},
		"spike, over again":     {func(i int, r *rand.Rand) float64 { return noise(i, r) + spike(i >= 5 && i < 9, 50) }, 0, 1, 8, true, 5},
		"a slope all along":     {func(i int, _ *rand.Rand) float64 { return 1000 + float64(i) }, 0, 0, 3, true, -999},
		"a season":              {func(i int, r *rand.Rand) float64 { return noise(i, r) + 30*math.Sin(float64(i)/60) }, 0, 0, 3, true, -999},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := tc.n
			if n == 0 {
				n = 240
			}
			var s Scorer
			c, ok := s.Score(shape(tc.value), n, 0)
			require.True(t, ok)
			assert.GreaterOrEqual(t, c.Score, tc.low)
			assert.LessOrEqual(t, c.Score, tc.top)
			if tc.at != -999 {
				assert.Equal(t, tc.up, c.Up)
				assert.InDelta(t, 240+tc.at, c.At, 2)
				assert.InDelta(t, shape(tc.value)[100], c.Before, 6)
			}
		})
	}
}

func since(i int, height float64) float64 { return spike(i >= 0, height) }

func spike(when bool, height float64) float64 {
	if when {
		return height
	}
	return 0
}

func TestScoreNeedsAPast(t *testing.T) {
	var s Scorer
	for _, n := range []int{0, 1, MinPast - 1, 20, 21} {
		_, ok := s.Score(make([]float64, 20), n, 0)
		assert.False(t, ok, n)
	}
	_, ok := s.Score(make([]float64, 20), MinPast, 0)
	assert.True(t, ok)
}

func TestFloorQuietens(t *testing.T) {
	values := shape(func(i int, _ *rand.Rand) float64 { return 5 + since(i, 5) })
	var s Scorer
	loud, _ := s.Score(values, 240, 0)
	quiet, _ := s.Score(values, 240, 1)
	assert.Greater(t, loud.Score, 9*quiet.Score)
	assert.InDelta(t, 5, quiet.Score, .1)
}

// random makes a series of one of many kinds, with a change of the given height in units of its own noise.
func random(rng *rand.Rand, height float64) (values []float64, n int) {
	size, kind := 40+rng.IntN(300), rng.IntN(4)
	n = MinPast + rng.IntN(size-MinPast-6)
	level, noise := math.Exp(8*rng.NormFloat64()), math.Exp(rng.NormFloat64()-3)
	last := 0.
	for i := range size {
		e := rng.NormFloat64()
		switch kind {
		case 1:
			last = .9*last + .4*e
			e = last
		case 2:
			e = math.Round(e)
		case 3:
			e = 0
		}
		v := level * (1 + noise*e)
		if i >= n {
			v += level * noise * height
		}
		values = append(values, v)
	}
	return values, n
}

func TestScoreProperties(t *testing.T) {
	var s Scorer
	for seed := range uint64(2000) {
		height := 30 * rand.New(rand.NewPCG(seed, 1)).Float64()
		series := func(height float64) ([]float64, int) { return random(rand.New(rand.NewPCG(seed, 2)), height) }
		values, n := series(height)
		c, ok := s.Score(values, n, 0)
		require.True(t, ok)
		require.True(t, c.Score >= 0 && c.Score <= MaxScore, "%v", c)
		require.True(t, c.At >= 0 && c.At < len(values), "%v", c)

		again, _ := s.Score(times(values, 1024), n, 0)
		require.InDelta(t, c.Score, again.Score, 1e-9*(1+c.Score), "the unit does not matter")
		require.Equal(t, c.At, again.At)

		if height < 6 {
			continue // within the noise, where the change begins is not sure
		}
		larger, n := series(height * 1.5)
		more, _ := s.Score(larger, n, 0)
		require.GreaterOrEqual(t, more.Score, c.Score*.9, "seed %d: a larger change scores no less", seed)
	}
}

func times(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v * by
	}
	return out
}

// TestDropsAndRisesWeighTheSame turns series upside down about the middle of their past.
func TestDropsAndRisesWeighTheSame(t *testing.T) {
	var s Scorer
	for seed := range uint64(500) {
		values, n := random(rand.New(rand.NewPCG(seed, 3)), 20)
		middle := s.Past(values[:n]).Median
		mirrored := times(values, -1)
		for i := range mirrored {
			mirrored[i] += 2 * middle
		}
		up, _ := s.Score(values, n, 0)
		down, _ := s.Score(mirrored, n, 0)
		require.InDelta(t, up.Score, down.Score, .1*up.Score+.5, "seed %d", seed)
		require.True(t, up.Up == !down.Up || up.Score < 3, "seed %d", seed)
	}
}

func FuzzScore(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), uint8(9), 0.)
	f.Add(make([]byte, 400), uint8(20), 1.)
	f.Fuzz(func(t *testing.T, raw []byte, n uint8, floor float64) {
		var values []float64
		for ; len(raw) >= 8; raw = raw[8:] {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
		values = Finite(values)
		floor = math.Abs(floor)
		if math.IsNaN(floor) || math.IsInf(floor, 0) {
			floor = 0
		}
		var s Scorer
		c, ok := s.Score(values, int(n), floor)
		if !ok {
			return
		}
		if !(c.Score >= 0 && c.Score <= MaxScore+1e-6) || c.At < 0 || c.At >= len(values) || math.IsNaN(c.Before) || math.IsNaN(c.After) {
			t.Fatalf("%+v of %v", c, values)
		}
	})
}

// BenchmarkScore scores 10,000 series of 240 values.
func BenchmarkScore(b *testing.B) {
	var all [][]float64
	for seed := range uint64(10_000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		values := make([]float64, 240)
		for i := range values {
			values[i] = 100 + rng.NormFloat64() + since(i-220, float64(seed%20))
		}
		all = append(all, values)
	}
	var s Scorer
	for b.Loop() {
		for _, values := range all {
			s.Score(values, 220, 0)
		}
	}
}

func TestNoise(t *testing.T) {
	var s Scorer
	ramp := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	assert.Zero(t, s.Noise(ramp[:MinPast-1]), "too few")
	assert.Zero(t, s.Noise(make([]float64, 20)), "nothing at all")
	assert.InDelta(t, .1, s.Noise([]float64{5, 5, 5, 5, 5, 5, 5, 5, 5}), 1e-9, "two per cent where there is no noise")
	assert.InDelta(t, s.Noise(ramp), s.Noise(append(ramp[:8:8], 900, 900, 900, 900)), 1e-9, "what comes last is not the past")
}

func TestPast(t *testing.T) {
	var s Scorer
	values := []float64{3, 1, 2, 5, 4}
	assert.Equal(t, Spread{Median: 3, Noise: 2 / normalIQR}, s.Past(values))
	assert.Equal(t, []float64{3, 1, 2, 5, 4}, values, "they stay in their order")
	assert.Equal(t, Spread{Median: 7}, s.Past([]float64{7}))
}

func TestLevels(t *testing.T) {
	var s Scorer
	for _, test := range []struct{ values, want []float64 }{
		{[]float64{4}, []float64{4}},
		{[]float64{4, 9}, []float64{4}},
		{[]float64{4, 9, 5}, []float64{5}},
		{[]float64{1, 1, 90, 1, 1, 5, 5, 5}, []float64{1, 1, 1, 1, 5, 5}},
	} {
		assert.Equal(t, test.want, s.Levels(test.values), "%v", test.values)
	}
}

func TestQuantile(t *testing.T) {
	sorted := []float64{1, 2, 3, 5}
	for q, want := range map[float64]float64{0: 1, .5: 2.5, 1. / 3: 2, .75: 3.5, 1: 5} {
		assert.InDelta(t, want, Quantile(sorted, q), 1e-9, "%v", q)
	}
	assert.InDelta(t, 7, Quantile([]float64{7}, .9), 0)
}

func TestFinite(t *testing.T) {
	assert.Equal(t, []float64{1, -2}, Finite([]float64{math.NaN(), 1, math.Inf(1), math.Inf(-1), -2, 1e301}))
	assert.Empty(t, Finite(nil))
}
