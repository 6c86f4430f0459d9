package quality

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func clockAt(t *testing.T, s string) clock {
	t.Helper()
	var c clock
	require.NoError(t, c.UnmarshalText([]byte(s)))
	return c
}

// values returns the samples of one series, by time of the scenario's day.
func values(t *testing.T, w world, now clock, seriesName string) map[string]float64 {
	t.Helper()
	var b strings.Builder
	require.NoError(t, w.openMetrics(&b, now.Time))
	out := map[string]float64{}
	for line := range strings.Lines(b.String()) {
		rest, ok := strings.CutPrefix(line, seriesName+" ")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		v, err := strconv.ParseFloat(fields[0], 64)
		require.NoError(t, err)
		second, err := strconv.ParseInt(fields[1], 10, 64)
		require.NoError(t, err)
		out[time.Unix(second, 0).UTC().Format("01-02 15:04:05")] = v
	}
	return out
}

func TestShapes(t *testing.T) {
	f := family{Metric: "m", Labels: map[string]string{"a": "x|y"}, Level: 10, Changes: []alteration{
		{At: clockAt(t, "08:00"), Until: clockAt(t, "08:10"), Shape: "step", Factor: 3, Where: map[string]string{"a": "x"}},
		{At: clockAt(t, "08:10"), Shape: "ramp", Set: new(float64(30)), Over: 10 * time.Minute, Where: map[string]string{"a": "x"}},
		{At: clockAt(t, "08:05"), Until: clockAt(t, "08:06"), Shape: "gap"},
		{At: clockAt(t, "08:30"), Until: clockAt(t, "08:31"), Shape: "drop", Daily: true},
	}}
	x := values(t, world{Series: []family{f}}, clockAt(t, "09:00"), `m{a="x"}`)
	for second, want := range map[string]float64{
		"11-20 07:59:30": 10, "11-20 08:00:00": 30, "11-20 08:10:00": 10, "11-20 08:15:00": 20, "11-20 08:20:00": 30,
		"11-20 08:30:00": 0, "11-19 08:30:30": 0, "11-13 08:30:00": 0, "11-20 08:31:00": 30,
	} {
		assert.InDelta(t, want, x[second], 1e-6, second)
	}
	assert.NotContains(t, x, "11-20 08:05:30")
	assert.NotContains(t, x, "11-16 08:00:00", "only the last days and the hours about now a week ago are written")
	assert.InDelta(t, 10, values(t, world{Series: []family{f}}, clockAt(t, "09:00"), `m{a="y"}`)["11-20 08:20:00"], 1e-6)
}

func TestCountersAndHistograms(t *testing.T) {
	w := world{Series: []family{
		{Metric: "n_total", Kind: "counter", Level: 2},
		{Metric: "d_seconds", Kind: "histogram", Level: 4, Seconds: .1, Changes: []alteration{{At: clockAt(t, "08:30"), Shape: "step", Factor: 10, Of: "seconds"}}},
	}}
	n := values(t, w, clockAt(t, "09:00"), "n_total{}")
	assert.InDelta(t, 2*60, n["11-20 08:31:00"]-n["11-20 08:30:00"], 1e-6)
	slow := func(from, to string) float64 {
		b, all := values(t, w, clockAt(t, "09:00"), `d_seconds_bucket{le="0.1"}`), values(t, w, clockAt(t, "09:00"), "d_seconds_count{}")
		return 1 - (b[to]-b[from])/(all[to]-all[from])
	}
	assert.InDelta(t, .5, slow("11-20 08:00:00", "11-20 08:29:30"), .01, "half of the requests take longer than the median")
	assert.Greater(t, slow("11-20 08:30:00", "11-20 09:00:00"), .99)
}

func TestWorldsAreRepeatable(t *testing.T) {
	s := load(t, "login-attack")
	var first, second strings.Builder
	require.NoError(t, s.World.openMetrics(&first, s.Now.Time))
	require.NoError(t, s.World.openMetrics(&second, s.Now.Time))
	assert.Equal(t, first.String(), second.String())
	assert.NotContains(t, first.String(), "NaN")
	assert.Contains(t, first.String(), `scrape_samples_scraped{`)
}
