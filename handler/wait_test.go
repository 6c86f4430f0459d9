package handler

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestWait(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	done := make(chan answer, 1)
	go func() {
		done <- e.do(t, http.MethodPost, "/alert?wait=60s", body("A", "firing"), "Content-Type", jsonType)
	}()
	e.waitsFor(t, 1)
	findings := incident.Findings{Verdict: &incident.Verdict{Summary: "The login service is down.", Category: "availability", Severity: "critical"}}
	e.analyze(t, id, findings)
	answer := readJSON(t, <-done, http.StatusOK)
	inc, _, err := e.store.Store.Incident(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "success", answer["status"])
	assert.Equal(t, "complete", answer["analysis_state"])
	assert.Equal(t, id, answer["incident"])
	assert.Equal(t, "/reports/"+id, answer["report_url"])
	assert.Equal(t, e.dir.Path(inc), answer["report_path"])
	assert.Contains(t, answer["analysis"], "The login service is down.")
	assert.True(t, strings.HasPrefix(answer["analysis"].(string), "---\n"), "the report as it is in the file")

	start := time.Now()
	again := readJSON(t, e.do(t, http.MethodPost, "/alert?wait=10m", body("A", "firing"), "Content-Type", jsonType), http.StatusOK)
	assert.Less(t, time.Since(start), time.Minute, "a repeat finds what is finished")
	assert.Equal(t, id, again["incident"])
}

// waitsFor returns once a request has looked at its incident n times, and so waits.
func (e *env) waitsFor(t *testing.T, n int64) {
	t.Helper()
	require.Eventually(t, func() bool { return e.store.reads.Load() >= n }, time.Minute, time.Millisecond)
}

func TestWaitRunsOut(t *testing.T) {
	e := newEnv(t)
	server := httptest.NewUnstartedServer(e.handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
	server.Start()
	defer server.Close()
	start := time.Now()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/alert?wait=2s", strings.NewReader(body("A", "firing")))
	require.NoError(t, err)
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	answer := readJSON(t, answer{resp.StatusCode, resp.Header, string(text)}, http.StatusAccepted)
	assert.GreaterOrEqual(t, time.Since(start), 2*time.Second, "the server's own timeouts don't cut a wait off")
	assert.Equal(t, "accepted", answer["status"])
	assert.Equal(t, "/reports/"+answer["incident"].(string), answer["report_url"])
}

// TestWaitForEvidence: what is not worth a model call is evidence only from the start, and its report still has to come.
func TestWaitForEvidence(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("Watchdog", "firing"))
	e.writeFiles(t)
	done := make(chan answer, 1)
	go func() {
		done <- e.do(t, http.MethodPost, "/alert?wait=60s", body("Watchdog", "firing"), "Content-Type", jsonType)
	}()
	e.waitsFor(t, 1)
	e.analyze(t, id, incident.Findings{})
	answer := readJSON(t, <-done, http.StatusOK)
	assert.Equal(t, "evidence_only", answer["analysis_state"])
	assert.Equal(t, "skipped", answer["analysis_reason"])
}

func TestWaitOutlivesFaultsOfTheStore(t *testing.T) {
	e := newEnv(t)
	e.store.incident = errors.New("busy")
	readJSON(t, e.do(t, http.MethodPost, "/alert?wait=3s", body("A", "firing"), "Content-Type", jsonType), http.StatusAccepted)
	assert.Greater(t, e.store.reads.Load(), int64(3))
}

func TestWaitEndsWhenTheClientGoesAway(t *testing.T) {
	e := newEnv(t)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		e.handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/alert?wait=10m", strings.NewReader(body("A", "firing")))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		resp, err := server.Client().Do(r)
		if err == nil {
			err = resp.Body.Close()
		}
		failed <- err
	}()
	e.waitsFor(t, 1)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the request still waits")
	}
	list, _, err := e.store.Incidents(t.Context(), incident.Query{Limit: 1})
	require.NoError(t, err)
	assert.Len(t, list, 1, "what was sent is durable all the same")
}

func TestFinished(t *testing.T) {
	collected := incident.Analysis{State: incident.Complete, Wanted: 2, Evidence: 2}
	now := time.Now()
	tests := map[string]struct {
		inc  incident.Incident
		want bool
	}{
		"all is there":                      {incident.Incident{Analysis: collected, Revision: 5, FileRevision: 5}, true},
		"the file is older":                 {incident.Incident{Analysis: collected, Revision: 5, FileRevision: 4}, false},
		"pending":                           {incident.Incident{Analysis: incident.Analysis{State: incident.Pending}}, false},
		"no evidence yet":                   {incident.Incident{Analysis: incident.Analysis{State: incident.EvidenceOnly, Wanted: 1}, Due: incident.Due{incident.WorkEvidence: now}}, false},
		"another look at the end":           {incident.Incident{Analysis: collected, Due: incident.Due{incident.WorkEvidence: now}}, true},
		"stale before evidence was there":   {incident.Incident{Analysis: incident.Analysis{State: incident.EvidenceOnly, Wanted: 1}}, true},
		"an attempt that is yet to be made": {incident.Incident{Analysis: incident.Analysis{State: incident.Pending, Wanted: 1, Evidence: 1}}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, finished(&tc.inc)) })
	}
}
