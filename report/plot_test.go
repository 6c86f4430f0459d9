package report

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestPlot(t *testing.T) {
	w, err := New(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	f := incident.Findings{Evidence: []incident.Evidence{
		{ID: "E1"},
		{ID: "E2", Start: start, End: start.Add(time.Hour), Chart: &incident.Chart{Unit: "%", Series: []incident.Series{
			{Name: "a\nb", Step: time.Minute, Points: []incident.Point{{At: start, Value: .129}, {At: start.Add(time.Minute), Value: math.NaN()}}},
			{Name: "nothing"},
		}}},
	}}
	data, ok := w.Plot(f, "E2.svg")
	require.True(t, ok)
	var p plot
	require.NoError(t, json.Unmarshal(data, &p))
	unix := float64(start.Unix())
	assert.Equal(t, plot{
		From: unix, To: unix + 3600, Width: chartWidth, Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom,
		Series: []plotSeries{{Name: "a b", Reach: 60, Points: [][2]any{{unix, "12.9 %"}}}},
	}, p)
	for _, file := range []string{"E1.svg", "E3.svg", ""} {
		_, ok := w.Plot(f, file)
		assert.False(t, ok, file)
	}
}
