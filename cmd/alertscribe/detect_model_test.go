package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// copyModel puts the model that package forest is tested by into a folder: orders, the orders ten minutes before, errors.
func copyModel(t testing.TB, dir string) {
	t.Helper()
	f, err := os.Open("../../detect/forest/testdata/checkout.onnx.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.onnx"), b, 0o600))
}

// modelOf is a method of a rule over one series.
func modelOf(expr string) string {
	return "{model: {file: checkout.onnx, features: [{name: rps}, {name: rps_before, lag: 10m}, {name: errors, expr: '" + expr + " / 50'}]}}"
}

// modelRules are a rule whose model alerts, and one whose shadow is the same model.
func modelRules(expr, interval string) string {
	return `groups:
- name: shop
  interval: ` + interval + `
  rules:
  - alert: ModelUnusual
    expr: ` + expr + `
    for: 3s
    anomaly: {history: 2d, method: ` + modelOf(expr) + `}
    labels: {severity: warning, zone: all}
  - alert: InShadow
    expr: ` + expr + `
    for: 3s
    anomaly: {history: 2d, method: {change: {against: 1h, by: 10000%}}, shadow: {method: ` + modelOf(expr) + `}}
    labels: {severity: warning, zone: shadow}
`
}

// TestModelDetection is the way of an alert whose rule has a model: a real Prometheus, Alertmanager, a report; it outlives a kill -9, and
// what a shadow sees reaches nobody.
func TestModelDetection(t *testing.T) {
	t.Parallel()
	dir, address := t.TempDir(), freeAddress(t)
	q, pair := detectionPair(t, "http://"+address+"/alert")
	copyModel(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(modelRules("shop_queue_length", "1s")), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml]}\n"), 0o600))
	withConfig := func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) }
	env := []string{"PROMETHEUS_URL=" + pair.PromURL, "ALERTMANAGER_URL=" + pair.AMURL}
	p := startProcess(t, dir, address, withConfig, env...)
	metrics := func() string { _, text := get(t, p.url+"/metrics"); return text }
	require.Eventually(t, p.evaluates, soon, 50*time.Millisecond)
	seen := followAlerts(t, pair.AMURL)

	q.length.Store(5)
	require.Eventually(t, func() bool { return seen.has("all") }, time.Minute, 20*time.Millisecond)
	p.kill()
	p = startProcess(t, dir, address, withConfig, env...)
	require.Eventually(t, p.evaluates, soon, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return metricAbove(metrics(), `alertscribe_detect_shadow_disagreements_total{rule="shop/InShadow"}`, 0)
	},
		soon, 100*time.Millisecond, "the shadow sees it")
	assert.Contains(t, metrics(), `alertscribe_detect_model_trained_timestamp_seconds{model="checkout.onnx",rule="shop/ModelUnusual"}`)
	var list struct{ Incidents []incident.Incident }
	require.Eventually(t, func() bool {
		_, text := get(t, p.url+"/api/v1/incidents")
		return json.Unmarshal([]byte(text), &list) == nil && len(list.Incidents) == 1
	}, soon, 100*time.Millisecond)
	assert.Equal(t, "ModelUnusual", list.Incidents[0].Alertname)
	assert.Equal(t, incident.Firing, list.Incidents[0].Status)

	q.length.Store(100)
	require.Eventually(t, func() bool {
		alerts, err := alertsOf(t.Context(), pair.AMURL)
		return err == nil && len(alerts) == 0
	}, time.Minute, 100*time.Millisecond, "and it ends")
	seen.stop()
	assert.Len(t, seen.starts["all"], 1, "it was started anew")
	assert.Empty(t, seen.starts["shadow"], "the shadow alerted")
}

// metricAbove reads a sample of a page of metrics.
func metricAbove(page, series string, least float64) bool {
	_, rest, found := strings.Cut(page, "\n"+series+" ")
	value, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(value, 64)
	return found && err == nil && v > least
}

// modelCLI returns the commands for a configuration whose rules have a model.
func modelCLI(t *testing.T, dir, prometheus, rules string) (*cli, *bytes.Buffer) {
	t.Helper()
	copyModel(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml]}\n"), 0o600))
	out := &bytes.Buffer{}
	return &cli{configFile: config, stdout: out, stderr: &bytes.Buffer{}, log: promslog.Config{}, environment: map[string]string{"PROMETHEUS_URL": prometheus}}, out
}

func TestDetectExportFeatures(t *testing.T) {
	prometheus, _ := aDrop(t)
	dir := t.TempDir()
	c, out := modelCLI(t, dir, prometheus, modelRules("queue", "1m"))
	read := func() [][]string {
		rows, err := csv.NewReader(out).ReadAll()
		require.NoError(t, err)
		return rows
	}
	require.NoError(t, c.detectExport(t.Context(), exportFlags{since: "1d", step: "10m"}))
	rows := read()
	assert.Equal(t, []string{"rule", "time", "rps", "rps_before", "errors", "series"}, rows[0])
	assert.InDelta(t, 1+2*2*145, len(rows), 8, "two series of two rules")
	rps, err := strconv.ParseFloat(rows[9][2], 64)
	require.NoError(t, err)
	errs, err := strconv.ParseFloat(rows[9][4], 64)
	require.NoError(t, err)
	assert.InDelta(t, rps/50, errs, 1e-9)

	// A model that is to be trained is not there yet.
	require.NoError(t, os.Remove(filepath.Join(dir, "checkout.onnx")))
	require.ErrorContains(t, c.detectExport(t.Context(), exportFlags{since: "1d", step: "10m"}), "no such file or directory")
	require.NoError(t, os.Rename(filepath.Join(dir, "rules.yml"), filepath.Join(dir, "new.yml")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(queueRules), 0o600))
	require.NoError(t, c.detectExport(t.Context(), exportFlags{since: "1d", step: "10m", rule: "InShadow", file: filepath.Join(dir, "new.yml")}))
	assert.Equal(t, []string{"rule", "time", "rps", "rps_before", "errors", "series"}, read()[0])

	mixed := strings.Replace(queueRules, "name: shop", "name: other", 1) + strings.TrimPrefix(modelRules("queue", "1m"), "groups:\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new.yml"), []byte(mixed), 0o600))
	require.ErrorContains(t, c.detectExport(t.Context(), exportFlags{since: "1d", step: "10m", file: filepath.Join(dir, "new.yml")}),
		"other/QueueUnusual and shop/ModelUnusual have different features; name one of them")
}

func TestDetectCompare(t *testing.T) {
	prometheus, dropped := aDrop(t)
	// The rule alerts where the queue drops, and may where it comes back; its shadow is a model of the same queue.
	c, out := modelCLI(t, t.TempDir(), prometheus, strings.Replace(modelRules("queue", "1m"), "by: 10000%", "by: 50%", 1))
	s := startService(t, nil)
	body := fmt.Sprintf(`{"status":"firing","alerts":[{"status":"firing","labels":{"alertname":"OrdersLate","queue":"a"},"startsAt":%q}]}`, dropped.Format(time.RFC3339))
	s.post("/alert", []byte(body))
	s.open("Unrelated")
	require.NoError(t, c.detectCompare(t.Context(), compareFlags{rule: "InShadow", since: "1d", against: "incidents", url: s.url}))
	text := out.String()
	assert.Regexp(t, `(?m)^shop/InShadow, .* UTC$`, text)
	assert.Regexp(t, `(?m)^  the rule alerts [12] times, by method change$`, text)
	assert.Regexp(t, `(?m)^  the shadow alerts 1 times, by model .*checkout\.onnx$`, text)
	assert.Contains(t, text, "both alert: 1\n")
	assert.Regexp(t, `both alert: 1\n  20.*\{queue="a"\}.*\n  1 were problems, 0 none by feedback, 0 near no incident, 0 nobody judged\n`, text)
	assert.Regexp(t, `(?s)only the rule alerts: [01].*only the shadow alerts: 0\n.*the rule:\n.*the shadow:\n  against incidents: of 1 alerts 1 were problems.*\n  precision 1.00, recall 1.00: 1 of 1 incidents\n`, text)

	out.Reset()
	require.NoError(t, c.detectCompare(t.Context(), compareFlags{rule: "InShadow", since: "1d", against: "none"}))
	assert.NotContains(t, out.String(), "problems")
	for name, tc := range map[string]struct {
		o    compareFlags
		want string
	}{
		"no shadow":  {compareFlags{rule: "ModelUnusual", since: "1d", against: "none"}, "rule shop/ModelUnusual has no shadow"},
		"no rule":    {compareFlags{rule: "None", since: "1d", against: "none"}, `there is no rule "None"`},
		"no time":    {compareFlags{rule: "InShadow", since: "soon", against: "none"}, `--since: "soon" is no time`},
		"no service": {compareFlags{rule: "InShadow", since: "1d", against: "incidents", url: "http://127.0.0.1:1"}, "--against none leaves the incidents out"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, c.detectCompare(t.Context(), tc.o), tc.want) })
	}
}

// TestBrokenModelStopsTheStart: the configuration is refused, and the error says which file is broken and how.
func TestBrokenModelStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	c, _ := modelCLI(t, dir, "http://127.0.0.1:1", modelRules("queue", "1m"))
	_, err := c.load()
	require.NoError(t, err)
	whole, err := os.ReadFile(filepath.Join(dir, "checkout.onnx"))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"cut":      {whole[:1000], "the file is truncated or damaged"},
		"a pickle": {[]byte("\x80\x04\x95"), "from skl2onnx import to_onnx"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.onnx"), tc.file, 0o600))
			_, err := c.load()
			require.ErrorContains(t, err, filepath.Join(dir, "rules.yml")+":5: alert ModelUnusual: model "+filepath.Join(dir, "checkout.onnx")+": ")
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestModelCycle is the cycle of docs/detection.md: export, train, export as ONNX, shadow, compare, promote.
func TestModelCycle(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.CommandContext(t.Context(), python, "-c", "import onnx, sklearn").Run() != nil {
		t.Skip("needs python3-onnx and python3-sklearn")
	}
	prometheus, dropped := aDrop(t)
	dir := t.TempDir()
	c, out := modelCLI(t, dir, prometheus, queueRules)
	rules := filepath.Join(dir, "next.yml")
	next := strings.ReplaceAll(modelRules("queue", "1m"), "checkout.onnx", "next.onnx")
	require.NoError(t, os.WriteFile(rules, []byte(next), 0o600))
	require.NoError(t, c.detectExport(t.Context(), exportFlags{since: "3d", until: dropped.Format(time.RFC3339), step: "5m", rule: "InShadow", file: rules}))
	table := filepath.Join(dir, "features.csv")
	require.NoError(t, os.WriteFile(table, out.Bytes(), 0o600))

	train := exec.CommandContext(t.Context(), python, "../../detect/forest/testdata/train.py", table, filepath.Join(dir, "next.onnx"))
	said, err := train.CombinedOutput()
	require.NoError(t, err, string(said))

	require.ErrorContains(t, c.detectExport(t.Context(), exportFlags{since: "3d", until: "today", step: "5m"}), "--until: ")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(next), 0o600)) // the shadow, and the rule that it would become
	out.Reset()
	require.NoError(t, c.detectCompare(t.Context(), compareFlags{rule: "InShadow", since: "1d", against: "none"}))
	assert.Regexp(t, `(?m)^  the shadow alerts [1-9]\d* times, by model .*next\.onnx$`, out.String())
	out.Reset()
	require.NoError(t, c.detectBacktest(t.Context(), backtestFlags{since: "1d", rule: "ModelUnusual"}))
	assert.Regexp(t, `unusual by next\.onnx: (rps|rps_before|errors) is [\d.]+, in training [\d.]+ to [\d.]+, since`, out.String())
	assert.Contains(t, out.String(), "this method promises no rate")
}
