package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var dayNotifications = flag.Int("day.notifications", 20_000, "how many notifications BenchmarkBusyDay sends")

// eachEngine runs a benchmark on SQLite, and on a PostgreSQL of its own for one copy and for several.
func eachEngine(b *testing.B, several int, measure func(b *testing.B, s programSetup)) {
	b.Helper()
	b.Run("engine=sqlite/copies=1", func(b *testing.B) { measure(b, programSetup{}) })
	copies := []int{1}
	if several > 1 {
		copies = append(copies, several)
	}
	for _, n := range copies {
		b.Run(fmt.Sprintf("engine=postgres/copies=%d", n), func(b *testing.B) {
			server := testbedtest.StartPostgres(b, testbed.PostgresConfig{})
			measure(b, programSetup{copies: n, postgres: server.URL("postgres")})
		})
	}
}

// BenchmarkEngines measures what BenchmarkAcceptBusy and BenchmarkDrain do on both engines, beside the rate at which the disk syncs. Drain
// waits longer here, until nothing is left of the work: three copies and PostgreSQL share the machine.
func BenchmarkEngines(b *testing.B) {
	b.Run("Fsync", BenchmarkFsync)
	exe := programToMeasure(b)
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("AcceptBusy/clients=%d", clients), func(b *testing.B) {
			eachEngine(b, 3, func(b *testing.B, s programSetup) { benchmarkAcceptBusy(b, exe, s, clients) })
		})
	}
	b.Run("Drain", func(b *testing.B) {
		eachEngine(b, 3, func(b *testing.B, s programSetup) { benchmarkDrain(b, exe, s, 5*time.Minute) })
	})
}

const (
	daySteps = 20 // notifications of a group
	// idleConnections is for how long connections to Prometheus and the model are kept open for the next request, and a bit.
	idleConnections = 95 * time.Second
)

// dayBody is the step-th notification of a group: it fires, is repeated, grows, becomes critical, and ends.
func dayBody(group, step int) []byte {
	severity, status, alerts := "warning", incident.Firing, 1
	switch {
	case step == daySteps-1:
		severity, status, alerts = "critical", incident.Resolved, 2
	case step > daySteps*2/3:
		severity, alerts = "critical", 2
	case step > daySteps/3:
		alerts = 2
	}
	name := fmt.Sprintf("Day%d", group%50)
	var list []map[string]any
	for i := range alerts {
		ends := "0001-01-01T00:00:00Z"
		if status == incident.Resolved {
			ends = time.Now().UTC().Format(time.RFC3339)
		}
		list = append(list, map[string]any{
			"status": status, "startsAt": "2026-11-20T08:30:00Z", "endsAt": ends,
			"labels": map[string]string{
				"alertname": name, "severity": severity, "namespace": fmt.Sprintf("team-%d", group%12), "group": strconv.Itoa(group),
				"job": "shop", "zone": fmt.Sprintf("z%d", group%3), "instance": fmt.Sprintf("web-%d:9090", i),
			},
			"annotations":  map[string]string{"summary": fmt.Sprintf("%s is not well on group %d.", name, group) + strings.Repeat(" More is said here.", 40)},
			"generatorURL": "http://prometheus:9090/graph?g0.expr=" + busyExpr + "&g0.tab=1",
		})
	}
	return message(fmt.Sprintf("{}:{group=\"%d\"}", group), map[string]string{"alertname": name, "group": strconv.Itoa(group)}, list...)
}

// footprint is what a process takes.
type footprint struct{ rss, goroutines, files float64 }

// footprint reads what a process tells of itself.
func (p *process) footprint() footprint {
	values := map[string]float64{}
	_, body := p.page("/metrics")
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			values[name], _ = strconv.ParseFloat(value, 64) // comments have none
		}
	}
	return footprint{values["process_resident_memory_bytes"] / 1e6, values["go_goroutines"], values["process_open_fds"]}
}

// page returns a page of a process.
func (p *process) page(path string) (code int, body string) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, http.NoBody)
	require.NoError(p.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	var b strings.Builder
	_, err = bufio.NewReader(resp.Body).WriteTo(&b)
	require.NoError(p.t, err)
	return resp.StatusCode, b.String()
}

// BenchmarkBusyDay sends the notifications of a busy day in minutes, with a real Prometheus to look things up in, and tells at each quarter,
// when all work is done, what the process takes: at the end of the day not more than after its first quarter, each without idle
// connections.
func BenchmarkBusyDay(b *testing.B) {
	exe := programToMeasure(b)
	prometheus := crashLoops(b)
	eachEngine(b, 1, func(b *testing.B, s programSetup) {
		s.prometheus = prometheus
		for b.Loop() {
			benchmarkBusyDay(b, exe, s)
		}
	})
}

func benchmarkBusyDay(b *testing.B, exe string, s programSetup) {
	const clients = 16
	s.clients, s.model = clients, answeringModel(b, modelTakes)
	p := s.start(b, exe)
	groups := *dayNotifications / daySteps / 4 // of a quarter
	var marks []footprint
	refused, begun := 0, time.Now()
	for quarter := range 4 {
		refused += p.sendDay(clients, quarter*groups, groups)
		p.done(b)
		p.client.CloseIdleConnections()
		if quarter%3 == 0 {
			time.Sleep(idleConnections)
		}
		f := p.footprint()
		marks = append(marks, f)
		b.Logf("after %d notifications and %s: %.0f MB, %.0f goroutines, %.0f open files", (quarter+1)*groups*daySteps,
			time.Since(begun).Round(time.Second), f.rss, f.goroutines, f.files)
		for unit, value := range map[string]float64{"RSS-MB": f.rss, "goroutines": f.goroutines, "files": f.files} {
			b.ReportMetric(value, fmt.Sprintf("q%d-%s", quarter+1, unit))
		}
	}
	stored := ask(b, p.database(b), countNotifications)
	p.kill()
	first, last := marks[0], marks[3]
	assert.LessOrEqual(b, last.goroutines, first.goroutines+10, "goroutines are left behind")
	assert.LessOrEqual(b, last.files, first.files+10, "files are left open")
	assert.LessOrEqual(b, last.rss, first.rss*1.3+20, "memory is kept")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(time.Since(begun).Seconds(), "day-s")
	b.ReportMetric(float64(refused), "refused")
	b.ReportMetric(float64(max(0, 4*groups*daySteps-stored)), "lost")
}

// sendDay sends all notifications of some groups, those of a group in their order, and returns how many were refused and sent again.
func (p *program) sendDay(clients, first, groups int) (refused int) {
	var next, no atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < groups; i = int(next.Add(1)) - 1 {
				for step := range daySteps {
					for code := 0; code != http.StatusAccepted; {
						if code, _, _ = p.notify(dayBody(first+i, step)); code != http.StatusAccepted {
							no.Add(1)
							time.Sleep(100 * time.Millisecond) // Alertmanager would wait longer
						}
					}
				}
			}
		})
	}
	wg.Wait()
	return int(no.Load())
}

// done waits until no work is due or under way.
func (p *program) done(b *testing.B) {
	b.Helper()
	require.Eventually(b, func() bool {
		var health struct {
			Services struct {
				Queue incident.Queue `json:"queue"`
			} `json:"services"`
		}
		_, body := p.page("/health")
		q := &health.Services.Queue
		return json.Unmarshal([]byte(body), &health) == nil && len(q.Due) > 0 && q.Oldest.IsZero()
	}, 10*time.Minute, 200*time.Millisecond)
}
