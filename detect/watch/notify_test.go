package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

func alertmanagers(t *testing.T, urls ...string) *Alertmanagers {
	t.Helper()
	var servers []promapi.Server
	for _, s := range urls {
		u, err := url.Parse(s)
		require.NoError(t, err)
		servers = append(servers, promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig})
	}
	a, err := NewAlertmanagers(servers, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func anAlert(name string, ends time.Time) Alert {
	return Alert{
		Labels: map[string]string{"alertname": name}, Annotations: map[string]string{"summary": "of " + name},
		StartsAt: time.Now().Add(-time.Minute), EndsAt: ends, GeneratorURL: "http://prometheus.example/graph?g0.expr=up",
	}
}

// stored asks a real Alertmanager for its alerts.
func stored(t *testing.T, root string) map[string]time.Time {
	t.Helper()
	resp, err := http.Get(root + "/api/v2/alerts") //nolint:noctx // a test's
	require.NoError(t, err)
	defer resp.Body.Close()
	var alerts []struct {
		Labels map[string]string
		EndsAt time.Time
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&alerts))
	out := map[string]time.Time{}
	for _, a := range alerts {
		out[a.Labels["alertname"]] = a.EndsAt
	}
	return out
}

// TestEachAlertmanagerIsTold: two real ones.
func TestEachAlertmanagerIsTold(t *testing.T) {
	var urls []string
	for range 2 {
		urls = append(urls, testbedtest.StartAlertmanager(t, testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:1/"}).URL)
	}
	a := alertmanagers(t, urls[0], urls[1]+"/")
	var alerts []Alert
	for i := range 300 { // more than one request takes
		alerts = append(alerts, anAlert(fmt.Sprintf("A%d", i), time.Time{}))
	}
	a.Notify(t.Context(), nil, time.Second, alerts)
	for _, u := range urls {
		require.Eventually(t, func() bool { return len(stored(t, u)) == 300 }, time.Minute, 50*time.Millisecond)
		assert.WithinDuration(t, time.Now().Add(4*time.Minute), stored(t, u)["A7"], time.Minute, "resolves by itself when nobody tells of it")
	}
	a.Notify(t.Context(), nil, time.Second, []Alert{anAlert("A7", time.Now())})
	for _, u := range urls {
		require.Eventually(t, func() bool { return len(stored(t, u)) == 299 }, time.Minute, 50*time.Millisecond, "resolved")
		assert.NotContains(t, stored(t, u), "A7")
	}
}

// failing is an Alertmanager that answers with a status first, and keeps what it took.
type failing struct {
	mu     sync.Mutex
	status []int
	got    [][]posted
}

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path != "/api/v2/alerts" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "no such resource", http.StatusNotFound)
		return
	}
	var alerts []posted
	if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(f.status) > 0 {
		status := f.status[0]
		f.status = f.status[1:]
		if status != http.StatusOK {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "not now")
			return
		}
	}
	f.got = append(f.got, alerts)
}

func (f *failing) requests() [][]posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]posted{}, f.got...)
}

func TestAlertsAreSentAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		status []int
		want   int
	}{
		"taken":              {nil, 1},
		"down for a moment":  {[]int{503, 500}, 1},
		"too many requests":  {[]int{429}, 1},
		"a path that's late": {[]int{404}, 1},
		"refused":            {[]int{400}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &failing{status: tc.status}
			srv := httptest.NewServer(f)
			t.Cleanup(srv.Close)
			a := alertmanagers(t, srv.URL)
			a.Notify(t.Context(), nil, time.Second, []Alert{anAlert("A", time.Time{})})
			p := a.peers[0]
			require.Eventually(t, func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return len(p.queued) == 0
			}, time.Minute, 5*time.Millisecond)
			assert.Len(t, f.requests(), tc.want)
			outcome := sentOK
			if tc.want == 0 {
				outcome = sentRefused
			}
			assert.InEpsilon(t, 1., testutil.ToFloat64(p.sent.WithLabelValues(p.name, outcome)), 0)
		})
	}
}

func TestAlertsAreToldAgainAfterAWhile(t *testing.T) {
	p := &peer{queued: map[model.Fingerprint]posted{}, last: map[model.Fingerprint]lastSent{}, wake: make(chan struct{}, 1)}
	now := time.Now()
	firing, ended := posted{Labels: map[string]string{"alertname": "A"}, StartsAt: now, firing: true}, posted{Labels: map[string]string{"alertname": "A"}, StartsAt: now}
	sendAll := func(at time.Time) {
		for id, a := range p.queued {
			p.last[id] = lastSent{at, a.StartsAt, a.firing}
			delete(p.queued, id)
		}
	}
	for i, tc := range []struct {
		after  time.Duration
		alert  posted
		queued int
	}{
		{0, firing, 1},
		{10 * time.Second, firing, 0},
		{59 * time.Second, firing, 0},
		{time.Minute, firing, 1},
		{61 * time.Second, ended, 1},
		{62 * time.Second, ended, 0},
		{63 * time.Second, firing, 1},
	} {
		p.queue([]posted{tc.alert}, now.Add(tc.after))
		assert.Len(t, p.queued, tc.queued, "step %d", i)
		sendAll(now.Add(tc.after))
	}
	many := make([]posted, maxQueued+5)
	for i := range many {
		many[i] = posted{Labels: map[string]string{"alertname": fmt.Sprint(i)}, firing: true}
	}
	p.queue(many, now)
	assert.Len(t, p.queued, maxQueued)
}
