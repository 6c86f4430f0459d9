package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// drawn lays a chart of series out over the hour before the opening.
func drawn(threshold *float64, firing *incident.TimeRange, list ...incident.Series) *drawing {
	return english.layout(incident.Evidence{
		ID: "E2", Title: "t", Start: opened.Add(-time.Hour), End: opened, Chart: &incident.Chart{Series: list, Threshold: threshold, Firing: firing},
	}, time.UTC)
}

func minutes(values ...float64) incident.Series { return sparse("x", time.Minute, values...) }

// TestDrawingOfAnyValues lays out what a server may answer; every position is within the drawing, and the values keep their order.
func TestDrawingOfAnyValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, values := range map[string][]float64{
		"one point": {5}, "two": {5, 6}, "equal": {5, 5, 5}, "zero": {0, 0}, "negative": {-5, -6}, "both sides": {-5, 5}, "NaN first": {nan, 5, 6}, "NaN last": {5, 6, nan},
		"NaN between": {5, nan, 6}, "only one is a number": {nan, 5, nan, inf, -inf}, "infinite": {5, inf, 6}, "tiny": {1e-300, 2e-300}, "huge": {1e300, -1e300}, "huge and tiny": {1e300, 1e-300},
		"nearly equal": {8.1e9, 8.1e9 + 1}, "denormal": {5e-324, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, threshold := range []float64{0, 5, -1e300, 1e-300, nan, inf} {
				d := drawn(&threshold, &incident.TimeRange{Start: opened.Add(-time.Minute)}, minutes(values...))
				inside := func(what string, x, y px) {
					assert.True(t, x >= chartLeft && x <= chartRight && y >= chartTop-1 && y <= chartTop+chartPlot+1, "%s at %v, %v", what, x, y)
				}
				for _, tick := range d.YTicks {
					inside("tick "+tick.Label, chartLeft, tick.At)
					assert.NotContains(t, tick.Label, "NaN")
				}
				for _, tick := range d.XTicks {
					inside("tick "+tick.Label, tick.At, chartTop)
				}
				for i, v := range values {
					if drawable(incident.Point{At: opened, Value: v}) {
						inside(fmt.Sprint(v), d.x(opened.Add(time.Duration(i-len(values))*time.Minute)), d.y(v))
					}
				}
				assert.Equal(t, d.Limit != nil, !math.IsNaN(threshold) && math.Abs(threshold) <= maxValue, "%v", threshold)
				if d.Limit != nil {
					inside("threshold", chartLeft, d.Limit.At)
				}
				assert.NotContains(t, d.Lines[0].Path, "NaN")
				assert.Less(t, d.lo, d.hi)
				assert.GreaterOrEqual(t, len(d.YTicks), 2, "a reader can tell the scale")
			}
		})
	}
}

// TestPieces: a line has a gap where there is no number or where points are missing, and a dot where one stands alone.
func TestPieces(t *testing.T) {
	nan := math.NaN()
	hole := minutes(1, 2, 3, 4)
	hole.Points = append(hole.Points[:1:1], hole.Points[2:]...)
	late := minutes(1, 2, 3)
	late.Points[2].At = late.Points[1].At.Add(89 * time.Second)
	unknown := minutes(1, 2)
	unknown.Step, unknown.Points[1].At = 0, unknown.Points[0].At.Add(time.Hour/2)
	for name, tc := range map[string]struct {
		series       incident.Series
		pieces, dots int
	}{
		"none": {minutes(), 0, 0}, "one": {minutes(1), 0, 1}, "a line": {minutes(1, 2, 3), 1, 0}, "two lines": {minutes(1, 2, nan, 3, 4), 2, 0},
		"a dot between": {minutes(1, 2, nan, 3, nan, 4, 5), 2, 1}, "dots": {minutes(1, nan, 2, nan, 3), 0, 3}, "nothing to draw": {minutes(nan, nan), 0, 0},
		"a missing point": {hole, 1, 1}, "a late point": {late, 1, 0}, "no step known": {unknown, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			line := drawn(nil, nil, minutes(0, 9), tc.series).Lines[1]
			assert.Equal(t, tc.pieces, strings.Count(line.Path, "M"), line.Path)
			assert.Len(t, line.Dots, tc.dots)
		})
	}
}

func TestFiringSpan(t *testing.T) {
	start, end := opened.Add(-time.Hour), opened
	for name, tc := range map[string]struct {
		span        *incident.TimeRange
		from, to    time.Time
		shown, edge bool
	}{
		"none":          {nil, start, start, false, false},
		"not yet":       {&incident.TimeRange{Start: end.Add(time.Minute)}, start, start, false, false},
		"before":        {&incident.TimeRange{Start: start.Add(-2 * time.Hour), End: start.Add(-time.Hour)}, start, start, false, false},
		"still":         {&incident.TimeRange{Start: end.Add(-time.Minute)}, end.Add(-time.Minute), end, true, true},
		"over":          {&incident.TimeRange{Start: end.Add(-9 * time.Minute), End: end.Add(-5 * time.Minute)}, end.Add(-9 * time.Minute), end.Add(-5 * time.Minute), true, true},
		"began earlier": {&incident.TimeRange{Start: start.Add(-time.Minute), End: start.Add(time.Minute)}, start, start.Add(time.Minute), true, false},
		"ends later":    {&incident.TimeRange{Start: end.Add(-time.Minute), End: end.Add(time.Hour)}, end.Add(-time.Minute), end, true, true},
		"all the time":  {&incident.TimeRange{Start: start.Add(-time.Hour)}, start, end, true, false},
		"without start": {&incident.TimeRange{End: end}, start, start, false, false},
		"right now":     {&incident.TimeRange{Start: end}, end, end, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := drawn(nil, tc.span, minutes(1, 2, 3))
			require.Equal(t, tc.shown, d.Firing != nil)
			if tc.shown {
				assert.InDelta(t, float64(d.x(tc.from)), float64(d.Firing.X), 0.01)
				assert.InDelta(t, max(float64(d.x(tc.to)-d.x(tc.from)), 1), float64(d.Firing.W), 0.01)
				assert.Equal(t, tc.edge, d.Firing.Edge)
			}
		})
	}
}

// TestLegend: names stand within the drawing whatever they are, in as many rows as they need, and what is not drawn is counted.
func TestLegend(t *testing.T) {
	for name, names := range map[string][]string{
		"short": {"a", "b"}, "nameless": {"", "b"}, "long": {strings.Repeat("x", 500), strings.Repeat("告", 500)}, "many": strings.Split(strings.Repeat("series name,", 40), ","),
		"invisible": {"\u200b", "\x1b[0m"}, "lines": {"a\nb\tc"},
	} {
		t.Run(name, func(t *testing.T) {
			var list []incident.Series
			for _, n := range names {
				s := minutes(1, 2)
				s.Name = n
				list = append(list, s)
			}
			d := drawn(nil, nil, list...)
			last := px(0)
			for _, m := range d.Legend {
				assert.LessOrEqual(t, float64(m.TextX)+textWidth(m.Label)*charWidth, float64(chartRight)+60, m.Label)
				assert.GreaterOrEqual(t, m.Y, last)
				last = m.Y
				assert.NotEmpty(t, m.Label)
				assert.NotContains(t, m.Label, "\n")
			}
			assert.Greater(t, d.Height, last)
			assert.LessOrEqual(t, len(d.Lines), maxSeries)
			if len(names) > maxSeries {
				assert.Contains(t, d.Legend[len(d.Legend)-1].Label, fmt.Sprintf("and %d more series", len(names)-maxSeries))
			}
		})
	}
}

// TestRange: a chart shows the range that was looked at, and what lies beyond it; a single moment gets some room.
func TestRange(t *testing.T) {
	for name, tc := range map[string]struct {
		start, end, from, to time.Time
	}{
		"as given":   {opened.Add(-time.Hour), opened, opened.Add(-time.Hour), opened},
		"none given": {time.Time{}, time.Time{}, opened.Add(-3 * time.Minute), opened.Add(-time.Minute)},
		"too narrow": {opened.Add(-2 * time.Minute), opened.Add(-2 * time.Minute), opened.Add(-3 * time.Minute), opened.Add(-time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			d := english.layout(incident.Evidence{ID: "E2", Start: tc.start, End: tc.end, Chart: &incident.Chart{Series: []incident.Series{minutes(1, 2, 3)}}}, time.UTC)
			assert.Equal(t, [2]time.Time{tc.from, tc.to}, [2]time.Time{d.from, d.to})
		})
	}
	d := english.layout(incident.Evidence{ID: "E2", Chart: &incident.Chart{Series: []incident.Series{minutes(1)}}}, time.UTC)
	assert.Equal(t, 10*time.Minute, d.to.Sub(d.from))
}

func TestFit(t *testing.T) {
	for _, tc := range []struct {
		in    string
		width float64
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"ab cd", 4, "ab…"}, {"告警", 3.5, "告警"}, {"告警名", 4, "告…"}, {"", 3, ""}, {"abc", 1, "…"},
	} {
		assert.Equal(t, tc.want, fit(tc.in, tc.width), tc.in)
		assert.LessOrEqual(t, textWidth(fit(tc.in, tc.width)), max(tc.width, 1))
	}
}

// FuzzDrawing draws any three values against any threshold: the image is well-formed, and no position is beyond it.
func FuzzDrawing(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 0.05, 1e300, 5e-324, math.Inf(1), math.NaN(), 8.1e9} {
		f.Add(v, v/3, 2.0, v, "s")
		f.Add(1.0, v, v, 0.0, "%")
	}
	w := newWriter(f, "en")
	f.Fuzz(func(t *testing.T, a, b, c, threshold float64, unit string) {
		e := chartOf("t", unit, &threshold, minutes(a, b, c))
		svg, ok := w.Chart(incident.Findings{Evidence: []incident.Evidence{e}}, "E2.svg")
		if ok {
			assertSVG(t, svg)
		}
	})
}
