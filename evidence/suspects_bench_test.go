package evidence

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// BenchmarkSuspects looks for suspects in a real Prometheus with 100,000 series in the alert's namespace:
// go test ./evidence -run - -bench BenchmarkSuspects -benchtime 5x.
func BenchmarkSuspects(b *testing.B) {
	end := time.Now().Truncate(time.Minute)
	dir := b.TempDir()
	bins := testbedtest.Require(b, testbed.Prometheus, testbed.Promtool)
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeLarge(w, end)) }()
	require.NoError(b, testbed.Backfill(b.Context(), bins, r, dir))
	server := testbedtest.StartPrometheus(b, testbed.PrometheusConfig{DataDir: dir})
	u := serverURL(b, server.URL)
	c, err := New(Options{Prometheus: u, Now: func() time.Time { return end }})
	require.NoError(b, err)
	defer c.Close()
	fired := end.Add(-2 * time.Minute)
	labels := map[string]string{"alertname": "A", "namespace": "shop", "service": "svc-7", "pod": "svc-7-3"}
	inc := &incident.Incident{Alertname: "A", Status: incident.Firing, Alerts: []incident.Alert{
		{Status: incident.Firing, Labels: labels, StartsAt: fired, SeenAt: fired},
	}}
	var peak uint64
	var queries, ranked int
	for b.Loop() {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inv := c.investigate(b.Context(), inc, 60)
		items, err := findSuspects(b.Context(), inv)
		require.NoError(b, err)
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapInuse-min(before.HeapInuse, after.HeapInuse))
		queries, ranked = int(inv.prom.Budget().Used()), len(items[0].Ranking)
	}
	b.ReportMetric(float64(queries), "queries")
	b.ReportMetric(float64(ranked), "ranked")
	b.ReportMetric(float64(peak)/(1<<20), "MiB")
}

func serverURL(b *testing.B, raw string) promapi.Server {
	b.Helper()
	u, err := url.Parse(raw)
	require.NoError(b, err)
	return promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}
}

// writeLarge writes an hour of 100 metrics of 10 pods of 100 services, a sample every two minutes.
func writeLarge(w io.Writer, end time.Time) error {
	out := bufio.NewWriterSize(w, 1<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for metric := range 100 {
		for service := range 100 {
			for pod := range 10 {
				level := 100 * rng.Float64()
				for minute := -64; minute <= 0; minute += 2 {
					fmt.Fprintf(out, "m%d{namespace=\"shop\",service=\"svc-%d\",pod=\"svc-%d-%d\"} %.6g %d\n", metric, service, service, pod,
						level+rng.NormFloat64(), end.Add(time.Duration(minute)*time.Minute).Unix())
				}
			}
		}
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return err
	}
	return out.Flush()
}
