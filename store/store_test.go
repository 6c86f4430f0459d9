package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// at is when the notifications of tests arrive.
var at = time.Date(2026, 11, 20, 8, 30, 5, 123456000, time.UTC)

// clock is a time that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

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

// firing returns a notification of one alert that fires.
func firing(group string, received time.Time) *incident.Notification {
	return notification(group, incident.Firing, received)
}

func notification(group string, status incident.Status, received time.Time) *incident.Notification {
	labels := map[string]string{"alertname": "HighLoginFailureRate", "severity": "warning", "group": group}
	return &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf("{}:{group=%q}", group), ExternalURL: "http://alertmanager:9093",
		GroupLabels: map[string]string{"alertname": "HighLoginFailureRate"},
		Alerts:      []incident.Alert{{Status: status, Labels: labels, StartsAt: at.Add(-time.Minute)}},
		ReceivedAt:  received, Body: []byte(`{"version":"4"}` + strings.Repeat(" ", 2000)),
	}
}

func accept(t testing.TB, s *Store, n *incident.Notification) incident.Receipt {
	t.Helper()
	receipt, err := s.Accept(context.Background(), n)
	require.NoError(t, err)
	return receipt
}
