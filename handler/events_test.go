package handler

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// serve runs the handler as a server until the test ends.
func (e *env) serve(t *testing.T, settings ...func(*http.Server)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(e.handler)
	for _, set := range settings {
		set(server.Config)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// listen reads the events of an address. They end when the test does, or when the function that is returned is called.
func listen(t *testing.T, address string) (events <-chan string, stop context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // by the reader below
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	told := make(chan string, 1000)
	go func() {
		defer resp.Body.Close()
		defer close(told)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if line := lines.Text(); line != "" {
				told <- line
			}
		}
	}()
	return told, cancel
}

func readEvent(t *testing.T, line string) (e event) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &e), line)
	return e
}

func TestEvents(t *testing.T) {
	stopping := make(chan struct{})
	e := newEnv(t, func(o *Options) { o.Stopping = stopping })
	address := e.serve(t, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = time.Second, time.Second }) + "/api/v1/events"
	all, _ := listen(t, address)
	id := e.post(t, body("A", "firing"))
	assert.Equal(t, event{id, 1, incident.Firing, incident.Pending}, readEvent(t, <-all))

	one, leave := listen(t, address+"?id="+id)
	assert.Equal(t, event{id, 1, incident.Firing, incident.Pending}, readEvent(t, <-one), "as it stands")
	other := e.post(t, body("B", "firing"))
	assert.Equal(t, other, readEvent(t, <-all).ID)
	<-time.After(1200 * time.Millisecond) // longer than the server lets a request and an answer last
	e.post(t, body("A", "resolved"))
	assert.Equal(t, event{id, 2, incident.Resolved, incident.Pending}, readEvent(t, <-one), "and nothing of the other")
	assert.Equal(t, id, readEvent(t, <-all).ID)

	assert.InDelta(t, 2, e.streams(t), 0)
	leave()
	require.Eventually(t, func() bool { return e.streams(t) == 1 }, time.Minute, time.Millisecond)
	close(stopping)
	_, open := <-all
	assert.False(t, open, "streams end when the service stops")
	assert.NotContains(t, readBody(t, e.get(t, "/metrics"), http.StatusOK), `handler="/api/v1/events"`)
}

// streams returns how many streams of events there are by the metric.
func (e *env) streams(t *testing.T) float64 {
	t.Helper()
	families, err := e.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "alertscribe_event_streams" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no such metric")
	return 0
}

func TestEventsRefuse(t *testing.T) {
	e := newEnv(t)
	readJSON(t, e.get(t, "/api/v1/events?id=x"), http.StatusBadRequest)
	readJSON(t, e.get(t, "/api/v1/events?id="+incident.NewID()), http.StatusNotFound)
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodHead, "/api/v1/events", "").StatusCode)
	address := e.serve(t) + "/api/v1/events"
	for range maxStreams {
		listen(t, address)
	}
	answer := e.get(t, "/api/v1/events")
	assert.Contains(t, readJSON(t, answer, http.StatusServiceUnavailable)["reason"], "100 clients")
	assert.Equal(t, "30", answer.Header.Get("Retry-After"))
}

// TestSlowEvents: a client that does not read holds up nobody, learns that it has missed something, and is not forgotten.
func TestSlowEvents(t *testing.T) {
	changes := make(chan incident.Change, 1)
	h := &handler{Options: Options{}}
	client, server := net.Pipe() // holds nothing: a write waits for its reader
	defer client.Close()
	defer server.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.follow(&stream{w: &piped{server}, control: http.NewResponseController(&piped{server})}, changes)
	}()
	lines := bufio.NewScanner(client)
	changes <- incident.Change{ID: "a", Revision: 1}
	changes <- incident.Change{Missed: true}
	require.True(t, lines.Scan())
	assert.Equal(t, "a", readEvent(t, lines.Text()).ID)
	for _, want := range []string{"", "event: missed", "data: {}", ""} {
		require.True(t, lines.Scan())
		assert.Equal(t, want, lines.Text())
	}
	client.Close()
	changes <- incident.Change{ID: "a", Revision: 2}
	<-done
}

// piped is a response that goes into a pipe.
type piped struct{ net.Conn }

func (p *piped) Header() http.Header { return http.Header{} }
func (p *piped) WriteHeader(int)     {}
func (p *piped) Flush()              {}
