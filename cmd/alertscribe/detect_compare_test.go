package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

// TestPrintComparison: what both alert for, what only one does, and who was right: by what other rules alerted for, and by feedback.
func TestPrintComparison(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	alert := func(queue string, minute int) watch.PastAlert {
		from := at.Add(time.Duration(minute) * time.Minute)
		return watch.PastAlert{
			Labels: map[string]string{"queue": queue}, Summary: "expected 1, is 2", ActiveAt: from, FiredAt: from, ResolvedAt: from.Add(10 * time.Minute),
		}
	}
	inc := func(name, queue string, minute int, said ...string) incident.Incident {
		i := incident.Incident{
			Alertname: name, StartedAt: at.Add(time.Duration(minute) * time.Minute), ResolvedAt: at.Add(time.Duration(minute+10) * time.Minute),
			Alerts: []incident.Alert{{Labels: map[string]string{"alertname": name, "queue": queue}}},
		}
		for _, text := range said {
			i.Feedback = append(i.Feedback, incident.Feedback{Kind: incident.Correct, Text: text})
		}
		return i
	}
	series := []map[string]string{{"queue": "a"}, {"queue": "b"}}
	of := &watch.Backtest{
		Rule: &watch.Rule{Alert: "Ours", Group: "g", Shadow: &detect.Options{}}, Series: series, Since: at, Until: at.Add(24 * time.Hour),
		Alerts: []watch.PastAlert{alert("a", 0), alert("b", 100), alert("b", 200)},
	}
	by := &watch.Backtest{
		Rule: &watch.Rule{Alert: "Ours", Group: "g", Model: &watch.Model{File: "next.onnx"}}, Series: series, Since: at, Until: at.Add(24 * time.Hour),
		Alerts: []watch.PastAlert{alert("a", 5), alert("a", 300)},
	}
	incidents := []incident.Incident{
		inc("TooSlow", "a", 0),                    // both have found it
		inc("Ours", "b", 100, "not a problem"),    // only the rule alerted, and was wrong
		inc("Ours", "b", 200),                     // nobody has judged it
		inc("DiskFull", "a", 300, "the disk was"), // only the shadow has found it
	}
	var out bytes.Buffer
	printComparison(&out, of, by, incidents)
	assert.Equal(t, strings.TrimLeft(`
g/Ours, 2026-03-01 10:00 to 2026-03-02 10:00 UTC
  the rule alerts 3 times, by method auto
  the shadow alerts 2 times, by model next.onnx

both alert: 1
  2026-03-01 10:00  10m  {queue="a"}  expected 1, is 2
  1 were problems, 0 none by feedback, 0 near no incident, 0 nobody judged

only the rule alerts: 2
  2026-03-01 11:40  10m  {queue="b"}  expected 1, is 2
  2026-03-01 13:20  10m  {queue="b"}  expected 1, is 2
  0 were problems, 1 none by feedback, 0 near no incident, 1 nobody judged

only the shadow alerts: 1
  2026-03-01 15:00  10m  {queue="a"}  expected 1, is 2
  1 were problems, 0 none by feedback, 0 near no incident, 0 nobody judged

the rule:
  against incidents: of 3 alerts 1 were problems, 1 none by feedback, 0 near no incident, 1 nobody judged
  precision 0.50, recall 0.50: 1 of 2 incidents
the shadow:
  against incidents: of 2 alerts 2 were problems, 0 none by feedback, 0 near no incident, 0 nobody judged
  precision 1.00, recall 1.00: 2 of 2 incidents
`, "\n"), out.String())

	out.Reset()
	printComparison(&out, of, by, nil)
	assert.NotContains(t, out.String(), "problems", "nothing was asked of who was right")
	assert.Contains(t, out.String(), "only the shadow alerts: 1\n")

	out.Reset()
	of.Alerts, by.Alerts = nil, nil
	printComparison(&out, of, by, []incident.Incident{})
	for _, want := range []string{"both alert: 0\n", "only the rule alerts: 0\n", "only the shadow alerts: 0\n", "precision unknown"} {
		assert.Contains(t, out.String(), want)
	}
}

func TestMethodText(t *testing.T) {
	for want, r := range map[string]*watch.Rule{
		"method auto":      {},
		"method sigma":     {Detection: detect.Options{Method: detect.Sigma}},
		"model next.onnx":  {Detection: detect.Options{Method: detect.Auto}, Model: &watch.Model{File: "next.onnx"}},
		"method seasonal":  {Detection: detect.Options{Method: detect.Seasonal}},
		"model a/b/c.onnx": {Model: &watch.Model{File: "a/b/c.onnx"}},
	} {
		assert.Equal(t, want, methodText(r))
	}
}

func TestCell(t *testing.T) {
	for want, v := range map[string]float64{"1": 1, "0.1": .1, "1e+21": 1e21, "-2.5": -2.5} {
		assert.Equal(t, want, cell(v))
	}
	assert.Empty(t, cell(math.NaN()), "what is missing")
}

// TestJudgedRules: the model is asked only where a rule or a group says so, and where there is a key.
func TestJudgedRules(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want bool
	}{
		"none":           {queueRules, false},
		"a group":        {strings.Replace(queueRules, "- name: shop\n", "- name: shop\n  judge: every 1h\n", 1), true},
		"a rule":         {strings.Replace(queueRules, "{history: 2d}", "{history: 2d, second_opinion: true}", 1), true},
		"a rule says no": {strings.Replace(queueRules, "{history: 2d}", "{history: 2d, second_opinion: false}", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			groups, err := watch.Parse("rules.yml", []byte(tc.text))
			require.NoError(t, err)
			assert.Equal(t, tc.want, (&detectConfig{groups: groups}).judged())
		})
	}
}

// TestNoKeyNoJudge: without a key nobody is asked, detection runs, and the log says why.
func TestNoKeyNoJudge(t *testing.T) {
	prometheus, _ := aDrop(t)
	s := startService(t, func(cfg *config) {
		withRules(t, strings.Replace(queueRules, "- name: shop\n", "- name: shop\n  judge: every 1m\n", 1))(cfg)
		cfg.Prometheus.URL = prometheus
	})
	s.evaluated()
	_, text := get(t, s.url+"/metrics")
	assert.Contains(t, text, "alertscribe_judgments_total 0\n")
	assert.Contains(t, text, `alertscribe_detect_second_opinions_total{outcome="failed"} 0`)
	require.NoError(t, s.stop())
	assert.Contains(t, s.logs.String(), "Second opinions are off: there is no API key; set DEEPSEEK_API_KEY")
}
