package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/cmd/loginsim/sim"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestReportLives: an attack begins small and grows twenty-fold while the alert fires, with no word from Alertmanager in between.
// After each look the report says what Prometheus says of that moment; at the end it says how bad it was at its worst, and the
// model was asked again because the picture had changed.
func TestReportLives(t *testing.T) {
	t.Parallel()
	logins, err := sim.New(sim.Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: 100 * time.Millisecond}, promslog.NewNopLogger())
	require.NoError(t, err)
	go func() { assert.NoError(t, logins.Run(t.Context())) }()
	var service *service
	relay := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.app.server.Handler.ServeHTTP(w, r)
	}))
	rules := `
groups:
  - name: lives
    interval: 1s
    rules:
      - alert: FailedLogins
        expr: sum by (job) (rate(user_login_total{login_status="failed",user_type="admin"}[10s])) > 0.8
        labels: {severity: critical}
`
	pair := testbedtest.Start(t, testbed.Options{
		Prometheus:   testbed.PrometheusConfig{Targets: []string{logins.MetricsAddr()}, Rules: rules},
		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://" + relay.Listener.Addr().String() + "/alert"},
	})
	service = startService(t, func(c *config) {
		withModel(newModel(t))(c)
		c.Prometheus.URL = pair.PromURL
		c.Analysis.Refresh = []model.Duration{model.Duration(10 * time.Second)}
	})
	relay.Start()
	t.Cleanup(relay.Close)

	time.Sleep(12 * time.Second) // traffic before the attack
	control := func(path string) {
		resp, err := http.Post("http://"+logins.ControlAddr()+path, "", http.NoBody) //nolint:noctx // a test's
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	attack := func(rate int) { // until it was looked at, however long that takes
		query := url.Values{"region": {"shenzhen"}, "user_type": {"admin"}, "duration": {"10m"}, "rate": {strconv.Itoa(rate)}}
		control("/attack?" + query.Encode())
	}
	attack(3)
	var inc *incident.Incident
	require.Eventually(t, func() bool {
		list, _, err := service.app.store.Incidents(t.Context(), incident.Query{Limit: 1, Alertname: "FailedLogins"})
		require.NoError(t, err)
		if len(list) == 1 {
			inc = list[0]
		}
		return len(list) == 1
	}, soon, 100*time.Millisecond)

	worst, looks, over := 0., 0, false
	var looked time.Time
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		inc, found := service.incident(inc.ID)
		if inc.LookedAt.Equal(looked) || !current(inc) {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		looked = inc.LookedAt
		i := signalOf(found.Evidence)
		require.GreaterOrEqual(t, i, 0)
		e := found.Evidence[i]
		if inc.Status != incident.Firing {
			break
		}
		looks++
		last := e.Chart.Series[0].Points[len(e.Chart.Series[0].Points)-1]
		// A scrape may have been under way then: what is known of that second now lies between two of its neighbors.
		low, high := math.Inf(1), math.Inf(-1)
		for _, around := range []time.Duration{-2 * time.Second, -time.Second, 0, time.Second} {
			value := instant(t, pair.PromURL, e.Query, last.At.Add(around))
			low, high = min(low, value), max(high, value)
		}
		report := service.report(inc)
		t.Logf("%s: value: %q, Prometheus: %.3g to %.3g/s; %s", e.At.Format("15:04:05"), e.Figures.Value.Text, low, high, e.Summary)
		assert.True(t, e.Figures.Value.Value >= .98*low-.01 && e.Figures.Value.Value <= 1.02*high+.01, "the figure is of the moment of the look")
		assert.Contains(t, report, "Now "+e.Figures.Value.Text, "and so is the top of the report")
		worst = max(worst, e.Figures.Value.Value)
		assert.GreaterOrEqual(t, e.Figures.Peak.Value, max(worst, e.Figures.Fired.Value), "nothing was further than the furthest")
		assert.WithinDuration(t, e.At, last.At, 10*time.Second, "text and chart are of one look")
		points := e.Chart.Series[0].Points
		assert.Contains(t, []float64{points[max(len(points)-2, 0)].Value, last.Value}, e.Figures.Value.Value, "the last, or beside when it fired within that second")
		if looks == 2 {
			attack(60)
		}
		if looks >= 4 && worst > 15 && !over {
			over = true
			control("/normal")
		}
	}
	require.GreaterOrEqual(t, looks, 3, "two of the small attack, one of the large at least")
	resolved := service.await(inc.ID, 2*time.Minute, "resolved, and looked at once more", func(inc *incident.Incident) bool {
		return inc.Status == incident.Resolved && current(inc) && inc.LookedAt.After(inc.ClosedAt)
	})
	_, found := service.incident(inc.ID)
	e := found.Evidence[signalOf(found.Evidence)]
	require.NotNil(t, e.Figures.Peak)
	assert.GreaterOrEqual(t, e.Figures.Peak.Value, worst, "at the end it says what it was at its worst")
	assert.Greater(t, worst, 15., "it has grown")
	report := service.report(resolved)
	assert.Contains(t, report, "peak: "+e.Figures.Peak.Text+"\n")
	assert.Contains(t, report, "Peak "+e.Figures.Peak.Text)
	kinds := map[incident.EventKind]int{}
	for _, event := range resolved.Timeline {
		kinds[event.Kind]++
	}
	assert.Equal(t, 1, kinds[incident.EventChanged], "the picture has changed, and that calls for one more analysis, in ten minutes")
	assert.True(t, resolved.Analysis.Later)
}

func signalOf(items []incident.Evidence) int {
	for i, e := range items {
		if e.Kind == incident.KindSignal && e.Figures != nil && e.Figures.Value != nil {
			return i
		}
	}
	return -1
}

// instant asks Prometheus for the value of a query at a time.
func instant(t *testing.T, server, query string, at time.Time) float64 {
	t.Helper()
	_, body := get(t, server+"/api/v1/query?"+url.Values{"query": {query}, "time": {fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000)}}.Encode())
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	require.NoError(t, json.NewDecoder(strings.NewReader(body)).Decode(&answer))
	require.NotEmpty(t, answer.Data.Result, "%s at %v", query, at)
	value, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	require.NoError(t, err)
	return value
}
