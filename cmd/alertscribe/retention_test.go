package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/store"
)

// keeping is a store with reports, whose clock a test moves.
type keeping struct {
	t      *testing.T
	store  *store.Store
	writer *report.Writer
	dir    string
	moved  atomic.Int64
}

func newKeeping(t *testing.T) *keeping {
	t.Helper()
	k := &keeping{t: t, dir: t.TempDir()}
	policy := incident.DefaultPolicy()
	policy.Settle, policy.Refresh = 0, nil
	var err error
	k.store, err = store.Open(t.Context(), store.Options{Path: filepath.Join(k.dir, "a.db"), Policy: policy, Now: k.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.store.Close()) })
	k.writer, err = report.New(report.Options{Dir: filepath.Join(k.dir, "reports")})
	require.NoError(t, err)
	return k
}

func (k *keeping) now() time.Time { return time.Now().Add(time.Duration(k.moved.Load())) }

// end opens and ends incidents with their reports on disk, and finishes their work.
func (k *keeping) end(n int, severity string) {
	k.t.Helper()
	for i := range n {
		name := fmt.Sprint(severity, i)
		for _, status := range []incident.Status{incident.Firing, incident.Resolved} {
			_, err := k.store.Accept(k.t.Context(), &incident.Notification{
				Receiver: "r", GroupKey: name, ReceivedAt: k.now(), Body: make([]byte, 10),
				Alerts: []incident.Alert{{Fingerprint: "1", Status: status, Labels: map[string]string{"alertname": name, "severity": severity}, StartsAt: k.now()}},
			})
			require.NoError(k.t, err)
		}
	}
	for range 5 {
		for _, w := range incident.Works() {
			claims, err := k.store.Claim(k.t.Context(), w, 1000)
			require.NoError(k.t, err)
			for _, c := range claims {
				if w == incident.WorkFile {
					require.NoError(k.t, k.writer.Write(k.t.Context(), c.Incident, c.Findings))
				}
				require.NoError(k.t, k.store.Finish(k.t.Context(), c, func(inc *incident.Incident, _ *incident.Findings) { inc.Due = incident.Due{} }))
			}
		}
	}
}

func (k *keeping) reports() int {
	files, err := filepath.Glob(filepath.Join(k.dir, "reports", "*", "*.md"))
	require.NoError(k.t, err)
	return len(files)
}

func (k *keeping) retention(change func(*config)) *retention {
	cfg := defaultConfig()
	if change != nil {
		change(cfg)
	}
	return newRetention(cfg, k.store, k.writer, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

// passOnce removes what is to be removed, rows and files.
func passOnce(t *testing.T, r *retention) error {
	t.Helper()
	return errors.Join(r.removeRows(t.Context()), r.removeFiles(t.Context()))
}

// TestRetention: incidents and their reports go when their time has come; critical ones later; a report whose removal failed goes
// with the next pass, also of another process.
func TestRetention(t *testing.T) {
	k := newKeeping(t)
	k.end(45, "warning")
	k.end(3, "critical")
	r := k.retention(nil)
	require.NoError(t, passOnce(t, r))
	require.Equal(t, 48, k.reports())
	k.moved.Store(int64(91 * 24 * time.Hour))
	reports := filepath.Join(k.dir, "reports")
	require.NoError(t, os.Rename(reports, reports+".away"))
	require.NoError(t, os.WriteFile(reports, nil, 0o600))
	require.Error(t, passOnce(t, r), "the reports can't be reached")
	assert.InDelta(t, 45, testutil.ToFloat64(r.removed), 0)
	require.NoError(t, os.Remove(reports))
	require.NoError(t, os.Rename(reports+".away", reports))
	require.NoError(t, passOnce(t, k.retention(nil)), "by the next process")
	assert.Equal(t, 3, k.reports())
	k.moved.Store(int64(401 * 24 * time.Hour))
	require.NoError(t, passOnce(t, r))
	assert.Zero(t, k.reports())
}

// TestRetentionBySize: a database that is too large keeps less of everything, down to an hour.
func TestRetentionBySize(t *testing.T) {
	k := newKeeping(t)
	k.end(300, "warning")
	k.moved.Store(int64(24 * time.Hour))
	k.end(3, "critical")
	before, err := k.store.Size(t.Context())
	require.NoError(t, err)
	r := k.retention(func(c *config) { c.Storage.Retention.MaxSize = byteSize(before / 2) })
	require.NoError(t, passOnce(t, r))
	after, err := k.store.Size(t.Context())
	require.NoError(t, err)
	assert.Less(t, after, before/2)
	assert.Equal(t, 3, k.reports(), "the newest stay")
	assert.InDelta(t, float64(after), testutil.ToFloat64(r.size), 0)
	r = k.retention(func(c *config) { c.Storage.Retention.MaxSize = 1 })
	require.NoError(t, passOnce(t, r))
	assert.Equal(t, 3, k.reports(), "what is younger than an hour stays, however large")
}
