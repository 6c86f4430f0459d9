package breakdown

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promql"
)

// TestDeviationOfShares: of many simulated attacks on a rare part, the deviation beside its share is that of what it added, which is
// far beyond its past and not beaten by that of any other row.
func TestDeviationOfShares(t *testing.T) {
	const steps, onset, attacks = 40, 28, 400
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	times := make([]time.Time, steps)
	for i := range times {
		times[i] = start.Add(time.Duration(i) * time.Minute)
	}
	poisson := func(mean float64) float64 {
		n, sum := 0., random.ExpFloat64()
		for sum < mean {
			n++
			sum += random.ExpFloat64()
		}
		return n
	}
	beaten := 0
	for range attacks {
		var parts []Part
		for i := range 12 {
			traffic := 60 / float64(1+i)
			p := Part{Labels: map[string]string{"city": fmt.Sprint(i)}, Whole: make([]float64, steps), Base: make([]float64, steps)}
			for s := range steps {
				failed := poisson(.1 * traffic)
				p.Whole[s], p.Base[s] = failed, failed+poisson(.9*traffic)
				if i == 11 && s >= onset {
					attack := poisson(60)
					p.Whole[s], p.Base[s] = p.Whole[s]+attack, p.Base[s]+attack
				}
			}
			parts = append(parts, p)
		}
		b := Compare(promql.FormRatio, []string{"city"}, parts, times, times[onset], 1)
		require.Equal(t, "11", b.Parts[0].Labels["city"])
		first := b.Ranked(b.Parts[0], times[onset])
		require.Greater(t, first.Score, 8.)
		assert.False(t, first.Onset.IsZero())
		for _, c := range b.Shown()[1:] {
			if b.Ranked(c, times[onset]).Score > first.Score {
				beaten++
			}
		}
	}
	assert.Zero(t, beaten, "of %d attacks", attacks)
}

// TestSharesAddUp: the parts of a ratio make its change, whatever the traffic does; a part that was always worse has no share in it.
func TestSharesAddUp(t *testing.T) {
	start := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	times := make([]time.Time, 20)
	for i := range times {
		times[i] = start.Add(time.Duration(i) * time.Minute)
	}
	steady := func(before, after float64) []float64 {
		out := make([]float64, len(times))
		for i := range out {
			if out[i] = before; i >= 12 {
				out[i] = after
			}
		}
		return out
	}
	parts := []Part{
		{Labels: map[string]string{"x": "always bad"}, Whole: steady(40, 80), Base: steady(100, 200)},
		{Labels: map[string]string{"x": "well"}, Whole: steady(1, 2), Base: steady(100, 200)},
		{Labels: map[string]string{"x": "turned bad"}, Whole: steady(1, 60), Base: steady(100, 200)},
	}
	b := Compare(promql.FormRatio, []string{"x"}, parts, times, times[12], 1)
	assert.Equal(t, "turned bad", b.Parts[0].Labels["x"])
	assert.InDelta(t, 1, b.Parts[0].Share, 1e-9)
	assert.InDelta(t, (80.+2+60)/600-(40.+1+1)/300, b.Change, 1e-9)
	assert.Len(t, b.Shown(), 1, "no row without a share")
}

// TestRankByLevel: of a highest the part that is the value is first, however little it changed.
func TestRankByLevel(t *testing.T) {
	c := promql.Condition{Op: parser.GTR, Threshold: &parser.NumberLiteral{Val: 100}}
	b := Breakdown{Form: promql.FormRanked, Times: []time.Time{{}}, Drill: promql.Drill{IsValue: true}, Parts: []Contribution{
		{Part: Part{Labels: map[string]string{"i": "rose"}, Whole: []float64{50}}, Before: 1},
		{Part: Part{Labels: map[string]string{"i": "high"}, Whole: []float64{120}}, Before: 119},
		{Part: Part{Labels: map[string]string{"i": "gone"}, Whole: []float64{math.NaN()}}, Before: 500},
	}}
	b.RankByLevel(c, 1, time.Time{})
	require.Len(t, b.Parts, 2)
	assert.Equal(t, "high", b.Parts[0].Labels["i"])
	assert.InDelta(t, 1, b.Unevenness, 0, "the only one above the threshold")
	assert.True(t, b.Concentrated())
	b.RankByLevel(c, -1, time.Time{})
	assert.Equal(t, "rose", b.Parts[0].Labels["i"])
}

func TestDirection(t *testing.T) {
	for _, test := range []struct {
		before, after float64
		want          string
	}{{1, 2, "up"}, {2, 1, "down"}, {1, 1, "flat"}, {14, 13.9999, "flat"}, {0, 0, "flat"}, {0, .001, "up"}, {-1, -2, "down"}} {
		assert.Equal(t, test.want, Direction(test.before, test.after))
	}
}
