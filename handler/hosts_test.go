package handler

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestForeignHosts: a page on a name that leads here reads nothing and posts nothing; who is meant to come in comes in.
func TestForeignHosts(t *testing.T) {
	var log bytes.Buffer
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	only := Hosts{
		Names: []string{"Alerts.example.com", "behind.example.net"}, RoutePrefix: "/as", Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}.Only(served)
	for _, tc := range []struct {
		name, method, host, path, origin string
		passes                           bool
	}{
		{"the external URL's", "GET", "alerts.example.com", "/as/reports", "", true},
		{"with a port, a dot, and capitals", "GET", "ALERTS.example.com.:8443", "/as/reports", "", true},
		{"one of the settings", "GET", "behind.example.net:80", "/as/reports", "", true},
		{"an address", "GET", "192.0.2.7:5008", "/as/reports", "", true},
		{"an address of version 6", "GET", "[2001:db8::7]:5008", "/as/reports", "", true},
		{"the same without a port", "GET", "[::1]", "/as/reports", "", true},
		{"this machine", "GET", "localhost:5008", "/as/reports", "", true},
		{"a container", "GET", "alertscribe:5008", "/as/reports", "", true},
		{"a service of a cluster", "GET", "alertscribe.monitoring.svc:5008", "/as/reports", "", true},
		{"a service by its whole name", "GET", "alertscribe.monitoring.svc.cluster.local", "/as/reports", "", true},
		{"no host, as of HTTP/1.0", "GET", "", "/as/reports", "", true},
		{"Alertmanager by a name of its own", "POST", "alertscribe.monitoring:5008", "/as/alert", "", true},
		{"a scrape", "GET", "alertscribe.monitoring:5008", "/as/metrics", "", true},
		{"a probe", "GET", "probe.example.org", "/as/-/healthy", "", true},
		{"another probe", "HEAD", "probe.example.org", "/as/-/ready", "", true},

		{"a page that was rebound", "GET", "evil.example.org:5008", "/as/reports", "", false},
		{"its API", "GET", "evil.example.org:5008", "/as/api/v1/incidents", "", false},
		{"its feedback", "POST", "evil.example.org:5008", "/as/api/v1/incidents/x/feedback", "http://evil.example.org:5008", false},
		{"its alerts", "POST", "evil.example.org", "/as/alert", "http://evil.example.org", false},
		{"its alerts from nowhere", "POST", "evil.example.org", "/as/alert", "null", false},
		{"what metrics are not", "GET", "evil.example.org", "/as/metrics/anomalies", "", false},
		{"below ours", "GET", "evil.alerts.example.com", "/as/reports", "", false},
		{"that ends like ours", "GET", "evilalerts.example.com", "/as/reports", "", false},
		{"that begins like an address", "GET", "127.0.0.1.evil.example.org", "/as/reports", "", false},
		{"with an address for a user", "GET", "127.0.0.1@evil.example.org", "/as/reports", "", false},
		{"a host that is none", "GET", "evil.example.org:5008:5008", "/as/reports", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, http.NoBody)
			r.Host = tc.host
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			rec := httptest.NewRecorder()
			only.ServeHTTP(rec, r)
			if tc.passes {
				assert.Equal(t, http.StatusNoContent, rec.Code)
				return
			}
			require.Equal(t, http.StatusMisdirectedRequest, rec.Code)
			var answer struct{ Status, Reason string }
			require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
			assert.Equal(t, "failed", answer.Status)
			assert.Contains(t, answer.Reason, "web.hosts")
		})
	}
	assert.Equal(t, 1, strings.Count(log.String(), "host=evil.example.org\n"), "a name is logged once")
	for i := range 100 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/as/reports", http.NoBody)
		r.Host = "x" + strconv.Itoa(i) + ".example.org\n\x1b[31m"
		only.ServeHTTP(httptest.NewRecorder(), r)
	}
	assert.Equal(t, maxRejectedHosts, strings.Count(log.String(), "level=WARN"), "nobody fills the log")
	assert.NotContains(t, log.String(), "\x1b")
}
