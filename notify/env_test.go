package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sender is a channel of a test: it takes messages, or fails as it is told.
type sender struct {
	mu    sync.Mutex
	got   []channel.Delivery
	fails []error // of the next attempts
	down  error   // of all attempts
	tries int
	begun int
	hold  chan struct{} // attempts wait for it to be closed; nil for no waiting
	edits bool
	taken func() // called when a message was taken; nil for nothing
}

func (s *sender) Pace() (every time.Duration, burst int) { return time.Millisecond, 1000 }

func (s *sender) Send(ctx context.Context, d channel.Delivery) (channel.Receipt, error) {
	s.mu.Lock()
	s.begun++
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return channel.Receipt{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.down != nil {
		return channel.Receipt{}, s.down
	}
	if len(s.fails) > 0 {
		err := s.fails[0]
		s.fails = s.fails[1:]
		if err != nil {
			return channel.Receipt{}, err
		}
	}
	m := *d.Message
	d.Message = &m
	s.got = append(s.got, d)
	if s.taken != nil {
		s.taken()
	}
	if !s.edits {
		return channel.Receipt{}, nil
	}
	return channel.Receipt{Thread: "thread of " + m.Incident}, nil
}

func (s *sender) setDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *sender) deliveries() []channel.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// beginnings returns how many attempts were begun, of which the last one may wait.
func (s *sender) beginnings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

func (s *sender) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// events returns the events that were told, in order.
func (s *sender) events() []string {
	var events []string
	for _, d := range s.deliveries() {
		events = append(events, string(d.Message.Event))
	}
	return events
}

// closing is a sender whose service has something open until it is told of the end.
type closing struct{ sender }

func (*closing) Closes() {}

var (
	errConfig  = &channel.Failure{Kind: channel.BadConfig, Err: fmt.Errorf("token revoked")}
	errContent = &channel.Failure{Kind: channel.BadContent, Err: fmt.Errorf("too long")}
	errLater   = &channel.Failure{Kind: channel.Retry, Err: fmt.Errorf("overloaded")}
)

// env is a store and a notifier over it.
type env struct {
	t     *testing.T
	path  string
	store *store.Store
	logs  *logs

	sender *sender // for wait
}

// wait waits until the sender has taken so many messages.
func (e *env) wait(n int) {
	e.t.Helper()
	e.eventually(func() bool { return len(e.sender.events()) == n }, fmt.Sprint(n, " messages"))
}

// analyze2 analyzes after the first message.
func (e *env) analyze2(id string) {
	e.t.Helper()
	e.wait(1)
	e.analyze(id)
}

// clock runs with the real one, ahead of it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// panicking is a sender with a fault.
type panicking struct{}

func (panicking) Pace() (every time.Duration, burst int) { return time.Millisecond, 1000 }

func (panicking) Send(context.Context, channel.Delivery) (channel.Receipt, error) {
	panic("a fault of ours")
}

type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, path: filepath.Join(t.TempDir(), "alertscribe.db"), logs: &logs{}}
	e.open()
	return e
}

func (e *env) open() {
	e.t.Helper()
	s, err := store.Open(e.t.Context(), store.Options{Path: e.path, Policy: atOnce()})
	require.NoError(e.t, err)
	e.store = s
	e.t.Cleanup(func() { _ = s.Close() })
}

// run starts a notifier and returns what stops it.
func (e *env) run(change func(*notify.Options), channels ...notify.Channel) (n *notify.Notifier, stop func()) {
	e.t.Helper()
	o := notify.Options{
		Store: e.store, Channels: channels, Link: func(id string) string { return "https://scribe.example.com/reports/" + id },
		Logger: slog.New(slog.NewTextHandler(e.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&o)
	}
	n, err := notify.New(o)
	require.NoError(e.t, err)
	// A channel follows what opens after it is known.
	var names []string
	for _, c := range channels {
		names = append(names, c.Name)
	}
	_, err = e.store.EnterChannels(e.t.Context(), names)
	require.NoError(e.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if e.t.Failed() {
			e.t.Log(e.logs.String())
		}
	})
	e.t.Cleanup(stop)
	return n, stop
}

func alert(group, name, severity string, status incident.Status) incident.Alert {
	a := incident.Alert{
		Labels:      map[string]string{"alertname": "High" + group, "severity": severity, "namespace": "shop", "pod": name},
		Annotations: map[string]string{"summary": group + " is not well, password=hunter2secret"}, Status: status, StartsAt: time.Now().Add(-time.Minute),
	}
	if status == incident.Resolved {
		a.EndsAt = time.Now()
	}
	return a
}

// post accepts a notification and returns the incident's id.
func (e *env) post(group string, alerts ...incident.Alert) string {
	e.t.Helper()
	n := &incident.Notification{
		Receiver: "alertscribe", GroupKey: group, GroupLabels: map[string]string{"alertname": "High" + group}, Alerts: alerts,
		ReceivedAt: time.Now().UTC(), Body: []byte("{}"),
	}
	n.Normalize()
	r, err := e.store.Accept(e.t.Context(), n)
	require.NoError(e.t, err)
	return r.IncidentID
}

func (e *env) fire(group, severity string) string {
	return e.post(group, alert(group, "a", severity, incident.Firing))
}

func (e *env) resolve(group string) string {
	return e.post(group, alert(group, "a", "warning", incident.Resolved))
}

// work claims and finishes a kind of work on an incident.
func (e *env) work(id string, kind incident.Work, apply func(*incident.Incident, *incident.Findings)) {
	e.t.Helper()
	for {
		claims, err := e.store.Claim(e.t.Context(), kind, 100)
		require.NoError(e.t, err)
		found := false
		for _, c := range claims {
			if c.Incident.ID != id {
				require.NoError(e.t, e.store.Release(e.t.Context(), c))
				continue
			}
			found = true
			require.NoError(e.t, e.store.Finish(e.t.Context(), c, apply))
		}
		if found {
			return
		}
	}
}

// analyze gives an incident evidence and a final verdict.
func (e *env) analyze(id string) {
	e.t.Helper()
	e.work(id, incident.WorkEvidence, func(inc *incident.Incident, _ *incident.Findings) {
		inc.EvidenceCollected(inc.Clone(), atOnce(), time.Now())
	})
	e.work(id, incident.WorkAnalysis, func(inc *incident.Incident, f *incident.Findings) {
		f.Verdict = &incident.Verdict{
			Summary: "Orders fail.", Causes: []incident.Cause{{Hypothesis: "The disk is full.", Likelihood: "high"}},
			Actions: []incident.Action{{Step: "Extend it.", Marks: []incident.Mark{{Kind: incident.MarkFromAlertText}}}},
		}
		inc.Analyzed(inc.Clone(), incident.Spend{Calls: 1, Cost: .5}, time.Now())
	})
}

// fail ends an analysis without a verdict.
func (e *env) fail(id string, kind incident.FailureKind) {
	e.t.Helper()
	e.work(id, incident.WorkEvidence, func(inc *incident.Incident, _ *incident.Findings) {
		inc.EvidenceCollected(inc.Clone(), atOnce(), time.Now())
	})
	e.work(id, incident.WorkAnalysis, func(inc *incident.Incident, _ *incident.Findings) {
		inc.AnalysisFailed(&incident.Failure{Kind: kind, Err: fmt.Errorf("no")}, incident.DefaultPolicy(), time.Now())
	})
}

const soon = time.Minute

func (e *env) eventually(ok func() bool, what string) {
	e.t.Helper()
	require.Eventually(e.t, ok, soon, 2*time.Millisecond, "%s\n%s", what, e.logs)
}

// failed reports whether it is stored that an incident could not be told of.
func (e *env) failed(id string) bool {
	rows, err := e.store.Deliveries(e.t.Context(), id)
	return err == nil && len(rows) == 1 && rows[0].Attempts > 0
}

// quiet gives the notifier time to look at all that was committed so far.
func (e *env) quiet() {
	e.t.Helper()
	time.Sleep(300 * time.Millisecond) // nothing can be waited for where nothing is to happen
}

func events(e ...channel.Event) []channel.Event { return e }

// atOnce is the default policy, by which nothing waits and nothing is looked at again by itself.
func atOnce() *incident.Policy {
	p := incident.DefaultPolicy()
	p.Settle, p.Refresh = 0, nil
	return p
}
