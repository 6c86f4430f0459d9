package watch

import (
	"bufio"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	rtmetrics "runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var benchSeries = flag.Int("detect.series", 500, "series of BenchmarkLoop; 10000 takes some minutes to prepare")

// manySeries returns a client of a real Prometheus that knows two weeks of n series: what a start reads of them, and the last
// hours at each minute. It ends at a time that it returns.
func manySeries(b *testing.B, n int) (*promapi.Client, time.Time) {
	b.Helper()
	bins := testbedtest.Require(b, testbed.Prometheus, testbed.Promtool)
	dir := b.TempDir()
	ends := time.Now().Add(-time.Hour).Truncate(time.Hour)
	path := filepath.Join(dir, "past.txt")
	f, err := os.Create(path)
	require.NoError(b, err)
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "# TYPE load gauge")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		for t := ends.Add(-defaultHistory - 3*time.Hour); t.Before(ends); {
			v := 100 + 30*math.Sin(2*math.Pi*float64(t.Unix()+int64(i)*60)/86400) + 3*r.NormFloat64()
			fmt.Fprintf(w, "load{instance=\"host-%05d.example.com:9100\",job=\"node\",region=\"eu-%d\"} %.6g %d\n", i, i%5, v, t.Unix())
			if ends.Sub(t) > 2*time.Hour {
				t = t.Add(warmStep)
			} else {
				t = t.Add(time.Minute)
			}
		}
	}
	fmt.Fprintln(w, "# EOF")
	require.NoError(b, w.Flush())
	require.NoError(b, f.Close())
	out, err := exec.CommandContext(b.Context(), bins.Promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=168h",
		path, filepath.Join(dir, "tsdb")).CombinedOutput()
	require.NoError(b, err, "%s", out)
	require.NoError(b, os.Remove(path))
	s := testbedtest.StartPrometheus(b, testbed.PrometheusConfig{DataDir: filepath.Join(dir, "tsdb")})
	return connect(b, s.URL), ends
}

// cpu returns what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak samples what this process has of memory, until the function that it returns is called, which says the most in MiB.
func peak() (most func() float64) {
	done, ended := make(chan struct{}), make(chan struct{})
	var bytes uint64
	go func() {
		defer close(ended)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			read := []rtmetrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
			rtmetrics.Read(read)
			bytes = max(bytes, read[0].Value.Uint64()-read[1].Value.Uint64())
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	}()
	return func() float64 {
		close(done)
		<-ended
		return float64(bytes) / (1 << 20)
	}
}

// BenchmarkLoop runs one rule of -detect.series series at one minute against a real Prometheus: it reads two weeks of
// history, and evaluates. It reports the time and the most memory of the start, and of an evaluation what it takes of our process: decoding the
// answer, judging and saving, without Prometheus' own part.
func BenchmarkLoop(b *testing.B) {
	n := *benchSeries
	c, ends := manySeries(b, n)
	before := heap()
	w := start(b, c, ruleFile(fmt.Sprintf("  - alert: Load\n    expr: load\n    anomaly: {max_series: %d}\n", n)), nil)
	g := w.groups[0]
	at := g.slot(ends.Add(-30 * time.Minute))
	begun, used, most := time.Now(), cpu(), peak()
	w.evaluateTo(at, at)
	warm, warmCPU, startPeak := time.Since(begun), cpu()-used, most()
	require.Equal(b, n, w.rules["g/Load"].count())
	require.Zero(b, w.Status()[0].Series[learning], "no day of learning")
	perSeries := float64(heap()-before) / float64(n) / 1024

	begun, used = time.Now(), cpu()
	for b.Loop() {
		if at = at.Add(g.Interval); !at.Before(ends) {
			b.StopTimer()
			break
		}
		w.evaluateTo(at, at)
	}
	evaluations := float64(at.Sub(g.slot(ends.Add(-30*time.Minute)))/g.Interval) - 1
	ours := float64(cpu()-used) / max(evaluations, 1)
	b.ReportMetric(warm.Seconds(), "start-s")
	b.ReportMetric(warmCPU.Seconds(), "start-cpu-s")
	b.ReportMetric(startPeak, "start-peak-MiB")
	b.ReportMetric(perSeries, "KiB/series")
	b.ReportMetric(ours/float64(n)/1000, "cpu-µs/sample")
	b.ReportMetric(100*ours/float64(g.Interval), "%core")
	b.ReportMetric(float64(time.Since(begun))/max(evaluations, 1)/1e6, "ms/evaluation")
}
