package evidence

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// errorsOf records three instances of which two have errors at the end, each its own number.
func errorsOf(r *recording) *recording {
	for instance, rate := range map[string]float64{"i1:80": .1, "i2:80": 6, "i3:80": 9} {
		r.counter(`own_err_total{job="api",namespace="shop",instance="`+instance+`"}`, func(s float64) float64 {
			if s < 6000 {
				return .1
			}
			return rate
		})
	}
	return r.add(`up{job="api",instance="i1:80"}`, func(float64) float64 { return 1 })
}

// activeAlerts waits until the rules have been evaluated, and returns the active alerts of a name.
func activeAlerts(t *testing.T, prometheus, name string) []*promv1.Alert {
	t.Helper()
	var out []*promv1.Alert
	require.Eventually(t, func() bool {
		groups, err := querierAt(t, prometheus, 10).Rules(t.Context(), name)
		require.NoError(t, err)
		for _, g := range groups {
			for _, listed := range g.Rules {
				if r, ok := listed.(promv1.AlertingRule); ok && r.Name == name {
					out = r.Alerts
				}
			}
		}
		return len(out) > 1
	}, time.Minute, 200*time.Millisecond)
	return out
}

// TestChangedLabels: an alert whose labels a template or relabeling has changed is known by the rule's active alerts, and its own
// series is no ill peer of it.
func TestChangedLabels(t *testing.T) {
	r := errorsOf(record(2*time.Hour, 15*time.Second))
	expr := `sum by (instance, job, namespace) (rate(own_err_total[5m])) > 1`
	p := r.serve(t, `
groups:
- name: own
  interval: 1s
  rules:
  - alert: Templated
    expr: `+expr+`
    labels: {severity: critical, instance: '{{ reReplaceAll ":.*" "" $labels.instance }}'}
  - alert: Relabeled
    expr: `+expr+`
    labels: {severity: critical}
`)
	for _, test := range []struct{ name, labels, value string }{
		{"a template", "alertname=Templated severity=critical job=api namespace=shop instance=i2", `[56](\.\d+)?/s`},
		{"a port that was stripped", "alertname=Relabeled severity=critical job=api namespace=shop instance=i2", `[56](\.\d+)?/s`},
		{"a name of its own", "alertname=Relabeled severity=critical job=api namespace=shop instance=node-b", ""},
		{"a namespace that was renamed", "alertname=Relabeled severity=critical job=api namespace=prod-shop instance=i3:80", `[89](\.\d+)?/s`},
		{"nothing", "alertname=Relabeled severity=critical job=api namespace=shop instance=i3:80", `[89](\.\d+)?/s`},
	} {
		t.Run(test.name, func(t *testing.T) {
			name, _, _ := strings.Cut(strings.TrimPrefix(test.labels, "alertname="), " ")
			fired := activeAlerts(t, p.URL, name)[0].ActiveAt
			c := collectorAt(t, p.URL, time.Now().Add(30*time.Second))
			inc := firingIncident(fired, "", test.labels)
			inc.Severity = "critical"
			signal := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSignal)
			require.Len(t, signal, 1)
			t.Log(signal[0].Summary)
			if test.value == "" { // two alerts of the rule share as many labels with it
				assert.Contains(t, signal[0].Summary, "No series has the alert's labels")
				assert.Contains(t, signal[0].Summary, "(2 of 3)")
			} else {
				assert.Regexp(t, "fired: "+test.value, signal[0].Summary)
			}
			peers, err := comparePeers(t.Context(), c.investigate(t.Context(), inc, 30))
			require.NoError(t, err)
			t.Log(peers[0].Summary)
			if test.value != "" {
				assert.Contains(t, peers[0].Summary, "1 of the expression's 2 other series")
			} else {
				assert.Contains(t, peers[0].Summary, "None of the expression's 1 other series", "those that may be its own are none")
				assert.NotContains(t, peers[0].Summary, "unlikely")
			}
		})
	}
}

// listing is a server that lists its own rules before a Prometheus, as one of another kind may; it answers its expressions by that of
// the Prometheus.
func listing(t *testing.T, prometheus, query, same string) string {
	t.Helper()
	target, err := url.Parse(prometheus)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/rules") {
			w.Header().Set("Content-Type", "application/json")
			assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"groups": []any{map[string]any{
				"name": "api", "interval": 15, "file": "a.yml", "rules": []any{map[string]any{
					"state": "firing", "name": "ApiErrors", "query": query, "duration": 60, "labels": map[string]string{"severity": "critical"},
					"health": "ok", "type": "alerting", "alerts": []any{},
				}},
			}}}}))
			return
		}
		body, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		form, err := url.ParseQuery(string(body))
		assert.NoError(t, err)
		if form.Get("query") == query {
			form.Set("query", same)
			body = []byte(form.Encode())
		}
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestForeignExpression: a listed rule in another language than PromQL is asked for as it stands.
func TestForeignExpression(t *testing.T) {
	r := errorsOf(record(2*time.Hour, 15*time.Second))
	query := `sum(rate(own_err_total)) by (instance) > 7 default 0`
	server := listing(t, r.serve(t, "").URL, query, `sum by (instance) (rate(own_err_total[5m])) > 7`)
	for _, language := range incident.Languages() {
		c := collectorAt(t, server, r.end(), func(o *Options) { o.Language = language })
		inc := firingIncident(r.at(6400), "", "alertname=ApiErrors severity=critical instance=i3:80")
		items := c.Collect(t.Context(), inc, nil).Items
		signal, drill := ofKind(items, incident.KindSignal), ofKind(items, incident.KindDrilldown)
		require.Len(t, signal, 1)
		require.Len(t, drill, 1)
		t.Log(signal[0].Summary, drill[0].Summary)
		assert.False(t, signal[0].Failed)
		assert.Equal(t, query, signal[0].Query)
		assert.NotContains(t, signal[0].Summary, "%!")
		assert.Contains(t, signal[0].Table.Rows[0][0], query)
		if language == incident.English {
			assert.Contains(t, signal[0].Summary, "fired: 9")
			assert.Contains(t, signal[0].Summary, "The expression is not PromQL")
			assert.Equal(t, "Not broken down: the expression is not PromQL.", drill[0].Summary)
		}
		past, err := compareWithPast(t.Context(), c.investigate(t.Context(), inc, 30))
		require.NoError(t, err)
		assert.NotContains(t, past[0].Summary, "%!")
		peers, err := comparePeers(t.Context(), c.investigate(t.Context(), inc, 30))
		require.NoError(t, err)
		assert.NotContains(t, peers[0].Summary, "%!")
	}
}

// TestGiantExpression: an expression that nobody writes holds up nothing, and the report says what it is.
func TestGiantExpression(t *testing.T) {
	r := errorsOf(record(30*time.Minute, 15*time.Second))
	c := collectorAt(t, r.serve(t, "").URL, r.end())
	for name, expr := range map[string]string{
		"quotients": strings.Repeat("own_err_total/", 26) + "own_err_total > 1", "sums": strings.Repeat("sum(", 3000) + "x" + strings.Repeat(")", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			signal := ofKind(c.Collect(t.Context(), firingIncident(r.at(1500), expr, "alertname=X"), nil).Items, incident.KindSignal)
			assert.Less(t, time.Since(began), 30*time.Second)
			require.Len(t, signal, 1)
			if name == "sums" {
				assert.Contains(t, signal[0].Summary, "too complex")
			}
		})
	}
}
