package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// page is a server that answers everything with a page of HTML, as a proxy's login does.
func page(t *testing.T, status int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html>Please log in</html>"))
	}))
	t.Cleanup(s.Close)
	return s
}

// healthOf returns what /health says of a service's servers.
func healthOf(t *testing.T, c *assert.CollectT, s *service) map[string]string {
	t.Helper()
	code, text := get(t, s.url+"/health")
	require.Equal(c, http.StatusOK, code, "a server that is down is no reason to restart us")
	var answer struct{ Services map[string]any }
	require.NoError(c, json.Unmarshal([]byte(text), &answer))
	out := map[string]string{}
	for _, name := range []string{"prometheus", "alertmanager"} {
		out[name], _ = answer.Services[name].(string)
	}
	return out
}

// TestServersAreAskedAtStart: a wrong URL is found before the first alert: in the log, in /health and in a metric.
func TestServersAreAskedAtStart(t *testing.T) {
	pair := testbedtest.Start(t, testbed.Options{Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:1/"}})
	for name, tc := range map[string]struct {
		prometheus, alertmanager string
		health                   map[string]string // how each begins
		logs, metrics            []string
	}{
		"both are there": {
			pair.PromURL, pair.AMURL,
			map[string]string{"prometheus": "ready", "alertmanager": "ready"},
			[]string{`level=INFO .*msg="Server answers" server=Prometheus url=` + pair.PromURL, `msg="Server answers" server=Alertmanager`},
			[]string{`alertscribe_server_up{server="prometheus"} 1`, `alertscribe_server_up{server="alertmanager"} 1`},
		},
		"a wrong path": {
			pair.PromURL + "/prometheus", pair.AMURL + "/am",
			map[string]string{"prometheus": "failing: querying: server unavailable: HTTP status 404 Not Found, check the path of the URL", "alertmanager": "failing: server unavailable: HTTP status 404"},
			[]string{`level=WARN .*msg="Server failed to answer, reports lack what it knows" server=Prometheus lacking=evidence check=PROMETHEUS_URL`, `server=Alertmanager .*check=ALERTMANAGER_URL`},
			[]string{`alertscribe_server_up{server="prometheus"} 0`, `alertscribe_server_up{server="alertmanager"} 0`},
		},
		"each other's": {
			pair.AMURL, pair.PromURL, map[string]string{"prometheus": "failing: ", "alertmanager": "failing: "}, nil, nil,
		},
		"a page of somebody's": {
			page(t, http.StatusOK).URL, page(t, http.StatusOK).URL,
			map[string]string{"prometheus": "failing: ", "alertmanager": "failing: server unavailable: response is not from Alertmanager"},
			nil, nil,
		},
		"nobody": {
			"http://127.0.0.1:1", "",
			map[string]string{"prometheus": "failing: querying: server unavailable: ", "alertmanager": "not configured"},
			nil,
			[]string{`alertscribe_server_up{server="prometheus"} 0`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startService(t, func(c *config) { c.Prometheus.URL, c.Alertmanager.URL = tc.prometheus, tc.alertmanager })
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				for server, state := range healthOf(t, c, s) {
					assert.NotEqual(c, "not asked yet", state)
					assert.True(c, bytes.HasPrefix([]byte(state), []byte(tc.health[server])), "%s: %s", server, state)
				}
			}, soon, 20*time.Millisecond)
			_, metrics := get(t, s.url+"/metrics")
			for _, want := range tc.metrics {
				assert.Contains(t, metrics, want+"\n")
			}
			if tc.alertmanager == "" {
				assert.NotContains(t, metrics, `server_up{server="alertmanager"}`)
			}
			require.NoError(t, s.stop())
			for _, want := range tc.logs {
				assert.Regexp(t, want, s.logs.String())
			}
		})
	}
}

// TestProbesSayWhatChanges: once each, not every half minute.
func TestProbesSayWhatChanges(t *testing.T) {
	var down atomic.Bool
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	}))
	defer server.Close()
	cfg := defaultConfig()
	cfg.Prometheus.URL = server.URL + "/?token=planted-token"
	pool, err := cfg.pool()
	require.NoError(t, err)
	p, err := newProbes(cfg, pool)
	require.NoError(t, err)
	defer p.close()
	p.every = time.Millisecond
	var logs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.run(ctx, promslog.New(&promslog.Config{Writer: &logs})) })
	await := func(state string) {
		t.Helper()
		before := asked.Load()
		require.Eventually(t, func() bool { return p.status("prometheus") == state && asked.Load() > before+3 }, soon, time.Millisecond)
	}
	await("ready")
	assert.InDelta(t, 1, testutil.ToFloat64(p), 0)
	down.Store(true)
	await("failing: querying: server unavailable: HTTP status 502 Bad Gateway")
	assert.InDelta(t, 0, testutil.ToFloat64(p), 0)
	down.Store(false)
	await("ready")
	cancel()
	running.Wait()
	assert.Equal(t, 2, bytes.Count(logs.Bytes(), []byte("Server answers")))
	assert.Equal(t, 1, bytes.Count(logs.Bytes(), []byte("Server failed to answer")))
	assertNoSecret(t, logs.String())
	assert.Equal(t, "not configured", p.status("alertmanager"))
}

// TestCheckConfigOnline asks what check-config alone does not.
func TestCheckConfigOnline(t *testing.T) {
	pair := testbedtest.Start(t, testbed.Options{Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:1/"}})
	model, err := modeltest.New()
	require.NoError(t, err)
	defer model.Close()
	for name, tc := range map[string]struct {
		prometheus, alertmanager, model, key string
		want                                 []string
		err                                  string
	}{
		"all answer":      {pair.PromURL, pair.AMURL, model.URL, "sk-planted-key", []string{"online          Prometheus answers\n", "online          Alertmanager answers\n", "online          the model answers\n", "SUCCESS"}, ""},
		"nothing is set":  {"", "", model.URL, "", []string{"SUCCESS"}, ""},
		"a wrong path":    {pair.PromURL + "/x", pair.AMURL, model.URL, "", []string{"Prometheus FAILED: querying: server unavailable: HTTP status 404 Not Found, check the path of the URL\n", "Alertmanager answers\n"}, "1 of 2 servers failed to answer as they should, see above"},
		"one of a pair":   {"", pair.AMURL + ", http://127.0.0.1:1", model.URL, "", []string{"Alertmanager answers\n", "Alertmanager at http://127.0.0.1:1 FAILED: "}, "1 of 2 servers failed"},
		"a model of none": {"", "", "http://127.0.0.1:1", "sk-planted-key", []string{"the model FAILED: "}, "1 of 1 servers failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for k, v := range map[string]string{"PROMETHEUS_URL": tc.prometheus, "ALERTMANAGER_URL": tc.alertmanager, "LLM_BASE_URL": tc.model, "DEEPSEEK_API_KEY": tc.key} {
				t.Setenv(k, v)
			}
			var out, errs bytes.Buffer
			c := &cli{stdout: &out, stderr: &errs}
			require.NoError(t, c.checkConfig(t.Context(), false), "offline, all is well")
			assert.NotContains(t, out.String(), "online ")
			out.Reset()
			err := c.checkConfig(t.Context(), true)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
				require.NotErrorIs(t, err, errBadInput, "the settings may well be right")
				assert.NotContains(t, out.String(), "SUCCESS")
			}
			for _, want := range tc.want {
				assert.Contains(t, out.String(), want)
			}
			assertNoSecret(t, out.String())
		})
	}
}
