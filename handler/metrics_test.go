package handler

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// labeled is the counter of notifications with one outcome, as a collector of its own.
type labeled struct {
	gatherer prometheus.Gatherer
	outcome  string
}

func (l *labeled) Describe(chan<- *prometheus.Desc) {}

func (l *labeled) Collect(ch chan<- prometheus.Metric) {
	families, err := l.gatherer.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		if f.GetName() != "alertscribe_notifications_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == l.outcome {
				ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("x", "x", nil, nil), prometheus.CounterValue, m.GetCounter().GetValue())
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	e.post(t, body("A", "firing", "instance", "b"))
	readBody(t, e.get(t, "/reports/"+id), http.StatusOK)
	readBody(t, e.get(t, "/nowhere/"+strings.Repeat("x", 50)), http.StatusNotFound)
	readBody(t, e.do(t, "BREW", "/alert", ""), http.StatusMethodNotAllowed)

	text := readBody(t, e.get(t, "/metrics"), http.StatusOK)
	for _, line := range []string{
		`alertscribe_notifications_total{outcome="opened"} 1`,
		`alertscribe_notifications_total{outcome="updated"} 1`,
		`alertscribe_notifications_total{outcome="late_peer"} 0`,
		`alertscribe_notifications_total{outcome="unsupported_type"} 0`,
		`alertscribe_http_request_duration_seconds_count{code="202",handler="/alert",method="POST"} 2`,
		`alertscribe_http_request_duration_seconds_count{code="200",handler="/reports/{id}",method="GET"} 1`,
		`alertscribe_http_request_duration_seconds_count{code="404",handler="other",method="GET"} 1`,
		`alertscribe_http_request_duration_seconds_count{code="405",handler="other",method="other"} 1`,
		`alertscribe_accept_duration_seconds_count 2`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	problems, err := testutil.GatherAndLint(e.registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
