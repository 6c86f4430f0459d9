package postgres

import (
	"context"
	"fmt"
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

// BenchmarkAccept stores notifications of 1000 groups with bodies of 2 KiB. Most are repeats, as in real life.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			acceptFrom(b, clients, func(i int64) *incident.Notification { return sized(i, fmt.Sprint(i%1000), then) })
		})
	}
}

// BenchmarkAcceptChanging is the same where every notification changes its incident.
func BenchmarkAcceptChanging(b *testing.B) {
	acceptFrom(b, 64, func(i int64) *incident.Notification {
		return sized(i, fmt.Sprint(i%1000), then.Add(time.Duration(i)*time.Second))
	})
}

// BenchmarkAcceptStorm opens an incident with every notification, all of one job.
func BenchmarkAcceptStorm(b *testing.B) {
	acceptFrom(b, 64, func(i int64) *incident.Notification { return sized(i, fmt.Sprint(i), then) })
}

var padding = []byte(`{"version":"4"}` + strings.Repeat(" ", 2033))

// sized returns a notification with three alerts as rules write them.
func sized(i int64, group string, starts time.Time) *incident.Notification {
	n := &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf(`{}/{team="login"}:{alertname="A%s"}`, group),
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

func acceptFrom(b *testing.B, clients int, notify func(int64) *incident.Notification) {
	b.Helper()
	s := open(b, newDatabase(b))
	var wg sync.WaitGroup
	for c := range int64(50) {
		wg.Go(func() {
			for i := range int64(20) {
				_, err := s.Accept(context.Background(), notify(c*20+i))
				require.NoError(b, err)
			}
		})
	}
	wg.Wait()
	var next, failed atomic.Int64
	next.Store(1000)
	took := slices.Repeat([]time.Duration{0}, b.N)
	b.ReportAllocs()
	here, there := processorTime(b), server.ProcessorTime()
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
	b.ReportMetric(float64((processorTime(b)-here).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64((server.ProcessorTime()-there).Microseconds())/float64(b.N), "server-cpu-µs/op")
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accept/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// processorTime returns what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
