package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// BenchmarkFsync is the raw rate at which this disk makes 4 KiB durable: what BenchmarkAccept has to be read beside.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	require.NoError(b, err)
	defer f.Close()
	block := make([]byte, 4<<10)
	for b.Loop() {
		_, err := f.Write(block)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fsync/s")
}

// BenchmarkAccept posts notifications of a thousand groups that fire over HTTP, each answered 202 once it is durable, and
// counts afterwards what the database holds. Clients and service share the machine.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAccept(b, clients) })
	}
}

func benchmarkAccept(b *testing.B, clients int) {
	s := startService(b, nil)
	bodies := make([][]byte, 1000)
	for i := range bodies {
		body := string(oneAlert(fmt.Sprintf("Bench%d", i), incident.Firing))
		pad := strings.Repeat("x", max(0, 2048-len(body)))
		bodies[i] = []byte(strings.Replace(body, "is not well", "is not well "+pad, 1))
	}
	for _, body := range bodies { // open them all
		s.post("/alert", body)
	}
	for q, err := s.app.store.Queue(b.Context()); !q.Oldest.IsZero(); q, err = s.app.store.Queue(b.Context()) {
		require.NoError(b, err)
		time.Sleep(10 * time.Millisecond)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	took := make([][]time.Duration, clients)
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				begun := time.Now()
				a, err := post(context.Background(), client, s.url+"/alert", bodies[i%len(bodies)])
				if err != nil || a.code != http.StatusAccepted {
					b.Errorf("%v %d %s", err, a.code, a.raw)
					return
				}
				took[c] = append(took[c], time.Since(begun))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accept/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	db, err := sql.Open("sqlite", "file:"+s.cfg.databasePath()+"?mode=ro")
	require.NoError(b, err)
	defer db.Close()
	stored := 0
	require.NoError(b, db.QueryRowContext(b.Context(), "SELECT count(*) FROM notifications").Scan(&stored))
	b.ReportMetric(float64(b.N+len(bodies)-stored), "lost")
}

// BenchmarkReport measures a quiet service: from the request to the report with evidence (no Prometheus), and our own
// part of the time after the model has answered.
func BenchmarkReport(b *testing.B) {
	m := newModel(b)
	s := startService(b, func(c *config) {
		withModel(m)(c)
		c.Budget.CallsPerHour = 0
	})
	var evidence, own time.Duration
	i := 0
	for b.Loop() {
		begun := time.Now()
		id := s.open(fmt.Sprintf("Bench%d", i))
		i++
		s.poll(id, func(inc *incident.Incident) bool { return inc.Analysis.Evidence > 0 && inc.FileRevision > 1 })
		evidence += time.Since(begun)
		s.poll(id, func(inc *incident.Incident) bool { return inc.Analysis.State == incident.Complete && current(inc) })
		_, found := s.incident(id)
		own += time.Since(found.Verdict.At)
	}
	b.ReportMetric(float64(evidence.Microseconds())/float64(i)/1000, "evidence-ms")
	b.ReportMetric(float64(own.Microseconds())/float64(i)/1000, "after-verdict-ms")
}

// BenchmarkHangingModels measures the time from the first of a hundred notifications to the facts of all of them on disk,
// while all analyses hang. The promise is two seconds.
func BenchmarkHangingModels(b *testing.B) {
	s := hanging(b, newModel(b))
	i := 0
	var took time.Duration
	for b.Loop() {
		begun := time.Now()
		for _, id := range s.openMany(fmt.Sprintf("Meanwhile%d_", i), 100) {
			s.poll(id, onDisk)
		}
		took += time.Since(begun)
		i++
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(i), "facts-of-100-ms")
}

func (s *service) poll(id string, ok func(*incident.Incident) bool) {
	for {
		if inc, _ := s.incident(id); ok(inc) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// BenchmarkIdle builds the program as a user gets it and looks at what it weighs: on disk, and in memory when idle.
func BenchmarkIdle(b *testing.B) {
	exe := programToMeasure(b)
	info, err := os.Stat(exe)
	require.NoError(b, err)
	var rss float64
	for b.Loop() {
		dir := b.TempDir()
		p := startProcess(b, dir, freeAddress(b), func(cmd *exec.Cmd) { cmd.Path, cmd.Args = exe, []string{exe} })
		time.Sleep(3 * time.Second)
		rss = residentMB(b, p.cmd.Process.Pid)
		p.kill()
	}
	b.ReportMetric(rss, "RSS-MB")
	b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
}

func residentMB(b *testing.B, pid int) float64 { return statusMB(b, pid, "VmRSS:") }

// statusMB reads an amount of memory from what the kernel knows of a process.
func statusMB(b testing.TB, pid int, key string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, rest, ok := strings.Cut(string(status), key)
	require.True(b, ok)
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(b, err)
	return kb / 1000
}
