package evidence

import (
	"io"
	runtimemetrics "runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// BenchmarkCollect looks everything up about an alert over 100,000 series, for which a real Prometheus holds an hour:
// go test ./evidence -run - -bench BenchmarkCollect -benchtime 5x.
func BenchmarkCollect(b *testing.B) {
	end := time.Now().Truncate(time.Minute)
	dir := b.TempDir()
	bins := testbedtest.Require(b, testbed.Prometheus, testbed.Promtool)
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeLarge(w, end)) }()
	require.NoError(b, testbed.Backfill(b.Context(), bins, r, dir))
	server := testbedtest.StartPrometheus(b, testbed.PrometheusConfig{DataDir: dir})
	c, err := New(Options{Prometheus: serverURL(b, server.URL), Now: func() time.Time { return end }})
	require.NoError(b, err)
	defer c.Close()
	for name, expr := range map[string]string{
		"a service": `sum by (namespace, service) (m7) / sum by (namespace, service) (m8) > 0`,
		"all pods":  `sum(m7) > 0`,
	} {
		labels := "alertname=A severity=critical"
		if name == "a service" {
			labels += " namespace=shop service=svc-7"
		}
		inc := firingIncident(end.Add(-2*time.Minute), expr, labels)
		b.Run(name, func(b *testing.B) {
			var most uint64
			for b.Loop() {
				peak := watchHeap()
				items := c.Collect(b.Context(), inc, nil).Items
				most = max(most, peak())
				for _, item := range items {
					require.False(b, item.Failed, item.Summary)
				}
			}
			inv := c.investigate(b.Context(), inc, 60)
			for _, one := range c.collectors(inv) {
				c.runCollector(b.Context(), one, inv)
			}
			b.ReportMetric(float64(inv.prom.Budget().Used()), "queries")
			b.ReportMetric(float64(most)/(1<<20), "MiB")
		})
	}
}

// watchHeap returns what tells, when called, how far the heap has grown at most since.
func watchHeap() func() uint64 {
	heap := func() uint64 {
		s := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		runtimemetrics.Read(s)
		return s[0].Value.Uint64()
	}
	before := heap()
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), heap()))
			case <-stop:
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return max(most.Load(), before) - before
	}
}
