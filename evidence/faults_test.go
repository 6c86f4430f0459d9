package evidence

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// TestFaultyPrometheus holds the collection to its bounds and its words whatever the server does.
func TestFaultyPrometheus(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				select {
				case <-time.After(10 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		},
		"is huge": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[`))
			chunk := []byte(strings.Repeat(`{"metric":{"a":"b"},"values":[[1,"2"]]},`, 1000))
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"is no Prometheus": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) },
		"fails":            func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
		"wants a password": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) },
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"status":"error","errorType":"bad_data","error":"unknown function"}`))
		},
		"has limits": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"status":"error","errorType":"execution","error":"the query hit the max number of series limit"}`))
		},
		"says nonsense": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"streams","result":[]}}`))
		},
		"cuts off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"status":"success"`))
		},
	}
	words := map[string]string{
		"hangs": "timed out", "drips": "timed out", "is huge": "more than 16 MiB", "is no Prometheus": "server unavailable",
		"fails": "HTTP status 500", "wants a password": "check the credentials in http_config", "refuses": "unknown function",
		"has limits": "limit", "says nonsense": "server unavailable", "cuts off": "server unavailable", "is gone": "connection refused",
	}
	for name, want := range words {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handlers[name])
			if name == "is gone" {
				server.Close()
			}
			t.Cleanup(server.Close)
			timeout := time.Minute // to read 16 MiB several times takes a loaded machine a while
			if want == "timed out" {
				timeout = 5 * time.Second
			}
			registry := prometheus.NewPedanticRegistry()
			c := collectorAt(t, strings.Replace(server.URL, "//", "//user:secret@", 1), time.Now(), func(o *Options) {
				o.Timeout, o.Registerer = timeout, registry
			})
			inc := firingIncident(time.Now().Add(-time.Minute), `sum(rate(x_total[5m])) > 1`, "alertname=X instance=a:80 job=api")
			began := time.Now()
			items := c.Collect(t.Context(), inc, nil).Items
			assert.Less(t, time.Since(began), timeout+20*time.Second, "all questions together: there are dozens")
			require.NotEmpty(t, items)
			assert.Equal(t, incident.KindAlert, items[0].Kind)
			assert.False(t, items[0].Failed)
			for _, item := range items {
				assert.Empty(t, item.ID)
				assert.NotContains(t, item.Summary+item.Link, "secret")
			}
			signal := ofKind(items, incident.KindSignal)
			require.Len(t, signal, 1)
			assert.True(t, signal[0].Failed)
			assert.Contains(t, signal[0].Summary, want)
			assert.Positive(t, testutil.ToFloat64(c.metrics.failed.WithLabelValues("signal")))
			problems, err := testutil.GatherAndLint(registry)
			require.NoError(t, err)
			assert.Empty(t, problems)
		})
	}
}

func TestOptions(t *testing.T) {
	u := func(s string) promapi.Server { return serverAt(t, s) }
	tests := []struct {
		name, want string
		options    Options
	}{
		{"nothing", "", Options{}},
		{"an unknown language", "REPORT_LANGUAGE", Options{Language: "fr"}},
		{"no scheme", "PROMETHEUS_URL", Options{Prometheus: u("prometheus/x")}},
		{"another scheme", "ALERTMANAGER_URL", Options{Alertmanager: u("ftp://alertmanager")}},
		{"a bad runbook", "runbook prefix", Options{Runbooks: Runbooks{Allow: []string{"x"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := New(test.options)
			if test.want == "" {
				require.NoError(t, err)
				c.Close()
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestWithoutPrometheus: the alerts, and a line that says what to set.
func TestWithoutPrometheus(t *testing.T) {
	since := time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)
	inc := firingIncident(since, "", "alertname=X instance=a:80 team=a", "alertname=X instance=b:80 team=a")
	inc.Truncated = 3
	inc.Alerts[1].Status, inc.Alerts[1].EndsAt = incident.Resolved, since.Add(time.Minute)
	for language, want := range map[incident.Language][2]string{
		"en": {
			`1 of 2 X alerts firing, the first since 2026-11-20 08:30:05 UTC. Alertmanager omitted 3 more. All have alertname="X", team="a".`,
			"Prometheus was not queried: PROMETHEUS_URL is not set.",
		},
		"zh": {
			`X：共 2 条告警，1 条触发中，最早 2026-11-20 08:30:05 UTC 开始。另有 3 条被 Alertmanager 截断。共同标签：alertname="X", team="a"。`,
			"未设置 PROMETHEUS_URL。",
		},
	} {
		t.Run(string(language), func(t *testing.T) {
			c := collectorAt(t, "", since.Add(time.Hour), func(o *Options) { o.Language = language })
			items := c.Collect(t.Context(), inc, nil).Items
			require.Len(t, items, 2)
			assert.Equal(t, want[0], items[0].Summary)
			assert.Equal(t, want[1], items[1].Summary)
			require.Len(t, items[0].Table.Rows, 2)
			assert.Equal(t, "2026-11-20 08:30:05 UTC", items[0].Table.Rows[0][2])
			_, err := c.StillFiring(t.Context(), inc)
			require.ErrorIs(t, err, errNoAlertmanager)
		})
	}
	t.Run("no alert at all", func(t *testing.T) {
		c := collectorAt(t, "", since)
		assert.NotPanics(t, func() { c.Collect(t.Context(), &incident.Incident{}, nil) })
	})
	t.Run("a panic is the collector's own", func(t *testing.T) {
		c := collectorAt(t, "", since)
		broken := collector{kind: incident.KindSignal, title: msgTitleSignal, run: func(context.Context, *investigation) ([]incident.Evidence, error) { panic("oops") }}
		items := c.runCollector(t.Context(), broken, c.investigate(t.Context(), inc, 60))
		require.Len(t, items, 1)
		assert.True(t, items[0].Failed)
		assert.NotContains(t, items[0].Summary, "oops")
	})
}
