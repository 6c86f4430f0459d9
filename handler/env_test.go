package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/report"
	realstore "github.com/alertscribe/alertscribe/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type status string

func (s status) Status() string { return string(s) }

func (status) Answers() (read, unreadable int64) { return 5, 2 }

// faulty is the real store with faults put in.
type faulty struct {
	*realstore.Store
	accept   func(context.Context, *incident.Notification) (incident.Receipt, error)
	check    error
	queue    error
	incident error
	update   error
	costs    error
	reads    atomic.Int64 // of single incidents
}

func (f *faulty) Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	if f.accept != nil {
		return f.accept(ctx, n)
	}
	return f.Store.Accept(ctx, n)
}

func (f *faulty) Ping(ctx context.Context) error {
	if f.check != nil {
		return f.check
	}
	return f.Store.Ping(ctx)
}

func (f *faulty) Queue(ctx context.Context) (incident.Queue, error) {
	if f.queue != nil {
		return incident.Queue{}, f.queue
	}
	return f.Store.Queue(ctx)
}

func (f *faulty) Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error) {
	f.reads.Add(1)
	if f.incident != nil {
		return nil, incident.Findings{}, f.incident
	}
	return f.Store.Incident(ctx, id)
}

func (f *faulty) Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error {
	if f.update != nil {
		return f.update
	}
	return f.Store.Update(ctx, id, apply)
}

func (f *faulty) Costs(ctx context.Context, since time.Time) ([]incident.Costs, error) {
	if f.costs != nil {
		return nil, f.costs
	}
	return f.Store.Costs(ctx, since)
}

// faultyDir is the real report directory with faults put in.
type faultyDir struct {
	*report.Writer
	check func() error
}

func (d *faultyDir) Check() error {
	if d.check != nil {
		return d.check()
	}
	return d.Writer.Check()
}

// env is a handler over a real store and a real report writer.
type env struct {
	handler  http.Handler
	store    *faulty
	dir      *faultyDir
	registry *prometheus.Registry
	log      *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newEnv(t *testing.T, settings ...func(*Options)) *env {
	t.Helper()
	s, err := realstore.Open(t.Context(), realstore.Options{Path: filepath.Join(t.TempDir(), "alertscribe.db"), Policy: atOnce()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	w, err := report.New(report.Options{Dir: filepath.Join(t.TempDir(), "reports")})
	require.NoError(t, err)
	e := &env{store: &faulty{Store: s}, dir: &faultyDir{Writer: w}, registry: prometheus.NewRegistry(), log: &lockedBuffer{}}
	o := Options{
		Store: e.store, Report: w, Directory: e.dir, Analyzer: status("ready"), ReportDir: "reports",
		Gatherer: e.registry, Registerer: e.registry, Logger: slog.New(slog.NewTextHandler(e.log, nil)),
	}
	for _, set := range settings {
		set(&o)
	}
	e.handler, err = New(o)
	require.NoError(t, err)
	return e
}

// answer is what came of a request.
type answer struct {
	StatusCode int
	Header     http.Header
	text       string
}

// do sends a request; header holds names and values in turn.
func (e *env) do(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	e.handler.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func (e *env) get(t *testing.T, target string) answer {
	t.Helper()
	return e.do(t, http.MethodGet, target, "")
}

// post sends a notification and returns the incident's id.
func (e *env) post(t *testing.T, body string) string {
	t.Helper()
	answer := readJSON(t, e.do(t, http.MethodPost, "/alert", body, "Content-Type", "application/json"), http.StatusAccepted)
	require.IsType(t, "", answer["incident"])
	return answer["incident"].(string)
}

// atOnce is the default policy, by which nothing waits and nothing is looked at again by itself.
func atOnce() *incident.Policy {
	p := incident.DefaultPolicy()
	p.Settle, p.Refresh = 0, nil
	return p
}

// analyze walks an incident through evidence, analysis and file, as the workers do.
func (e *env) analyze(t *testing.T, id string, f incident.Findings) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, e.store.Update(ctx, id, func(inc *incident.Incident) bool {
		inc.EvidenceCollected(inc.Clone(), atOnce(), time.Now())
		return true
	}))
	claims, err := e.store.Claim(ctx, incident.WorkAnalysis, 100)
	require.NoError(t, err)
	for _, c := range claims {
		require.NoError(t, e.store.Finish(ctx, c, func(inc *incident.Incident, found *incident.Findings) {
			*found = f
			inc.Analyzed(c.Incident, incident.Spend{Calls: 1, Prompt: 1000, Completion: 200, Cost: 0.0003}, time.Now())
		}))
	}
	e.writeFiles(t)
}

func (e *env) writeFiles(t *testing.T) {
	t.Helper()
	claims, err := e.store.Claim(t.Context(), incident.WorkFile, 500)
	require.NoError(t, err)
	for _, c := range claims {
		require.NoError(t, e.store.Finish(t.Context(), c, func(inc *incident.Incident, _ *incident.Findings) { inc.FileWritten(c.Incident) }))
	}
}

func readBody(t *testing.T, a answer, status int) string {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.text)
	return a.text
}

func readJSON(t *testing.T, a answer, status int) map[string]any {
	t.Helper()
	body := readBody(t, a, status)
	assert.Equal(t, "application/json", a.Header.Get("Content-Type"))
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &object), body)
	return object
}

var t0 = time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)

var firedAt = time.Now().Add(-time.Minute).UTC()

// body is a notification of one group.
func body(alertname, status string, labels ...string) string {
	set := map[string]string{"alertname": alertname}
	for i := 0; i < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	b, err := json.Marshal(map[string]any{
		"version": "4", "receiver": "alertscribe", "status": status, "groupKey": `{}:{alertname="` + alertname + `"}`,
		"groupLabels": map[string]string{"alertname": alertname},
		"alerts":      []any{map[string]any{"status": status, "labels": set, "startsAt": firedAt}},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}
