package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
)

// child names, in the environment, what a process started by a test is to do instead of testing.
const child = "ALERTSCRIBE_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	children := map[string]func(path string) error{
		"accept": acceptUntilKilled, "full": acceptOnFullDisk, "open": openOnly,
	}
	if f, ok := children[os.Getenv(child)]; ok {
		if err := f(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// at is when the notifications of tests arrive.
var at = time.Date(2026, 11, 20, 8, 30, 5, 123456000, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// open opens a store in a directory of its own and closes it at the end of the test.
func open(t testing.TB, change ...func(*Options)) *Store {
	t.Helper()
	opts := Options{Path: filepath.Join(t.TempDir(), "data", "alertscribe.db")}
	for _, f := range change {
		f(&opts)
	}
	s, err := Open(context.Background(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// openAt opens a store with a clock that stands at the time of the notifications.
func openAt(t testing.TB, change ...func(*Options)) (*Store, *clock) {
	t.Helper()
	c := &clock{now: at}
	return open(t, append(change, func(o *Options) { o.Now = c.Now })...), c
}

// reopen closes a store and opens its database again.
func reopen(t testing.TB, s *Store, change ...func(*Options)) *Store {
	t.Helper()
	require.NoError(t, s.Close())
	return open(t, append([]func(*Options){func(o *Options) { *o = s.opts }}, change...)...)
}

// atOnce is the default policy, by which nothing waits and nothing is looked at again by itself.
func atOnce() *incident.Policy {
	p := incident.DefaultPolicy()
	p.Settle, p.Refresh = 0, nil
	return p
}

// alert returns an alert of a group, told apart by its instance.
func alert(group, instance, severity string, status incident.Status) incident.Alert {
	return incident.Alert{
		Status: status, StartsAt: at.Add(-time.Minute), Annotations: map[string]string{"summary": "too many"},
		Labels: map[string]string{"alertname": "A" + group, "severity": severity, "instance": instance},
	}
}

func notification(group string, received time.Time, alerts ...incident.Alert) *incident.Notification {
	return &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf("{}:{alertname=%q}", "A"+group), Alerts: alerts,
		ExternalURL: "http://alertmanager:9093", GroupLabels: map[string]string{"alertname": "A" + group},
		ReceivedAt: received, Body: []byte(`{"version":"4"}` + strings.Repeat(" ", 100)),
	}
}

// firing returns a notification of a group in which one alert fires.
func firing(group string, received time.Time) *incident.Notification {
	return notification(group, received, alert(group, "a", "warning", incident.Firing))
}

func resolved(group string, received time.Time) *incident.Notification {
	return notification(group, received, alert(group, "a", "warning", incident.Resolved))
}

func accept(t testing.TB, s *Store, n *incident.Notification) incident.Receipt {
	t.Helper()
	receipt, err := s.Accept(context.Background(), n)
	require.NoError(t, err)
	return receipt
}

// claim claims one incident and requires that there is one.
func claim(t testing.TB, s *Store, work incident.Work) incident.Claim {
	t.Helper()
	claims, err := s.Claim(context.Background(), work, 1)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	return claims[0]
}

func get(t testing.TB, s *Store, id string) (*incident.Incident, incident.Findings) {
	t.Helper()
	inc, f, err := s.Incident(context.Background(), id)
	require.NoError(t, err)
	return inc, f
}

// count returns the single number that a query answers.
func count(t testing.TB, s *Store, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, s.readDB.QueryRowContext(context.Background(), query, args...).Scan(&n))
	return n
}
