package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/cmd/loginsim/sim"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestEndToEnd lets a real Prometheus notice a simulated attack and a real Alertmanager notify the service: the alert
// fires, is reported with evidence and a verdict, resolves, and the report says so.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	logins, err := sim.New(sim.Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: 50 * time.Millisecond}, promslog.NewNopLogger())
	require.NoError(t, err)
	go func() { assert.NoError(t, logins.Run(t.Context())) }()

	// Alertmanager must know our address before we know Prometheus': a relay stands between.
	var service *service
	relay := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.app.server.Handler.ServeHTTP(w, r)
	}))
	// Another alert that opens between the two calls would be in the second prompt, as a related incident.
	rule, _, _ := strings.Cut(strings.Replace(demoRules, "for: 1m", "for: 3s", 1), "      - alert: AdminLoginFailureSpike")
	require.NotEqual(t, demoRules, rule)
	pair := testbedtest.Start(t, testbed.Options{
		Prometheus:   testbed.PrometheusConfig{Targets: []string{logins.MetricsAddr()}, Rules: rule},
		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://" + relay.Listener.Addr().String() + "/alert"},
	})
	m := newModel(t)
	service = startService(t, func(c *config) {
		withModel(m)(c)
		c.Prometheus.URL, c.Alertmanager.URL = pair.PromURL, pair.AMURL
	})
	relay.Start()
	t.Cleanup(relay.Close)

	time.Sleep(5 * time.Second) // traffic before the attack: the one thing here that takes its time
	control := func(path string) {
		resp, err := http.Post("http://"+logins.ControlAddr()+path, "", http.NoBody) //nolint:noctx // a test's
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	query := url.Values{"region": {"shenzhen"}, "user_type": {"admin"}, "duration": {"10m"}, "rate": {"40"}}
	control("/attack?" + query.Encode()) // until it was analyzed, however long that takes

	find := func() *incident.Incident {
		list, _, err := service.app.store.Incidents(t.Context(), incident.Query{Limit: 10, Alertname: demoAlert})
		require.NoError(t, err)
		if len(list) == 0 {
			return nil
		}
		return list[0]
	}
	require.Eventually(t, func() bool { return find() != nil }, time.Minute, 100*time.Millisecond, "the alert does not arrive")
	inc := service.await(find().ID, soon, "complete while it fires", func(inc *incident.Incident) bool {
		return inc.Analysis.State == incident.Complete && current(inc)
	})
	require.Equal(t, incident.Firing, inc.Status)
	text := service.report(inc)
	assert.Contains(t, text, "status: firing")
	assert.Contains(t, text, "analysis: complete")
	assert.Contains(t, text, "user_login_total", "the PromQL that anyone can rerun")
	charts, err := filepath.Glob(strings.TrimSuffix(filepath.Join(service.cfg.Reports.Dir, filepath.FromSlash(inc.ReportPath)), ".md") + "/*.svg")
	require.NoError(t, err)
	require.NotEmpty(t, charts, text)
	chart, err := os.ReadFile(charts[0])
	require.NoError(t, err)
	assert.Contains(t, string(chart), "</svg>")

	_, found := service.incident(inc.ID)
	require.NotNil(t, found.Verdict.Verification)
	assert.Empty(t, found.Verdict.Verification.Reason, found.Verdict.Verification.Detail)
	assertVerified(t, m, inc, found)

	control("/normal")
	resolved := service.await(inc.ID, time.Minute, "resolved", func(inc *incident.Incident) bool {
		return inc.Status == incident.Resolved && current(inc)
	})
	text = service.report(resolved)
	assert.Contains(t, text, "status: resolved")
	assert.Contains(t, text, "analysis: complete")
	assert.Equal(t, inc.ReportPath, resolved.ReportPath)
	assert.Len(t, reportsOnDisk(t, service.cfg.Reports.Dir)[inc.ID], 1)

	// What the file shows is what the page shows.
	page, err := http.Get(service.url + "/reports/" + inc.ID + ".md") //nolint:noctx // a test's
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	assert.Equal(t, http.StatusOK, page.StatusCode)
}

// assertVerified looks at what was sent for an incident: a second call that begins with the first to the byte and brings
// what a real Prometheus answered to contrast queries and to the draft's own checks.
func assertVerified(t *testing.T, m *modeltest.Server, inc *incident.Incident, found incident.Findings) {
	t.Helper()
	kinds := map[incident.EvidenceKind]int{}
	for _, e := range found.Evidence {
		kinds[e.Kind]++
	}
	assert.Positive(t, kinds[incident.KindComparison])
	assert.Equal(t, len(found.Verdict.Checks), kinds[incident.KindCheck], "each check of the draft was run")
	for _, c := range found.Verdict.Checks {
		assert.NotEmpty(t, c.Evidence)
	}
	var prompts []string
	for _, r := range m.Requests() {
		if strings.Contains(r.User(), "Incident: "+inc.Alertname+"\n") {
			prompts = append(prompts, r.Prompt())
		}
	}
	require.GreaterOrEqual(t, len(prompts), 2)
	first, second := prompts[0], prompts[1]
	require.True(t, strings.HasPrefix(second, first), "the first prompt is the second one's prefix")
	share := float64(tokens(first)) / float64(tokens(second))
	t.Logf("prompt tokens: %d first, %d second, %.0f %% of it cached", tokens(first), tokens(second), 100*share)
	assert.LessOrEqual(t, tokens(first), 8000)
	assert.GreaterOrEqual(t, share, .7)
}

// tokens estimates as DeepSeek documents it: 0.3 tokens for an English character, 0.6 for a Chinese one
// (https://api-docs.deepseek.com/quick_start/token_usage).
func tokens(s string) int {
	n := 0.
	for _, r := range s {
		if r < utf8.RuneSelf {
			n += .3
		} else {
			n += .6
		}
	}
	return int(n)
}
