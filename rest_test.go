package alertscribe_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/cmd/loginsim/sim"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestNothingFiresAtRest: a real Prometheus, with the login service as compose.yaml starts it and nobody attacking, meets no
// condition of its rules within half an hour. At the rate of three logins a second, five failed administrators a minute are usual.
func TestNothingFiresAtRest(t *testing.T) {
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	interval, err := time.ParseDuration(flag(readCompose(t).Services["loginsim"].Command, "--interval"))
	require.NoError(t, err)
	rules := loginRules(t)
	require.Len(t, rules, 2)
	end := time.Now().Truncate(time.Minute)
	for name, tc := range map[string]struct {
		interval time.Duration
		seed     uint64
		fires    string
	}{
		"as compose starts it":      {interval, 1, ""},
		"with another seed":         {interval, 2, ""},
		"and another":               {interval, 3, ""},
		"as loginsim starts":        {3 * time.Second, 4, ""},
		"at three logins a second":  {333 * time.Millisecond, 1, "AdminLoginFailureSpike"},
		"at thirty logins a second": {33 * time.Millisecond, 1, "AdminLoginFailureSpike"},
	} {
		t.Run(name, func(t *testing.T) {
			service, err := sim.New(sim.Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: tc.interval, Seed: tc.seed}, promslog.NewNopLogger())
			require.NoError(t, err)
			defer func() { require.NoError(t, service.Close()) }()
			var past bytes.Buffer
			require.NoError(t, service.Past(&past, sim.Past{
				Labels: map[string]string{"job": "login", "instance": "loginsim:9091"}, Step: scrapeInterval(t, "login"),
				Spans: []sim.Span{{From: end.Add(-40 * time.Minute), To: end}},
			}))
			data := filepath.Join(t.TempDir(), "tsdb")
			require.NoError(t, testbed.Backfill(t.Context(), bins, &past, data))
			server := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: data})
			met := map[string]int{}
			for alert, expr := range rules {
				met[alert] = pointsOf(t, server.URL, expr, end.Add(-30*time.Minute), end)
			}
			if tc.fires == "" {
				assert.Equal(t, map[string]int{"HighLoginFailureRate": 0, "AdminLoginFailureSpike": 0}, met)
			} else {
				assert.Positive(t, met[tc.fires], "the test could not fail")
			}
			assert.Positive(t, pointsOf(t, server.URL, `sum by (job) (increase(user_login_total[5m])) >= 60`, end.Add(-time.Minute), end), "there is traffic enough")
		})
	}
}

// loginRules returns the expressions of the rules of group login by their alerts.
func loginRules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("alert_rules.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	rules := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if g.Name == "login" {
				rules[r.Alert] = r.Expr
			}
		}
	}
	return rules
}

// scrapeInterval returns how often compose/prometheus.yml scrapes a job.
func scrapeInterval(t *testing.T, job string) time.Duration {
	t.Helper()
	text, err := os.ReadFile("compose/prometheus.yml")
	require.NoError(t, err)
	var file struct {
		Jobs []struct {
			Name     string        `yaml:"job_name"`
			Interval time.Duration `yaml:"scrape_interval"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, j := range file.Jobs {
		if j.Name == job {
			require.Positive(t, j.Interval)
			return j.Interval
		}
	}
	require.Fail(t, "no such job")
	return 0
}

// pointsOf returns at how many times a query has a result, asked every five seconds as the rules are.
func pointsOf(t *testing.T, server, query string, start, end time.Time) int {
	t.Helper()
	resp, err := http.PostForm(server+"/api/v1/query_range", url.Values{ //nolint:noctx // a test's
		"query": {query}, "start": {strconv.FormatInt(start.Unix(), 10)}, "end": {strconv.FormatInt(end.Unix(), 10)}, "step": {"5"},
	})
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Status string
		Data   struct{ Result []struct{ Values []any } }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status)
	n := 0
	for _, r := range answer.Data.Result {
		n += len(r.Values)
	}
	return n
}
