package watch

import (
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// TestBacktestAgrees: what a backtest says would have fired is what fires.
func TestBacktestAgrees(t *testing.T) {
	live := start(t, client(t), ruleFile(queueRule), nil)
	since, until := drops.Add(-time.Hour), drops.Add(100*time.Minute)
	live.evaluateTo(since, until)
	r := live.groups[0].Rules[0]
	var progress []float64
	b, err := r.Run(t.Context(), client(t), live.groups[0].Group, BacktestOptions{
		Since: since, Until: until, Progress: func(done float64) { progress = append(progress, done) },
	})
	require.NoError(t, err)
	assert.InDelta(t, 1, progress[len(progress)-1], .01)
	assert.Len(t, b.Series, 3)
	assert.InDelta(t, 3*160./1440, b.SeriesDays, .05)
	require.Len(t, b.Alerts, 1)
	a := b.Alerts[0]
	assert.Equal(t, map[string]string{"queue": "a", "site": "x"}, a.Labels)
	for _, s := range live.rules["g/QueueUnusual"].series {
		if s.labels["queue"] == "a" {
			assert.WithinDuration(t, s.alert.FiredAt, a.FiredAt, time.Minute)
			assert.WithinDuration(t, s.alert.ResolvedAt, a.ResolvedAt, time.Minute)
		}
	}
	assert.Regexp(t, `^expected -?[\d.]+ to [\d.]+, is `, a.Summary)
	require.Greater(t, len(a.Points), 60)
	assert.True(t, a.Points[0].At.Before(a.ActiveAt.Add(-30*time.Minute)))
	assert.True(t, a.Points[len(a.Points)-1].At.After(a.ResolvedAt))
	assert.InDelta(t, 1./14, b.Promise(), 1e-9)
	assert.InDelta(t, 1/b.SeriesDays, b.PerSeriesDay(), 1e-9)

	_, err = r.Run(t.Context(), client(t), live.groups[0].Group, BacktestOptions{Since: until, Until: until})
	require.ErrorContains(t, err, "shorter than the interval")
	sigma := Rule{Detection: detect.Options{Method: detect.Sigma}}
	assert.Zero(t, (&Backtest{Rule: &sigma}).Promise())
	assert.Zero(t, (&Backtest{Rule: &sigma}).PerSeriesDay())
}

func TestBand(t *testing.T) {
	w := start(t, client(t), ruleFile(queueRule), nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	a := firing(w.told.of("g/QueueUnusual"))["a"]
	band, err := w.Band(t.Context(), a.Labels, drops.Add(-time.Hour), drops.Add(10*time.Minute))
	require.NoError(t, err)
	points := band.Points
	require.Greater(t, len(points), 60)
	assert.Equal(t, `queue{queue="a",site="x"}`, band.Query)
	assert.Equal(t, time.Minute, band.Interval)
	assert.Zero(t, points[0].Since)
	last := points[len(points)-1]
	assert.WithinDuration(t, drops, last.Since, 2*time.Minute, "since when it is anomalous")
	assert.Positive(t, last.OnceIn)
	long, err := w.Band(t.Context(), a.Labels, drops.Add(-maxBand*time.Minute-time.Hour), drops)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(long.Points), maxBand)
	below := 0
	for _, p := range points {
		if p.Value < p.Lower {
			below++
			assert.False(t, p.At.Before(drops))
		}
		assert.Less(t, p.Lower, p.Expected)
		assert.Less(t, p.Expected, p.Upper)
	}
	assert.InDelta(t, 10, below, 3)
	assert.Less(t, points[len(points)-1].Value, 40., "the series of the alert and no other")

	_, err = w.Band(t.Context(), map[string]string{"alertname": "Other"}, drops, drops.Add(time.Minute))
	require.ErrorIs(t, err, ErrUnknownAlert)
	_, err = w.Band(t.Context(), map[string]string{"alertname": "QueueUnusual", "queue": "z", "site": "x"}, drops, drops.Add(time.Minute))
	require.ErrorIs(t, err, ErrUnknownAlert)
}

// TestFeedbackQuietens: what somebody calls no problem is rarer afterward, up to a bound, also after a restart.
func TestFeedbackQuietens(t *testing.T) {
	state := &memory{}
	w := start(t, client(t), ruleFile(queueRule), state)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	labels := firing(w.told.of("g/QueueUnusual"))["a"].Labels
	find := func(w *running) *series { return w.rules["g/QueueUnusual"].find(labels) }
	rate := func(w *running) float64 { return find(w).options(w.rules["g/QueueUnusual"].Rule).FalseAlarms.PerDay() }
	before, width := rate(w), find(w).now.Upper-find(w).now.Lower
	assert.True(t, w.Quieten(labels, "incident1"))
	assert.False(t, w.Quieten(labels, "incident1"), "one incident counts once")
	assert.False(t, w.Quieten(map[string]string{"alertname": "QueueUnusual", "queue": "none"}, "incident2"))
	assert.InEpsilon(t, before/2, rate(w), 1e-9)
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	assert.Greater(t, find(w).now.Upper-find(w).now.Lower, width, "the band is wider")
	assert.True(t, w.Quieten(labels, "incident2"))
	assert.True(t, w.Quieten(labels, "incident3"))
	assert.False(t, w.Quieten(labels, "incident4"), "to an eighth at most")
	quiet := w.Status()[0].Quiet
	require.Len(t, quiet, 1)
	assert.Equal(t, "1/8", quiet[0].Rate)
	assert.Equal(t, "a", quiet[0].Labels["queue"])

	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	again := start(t, client(t), ruleFile(queueRule), state)
	again.resumeAt(w.at)
	assert.InEpsilon(t, before/8, rate(again), 1e-9)
}

func TestMetricsOfSeries(t *testing.T) {
	rule := strings.Replace(queueRule, "expr: queue", `expr: 'label_replace(queue, "rule", "mine", "", "")'`, 1)
	w := start(t, client(t), ruleFile(rule), nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(2*time.Minute))
	get := func() string {
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics/anomalies", http.NoBody))
		assert.Equal(t, http.StatusOK, rec.Code)
		return rec.Body.String()
	}
	text := get()
	for _, name := range []string{"value", "expected", "lower", "upper", "score"} {
		assert.Len(t, regexp.MustCompile(`(?m)^alertscribe_anomaly_`+name+`\{exported_rule="mine",queue="[abc]",rule="g/QueueUnusual",site="x"\} `).FindAllString(text, -1), 3, text)
	}
	assert.Contains(t, text, "\nalertscribe_anomaly_series_cut 0\n")
	w.opts.MaxExported = 1
	text = get()
	assert.Len(t, regexp.MustCompile(`(?m)^alertscribe_anomaly_score`).FindAllString(text, -1), 1)
	assert.Contains(t, text, `alertscribe_anomaly_score{exported_rule="mine",queue="a"`, "the most unusual one")
	assert.Contains(t, text, "\nalertscribe_anomaly_series_cut 2\n")

	w.evaluateTo(vanishes.Add(-time.Minute), vanishes.Add(10*time.Minute))
	w.opts.MaxExported = 10
	assert.NotContains(t, get(), `queue="b"`, "a series that left is gone")

	families, err := w.reg.Gather()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	for _, name := range []string{"predictions_total", "errors_total", "last_success_timestamp_seconds", "series", "series_dropped_total", "alerts_total", "coverage_ratio", "quieted_series"} {
		assert.True(t, names["alertscribe_detect_"+name], name)
	}
	assert.InDelta(t, .95, w.Status()[0].Coverage, .1)
}

func TestShadowDisagrees(t *testing.T) {
	w := start(t, client(t), ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, shadow: {direction: up}}", 1)), nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(5*time.Minute))
	assert.Len(t, firing(w.told.of("g/QueueUnusual")), 1)
	found := 0.
	families, err := w.reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "alertscribe_detect_shadow_disagreements_total" {
			found = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	assert.Greater(t, found, 3., "the shadow looks up only")
}

func TestSummary(t *testing.T) {
	since := time.Date(2026, 3, 1, 10, 4, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for want, tc := range map[string]struct {
		r detect.Result
		v float64
	}{
		"expected 40 to 55, is 12, since 10:04; about once in 400 days":    {detect.Result{Lower: 40, Upper: 55, OnceIn: 400 * day}, 12},
		"expected at least 40, is 12, since 10:04":                         {detect.Result{Lower: 40, Upper: math.Inf(1)}, 12},
		"expected at most 55, is 99, since 10:04; about once in 7 hours":   {detect.Result{Lower: math.Inf(-1), Upper: 55, OnceIn: 7 * time.Hour}, 99},
		"expected about 50, is missing, since 10:04":                       {detect.Result{Lower: math.Inf(-1), Upper: math.Inf(1), Expected: 50}, math.NaN()},
		"no samples, since 10:04":                                          {detect.Result{View: "absence"}, math.NaN()},
		"expected 40 to 55, is 0, since 10:04; less than once in 10 years": {detect.Result{Lower: 40, Upper: 55, OnceIn: 5000 * day}, 0},
	} {
		assert.Equal(t, want, Summary(tc.r, tc.v, since))
	}
}
