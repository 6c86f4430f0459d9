package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// clusterAlert is an alert of a Prometheus with an external label; several clusters share one group.
func clusterAlert(name string, clusters ...string) []byte {
	var alerts []string
	for _, c := range clusters {
		alerts = append(alerts, fmt.Sprintf(`{"status":"firing","labels":{"alertname":%q,"cluster":%q,"severity":"critical"},"annotations":{},
			"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom:9090/graph?g0.expr=vector%%281%%29+%%3E+0","fingerprint":"0"}`,
			name, c, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)))
	}
	return fmt.Appendf(nil, `{"receiver":"r","status":"firing","alerts":[%s],"groupLabels":{"alertname":%[2]q},"commonLabels":{"alertname":%[2]q},
		"commonAnnotations":{},"externalURL":"http://am:9093","version":"4","groupKey":"{}:{alertname=\"%[2]s\"}","truncatedAlerts":0}`,
		strings.Join(alerts, ","), name)
}

// TestSeveralPrometheus: each alert is looked up where it comes from, by external labels that real servers tell or by matchers, and
// the evidence says where; what comes from nowhere is not looked up.
func TestSeveralPrometheus(t *testing.T) {
	eu := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{ExternalLabels: map[string]string{"cluster": "eu"}})
	us := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{ExternalLabels: map[string]string{"cluster": "us"}})
	lab := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{})
	s := startService(t, func(c *config) {
		parsed, err := loadConfig(yamlFile(t, fmt.Sprintf("prometheus:\n"+
			"  - {name: europe, url: %q, public_url: 'https://prom.example/eu'}\n  - {name: america, url: %q}\n"+
			"  - {name: lab, url: %q, match: ['cluster=~\"lab|test\"']}\n", eu.URL, us.URL, lab.URL)), func(string) string { return "" }, "")
		require.NoError(t, err)
		c.Prometheus = parsed.Prometheus
	})
	require.Eventually(t, func() bool { return s.app.probes.status("prometheus") == "ready" }, soon, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Count(s.metrics(), "alertscribe_server_up{server=\"prometheus ") == 3
	}, soon, 20*time.Millisecond)
	look := func(name string, clusters ...string) (signal, own incident.Evidence) {
		a := s.post("/alert", clusterAlert(name, clusters...))
		require.NotNil(t, a.Incident, a.raw)
		var found incident.Findings
		require.Eventually(t, func() bool {
			_, found = s.incident(*a.Incident)
			return len(found.Evidence) > 0
		}, soon, 20*time.Millisecond)
		for _, e := range found.Evidence {
			if e.Kind == incident.KindSignal {
				signal = e
			}
			if e.Kind == incident.KindAlert {
				own = e
			}
		}
		return signal, own
	}
	for _, tc := range []struct{ cluster, server, link string }{
		{"eu", "europe", "https://prom.example/eu/graph"}, {"us", "america", us.URL + "/graph"}, {"lab", "lab", lab.URL + "/graph"},
	} {
		signal, own := look("A"+tc.cluster, tc.cluster)
		assert.Equal(t, tc.server, signal.Server)
		assert.True(t, strings.HasPrefix(signal.Link, tc.link), signal.Link)
		assert.False(t, signal.Failed, signal.Summary)
		assert.NotContains(t, own.Summary, "another one")
	}
	signal, _ := look("Nobody", "asia")
	assert.True(t, signal.Failed)
	assert.Contains(t, signal.Summary, "none of the servers in the settings (europe, america, lab) fits")
	signal, own := look("Both", "eu", "us", "us")
	assert.NotEmpty(t, signal.Server)
	assert.Contains(t, own.Summary, "Only Prometheus "+signal.Server+" was queried")
}

// TestListOrOne: a list and PROMETHEUS_URL exclude each other.
func TestListOrOne(t *testing.T) {
	file := yamlFile(t, "prometheus: [{name: eu, url: 'http://a:9090'}]\n")
	_, err := loadConfig(file, func(name string) string { return map[string]string{"PROMETHEUS_URL": "http://b:9090"}[name] }, "")
	require.ErrorContains(t, err, "PROMETHEUS_URL is set, which is one; unset it")
	c, err := loadConfig(file, func(string) string { return "" }, "")
	require.NoError(t, err)
	assert.Equal(t, "http://a:9090", c.Prometheus.URL)
	assert.Equal(t, "eu at http://a:9090", c.prometheusText())
}
