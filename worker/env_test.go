package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env is a real store and what the worker under test works with. Tests run in a bubble of testing/synctest: its time
// passes only while nothing else can happen, so that settled() is exact and a lease of 30 s takes no time.
type env struct {
	t     *testing.T
	store *store.Store
	stops []func()

	mu  sync.Mutex
	log []string // what was done: "file A", "evidence A", "analysis A"
	behaviour
}

// behaviour is what the collaborators do; nil succeeds at once.
type behaviour struct {
	collect func(ctx context.Context, inc *incident.Incident) []incident.Evidence
	refresh func(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) []incident.Evidence
	analyze func(ctx context.Context, inc *incident.Incident, evidence []incident.Evidence) (*incident.Verdict, error)
	write   func(ctx context.Context, inc *incident.Incident, f incident.Findings) error
	verify  func(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error)
	recall  func(inc *incident.Incident) []incident.PastIncident
	permit  func() incident.RetryPermission
}

// bubble runs a test with a store of its own.
func bubble(t *testing.T, test func(*env), change ...func(*store.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := store.Options{Path: filepath.Join(t.TempDir(), "alertscribe.db")}
		for _, f := range change {
			f(&o)
		}
		s, err := store.Open(t.Context(), o)
		require.NoError(t, err)
		e := &env{t: t, store: s}
		defer func() {
			e.stop()
			assert.NoError(t, s.Close())
		}()
		test(e)
	})
}

// settled returns when nothing can happen before time passes.
func settled() { synctest.Wait() }

// pass lets time pass, and then all happen that is due by then.
func pass(d time.Duration) {
	time.Sleep(d)
	settled()
}

// change changes how the worker's collaborators behave, while they may be at work.
func (e *env) change(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// did logs what is done and returns how the collaborators behave now.
func (e *env) did(work incident.Work, inc *incident.Incident) behaviour {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, string(work)+" "+inc.Alertname)
	return e.behaviour
}

// times counts what was done.
func (e *env) times(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, s := range e.log {
		if s == what {
			n++
		}
	}
	return n
}

// Collect, Refresh, PastIncidents, Draft, Verify, RetryPermission and Write make env the worker's collaborators.
func (e *env) Collect(ctx context.Context, inc *incident.Incident, _ []incident.Evidence) incident.Look {
	look := incident.Look{At: time.Now(), Items: evidence("of "+inc.Alertname, 1)}
	if b := e.did(incident.WorkEvidence, inc); b.collect != nil {
		look.Items = b.collect(ctx, inc)
	}
	return look
}

func (e *env) Refresh(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) incident.Look {
	look := incident.Look{At: time.Now(), Kinds: incident.RefreshedKinds(), Items: evidence("of "+inc.Alertname, 1)}
	if b := e.did(incident.WorkRefresh, inc); b.refresh != nil {
		look.Items = b.refresh(ctx, inc, seen)
	}
	return look
}

func (e *env) PastIncidents(_ context.Context, inc *incident.Incident) []incident.PastIncident {
	e.mu.Lock()
	recall := e.recall
	e.mu.Unlock()
	if recall == nil {
		return nil
	}
	return recall(inc)
}

func (e *env) Draft(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, error) {
	if b := e.did(incident.WorkAnalysis, inc); b.analyze != nil {
		return b.analyze(ctx, inc, f.Evidence)
	}
	return verdict(inc.Alertname, "E1"), nil
}

func (e *env) Verify(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error) {
	return e.did("verification", inc).verify(ctx, inc, f)
}

func (e *env) RetryPermission() incident.RetryPermission {
	e.mu.Lock()
	permit := e.permit
	e.mu.Unlock()
	if permit != nil {
		return permit()
	}
	return incident.RetryPermission{}
}

func (e *env) Write(ctx context.Context, inc *incident.Incident, f incident.Findings) error {
	if b := e.did(incident.WorkFile, inc); b.write != nil {
		return b.write(ctx, inc, f)
	}
	return nil
}

// evidence returns n items whose titles say where they come from.
func evidence(title string, n int) []incident.Evidence {
	items := make([]incident.Evidence, n)
	for i := range items {
		items[i] = incident.Evidence{Kind: incident.KindSignal, Title: fmt.Sprintf("%s %d", title, i+1)}
	}
	return items
}

// verdict returns one that is final.
func verdict(summary string, cited ...string) *incident.Verdict {
	v := draft(summary, cited...)
	v.Verification = &incident.Verification{Reason: incident.UnverifiedOff}
	return v
}

func draft(summary string, cited ...string) *incident.Verdict {
	return &incident.Verdict{
		Summary: summary, Causes: []incident.Cause{{Hypothesis: "h", Evidence: cited}}, Spend: incident.Spend{Calls: 1, Prompt: 10},
	}
}

// policy is the default one, by which nothing waits and nothing is looked at again by itself.
func policy() *incident.Policy {
	p := incident.DefaultPolicy()
	p.Settle, p.Refresh = 0, nil
	return p
}

// worker returns a worker on the env's store, after change has had its say.
func (e *env) worker(change ...func(*Options)) *Worker {
	o := Options{
		Store: e.store, Evidence: e, Analyzer: e, Report: e, Policy: policy(),
		Logger: slog.New(slog.NewTextHandler(e.t.Output(), nil)), Registerer: prometheus.NewRegistry(),
	}
	for _, f := range change {
		f(&o)
	}
	w, err := New(o)
	require.NoError(e.t, err)
	return w
}

// rules returns rules by which little time is long.
func rules(o *Options) {
	o.Policy.StaleAfter, o.Policy.AnalysisMaxAge = 5*time.Minute, 2*time.Minute
}

// start runs a worker until the test ends or stop is called, which returns when the worker has ended.
func (e *env) start(w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	e.stops = append(e.stops, stop)
	settled()
	return stop
}

func (e *env) stop() {
	for _, stop := range e.stops {
		stop()
	}
}

// notify stores a notification in which alerts of these names fire, and returns the incident's id. The group is named
// after the first.
func (e *env) notify(severity string, names ...string) string {
	return e.accept(incident.Firing, severity, names...)
}

func (e *env) resolve(names ...string) string {
	return e.accept(incident.Resolved, "warning", names...)
}

func (e *env) accept(status incident.Status, severity string, names ...string) string {
	e.t.Helper()
	n := &incident.Notification{Receiver: "alertscribe", GroupKey: names[0], GroupLabels: map[string]string{"alertname": names[0]}, Body: []byte("{}")}
	for _, name := range names {
		n.Alerts = append(n.Alerts, incident.Alert{Status: status, Labels: map[string]string{"alertname": name, "severity": cmp.Or(severity, "warning")}})
	}
	receipt, err := e.store.Accept(e.t.Context(), n)
	require.NoError(e.t, err)
	settled()
	return receipt.IncidentID
}

func (e *env) get(id string) (*incident.Incident, incident.Findings) {
	e.t.Helper()
	inc, f, err := e.store.Incident(e.t.Context(), id)
	require.NoError(e.t, err)
	return inc, f
}

// opening are the kinds of work that each incident needs at once.
var opening = []incident.Work{incident.WorkFile, incident.WorkEvidence, incident.WorkAnalysis}

// done requires that the incident is complete, its file shows so, and nothing is left to do.
func (e *env) done(id string) (*incident.Incident, incident.Findings) {
	e.t.Helper()
	inc, f := e.get(id)
	require.Equal(e.t, incident.Complete, inc.Analysis.State, inc.Analysis.Detail)
	require.NotNil(e.t, f.Verdict)
	left := maps.Clone(inc.Due)
	delete(left, incident.WorkRefresh) // of the timetable
	require.Empty(e.t, left)
	require.Equal(e.t, inc.Revision, inc.FileRevision)
	return inc, f
}

var errAway = errors.New("the disk is full")

// faulty is the real store with faults put in, by the name of the method.
type faulty struct {
	*store.Store
	mu     sync.Mutex
	faults map[string]error
	claims atomic.Int64 // calls of Claim
}

func (f *faulty) set(err error, methods ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = map[string]error{}
	for _, m := range methods {
		f.faults[m] = err
	}
}

func (f *faulty) fault(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults[method]
}

func (f *faulty) Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error) {
	f.claims.Add(1)
	if err := f.fault("Claim"); err != nil {
		return nil, err
	}
	return f.Store.Claim(ctx, work, limit)
}

func (f *faulty) Renew(ctx context.Context, c incident.Claim) error {
	if err := f.fault("Renew"); err != nil {
		return err
	}
	return f.Store.Renew(ctx, c)
}

func (f *faulty) Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error {
	if err := f.fault("Finish"); err != nil {
		return err
	}
	return f.Store.Finish(ctx, c, apply)
}

func on(s Store) func(*Options) { return func(o *Options) { o.Store = s } }
