package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

func benchmarkAccept(b *testing.B, clients int, make func(int64) *incident.Notification) {
	s := open(b)
	for i := range int64(1000) {
		_, err := s.Accept(context.Background(), make(i))
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
				n := make(i)
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
