package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

const batchJSONText = `{"context": "shop, Friday noon", "metrics": [
  {"metric": "checkout_rate", "labels": {"region": "eu"}, "value": 12, "expected": 47, "lower": 40, "upper": 55, "score": 0.8, "past": [46, 48]},
  {"name": "checkout_errors", "value": 3.1, "unit": "/s", "timestamp": 1790000000}]}`

// judgeCLI returns the commands for a fake model, with their output.
func judgeCLI(t *testing.T) (*cli, *modeltest.Server, *bytes.Buffer) {
	t.Helper()
	m, err := modeltest.New()
	require.NoError(t, err)
	t.Cleanup(m.Close)
	m.Always(modeltest.Judgment())
	t.Setenv("LLM_BASE_URL", m.URL)
	t.Setenv("DEEPSEEK_API_KEY", "sk-of-the-stand-in")
	out := &bytes.Buffer{}
	return &cli{stdin: strings.NewReader(batchJSONText), stdout: out, stderr: &bytes.Buffer{}, log: promslog.Config{}}, m, out
}

func TestJudgeCommand(t *testing.T) {
	c, m, out := judgeCLI(t)
	require.NoError(t, c.judgeFile(t.Context(), stdinArg, false, false))
	assert.Regexp(t, `(?m)^SEVERITY +METRIC +REASON$`, out.String())
	assert.Regexp(t, `(?m)^warning +checkout_rate\{region="eu"\} +It is further from what was expected than its peers\.$`, out.String())
	assert.Regexp(t, `(?m)^2 metrics, 1 unusual; \d+ tokens, 0\.000\d USD$`, out.String())
	assert.Contains(t, m.Requests()[0].User(), `M1 checkout_rate{region="eu"} 12, expected 47 (40 to 55), score 0.80, before: 46 48`)
	assert.Contains(t, m.Requests()[0].User(), "shop, Friday noon")

	out.Reset()
	file := filepath.Join(t.TempDir(), "batch.json")
	require.NoError(t, os.WriteFile(file, []byte(batchJSONText), 0o600))
	m.Next(modeltest.Content(`{"has_anomaly":true,"anomalies":[{"metric":"M2","severity":"critical","reason":"r\u001b[31m"},{"metric":"M7","severity":"info","reason":"x"}],"summary":"s"}`))
	require.NoError(t, c.judgeFile(t.Context(), file, true, false))
	var answer judgeAnswer
	require.NoError(t, json.Unmarshal(out.Bytes(), &answer))
	assert.True(t, answer.HasAnomaly)
	assert.Equal(t, 1, answer.Unknown)
	assert.Equal(t, []judgeAnomaly{{"checkout_errors", "critical", "r"}}, answer.Anomalies)
	assert.Equal(t, 1, answer.Spend.Calls)

	out.Reset()
	m.Next(modeltest.Content(`{"has_anomaly":false,"anomalies":[],"summary":"All well."}`))
	require.NoError(t, c.judgeFile(t.Context(), file, false, false))
	assert.Regexp(t, `^All well\.\n2 metrics, 0 unusual; `, out.String())

	m.Next(modeltest.Status(401, "no"))
	err := c.judgeFile(t.Context(), file, false, false)
	require.ErrorContains(t, err, "asking about 2 metrics: authentication: ")
	require.NotErrorIs(t, err, errBadInput)
	out.Reset()
	asked := len(m.Requests())
	require.NoError(t, c.judgeFile(t.Context(), file, false, true))
	assert.Contains(t, out.String(), *m.Requests()[1].Messages[1].Content, "what is shown is what was sent")
	assert.Len(t, m.Requests(), asked)
	err = c.judgeFile(t.Context(), file+"x", false, false)
	require.ErrorIs(t, err, errBadInput)
}

func TestReadBatch(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string // series, value, past
		err  string
	}{
		"a list":            {text: `[{"metric":"a","value":1},{"metric":"b","value":-2.5}]`, want: []string{"a 1 []", "b -2.5 []"}},
		"its past":          {text: `[{"metric":"a","value":1},{"metric":"a","value":2},{"metric":"a","value":3}]`, want: []string{"a 3 [1 2]"}},
		"by labels":         {text: `[{"metric":"a","labels":{"x":"1"},"value":1},{"metric":"a","labels":{"x":"2"},"value":2}]`, want: []string{`a{x="1"} 1 []`, `a{x="2"} 2 []`}},
		"CSV":               {text: "metric,value\na,1\nb,2\n", want: []string{"a 1 []", "b 2 []"}},
		"CSV with a mark":   {text: "\ufeffmetric,value\na,1\n", want: []string{"a 1 []"}},
		"CSV of an export":  {text: "rule,time,value,series\nshop/Q,2026-01-01T00:00:00Z,5,\"{queue=\"\"a\"\"}\"\nshop/Q,2026-01-01T00:01:00Z,6,\"{queue=\"\"a\"\"}\"\n", want: []string{`shop/Q{queue="a"} 6 [5]`}},
		"CSV with a band":   {text: "name,value,expected,lower,upper,score,unit\na,1,2,1.5,,0.7,ms\n", want: []string{"a 1 [] 2 1.5 +Inf 0.7 ms"}},
		"nothing":           {text: " \n", err: "the batch is empty"},
		"no metrics":        {text: `{"metrics": []}`, err: "the batch has no metrics"},
		"no value":          {text: `[{"metric":"a"}]`, err: "entry 1 has no metric, or no value"},
		"no name":           {text: `[{"value":1}]`, err: "entry 1 has no metric, or no value"},
		"a value in words":  {text: `[{"metric":"a","value":"high"}]`, err: "the batch is not JSON of the form"},
		"an unknown key":    {text: `[{"metric":"a","value":1,"valeu":2}]`, err: `unknown field "valeu"`},
		"two documents":     {text: `[{"metric":"a","value":1}] []`, err: "there is more behind it"},
		"an unknown column": {text: "metric,value,colour\n", err: `unknown column "colour"`},
		"no column":         {text: "metric,expected\na,1\n", err: "the header has no column value"},
		"no number":         {text: "metric,value\na,1\nb,high\n", err: `line 3: value: "high" is no number`},
		"too long":          {text: strings.Repeat(" ", maxBatchBytes+1), err: "the batch has more than 10 MiB"},
		"a row too short":   {text: "metric,value\na\n", err: "wrong number of fields"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := readBatch(strings.NewReader(tc.text))
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, m := range b.Metrics {
				line := fmt.Sprint(m.Series(), " ", m.Value, " ", m.Past)
				if m.Band != nil {
					line += fmt.Sprint(" ", m.Band.Expected, " ", m.Band.Lower, " ", m.Band.Upper, " ", m.Score, " ", m.Unit)
				}
				got = append(got, line)
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

// TestDocumentedBatch: the batch in docs/detection.md is one.
func TestDocumentedBatch(t *testing.T) {
	b, err := os.ReadFile("../../docs/detection.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(b), "```json\n{\"context\"")
	require.True(t, found)
	text, _, _ = strings.Cut("{\"context\""+text, "```")
	batch, err := readBatch(strings.NewReader(text))
	require.NoError(t, err)
	assert.Len(t, batch.Metrics, 2)
}

// TestSecondOpinionInService: a whole group is judged by the model of the analyses; what it says becomes a warning in Alertmanager and an
// incident, with a call in the ledger.
func TestSecondOpinionInService(t *testing.T) {
	_, pair := detectionPair(t, "http://127.0.0.1:1/alert")
	m, err := modeltest.New()
	require.NoError(t, err)
	t.Cleanup(m.Close)
	m.Always(modeltest.Content(`{"has_anomaly":true,"anomalies":[{"metric":"M1","severity":"critical","reason":"It differs from its past."},{"metric":"M9","severity":"info","reason":"x"}],"summary":"s"}`))
	s := startService(t, func(cfg *config) {
		withModel(m)(cfg)
		withRules(t, strings.Replace(detectRules, "  interval: 1s\n", "  interval: 1s\n  judge: every 15m\n", 1))(cfg)
		cfg.Prometheus.URL, cfg.Alertmanager.URL = pair.PromURL, pair.AMURL
	})
	require.Eventually(t, func() bool {
		alerts, err := alertsOf(t.Context(), pair.AMURL)
		return err == nil && len(alerts) == 1 && alerts[0].Labels["alertname"] == "QueueUnusualSecondOpinion" && alerts[0].Labels["severity"] == "warning"
	}, time.Minute, 100*time.Millisecond)
	_, text := get(t, pair.AMURL+"/api/v2/alerts")
	assert.Contains(t, text, "A model's opinion, no measurement: It differs from its past.")
	_, text = get(t, s.url+"/metrics")
	assert.True(t, metricAbove(text, "alertscribe_judgments_total", 0))
	assert.True(t, metricAbove(text, "alertscribe_judgment_unknown_metrics_total", 0))
	assert.True(t, metricAbove(text, `alertscribe_detect_second_opinions_total{outcome="warning"}`, 0))
	_, text = get(t, s.url+"/api/v1/costs")
	assert.Contains(t, text, `"calls":1`)
}

// judgeStub answers with one anomaly of the second metric.
type judgeStub struct {
	asked analyzer.Batch
	err   error
}

func (j *judgeStub) Judge(_ context.Context, b analyzer.Batch) (*analyzer.Judgment, error) {
	j.asked = b
	return &analyzer.Judgment{Anomalies: []analyzer.Anomaly{{Index: 1, Severity: "critical", Reason: "r"}}}, j.err
}

func TestSecondOpinionAdapter(t *testing.T) {
	j := &judgeStub{}
	o := newOpinionMetrics(&secondOpinion{model: j}, prometheus.NewRegistry())
	series := []watch.JudgedSeries{
		{Rule: "g/A", Labels: map[string]string{"x": "1"}, Value: 3, Expected: 2, Lower: 1, Upper: 2.5, Score: .7},
		{Rule: "g/B", Value: 1, Expected: math.NaN(), Lower: math.NaN(), Upper: math.Inf(1)},
	}
	said, err := o.Judge(t.Context(), "group g", series)
	require.NoError(t, err)
	assert.Equal(t, []watch.Opinion{{Index: 1, Severity: "critical", Reason: "r"}}, said)
	assert.Equal(t, "group g", j.asked.Context)
	assert.Equal(t, analyzer.Metric{Name: "g/A", Labels: map[string]string{"x": "1"}, Value: 3, Band: &analyzer.Band{Expected: 2, Lower: 1, Upper: 2.5}, Score: .7}, j.asked.Metrics[0])
	assert.Nil(t, j.asked.Metrics[1].Band)
	j.err = &incident.Failure{Kind: incident.FailBudget, Err: errors.New("no")}
	_, err = o.Judge(t.Context(), "", series)
	require.Error(t, err)
}
