package watch

import (
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// modelDir returns a folder with the model that package forest is tested by: a shop's orders, the orders ten minutes before, and its
// errors, a fiftieth of the orders.
func modelDir(t testing.TB) string {
	t.Helper()
	f, err := os.Open("../forest/testdata/checkout.onnx.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.onnx"), b, 0o600))
	return dir
}

const modelMethod = `{model: {file: checkout.onnx, features: [{name: rps}, {name: rps_before, lag: 10m}, {name: errors, expr: queue / 50}]}}`

const modelRule = `  - alert: QueueUnusual
    expr: queue
    for: 3m
    anomaly: {history: 5d, method: ` + modelMethod + `}
`

// startModel is start for a file of rules beside the model.
func startModel(t testing.TB, dir, rules string, state *memory) *running {
	t.Helper()
	groups, err := Parse(filepath.Join(dir, "rules.yml"), []byte(ruleFile(rules)))
	require.NoError(t, err)
	return startGroups(t, client(t), groups, state)
}

func TestModelFiresAndResolves(t *testing.T) {
	w := startModel(t, modelDir(t), modelRule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(-time.Minute))
	assert.Empty(t, w.told.of("g/QueueUnusual"), "what is as usual")
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(5*time.Minute+59*time.Second))
	fired := firing(w.told.of("g/QueueUnusual"))
	require.Contains(t, fired, "a")
	require.Len(t, fired, 1)
	a := fired["a"]
	assert.Equal(t, map[string]string{"alertname": "QueueUnusual", "queue": "a", "site": "x"}, a.Labels)
	assert.Regexp(t, `^unusual by checkout\.onnx: (rps|errors) is [\d.]+, in training [\d.]+ to [\d.]+, since \d\d:\d\d; score 1\.\d\d, an alert starts at 1$`, a.Annotations["summary"])
	assert.Regexp(t, `^[\d.]+$`, a.Annotations["lower"], "what is usual is known beside the model")
	u, err := url.Parse(a.GeneratorURL)
	require.NoError(t, err)
	assert.Regexp(t, `^\(queue\) < [\d.]+$`, u.Query().Get("g0.expr"))
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(59*time.Minute))
	assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a", "while it lasts")
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(90*time.Minute))
	assert.Empty(t, firing(w.told.of("g/QueueUnusual")))
	assert.Zero(t, testutil.ToFloat64(w.metrics.errors.WithLabelValues(errorModel)))
}

// TestModelNamesTheFeature: where the series itself is as usual, the alert tells which feature is not, and asks for that.
func TestModelNamesTheFeature(t *testing.T) {
	rule := strings.Replace(modelRule, "expr: queue / 50", "expr: queue / 50 + 20 * (queue < bool 40)", 1) // twenty errors while "a" is down
	rule = strings.Replace(rule, "    expr: queue\n", "    expr: 'queue / queue * 100'\n", 1)              // which nobody sees in what the rule watches
	w := startModel(t, modelDir(t), rule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	a, there := firing(w.told.of("g/QueueUnusual"))["a"]
	require.True(t, there)
	assert.Contains(t, a.Annotations["summary"], "unusual by checkout.onnx: errors is 20")
	u, err := url.Parse(a.GeneratorURL)
	require.NoError(t, err)
	assert.Regexp(t, `^\(queue / 50 \+ 20 \* \(queue < bool 40\)\) > [\d.]+$`, u.Query().Get("g0.expr"))
}

// TestModelRestart: whenever a Watcher ends, the next one has the alert with its start and a reason at once, and goes on: what was worst
// since the last save is known again with the first evaluation.
func TestModelRestart(t *testing.T) {
	dir, state := modelDir(t), &memory{}
	whole := startModel(t, dir, modelRule, nil)
	w := startModel(t, dir, modelRule, state)
	told := 0
	for i, at := 0, drops.Add(-5*time.Minute); at.Before(drops.Add(70 * time.Minute)); i, at = i+1, at.Add(time.Minute) {
		whole.evaluateTo(at, at)
		if i%7 == 6 {
			before := firing(w.told.of("g/QueueUnusual"))
			w = startModel(t, dir, modelRule, state)
			w.resumeAt(at)
			after := firing(w.told.of("g/QueueUnusual"))
			require.Len(t, after, len(before), "told of at once")
			assert.True(t, before["a"].StartsAt.Equal(after["a"].StartsAt))
			if len(after) > 0 {
				assert.Contains(t, after["a"].Annotations["summary"], "unusual by checkout.onnx: ")
			}
			told += len(after)
		}
		w.evaluateTo(at, at)
		of := func(w *running) string { return firing(w.told.of("g/QueueUnusual"))["a"].Annotations["summary"] }
		assert.Equal(t, of(whole), of(w), "at %s", at)
		require.Equal(t, states(whole), states(w), "at %s", at)
	}
	assert.Positive(t, told)
}

// TestModelMissedEvaluations: a range is judged as single evaluations are, lags and joins included.
func TestModelMissedEvaluations(t *testing.T) {
	dir := modelDir(t)
	whole, gaps := startModel(t, dir, modelRule, nil), startModel(t, dir, modelRule, nil)
	whole.evaluateTo(drops.Add(-10*time.Minute), drops.Add(40*time.Minute+59*time.Second))
	for _, at := range []time.Duration{-10, 2, 15, 40} {
		gaps.evaluateTo(drops.Add(at*time.Minute), drops.Add(at*time.Minute+59*time.Second))
	}
	assert.Equal(t, states(whole), states(gaps))
	assert.NotEmpty(t, states(whole))
	for id, s := range whole.rules["g/QueueUnusual"].series {
		assert.Equal(t, s.row, gaps.rules["g/QueueUnusual"].series[id].row)
		assert.InDelta(t, s.now.Score, gaps.rules["g/QueueUnusual"].series[id].now.Score, 0)
	}
}

// TestShadowModelNeverAlerts: what the shadow sees is counted, and told to nobody.
func TestShadowModelNeverAlerts(t *testing.T) {
	rule := strings.Replace(modelRule, "method: "+modelMethod, "method: {change: {against: 1d, by: 5000%}}, shadow: {method: "+modelMethod+"}", 1)
	w := startModel(t, modelDir(t), rule, &memory{})
	saw := 0
	for at := drops.Add(-5 * time.Minute); at.Before(drops.Add(70 * time.Minute)); at = at.Add(time.Minute) {
		w.evaluateTo(at, at)
		require.Empty(t, w.told.of("g/QueueUnusual"))
		for _, s := range w.rules["g/QueueUnusual"].series {
			if s.shadowed.Anomalous {
				saw++
				assert.Equal(t, viewModel, s.shadowed.View)
			}
		}
	}
	assert.InDelta(t, 60, saw, 12)
	assert.InDelta(t, float64(saw), testutil.ToFloat64(w.metrics.disagreements.WithLabelValues("g/QueueUnusual")), 60, "those of the first hour, too")

	of := w.rules["g/QueueUnusual"].OfShadow()
	b, err := of.Run(t.Context(), client(t), w.groups[0].Group, BacktestOptions{Since: drops.Add(-2 * time.Hour), Until: drops.Add(2 * time.Hour)})
	require.NoError(t, err)
	require.Len(t, b.Alerts, 1, "what it would have alerted for")
	assert.Equal(t, "a", b.Alerts[0].Labels["queue"])
	assert.Zero(t, b.Promise(), "a model promises no rate")
	assert.Nil(t, of.OfShadow())
}

// TestModelWithoutAFeature: a row that is not complete is not judged, and counted.
func TestModelWithoutAFeature(t *testing.T) {
	rule := strings.Replace(modelRule, "expr: queue / 50", `expr: 'queue{queue!="a"} / 50'`, 1)
	w := startModel(t, modelDir(t), rule, nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	assert.Empty(t, w.told.of("g/QueueUnusual"))
	assert.Positive(t, testutil.ToFloat64(w.metrics.errors.WithLabelValues(errorModel)))
	for _, s := range w.rules["g/QueueUnusual"].series {
		want := detect.Judged
		if s.labels["queue"] == "a" {
			want = detect.Skipped
		}
		assert.Equal(t, want, s.now.Status, s.labels)
	}
}

func TestRows(t *testing.T) {
	groups, err := Parse(filepath.Join(modelDir(t), "rules.yml"), []byte(ruleFile(modelRule)))
	require.NoError(t, err)
	r := groups[0].Rules[0]
	assert.Equal(t, []string{"rps", "rps_before", "errors"}, r.Columns())
	at := map[string]float64{}
	n := 0
	err = r.Rows(t.Context(), client(t), groups[0], drops.Add(-2*time.Hour), drops.Add(time.Hour), 10*time.Minute,
		func(labels map[string]string, when time.Time, row []float64) error {
			require.Len(t, row, 3)
			key := labels["queue"] + when.String()
			at[key] = row[0]
			if before, known := at[labels["queue"]+when.Add(-10*time.Minute).String()]; known {
				assert.InDelta(t, before, row[1], 1e-9, "ten minutes before")
				n++
			}
			assert.InDelta(t, row[0]/50, row[2], 1e-9)
			return nil
		}, nil)
	require.NoError(t, err)
	assert.Equal(t, 3*18, n)
	plainRule, err := Parse("f.yml", []byte(ruleFile(queueRule)))
	require.NoError(t, err)
	assert.Equal(t, []string{"value"}, plainRule[0].Rules[0].Columns())
}

func TestJoin(t *testing.T) {
	metrics := []model.Metric{
		{"__name__": "x", "job": "a"},
		{"job": "b", "region": "eu"},
		{"job": "b"},
		{},
		{"job": "twice"},
		{"__name__": "y", "job": "twice"},
	}
	x := newIndex(len(metrics), func(i int) model.Metric { return metrics[i] })
	for name, tc := range map[string]struct {
		labels model.Metric
		want   int
	}{
		"fewer labels":            {model.Metric{"job": "a", "region": "eu"}, 0},
		"the same labels":         {model.Metric{"job": "b", "region": "eu"}, 1},
		"most labels first":       {model.Metric{"job": "b", "region": "eu", "pod": "1"}, 1},
		"another value":           {model.Metric{"job": "b", "region": "us"}, 2},
		"no labels are of all":    {model.Metric{"job": "c"}, 3},
		"two that are the same":   {model.Metric{"job": "twice"}, -1},
		"the rule has no labels":  {model.Metric{}, 3},
		"labels that it has not":  {model.Metric{"pod": "1"}, 3},
		"a value that is a label": {model.Metric{"region": "a"}, 3},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, x.find(tc.labels)) })
	}
	assert.Equal(t, -1, newIndex(0, nil).find(model.Metric{"job": "a"}))
}

// TestModelFaults: what is wrong with a model stops the start, and is named by file and line.
func TestModelFaults(t *testing.T) {
	dir := modelDir(t)
	whole, err := os.ReadFile(filepath.Join(dir, "checkout.onnx"))
	require.NoError(t, err)
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	write("cut.onnx", whole[:len(whole)/2])
	write("empty.onnx", nil)
	write("pickle.pkl", []byte("\x80\x04\x95sklearn"))
	write("page.onnx", []byte("<html>"))
	write("operator.onnx", []byte(strings.Replace(string(whole), "\x22\x03Log", "\x22\x03Sin", 1)))
	three := ", features: [{name: a}, {name: b, lag: 1m}, {name: c, lag: 2m}]"
	for name, tc := range map[string]struct{ method, want string }{
		"missing":              {"{model: none.onnx}", "rules.yml:4: alert QueueUnusual: model " + dir + "/none.onnx: no such file or directory"},
		"cut":                  {"{model: {file: cut.onnx" + three + "}}", "cut.onnx: no readable ONNX file: the file is truncated or damaged"},
		"empty":                {"{model: empty.onnx}", "the file is empty"},
		"a pickle":             {"{model: pickle.pkl}", "it is a pickle, of joblib or of Python itself"},
		"how to export it":     {"{model: pickle.pkl}", "from skl2onnx import to_onnx\n"},
		"a page":               {"{model: page.onnx}", "it is text, and no ONNX file"},
		"a folder":             {"{model: .}", "it is no regular file"},
		"an operator":          {"{model: {file: operator.onnx" + three + "}}", `("Sin"): unknown operator`},
		"features by number":   {"{model: checkout.onnx}", "it takes 3 features, and the rule has 1"},
		"features by name":     {"{model: {file: checkout.onnx" + three + "}}", `it was trained on "rps", "rps_before", "errors", and the rule has "a", "b", "c"`},
		"no file":              {"model", "method model needs a file: {model: checkout.onnx}"},
		"an empty file name":   {"{model: ''}", "method model needs a file"},
		"an unknown key":       {"{model: {path: x}}", `rules.yml:7: unknown key "path" in method model`},
		"a feature's key":      {"{model: {file: x, features: [{nam: a}]}}", `rules.yml:7: unknown key "nam" in a feature`},
		"a list of names":      {"{model: {file: x, features: [a]}}", "rules.yml:7: a feature is a block of settings"},
		"no list":              {"{model: {file: x, features: a}}", "rules.yml:7: features is a list"},
		"a feature's name":     {"{model: {file: x, features: [{name: 'a b'}]}}", `feature "a b" has no name of letters`},
		"a feature twice":      {"{model: {file: x, features: [{name: a}, {name: a}]}}", "feature a is there twice"},
		"a feature's PromQL":   {"{model: {file: x, features: [{name: a, expr: 'sum(('}]}}", "feature a: expr: "},
		"a scalar":             {"{model: {file: x, features: [{name: a, expr: '1'}]}}", "feature a: expr is a scalar"},
		"a lag":                {"{model: {file: x, features: [{name: a, lag: 30d}]}}", "feature a: lag must be between 0 and 7d"},
		"a lag that is none":   {"{model: {file: x, features: [{name: a, lag: soon}]}}", "rules.yml:7: lag: "},
		"a threshold":          {"{model: {file: x, threshold: 7}}", "threshold must be between -1 and 1"},
		"a threshold in words": {"{model: {file: x, threshold: low}}", "rules.yml"},
		"the shadow's":         {"auto, shadow: {method: {model: cut.onnx}}", "cut.onnx: no readable ONNX file"},
		"the shadow's feature": {modelMethod + ", shadow: {method: {model: {file: x, features: [{name: rps, lag: 1m}]}}}", "shadow: feature rps is another one than that of the rule's model"},
		"the shadow's method":  {"auto, shadow: {method: model}", "method model needs a file"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "groups:\n- name: g\n  rules:\n  - alert: QueueUnusual\n    expr: queue\n    anomaly:\n      method: " + strings.Replace(tc.method, ", shadow", "\n      shadow", 1)
			path := filepath.Join(dir, "rules.yml")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := Load([]string{path})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestUntrained: what is exported to train on needs no model.
func TestUntrained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(path, []byte(ruleFile(modelRule)), 0o600))
	_, err := Load([]string{path})
	require.ErrorContains(t, err, "no such file")
	groups, err := LoadUntrained([]string{path})
	require.NoError(t, err)
	assert.Equal(t, []string{"rps", "rps_before", "errors"}, groups[0].Rules[0].Columns())
	require.NoError(t, os.WriteFile(path, []byte(ruleFile(strings.Replace(modelRule, "lag: 10m", "lag: 10d", 1))), 0o600))
	_, err = LoadUntrained([]string{path})
	require.ErrorContains(t, err, "lag must be between 0 and 7d")
}

// TestModelThresholdAndFeedback: a lower threshold and feedback make alerts rarer.
func TestModelThresholdAndFeedback(t *testing.T) {
	dir := modelDir(t)
	judge := func(threshold string, quiet int, row ...float64) detect.Result {
		groups, err := Parse(filepath.Join(dir, "rules.yml"), []byte(ruleFile(strings.Replace(modelRule, "{file:", "{threshold: "+threshold+", file:", 1))))
		require.NoError(t, err)
		r := groups[0].Rules[0]
		got, _ := r.Model.judge(r, detect.Result{Status: detect.Judged}, row, quiet)
		return got
	}
	usual, odd := []float64{100, 100, 2}, []float64{200, 100, 4}
	assert.False(t, judge("0", 0, usual...).Anomalous)
	assert.Less(t, judge("0", 0, usual...).Score, .5)
	first := judge("0", 0, odd...)
	assert.True(t, first.Anomalous)
	assert.Greater(t, first.Score, 1.)
	assert.False(t, judge("-0.4", 0, odd...).Anomalous, "a lower threshold")
	assert.False(t, judge("0", 3, 142, 150, 2.9).Anomalous)
	assert.Less(t, judge("0", 1, odd...).Score, first.Score, "feedback")
	assert.Equal(t, detect.Skipped, judge("0", 0, 1, math.NaN(), 3).Status)
}

func TestDrift(t *testing.T) {
	groups, err := Parse(filepath.Join(modelDir(t), "rules.yml"), []byte(ruleFile(modelRule)))
	require.NoError(t, err)
	edges := groups[0].Rules[0].Model.forest.Info().Edges[0]
	for name, tc := range map[string]struct {
		x        func(i int) float64
		from, to float64
	}{
		"as in training":   {func(i int) float64 { e := i % 10; return edges[e] + (edges[e+1]-edges[e])/2 }, 0, .01},
		"half of it":       {func(i int) float64 { e := i % 5; return edges[e] + (edges[e+1]-edges[e])/2 }, .25, 10},
		"all above it":     {func(int) float64 { return edges[10] + 1000 }, 1, 100},
		"a part is rarer":  {func(i int) float64 { e := (i % 11) % 10; return edges[e] + (edges[e+1]-edges[e])/2 }, 0, .1},
		"one value for it": {func(int) float64 { return edges[5] }, 1, 100},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrift(groups[0].Rules[0].Model)
			for i := range driftLeast - 1 {
				d.add(pastEnds, []float64{tc.x(i), 1, 1})
			}
			_, known := d.bins[0].index()
			require.False(t, known, "too few rows")
			for i := range 2000 {
				d.add(pastEnds, []float64{tc.x(i), 1, 1})
			}
			psi, known := d.bins[0].index()
			require.True(t, known)
			assert.GreaterOrEqual(t, psi, tc.from)
			assert.LessOrEqual(t, psi, tc.to)
			for i := range 10 * 1440 { // ten days later nothing of it is left
				e := i % 10
				d.add(pastEnds.Add(time.Duration(i)*time.Minute), []float64{edges[e] + (edges[e+1]-edges[e])/2, 1, 1})
			}
			psi, _ = d.bins[0].index()
			assert.Less(t, psi, .02)
		})
	}
	zeros := quantileBins([]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5})
	assert.Len(t, zeros.edges, 2, "equal quantiles are one")
	assert.InDelta(t, .8, zeros.shares[0], 1e-9)
	normal := normalBins(10, 2)
	assert.Len(t, normal.shares, 10)
	assert.InDelta(t, 10, normal.edges[4], 1e-9)
}

// TestModelMetrics: drift and the age of a model can be alerted on.
func TestModelMetrics(t *testing.T) {
	w := startModel(t, modelDir(t), modelRule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(-time.Minute))
	families, err := w.reg.Gather()
	require.NoError(t, err)
	got := map[string]int{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				got[fmt.Sprintf("%s %s=%s", f.GetName(), l.GetName(), l.GetValue())]++
			}
		}
	}
	for _, want := range []string{
		"alertscribe_detect_model_drift feature=rps", "alertscribe_detect_model_drift feature=errors", "alertscribe_detect_model_drift model=checkout.onnx",
		"alertscribe_detect_model_trained_timestamp_seconds rule=g/QueueUnusual", "alertscribe_detect_errors_total kind=model",
	} {
		assert.Positive(t, got[want], want)
	}
}
