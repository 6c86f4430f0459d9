package report

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// banded is an item with a chart of values each minute up to the opening, and a band.
func banded(values, lower, upper []float64) incident.Evidence {
	value := minutes(values...)
	line := func(bounds []float64) []incident.Point {
		points := make([]incident.Point, len(bounds))
		for i, v := range bounds {
			points[i] = incident.Point{At: value.Points[i].At, Value: v}
		}
		return points
	}
	return incident.Evidence{
		ID: "E2", Title: "t", Start: value.Points[0].At, End: opened,
		Chart: &incident.Chart{
			Series: []incident.Series{value},
			Band:   &incident.Band{Name: "expected <range>", Step: time.Minute, Lower: line(lower), Upper: line(upper)},
		},
	}
}

// TestBandIsDrawn: a piece for each stretch that is known, within the plot whatever the bounds are.
func TestBandIsDrawn(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, tc := range map[string]struct {
		lower, upper []float64
		pieces       int
	}{
		"both sides":        {[]float64{4, 4, 4, 4}, []float64{6, 6, 6, 6}, 1},
		"above alone":       {[]float64{-inf, -inf, -inf, -inf}, []float64{6, 6, 6, 6}, 1},
		"below alone":       {[]float64{4, 4, 4, 4}, []float64{inf, inf, inf, inf}, 1},
		"none":              {[]float64{-inf, -inf, -inf, -inf}, []float64{inf, inf, inf, inf}, 1},
		"a gap":             {[]float64{4, 4, nan, 4, 4}, []float64{6, 6, nan, 6, 6}, 2},
		"one side unknown":  {[]float64{4, 4, 4, 4}, []float64{6, 6, nan, 6}, 1},
		"never known":       {[]float64{nan, nan}, []float64{nan, nan}, 0},
		"no points":         {nil, nil, 0},
		"too few above":     {[]float64{4, 4, 4}, []float64{6, 6}, 1},
		"immensely wide":    {[]float64{-1e299, -1e299}, []float64{1e299, 1e299}, 1},
		"beyond all bounds": {[]float64{-math.MaxFloat64, -1}, []float64{math.MaxFloat64, 9}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			values := make([]float64, max(len(tc.lower), 2))
			for i := range values {
				values[i] = 5 + float64(i%2)/10
			}
			d := english.layout(banded(values, tc.lower, tc.upper), time.UTC)
			assert.Len(t, d.Areas, tc.pieces)
			for _, path := range d.Areas {
				assert.NotContains(t, path, "NaN")
				assert.NotContains(t, path, "Inf")
				for _, at := range strings.FieldsFunc(strings.TrimSuffix(path, "Z"), func(r rune) bool { return r == 'M' || r == 'L' }) {
					x, y, found := strings.Cut(at, " ")
					require.True(t, found)
					assertBetween(t, x, chartLeft, chartRight)
					assertBetween(t, y, chartTop, chartBottom)
				}
			}
		})
	}
}

func assertBetween(t *testing.T, place string, from, to float64) {
	t.Helper()
	v, err := strconv.ParseFloat(place, 64)
	require.NoError(t, err)
	assert.True(t, v >= from-.1 && v <= to+.1, "%s is not between %v and %v", place, from, to)
}

// TestBandLeavesRoom: a band that is far wider than its series does not make them a flat line, and one that is near is whole.
func TestBandLeavesRoom(t *testing.T) {
	near := english.layout(banded([]float64{50, 12, 50}, []float64{40, 40, 40}, []float64{70, 70, 70}), time.UTC)
	assert.GreaterOrEqual(t, near.hi, 70.)
	wide := english.layout(banded([]float64{50, 12, 50}, []float64{-1e6, -1e6, -1e6}, []float64{1e6, 1e6, 1e6}), time.UTC)
	assert.Less(t, wide.hi-wide.lo, 12*(50-12.)) // ticks are round
}

// TestBandInMarkup: a chart with a band says what it is; one without has no trace of it.
func TestBandInMarkup(t *testing.T) {
	w, err := New(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	e := banded([]float64{5, 5}, []float64{4, 4}, []float64{6, 6})
	svg, ok := w.Chart(incident.Findings{Evidence: []incident.Evidence{e}}, "E2.svg")
	require.True(t, ok)
	assert.Contains(t, string(svg), `<path class="range" d="M`)
	assert.Contains(t, string(svg), "expected &lt;range&gt;</text>")
	e.Chart.Band = nil
	svg, ok = w.Chart(incident.Findings{Evidence: []incident.Evidence{e}}, "E2.svg")
	require.True(t, ok)
	assert.NotContains(t, string(svg), "range")
}
