package breakdown

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promql"
)

const (
	rows    = 40
	atOnset = 30 // the step of the onset
)

var began = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func minutes() (times []time.Time, onset time.Time) {
	for i := range rows {
		times = append(times, began.Add(time.Duration(i)*time.Minute))
	}
	return times, times[atOnset]
}

// level is one value until the onset and another from then on.
func level(before, after float64) []float64 {
	out := make([]float64, rows)
	for i := range out {
		if out[i] = before; i >= atOnset {
			out[i] = after
		}
	}
	return out
}

func part(name string, whole, base []float64) Part {
	if base == nil {
		base = make([]float64, rows)
	}
	return Part{Labels: map[string]string{"x": name}, Whole: whole, Base: base}
}

func compared(form promql.DrillForm, direction float64, parts ...Part) Breakdown {
	times, onset := minutes()
	return Compare(form, []string{"x"}, parts, times, onset, direction)
}

func names(b Breakdown) string {
	out := ""
	for _, c := range b.Parts {
		out += c.Labels["x"]
	}
	return out
}

// TestSum: parts by what they rose or fell by, and the share that each had before.
func TestSum(t *testing.T) {
	for _, test := range []struct {
		name             string
		direction        float64
		parts            []Part
		order            string
		share, expected  float64 // of the first
		change           float64
		up, concentrated bool
	}{
		{"one rises", 1, []Part{part("a", level(10, 10), nil), part("b", level(10, 50), nil)}, "ba", 1, .5, 40, true, true},
		{"one falls", -1, []Part{part("a", level(10, 10), nil), part("b", level(30, 10), nil)}, "ba", 1, .75, -20, false, true},
		{"no direction given: a rise", 0, []Part{part("a", level(10, 10), nil), part("b", level(10, 50), nil)}, "ba", 1, .5, 40, true, true},
		{"no direction given: a drop", 0, []Part{part("a", level(10, 10), nil), part("b", level(50, 10), nil)}, "ba", 1, 5. / 6, -40, false, false},
		{"as they always were", 1, []Part{part("a", level(10, 20), nil), part("b", level(30, 60), nil)}, "ba", .75, .75, 40, true, false},
		{"a new one", 1, []Part{part("a", level(10, 10), nil), part("b", level(0, 10), nil)}, "ba", 1, 0, 10, true, true},
		{"two rise, one falls", 1, []Part{part("a", level(10, 20), nil), part("b", level(10, 40), nil), part("c", level(20, 10), nil)}, "bac", .75, .25, 30, true, true},
		{"nothing happens", 1, []Part{part("a", level(10, 10), nil), part("b", level(20, 20), nil)}, "ab", 0, 1. / 3, 0, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := compared(promql.FormSum, test.direction, test.parts...)
			assert.Equal(t, test.order, names(b))
			assert.InDelta(t, test.share, b.Parts[0].Share, 1e-9)
			assert.InDelta(t, test.expected, b.Parts[0].Expected, 1e-9)
			assert.InDelta(t, test.change, b.Change, 1e-9)
			assert.Equal(t, test.up, b.Up)
			assert.Equal(t, test.concentrated, b.Concentrated(), "unevenness %v", b.Unevenness)
			assert.False(t, b.NoPast)
		})
	}
}

// TestRatio: what is in a numerator beyond what the former ratio would have put there.
func TestRatio(t *testing.T) {
	for _, test := range []struct {
		name          string
		parts         []Part
		order         string
		share         float64 // of the first
		before, after float64 // its own ratio
		concentrated  bool
	}{
		{"one fails more", []Part{part("a", level(1, 1), level(100, 100)), part("b", level(1, 40), level(100, 100))}, "ba", 1, .01, .4, true},
		{"all fail more", []Part{part("a", level(1, 40), level(100, 100)), part("b", level(1, 40), level(100, 100))}, "ab", .5, .01, .4, false},
		{"a small one fails alone", []Part{part("a", level(9, 9), level(900, 900)), part("b", level(1, 50), level(100, 100))}, "ba", 1, .01, .5, true},
		{"traffic moved, nothing else", []Part{part("a", level(1, 5), level(100, 500)), part("b", level(5, 1), level(500, 100))}, "ab", 0, .01, .01, false},
		{"traffic moved to what fails more", []Part{part("a", level(10, 50), level(100, 500)), part("b", level(0, 0), level(500, 100))}, "ab", 5. / 6, .1, .1, false},
		{"the failing one is new", []Part{part("a", level(1, 1), level(100, 100)), part("b", level(0, 50), level(0, 100))}, "ba", 1, 0, .5, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := compared(promql.FormRatio, 1, test.parts...)
			assert.Equal(t, test.order, names(b))
			assert.InDelta(t, test.share, b.Parts[0].Share, 1e-9)
			assert.InDelta(t, test.before, b.Parts[0].Before, 1e-9)
			assert.InDelta(t, test.after, b.Parts[0].After, 1e-9)
			assert.Equal(t, test.concentrated, b.Concentrated(), "unevenness %v", b.Unevenness)
		})
	}
	t.Run("the local ratio has gaps where nothing was divided by", func(t *testing.T) {
		b := compared(promql.FormRatio, 1, part("a", level(0, 5), level(0, 10)))
		assert.True(t, math.IsNaN(b.Parts[0].Local[0]))
		assert.InDelta(t, .5, b.Parts[0].Local[rows-1], 1e-9)
	})
	t.Run("a young target: the time before it is not the past", func(t *testing.T) {
		whole, base := level(1, 40), level(100, 100)
		for i := range 20 {
			whole[i], base[i] = 0, 0
		}
		b := compared(promql.FormRatio, 1, part("a", whole, base))
		assert.InDelta(t, .01, b.Parts[0].Before, 1e-9)
	})
}

// TestRanked: parts of a maximum are compared and have no shares.
func TestRanked(t *testing.T) {
	b := compared(promql.FormRanked, 1, part("a", level(1, 1), nil), part("b", level(1, 9), nil), part("c", level(2, 2), nil))
	assert.Equal(t, "bac", names(b))
	assert.Zero(t, b.Parts[0].Share)
	assert.InDelta(t, 1, b.Unevenness, 1e-9)
	assert.True(t, b.Concentrated())

	b = compared(promql.FormRanked, 1, part("a", level(1, 9), nil), part("b", level(2, 10), nil))
	assert.False(t, b.Concentrated(), "they rise together")
	b = compared(promql.FormRanked, 1, part("a", level(1, 9), nil))
	assert.False(t, b.Concentrated(), "there is only one")
	b = compared(promql.FormRanked, 0, part("a", level(9, 1), nil), part("b", level(2, 3), nil))
	assert.False(t, b.Up, "the one that changed most fell")
	assert.Equal(t, "ab", names(b))

	early := level(1, 9)
	for i := atOnset - 10; i < atOnset; i++ {
		early[i] = 9
	}
	b = compared(promql.FormRanked, 1, part("a", early, nil), part("b", level(1, 1), nil))
	assert.InDelta(t, 1, b.Parts[0].Before, 1e-9, "a change that began early is not the past")
}

// TestWhichStepsCount: a change that is over, or that has only begun, is not watered down; what came before the alert fired belongs to
// it.
func TestWhichStepsCount(t *testing.T) {
	over := level(10, 10)
	for i := atOnset; i < atOnset+3; i++ {
		over[i] = 100
	}
	b := compared(promql.FormSum, 1, part("a", over, nil))
	assert.InDelta(t, 100, b.Parts[0].After, 1e-9, "it was over after three steps")

	last := level(10, 10)
	last[rows-1] = 100
	b = compared(promql.FormSum, 1, part("a", last, nil))
	assert.InDelta(t, 100, b.Parts[0].After, 1e-9, "it has only begun")

	early := level(10, 100)
	for i := atOnset - 5; i < atOnset; i++ {
		early[i] = 60
	}
	b = compared(promql.FormSum, 1, part("a", early, nil))
	assert.InDelta(t, 10, b.Parts[0].Before, 1e-9, "the alert fired five steps late")
}

func TestNoPast(t *testing.T) {
	b := compared(promql.FormSum, 1, part("a", level(0, 30), nil), part("b", level(0, 10), nil))
	assert.True(t, b.NoPast)
	assert.InDelta(t, .75, b.Parts[0].Share, 1e-9)
	assert.InDelta(t, .5, b.Parts[0].Expected, 1e-9, "with nothing known, all are alike")

	times, onset := minutes()
	assert.NotPanics(t, func() { Compare(promql.FormSum, nil, nil, times, onset, 1) }, "no parts")
	one := Part{Whole: []float64{5}, Base: []float64{0}}
	b = Compare(promql.FormSum, nil, []Part{one}, times[:1], onset, 1)
	assert.InDelta(t, 5, b.Change, 1e-9, "a single step counts as after the onset")
}

func TestRankedSeries(t *testing.T) {
	_, onset := minutes()
	b := compared(promql.FormSum, 1, part("a", level(10, 50), nil), part("b", level(10, 5), nil))
	rose, fell := b.Ranked(b.Parts[0], onset), b.Ranked(b.Parts[1], onset)
	assert.Equal(t, map[string]string{"x": "a"}, rose.Labels)
	assert.Equal(t, []string{"up", "down"}, []string{rose.Direction, fell.Direction})
	assert.InDelta(t, 10, rose.Before, 1e-9)
	assert.InDelta(t, 50, rose.After, 1e-9)
	assert.InDelta(t, 1, rose.Share, 1e-9)
	assert.Greater(t, rose.Score, 10.)
	assert.WithinDuration(t, onset, rose.Onset, time.Minute)

	still := compared(promql.FormSum, 1, part("a", level(10, 10), nil))
	assert.Zero(t, still.Ranked(still.Parts[0], onset).Onset, "no onset of no change")
	empty := compared(promql.FormRatio, 1, part("a", level(0, 0), level(0, 0)))
	require.NotPanics(t, func() { empty.Ranked(empty.Parts[0], onset) })
}

// random makes parts of a ratio that fails more in some of them.
func random(rng *rand.Rand) []Part {
	parts := make([]Part, 1+rng.IntN(8))
	for i := range parts {
		traffic, ratio := 10+1000*rng.Float64(), .2*rng.Float64()
		worse := 1 + 3*rng.Float64()*float64(rng.IntN(2))
		whole, base := make([]float64, rows), make([]float64, rows)
		for j := range rows {
			base[j] = traffic * (1 + .1*rng.NormFloat64())
			if whole[j] = ratio * base[j]; j >= atOnset {
				whole[j] *= worse
			}
		}
		parts[i] = part(string(rune('a'+i)), whole, base)
	}
	return parts
}

// TestProperties: what holds whatever the parts are.
func TestProperties(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		parts := random(rng)
		for _, form := range []promql.DrillForm{promql.FormSum, promql.FormRatio, promql.FormRanked} {
			b := compared(form, 1, parts...)
			share, expected, change := 0., 0., 0.
			for i, c := range b.Parts {
				share, expected, change = share+c.Share, expected+c.Expected, change+c.Change
				require.True(t, i == 0 || c.Change <= b.Parts[i-1].Change, "the most first")
			}
			require.InDelta(t, b.Change, change, 1e-6*math.Abs(change)+1e-9, "the parts make the whole")
			require.True(t, b.Unevenness >= 0 && b.Unevenness <= 1+1e-9, "%v", b.Unevenness)
			if form != promql.FormRanked {
				require.InDelta(t, 1, expected, 1e-6)
				require.True(t, math.Abs(share-1) < 1e-6 || share == 0, "seed %d: %v", seed, share)
			}

			shuffled := slices.Clone(parts)
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			again := compared(form, 1, shuffled...)
			require.Equal(t, names(b), names(again), "seed %d: the order of the parts does not matter", seed)
			require.InDelta(t, b.Unevenness, again.Unevenness, 1e-9)
		}
	}
}

func TestMeanAndMedian(t *testing.T) {
	values := []float64{1, 9, math.NaN(), 2, math.Inf(1)}
	assert.InDelta(t, 5, meanAt(values, []int{0, 1}), 1e-9)
	assert.InDelta(t, .5, meanAt(values, []int{0, 2}), 1e-9, "what is no number counts as nothing")
	assert.Zero(t, meanAt(values, nil))
	assert.Zero(t, meanAt(nil, []int{0}))
	assert.InDelta(t, 2, medianAt(values, []int{0, 1, 3}), 1e-9)
	assert.Zero(t, medianAt(values, nil))
	assert.InDelta(t, 1, values[0], 0, "they stay in their order")
}
