package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/testbed"
)

// dashboardRules have all that is shown: a band, a model in the shadow, a queue, second opinions.
func dashboardRules() string {
	judged := strings.Replace(detectRules, "  interval: 1s\n", "  interval: 1s\n  judge: every 1m\n", 1)
	return judged + `  - alert: InShadow
    expr: shop_queue_length
    anomaly: {history: 2d, shadow: {method: ` + modelOf("shop_queue_length") + `}}
  - {alert: Failing, source: orders, expr: order_failure_rate > 5}
`
}

// TestDashboard runs each query of the dashboard on a real Prometheus that scrapes a service with such rules: all are answered, with
// data.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/grafana/detection.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
	}
	require.NoError(t, json.Unmarshal(b, &dashboard))
	address := freeAddress(t)
	targets := []any{map[string]any{"targets": []string{address}}}
	_, pair := detectionPair(t, "http://127.0.0.1:1/", func(o *testbed.Options) {
		o.Prometheus.Jobs = []map[string]any{
			{"job_name": "alertscribe", "static_configs": targets},
			{"job_name": "alertscribe-anomalies", "metrics_path": "/metrics/anomalies", "static_configs": targets},
		}
	})
	brokers, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "metrics"))
	require.NoError(t, err)
	t.Cleanup(brokers.Close)
	model := newModel(t)
	model.Always(modeltest.Plausible())
	dir := t.TempDir()
	copyModel(t, dir)
	rules := filepath.Join(dir, "rules.yml")
	require.NoError(t, os.WriteFile(rules, []byte(dashboardRules()), 0o600))
	s := startService(t, func(c *config) {
		withModel(model)(c)
		groups, err := watch.Load([]string{rules})
		require.NoError(t, err)
		c.Detect.groups = groups
		c.Detect.Sources = []ingest.Source{{Name: "orders", Kafka: &ingest.Kafka{KafkaBrokers: ingest.KafkaBrokers{Brokers: brokers.ListenAddrs()}, Topic: "metrics"}}}
		require.Empty(t, c.Detect.prepareSources())
		c.Web.ListenAddress, c.Prometheus.URL, c.Alertmanager.URL = address, pair.PromURL, pair.AMURL
	})
	producer, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.DefaultProduceTopic("metrics"))
	require.NoError(t, err)
	defer producer.Close()
	body := fmt.Sprintf(`{"name":"order_failure_rate","value":1,"timestamp":%d}`, time.Now().UnixMilli())
	require.NoError(t, producer.ProduceSync(t.Context(), kgo.StringRecord(body)).FirstErr())
	s.evaluated()
	ask := func(query string) (answered, data bool) {
		resp, err := http.Get(pair.PromURL + "/api/v1/query?" + url.Values{"query": {query}}.Encode()) //nolint:noctx // a test's
		require.NoError(t, err)
		defer resp.Body.Close()
		var answer struct {
			Status string
			Data   struct{ Result []json.RawMessage }
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		return answer.Status == "success", len(answer.Data.Result) > 0
	}
	variables := strings.NewReplacer("$rule", ".*", "$__rate_interval", "10s")
	n := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			n++
			query := variables.Replace(target.Expr)
			require.NotContains(t, query, "$", p.Title)
			answered := false
			assert.Eventually(t, func() bool {
				ok, data := ask(query)
				answered = ok
				return data
			}, time.Minute, 200*time.Millisecond, "%s: %s", p.Title, query)
			assert.True(t, answered, "%s: %s", p.Title, query)
		}
	}
	assert.GreaterOrEqual(t, n, 32)
	_, data := ask(`count(alertscribe_detect_series) by (rule)`)
	assert.True(t, data, "the variable has values")
}
