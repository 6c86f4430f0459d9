package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// BenchmarkFsync is the raw rate of the disk that the other benchmarks write to: 4 KiB written and synced.
func BenchmarkFsync(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	require.NoError(b, err)
	defer file.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		_, err := file.Write(page)
		require.NoError(b, err)
		require.NoError(b, file.Sync())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fsync/s")
}

// BenchmarkAccept stores notifications of 1000 groups with bodies of 2 KiB. Most are repeats, as in real life.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAccept(b, clients, repeats) })
	}
}

// BenchmarkAcceptChanging is the same where every notification changes its incident.
func BenchmarkAcceptChanging(b *testing.B) {
	b.Run("clients=64", func(b *testing.B) { benchmarkAccept(b, 64, changes) })
}

// BenchmarkAcceptStorm opens an incident with every notification, all of one job.
func BenchmarkAcceptStorm(b *testing.B) {
	b.Run("clients=64", func(b *testing.B) {
		benchmarkAccept(b, 64, func(i int64) *incident.Notification {
			n := sized(i, at)
			n.GroupKey = fmt.Sprint(i)
			return n
		})
	})
}

func repeats(i int64) *incident.Notification { return sized(i, at) }

func changes(i int64) *incident.Notification { return sized(i, at.Add(time.Duration(i)*time.Second)) }

var padding = []byte(`{"version":"4"}` + strings.Repeat(" ", 2033))

// sized returns a notification of one of 1000 groups, with three alerts as rules write them.
func sized(i int64, starts time.Time) *incident.Notification {
	n := &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf(`{}/{team="login"}:{alertname="A%d"}`, i%1000),
		ExternalURL: "http://alertmanager:9093", GroupLabels: map[string]string{"alertname": "A"},
		ReceivedAt: time.Now(), Body: padding,
	}
	for j := range 3 {
		n.Alerts = append(n.Alerts, incident.Alert{
			Status: incident.Firing, StartsAt: starts,
			Labels: map[string]string{
				"alertname": "HighLoginFailureRate", "severity": "warning", "group": fmt.Sprint(i % 1000),
				"instance": fmt.Sprintf("10.0.0.%d:9091", j), "job": "login",
			},
			Annotations: map[string]string{
				"summary":     "Login failures above 20 % for one minute",
				"description": "The share of failed logins over five minutes is 43.7 %, which is above the threshold of 20 %.",
			},
			GeneratorURL: "http://prometheus:9090/graph?g0.expr=rate%28user_login_total%5B5m%5D%29+%3E+0.2&g0.tab=1",
		})
	}
	return n
}

func benchmarkAccept(b *testing.B, clients int, notify func(int64) *incident.Notification) {
	acceptFrom(b, open(b), clients, notify)
}

func acceptFrom(b *testing.B, s *Store, clients int, notify func(int64) *incident.Notification) {
	b.Helper()
	for i := range int64(1000) {
		_, err := s.Accept(context.Background(), notify(i))
		require.NoError(b, err)
	}
	var next, failed atomic.Int64
	next.Store(1000)
	took := slices.Repeat([]time.Duration{0}, b.N)
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(1000+b.N) {
					return
				}
				n := notify(i)
				start := time.Now()
				if _, err := s.Accept(context.Background(), n); err != nil {
					failed.Add(1)
				}
				took[i-1000] = time.Since(start)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	require.Zero(b, failed.Load())
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accept/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkAcceptBusy opens an incident with every notification while workers, simulated, work off what is due: a report takes
// them an fsync, evidence nothing, a model 50 ms. It tells the processor time of all of it for one notification, which
// depends less on what else the machine does.
func BenchmarkAcceptBusy(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := open(b)
			ctx, stop := context.WithCancel(context.Background())
			var done atomic.Int64
			var workers sync.WaitGroup
			defer func() {
				stop()
				workers.Wait()
			}()
			file, err := os.Create(filepath.Join(b.TempDir(), "report"))
			require.NoError(b, err)
			defer file.Close()
			for range 4 {
				workers.Go(func() {
					simulate(ctx, s, incident.WorkFile, &done, func() { _, _ = file.Write(padding); _ = file.Sync() })
				})
			}
			workers.Go(func() { simulate(ctx, s, incident.WorkEvidence, &done, func() {}) })
			workers.Go(func() { simulate(ctx, s, incident.WorkAnalysis, &done, func() { time.Sleep(50 * time.Millisecond) }) })
			before := processorTime(b)
			acceptFrom(b, s, clients, func(i int64) *incident.Notification {
				n := sized(i, at)
				n.GroupKey = fmt.Sprint(i)
				for j := range n.Alerts {
					n.Alerts[j].Labels["namespace"] = fmt.Sprint(i % 12)
				}
				return n
			})
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N+1000), "cpu-µs/op")
			b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "work/s")
		})
	}
}

// simulate does what a worker of the pool does.
func simulate(ctx context.Context, s *Store, work incident.Work, done *atomic.Int64, do func()) {
	for ctx.Err() == nil {
		claims, err := s.Claim(ctx, work, 1)
		if err != nil || len(claims) == 0 {
			select {
			case <-ctx.Done():
			case <-s.Due(work):
			case <-time.After(10 * time.Millisecond):
			}
		}
		for _, c := range claims {
			do()
			_ = s.Finish(ctx, c, func(inc *incident.Incident, f *incident.Findings) {
				switch work {
				case incident.WorkFile:
					inc.FileWritten(c.Incident)
				case incident.WorkEvidence:
					f.Evidence = []incident.Evidence{{ID: "E1", Summary: string(padding)}}
					inc.EvidenceCollected(c.Incident, atOnce(), time.Now())
				case incident.WorkAnalysis:
					f.Verdict = &incident.Verdict{Summary: string(padding)}
					inc.Analyzed(c.Incident, incident.Spend{}, time.Now())
				case incident.WorkRefresh:
					inc.Refreshed(c.Incident, false, atOnce(), time.Now())
				}
			})
			done.Add(1)
		}
	}
}

// processorTime returns what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGrow lets 40,000 alerts join a group of 40,000 while four clients open incidents, and tells how long the writer was at
// it and what the others waited.
func BenchmarkGrow(b *testing.B) {
	const alerts = 40_000
	crowd := func(first int) *incident.Notification {
		n := notification("crowd", time.Now())
		n.Body = bytes.Repeat(padding, 1000)
		for i := range alerts {
			n.Alerts = append(n.Alerts, alert("crowd", fmt.Sprint(first+i), "warning", incident.Firing))
		}
		n.Truncated = 1
		return n
	}
	for b.Loop() {
		b.StopTimer()
		s := open(b)
		_, err := s.Accept(context.Background(), crowd(0))
		require.NoError(b, err)
		grown := crowd(alerts)
		ctx, stop := context.WithCancel(context.Background())
		var mu sync.Mutex
		var took []time.Duration
		var others sync.WaitGroup
		for c := range 4 {
			others.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					n := sized(int64(i), at)
					n.GroupKey = fmt.Sprint(c, i)
					start := time.Now()
					_, _ = s.Accept(context.Background(), n)
					mu.Lock()
					took = append(took, time.Since(start))
					mu.Unlock()
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		b.StartTimer()
		start := time.Now()
		_, err = s.Accept(context.Background(), grown)
		whole := time.Since(start)
		b.StopTimer()
		stop()
		others.Wait()
		require.NoError(b, err)
		slices.Sort(took)
		b.ReportMetric(float64(whole.Milliseconds()), "large-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "others-p99-ms")
		b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "others-max-ms")
		require.NoError(b, s.Close())
		b.StartTimer()
	}
}

// BenchmarkReserveCall reserves calls beside those of a day at the default cap, a call a minute.
func BenchmarkReserveCall(b *testing.B) {
	s, now := openAt(b)
	ctx := context.Background()
	for range 24 * 60 {
		now.advance(time.Minute)
		settle(b, s, reserve(b, s, .001, incident.Limits{}), .001)
	}
	for name, limits := range map[string]incident.Limits{
		"none": {}, "calls": {CallsPerHour: 1 << 30}, "day": {CallsPerHour: 1 << 30, CostPerHour: 1e9, CostPerDay: 1e9},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, s.SettleCall(ctx, reserve(b, s, .001, limits), "", incident.Spend{}, false))
			}
		})
	}
}

// BenchmarkStock measures what must not grow with the incidents that are over: 100,000 are in stock, and the analysis of
// 10,000 of them is scheduled for later.
func BenchmarkStock(b *testing.B) {
	s := open(b)
	ctx := context.Background()
	id := accept(b, s, firing("x", at)).IncidentID
	for _, query := range []string{
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO incidents (id, receiver, group_key, firing, status, severity, severity_rank, alertname, analysis_state,
			analysis_reason, opened_at, revision, doc) SELECT 'id' || i, receiver, 'group' || i, 0, 'resolved', severity,
			severity_rank, 'A' || (i % 1000), 'complete', '', opened_at + i, revision, doc FROM n, incidents WHERE id = ?`,
		`INSERT INTO repeat_state SELECT i.seq, h.last_heard_at, 0, h.doc FROM incidents i, repeat_state h, incidents o WHERE o.id = ? AND h.seq = o.seq AND i.seq > 1`,
		`INSERT INTO work SELECT seq, 'analysis', severity_rank, opened_at, 9000000000000000, 0, '' FROM incidents WHERE id <> ? AND seq <= 10001`,
	} {
		_, err := s.db.ExecContext(ctx, query, id)
		require.NoError(b, err)
	}
	list := func(q incident.Query) func() error {
		return func() error {
			_, _, err := s.Incidents(ctx, q)
			return err
		}
	}
	_, next, err := s.Incidents(ctx, incident.Query{Limit: 500})
	require.NoError(b, err)
	for _, op := range []struct {
		name string
		run  func() error
	}{
		{"check", func() error { return s.Ping(ctx) }},
		{"claim", func() error { _, err := s.Claim(ctx, incident.WorkAnalysis, 4); return err }},
		{"next-due", func() error { _, err := s.NextDue(ctx, incident.WorkAnalysis); return err }},
		{"queue", func() error { _, err := s.Queue(ctx); return err }},
		{"stale-candidates", func() error { _, err := s.StaleCandidates(ctx, at.Add(time.Hour), 10); return err }},
		{"evidence-only", func() error {
			_, err := s.EvidenceOnly(ctx, time.Time{}, 10, incident.NoKey, incident.Budget)
			return err
		}},
		{"list", list(incident.Query{Limit: 50})},
		{"list-after", list(incident.Query{Limit: 50, After: next})},
		{"list-alertname", list(incident.Query{Limit: 50, Alertname: "A7"})},
		{"list-none", list(incident.Query{Limit: 50, Severity: "none such"})},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, op.run())
			}
		})
	}
}
