package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// aDrop is a Prometheus that knows four days of two queues, of which "a" dropped half a day ago, for an hour.
func aDrop(t *testing.T) (url string, dropped time.Time) {
	t.Helper()
	now := time.Now().Truncate(time.Minute)
	dropped = now.Add(-12 * time.Hour).Truncate(30 * time.Minute)
	var past bytes.Buffer
	r := rand.New(rand.NewPCG(3, 3))
	fmt.Fprintln(&past, "# TYPE queue gauge")
	for _, name := range []string{"a", "b"} {
		for at := now.Add(-96 * time.Hour); at.Before(now); at = at.Add(time.Minute) {
			v := 100 + 3*r.NormFloat64()
			if name == "a" && !at.Before(dropped) && at.Before(dropped.Add(time.Hour)) {
				v /= 10
			}
			fmt.Fprintf(&past, "queue{queue=%q} %g %d\n", name, v, at.Unix())
		}
	}
	fmt.Fprintln(&past, "# EOF")
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, &past, dir))
	return testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir}).URL, dropped
}

const queueRules = `groups:
- name: shop
  rules:
  - alert: QueueUnusual
    expr: queue
    for: 3m
    anomaly: {history: 2d}
`

// detectCLI returns the commands with their output, for a configuration file with rules.
func detectCLI(t *testing.T, dir, prometheus string) (*cli, *bytes.Buffer) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(queueRules), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml]}\n"), 0o600))
	out := &bytes.Buffer{}
	return &cli{configFile: config, stdout: out, stderr: &bytes.Buffer{}, log: promslog.Config{}, environment: map[string]string{"PROMETHEUS_URL": prometheus}}, out
}

func TestDetectCheck(t *testing.T) {
	dir := t.TempDir()
	c, out := detectCLI(t, dir, "http://127.0.0.1:1")
	require.NoError(t, c.detectCheck(nil))
	assert.Equal(t, "SUCCESS: 1 rules in 1 groups\n", out.String())
	bad := filepath.Join(dir, "bad.yml")
	require.NoError(t, os.WriteFile(bad, []byte(strings.Replace(queueRules, "history", "histories", 1)), 0o600))
	err := c.detectCheck([]string{bad})
	require.ErrorIs(t, err, errBadInput)
	require.ErrorContains(t, err, bad+`:7: unknown key "histories" in an anomaly block`)
	counter := filepath.Join(dir, "counter.yml")
	require.NoError(t, os.WriteFile(counter, []byte(strings.Replace(queueRules, "expr: queue", "expr: requests_total", 1)), 0o600))
	out.Reset()
	require.NoError(t, c.detectCheck([]string{counter}))
	assert.Contains(t, out.String(), "warning: "+counter+":4: alert QueueUnusual: requests_total is a counter")
}

func TestDetectBacktest(t *testing.T) {
	prometheus, dropped := aDrop(t)
	dir := t.TempDir()
	c, out := detectCLI(t, dir, prometheus)
	svg := filepath.Join(dir, "charts")
	require.NoError(t, c.detectBacktest(t.Context(), backtestFlags{since: "1d", svg: svg}))
	text := out.String()
	assert.Regexp(t, `(?m)^shop/QueueUnusual, \d{4}-\d\d-\d\d \d\d:\d\d to .* UTC$`, text)
	assert.Regexp(t, `2 series, (1\.9|2\.0) series-days judged`, text)
	assert.Regexp(t, `1 alerts, 0\.5\d* for each series and day; at most 0\.0714 promised to be false`, text)
	assert.Regexp(t, `loudest: 1 alerts, (5\d|1h).*  \{queue="a"\}`, text)
	assert.Regexp(t, dropped.Add(3*time.Minute).UTC().Format("2006-01-02 15")+`:\d\d  .*\{queue="a"\}  expected -?[\d.]+ to [\d.]+, is [\d.]+, since `, text)
	charts, err := filepath.Glob(filepath.Join(svg, "*_shop_QueueUnusual_001.svg"))
	require.NoError(t, err)
	require.Len(t, charts, 1)
	chart, err := os.ReadFile(charts[0])
	require.NoError(t, err)
	assert.Contains(t, string(chart), "expected")
	assert.Contains(t, string(chart), "</svg>")

	try := filepath.Join(dir, "new.yml")
	for name, tc := range map[string]struct {
		rules string
		want  []string
	}{
		"less sensitive": {strings.Replace(queueRules, "{history: 2d}", "{history: 2d, direction: up}", 1), []string{"the change adds 0 alerts, removes 1, and leaves 0", `  - 20`}},
		"the same":       {queueRules, []string{"the change adds 0 alerts, removes 0, and leaves 1"}},
		"a new rule":     {strings.Replace(queueRules, "QueueUnusual", "Other", 1), []string{"the rule is new", "the change adds 1 alerts, removes 0, and leaves 0", `  + 20`}},
	} {
		t.Run(name, func(t *testing.T) {
			out.Reset()
			require.NoError(t, os.WriteFile(try, []byte(tc.rules), 0o600))
			require.NoError(t, c.detectBacktest(t.Context(), backtestFlags{since: "1d", file: try}))
			for _, want := range tc.want {
				assert.Contains(t, out.String(), want)
			}
		})
	}
	for name, tc := range map[string]struct {
		o    backtestFlags
		want string
	}{
		"no time":    {backtestFlags{since: "soon"}, `--since: "soon" is no time, such as 14d`},
		"no end":     {backtestFlags{since: "1d", until: "today"}, "--until: "},
		"no rule":    {backtestFlags{since: "1d", rule: "None"}, `--rule: there is no rule "None"`},
		"no file":    {backtestFlags{since: "1d", file: filepath.Join(dir, "none.yml")}, "there is no file"},
		"no service": {backtestFlags{since: "1d", against: "incidents", url: "http://127.0.0.1:1"}, "is alertscribe running there?"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, c.detectBacktest(t.Context(), tc.o), tc.want) })
	}
}

func TestDetectExport(t *testing.T) {
	prometheus, _ := aDrop(t)
	c, out := detectCLI(t, t.TempDir(), prometheus)
	require.NoError(t, c.detectExport(t.Context(), exportFlags{since: "1d", step: "10m", rule: "QueueUnusual"}))
	rows, err := csv.NewReader(out).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, []string{"rule", "time", "value", "series"}, rows[0])
	assert.InDelta(t, 1+2*145, len(rows), 4)
	assert.Equal(t, "shop/QueueUnusual", rows[1][0])
	assert.Contains(t, []string{`{queue="a"}`, `{queue="b"}`}, rows[1][3])
	_, err = time.Parse(time.RFC3339, rows[1][1])
	require.NoError(t, err)
}

func TestDetectStatus(t *testing.T) {
	t.Run("without rules", func(t *testing.T) {
		s := startService(t, nil)
		_, err := command(t, "", "detect", "status", "--url="+s.url)
		badInput(t, err, "there are no detection rules; set detect.rule_files")
		for _, path := range []string{"/metrics/anomalies", "/api/v1/detection"} {
			code, body := get(t, s.url+path)
			assert.Equal(t, 404, code)
			assert.JSONEq(t, `{"status":"failed","reason":"there are no detection rules; set detect.rule_files"}`, body)
		}
	})
	prometheus, _ := aDrop(t)
	dir := t.TempDir()
	c, out := detectCLI(t, dir, prometheus)
	s := startService(t, func(cfg *config) {
		withRules(t, queueRules)(cfg)
		cfg.Prometheus.URL = prometheus
	})
	s.evaluated()
	require.NoError(t, c.detectStatus(t.Context(), s.url))
	assert.Regexp(t, `(?m)^RULE +SERIES +LEARNING +PENDING +FIRING +COVERAGE +EVALUATED$`, out.String())
	assert.Regexp(t, `(?m)^shop/QueueUnusual +2 +0 +0 +0 +\d+\.\d % +20`, out.String())
}

func TestJudge(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	alert := func(queue string, from, to int) watch.PastAlert {
		return watch.PastAlert{
			Labels: map[string]string{"queue": queue, "job": "shop"}, ActiveAt: at.Add(time.Duration(from) * time.Minute),
			FiredAt: at.Add(time.Duration(from) * time.Minute), ResolvedAt: at.Add(time.Duration(to) * time.Minute),
		}
	}
	inc := func(name, queue string, from, to int, said ...string) incident.Incident {
		i := incident.Incident{
			Alertname: name, StartedAt: at.Add(time.Duration(from) * time.Minute), ResolvedAt: at.Add(time.Duration(to) * time.Minute),
			Alerts: []incident.Alert{{Labels: map[string]string{"alertname": name, "queue": queue, "job": "shop"}}},
		}
		for _, text := range said {
			i.Feedback = append(i.Feedback, incident.Feedback{Kind: incident.Correct, Text: text})
		}
		return i
	}
	b := &watch.Backtest{
		Rule:   &watch.Rule{Alert: "Ours", Group: "g", Detection: detect.Options{}},
		Series: []map[string]string{{"queue": "a", "job": "shop"}, {"queue": "b", "job": "shop"}},
		Alerts: []watch.PastAlert{alert("a", 0, 10), alert("b", 0, 10), alert("a", 100, 110), alert("b", 200, 210), alert("b", 300, 310)},
	}
	j := judge(b, []incident.Incident{
		inc("TooSlow", "a", 5, 30),                      // a problem that was found
		inc("TooSlow", "b", 100, 130),                   // a problem that was not
		inc("TooSlow", "c", 0, 30),                      // of another series
		inc("Ours", "a", 100, 110, "not a problem"),     // ours, judged
		inc("Ours", "b", 200, 210),                      // ours, by nobody
		inc("Ours", "b", 300, 310, "the disk was full"), // ours, a problem
	})
	assert.Equal(t, judgment{alerts: 5, problems: 2, noProblems: 1, unknown: 1, incidents: 3, found: 2}, j)
	var out bytes.Buffer
	printAgainst(&out, j)
	assert.Equal(t, "  against incidents: of 5 alerts 2 were problems, 1 none by feedback, 1 near no incident, 1 nobody judged\n  precision 0.50, recall 0.67: 2 of 3 incidents\n", out.String())
	out.Reset()
	printAgainst(&out, judgment{})
	assert.Contains(t, out.String(), "precision unknown, recall unknown")
}

// TestBacktestAgainstIncidents asks a running service.
func TestBacktestAgainstIncidents(t *testing.T) {
	prometheus, dropped := aDrop(t)
	c, out := detectCLI(t, t.TempDir(), prometheus)
	s := startService(t, nil)
	body := fmt.Sprintf(`{"status":"firing","alerts":[{"status":"firing","labels":{"alertname":"OrdersLate","queue":"a"},"startsAt":%q}]}`, dropped.Format(time.RFC3339))
	s.post("/alert", []byte(body))
	s.open("Unrelated")
	require.NoError(t, c.detectBacktest(t.Context(), backtestFlags{since: "1d", against: "incidents", url: s.url}))
	assert.Contains(t, out.String(), "of 1 alerts 1 were problems")
	assert.Contains(t, out.String(), "precision 1.00, recall 1.00: 1 of 1 incidents")
}

// TestDemoDetect plays the demo in less time.
func TestDemoDetect(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute by the clock")
	}
	t.Parallel()
	var out bytes.Buffer
	c := &cli{stdout: &out, stderr: &out, environment: map[string]string{}}
	require.NoError(t, c.demoDetect(t.Context(), t.TempDir(), driftTimes{quiet: time.Second, drift: 5 * time.Second, lasts: time.Second}), out.String())
	text := strings.TrimSpace(out.String())
	assert.Contains(t, text, "watching 3 regions")
	assert.Regexp(t, `OrdersUnusual, firing: shenzhen: [\d.]+ orders a second, expected [\d.]+ or more`, text)
	report, err := os.ReadFile(text[strings.LastIndex(text, "\n")+1:])
	require.NoError(t, err)
	assert.Contains(t, string(report), "status: resolved")
}
