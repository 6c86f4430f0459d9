package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
)

// TestDashboard runs each query of the dashboard on a real Prometheus that scrapes a service with a rule: all are answered, with
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
	s := startService(t, func(c *config) {
		withRules(t, detectRules)(c)
		c.Web.ListenAddress, c.Prometheus.URL, c.Alertmanager.URL = address, pair.PromURL, pair.AMURL
	})
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
			}, 20*time.Second, 200*time.Millisecond, "%s: %s", p.Title, query)
			assert.True(t, answered, "%s: %s", p.Title, query)
		}
	}
	assert.GreaterOrEqual(t, n, 15)
	_, data := ask(`count(alertscribe_detect_series) by (rule)`)
	assert.True(t, data, "the variable has values")
}
