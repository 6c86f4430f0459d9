package watch

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/forest"
)

// withoutInfo returns the model with other keys in its metadata_props, of the same length.
func withoutInfo(t testing.TB, keys ...string) string {
	t.Helper()
	dir := modelDir(t)
	path := filepath.Join(dir, "checkout.onnx")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(b)
	for _, key := range keys {
		require.Contains(t, text, key)
		text = strings.Replace(text, key, strings.Repeat("x", len(key)), 1)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return dir
}

func modelRuleIn(t testing.TB, dir, rules string) *Rule {
	t.Helper()
	groups, err := Parse(filepath.Join(dir, "rules.yml"), []byte(ruleFile(rules)))
	require.NoError(t, err)
	return groups[0].Rules[0]
}

// TestReason: the feature that is furthest from its training is named, by its quantiles or by mean and deviation, and asked for where
// that can be asked.
func TestReason(t *testing.T) {
	quantiles := modelRuleIn(t, modelDir(t), modelRule)
	deviations := modelRuleIn(t, withoutInfo(t, forest.KeyEdges), modelRule)
	nothing := modelRuleIn(t, withoutInfo(t, forest.KeyEdges, forest.KeyMeans), modelRule)
	for name, tc := range map[string]struct {
		rule       *Rule
		row        []float64
		text, expr string // regular expressions
	}{
		"the rule's own, below":   {quantiles, []float64{5, 100, 2}, `^unusual by checkout\.onnx: rps is 5, in training [\d.]+ to [\d.]+$`, `^\(queue\) < [\d.]+$`},
		"the rule's own, above":   {quantiles, []float64{500, 100, 2}, `rps is 500`, `^\(queue\) > [\d.]+$`},
		"another one":             {quantiles, []float64{100, 100, 50}, `errors is 50`, `^\(queue / 50\) > [\d.]+$`},
		"of an earlier time":      {quantiles, []float64{100, 900, 2}, `rps_before is 900`, `^$`},
		"within its range":        {quantiles, []float64{140, 61, 2}, `: rps(_before)? is `, `^$`},
		"by mean and deviation":   {deviations, []float64{100, 100, 50}, `errors is 50, in training -?[\d.]+ to [\d.]+$`, `^\(queue / 50\) > [\d.]+$`},
		"of what nothing is said": {nothing, []float64{100, 100, 50}, `^unusual by checkout\.onnx$`, `^$`},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.rule.Model.reason(tc.rule, tc.row)
			assert.Regexp(t, tc.text, got.Text)
			assert.Regexp(t, tc.expr, got.Expr)
		})
	}
}

// TestScoreWithoutInfo: where the file does not say what is usual, the score is what scikit-learn's forests are like, and an alert is the
// same.
func TestScoreWithoutInfo(t *testing.T) {
	with, without := modelRuleIn(t, modelDir(t), modelRule), modelRuleIn(t, withoutInfo(t, forest.KeyUsual), modelRule)
	for _, row := range [][]float64{{100, 100, 2}, {200, 100, 4}, {5, 100, 2}, {130, 128, 2.5}, {20, 20, .4}} {
		a, _ := with.Model.judge(with, detect.Result{}, row, 0)
		b, _ := without.Model.judge(without, detect.Result{}, row, 0)
		assert.Equal(t, a.Anomalous, b.Anomalous, row)
		assert.Equal(t, a.Score >= 1, b.Score >= 1, row)
		assert.Equal(t, a.Anomalous, a.Score >= 1, "an alert starts at 1: %v", row)
	}
}

// TestModelKeepsTheBand: what a model says replaces what is said of the sample, and leaves what is usual.
func TestModelKeepsTheBand(t *testing.T) {
	r := modelRuleIn(t, modelDir(t), modelRule)
	base := detect.Result{
		Status: detect.Judged, Value: 5, Expected: 100, Lower: 90, Upper: 110, Score: 7, OnceIn: time.Hour, Anomalous: true, Usual: true,
		Seasonal: 99, InSeason: true, Level: 98, View: "hour",
	}
	got, why := r.Model.judge(r, base, []float64{100, 100, 2}, 0)
	want := base
	want.Score, want.OnceIn, want.Anomalous, want.View = got.Score, 0, false, viewModel
	assert.Equal(t, want, got)
	assert.Less(t, got.Score, 1.)
	assert.Equal(t, reason{}, why, "what is usual has no reason")

	base.Status = detect.Learning
	got, why = r.Model.judge(r, base, []float64{5, 100, .1}, 0)
	assert.Equal(t, detect.Judged, got.Status, "a model needs no history")
	assert.True(t, got.Anomalous)
	assert.False(t, got.Usual)
	assert.NotEmpty(t, why.Text)
	got, _ = r.Model.judge(r, base, nil, 0)
	assert.Equal(t, detect.Skipped, got.Status, "no row, as where the sample is missing")
}

func TestMethodOfModel(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want rawMethodModel
	}{
		"short":     {"{model: a.onnx}", rawMethodModel{file: "a.onnx"}},
		"a block":   {"{model: {file: a.onnx}}", rawMethodModel{file: "a.onnx"}},
		"threshold": {"{model: {file: a.onnx, threshold: -0.05}}", rawMethodModel{file: "a.onnx", threshold: -.05}},
		"features": {"{model: {file: a.onnx, features: [{name: x}, {name: y, expr: up, lag: 1h30m}]}}", rawMethodModel{
			file: "a.onnx", features: []Feature{{Name: "x"}, {Name: "y", Expr: "up", Lag: 90 * time.Minute}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var m method
			require.NoError(t, yaml.Unmarshal([]byte(tc.text), &m))
			assert.Equal(t, methodModel, m.name)
			assert.Equal(t, tc.want, *m.model)
			assert.Equal(t, detect.Auto, m.detector(), "the band is learned beside it")
		})
	}
	var m method
	require.NoError(t, yaml.Unmarshal([]byte("seasonal"), &m))
	assert.Equal(t, detect.Seasonal, m.detector())
}

// TestShadowOfModel: a shadow has the features of the rule's model, unless it names others, and a file of its own.
func TestShadowOfModel(t *testing.T) {
	dir := modelDir(t)
	b, err := os.ReadFile(filepath.Join(dir, "checkout.onnx"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "next"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "next", "next.onnx"), b, 0o600))
	r := modelRuleIn(t, dir, strings.Replace(modelRule, "method: "+modelMethod, "method: "+modelMethod+", shadow: {method: {model: next/next.onnx}}", 1))
	require.NotNil(t, r.ShadowModel)
	assert.Equal(t, r.Model.Features, r.ShadowModel.Features)
	assert.Equal(t, filepath.Join(dir, "next", "next.onnx"), r.ShadowModel.File, "relative to the rule file")
	assert.Equal(t, []string{"rps", "rps_before", "errors"}, r.Columns(), "each feature is asked for once")
	of := r.OfShadow()
	assert.Same(t, r.ShadowModel, of.Model)
	assert.Equal(t, r.Key(), of.Key())
	assert.Equal(t, detect.Auto, of.Detection.Method, "in the rule's place it has a band")

	absolute := filepath.Join(dir, "checkout.onnx")
	r = modelRuleIn(t, t.TempDir(), strings.ReplaceAll(modelRule, "checkout.onnx", absolute))
	assert.Equal(t, absolute, r.Model.File)
	more := "[{name: rps}, {name: rps_before, lag: 10m}, {name: errors, expr: queue / 50}]"
	text := strings.Replace(modelRule, "method: "+modelMethod, "method: seasonal, shadow: {direction: up, method: {model: {file: "+absolute+", features: "+more+"}}}", 1)
	r = modelRuleIn(t, t.TempDir(), text)
	assert.Nil(t, r.Model)
	assert.Equal(t, detect.Seasonal, r.Detection.Method)
	assert.Len(t, r.ShadowModel.Features, 3)
	assert.Equal(t, detect.Up, r.OfShadow().Detection.Direction)
}

// TestLateSeriesOfModel: one that appears later is judged from its first sample on, with features of its past.
func TestLateSeriesOfModel(t *testing.T) {
	w := startModel(t, modelDir(t), modelRule, nil)
	r := w.rules["g/QueueUnusual"]
	whole := r.source
	r.source = whole.narrowed(`queue{queue="c"}`)
	w.evaluateTo(drops.Add(-20*time.Minute), drops.Add(-10*time.Minute))
	require.Equal(t, 1, r.count())
	r.source = whole
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	assert.Equal(t, 3, r.count())
	for _, s := range r.series {
		assert.Equal(t, detect.Judged, s.now.Status, s.labels)
		assert.Equal(t, viewModel, s.now.View)
		require.Len(t, s.row, 3)
		assert.False(t, math.IsNaN(s.row[1]), "what it was ten minutes before is known")
	}
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(10*time.Minute))
	assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a")
}

// TestBandOfModel: the chart of an alert has the band of its series.
func TestBandOfModel(t *testing.T) {
	w := startModel(t, modelDir(t), modelRule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	a, there := firing(w.told.of("g/QueueUnusual"))["a"]
	require.True(t, there)
	points, err := w.Band(t.Context(), a.Labels, drops.Add(-30*time.Minute), drops.Add(10*time.Minute))
	require.NoError(t, err)
	require.NotEmpty(t, points)
	last := points.Points[len(points.Points)-1]
	assert.Less(t, last.Value, 40.)
	assert.False(t, math.IsNaN(last.Lower))
	psi := testDrift(w)
	_, err = w.Band(t.Context(), a.Labels, drops.Add(-30*time.Minute), drops.Add(10*time.Minute))
	require.NoError(t, err)
	assert.InDelta(t, psi, testDrift(w), 0, "what is evaluated for a chart is not counted as seen")
}

// testDrift returns how many rows the drift of the first feature was told from.
func testDrift(w *running) float64 {
	all := 0.
	for _, n := range w.rules["g/QueueUnusual"].drifts[0].bins[0].seen {
		all += n
	}
	return all
}

// TestDocumentedModel: the rule with a model in docs/detection.md is valid, and names each key.
func TestDocumentedModel(t *testing.T) {
	b, err := os.ReadFile("../../docs/detection.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(b), "```yaml\n  - alert: CheckoutUnusual")
	require.True(t, found)
	text, _, _ = strings.Cut("  - alert: CheckoutUnusual"+text, "```")
	groups, err := parse("detection.md", []byte(ruleFile(text)))
	require.NoError(t, err)
	r := groups[0].Rules[0]
	assert.Empty(t, r.Warnings)
	assert.Equal(t, []string{"rps", "rps_before", "errors", "db_latency"}, r.Columns())
	for _, key := range []string{"file:", "threshold:", "features:", "name:", "lag:", "expr:"} {
		assert.Contains(t, text, key)
	}
	for _, key := range []string{
		forest.KeyTrainedAt, forest.KeyFeatures, forest.KeyEdges, forest.KeyMeans, forest.KeyDeviations, forest.KeyUsual,
		SecondOpinionSuffix, AnnotationOpinion, driftName, "alertscribe_detect_second_opinions_total", "alertscribe_judgments_failed_total",
	} {
		assert.Contains(t, string(b), key)
	}
	for line := range strings.Lines(forest.Export) {
		assert.Contains(t, strings.ReplaceAll(string(b), "next.onnx", "model.onnx"), strings.TrimSpace(line), "the lines that the error names")
	}
}

// TestModelDecidesAlone: what a model calls usual is no anomaly anymore, wherever the series itself is; the rules for a band don't hold.
func TestModelDecidesAlone(t *testing.T) {
	far := detect.Result{Status: detect.Judged, Value: 10, Score: .5, View: viewModel}
	s := &series{now: far, peak: detect.Result{Value: 10, Expected: 100, Level: 100}, peakAt: drops, alert: detect.Alert{State: detect.Firing, ActiveAt: drops}}
	assert.False(t, s.counts(&Rule{}, drops.Add(time.Minute), true))
	s.now.View = "hour"
	assert.True(t, s.counts(&Rule{}, drops.Add(time.Minute), true), "as a series by its band would go on")
}
