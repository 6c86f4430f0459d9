package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowdBody is a notification of one group with many small alerts, numbered from first on.
func crowdBody(group string, first, alerts int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"version":"4","receiver":"alertscribe","status":"firing","groupKey":"{}:{crowd=%s}","groupLabels":{"crowd":%q},"externalURL":"http://alertmanager:9093","alerts":[`, group, group)
	for i := range alerts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"status":"firing","labels":{"alertname":"Crowd","i":"%d"}}`, first+i)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkGrow measures what one large group does to the others: 40,000 alerts of it fire, then 40,000 others do, while
// four clients post new groups of one alert. Alertmanager sends a refused notification again; so does this, for a minute.
func BenchmarkGrow(b *testing.B) {
	eachBinary(b, func(b *testing.B, exe string) { benchmarkGrow(b, exe, 40_000) })
}

func benchmarkGrow(b *testing.B, exe string, alerts int) {
	for b.Loop() {
		s := programSetup{clients: 8, newer: "web: {max_alerts: 100000}\n", model: answeringModel(b, modelTakes)}
		p := s.start(b, exe)
		_, code := p.insist(crowdBody("large", 0, alerts))
		require.Equal(b, http.StatusAccepted, code, "the group opens")
		require.Eventually(b, func() bool { return len(p.reportFiles(b)) == 1 }, time.Minute, 50*time.Millisecond, "its facts are on disk")
		grown := crowdBody("large", alerts, alerts)
		others := p.startOthers(4)

		begun := time.Now()
		refused, code := p.insist(grown)
		took := time.Since(begun)
		latencies, othersRefused := others()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(took.Seconds(), "large-s")
		b.ReportMetric(float64(refused), "large-refused")
		b.ReportMetric(map[bool]float64{true: 1}[code == http.StatusAccepted], "large-accepted")
		reportLatencies(b, latencies, "others-")
		b.ReportMetric(float64(othersRefused), "others-refused")
		b.ReportMetric(peakMB(b, p.cmd.Process.Pid), "peak-RSS-MB")
		p.kill()
	}
}

// insist posts a body until it is accepted, for a minute at most, and returns how often it was refused and the last answer.
func (p *program) insist(body []byte) (refused, code int) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); refused++ {
		if code, _, _ = p.notify(body); code == http.StatusAccepted {
			break
		}
		time.Sleep(500 * time.Millisecond) // as Alertmanager at first
	}
	return refused, code
}

// startOthers lets clients post new groups, fifty a second each at most. What it returns ends that, and tells what each
// request took.
func (p *program) startOthers(clients int) func() (took []time.Duration, refused int) {
	stop := make(chan struct{})
	perClient := make([][]time.Duration, clients)
	var next, no atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				code, d, _ := p.notify(groupBody("Other", int(next.Add(1)), busyExpr))
				if code != http.StatusAccepted {
					no.Add(1)
				}
				perClient[c] = append(perClient[c], d)
			}
		})
	}
	return func() ([]time.Duration, int) {
		close(stop)
		wg.Wait()
		return slices.Concat(perClient...), int(no.Load())
	}
}

// BenchmarkBodies sends eight bodies of 4 MB at once, as large as the default settings let through, and measures the memory
// that the program takes at most: for bodies of large alerts, of very many small ones, and of alerts that are empty, which
// is no good request and must not cost more than to say so.
func BenchmarkBodies(b *testing.B) {
	const size = 4<<20 - 4<<10
	bodies := map[string]func(i int) []byte{
		"alerts=large": func(i int) []byte { return largeBody(i, 500, size) },
		"alerts=small": func(i int) []byte { return crowdBody(fmt.Sprintf("body-%d", i), 0, size/64) },
		"alerts=empty": func(int) []byte { return []byte(`{"alerts":[{}` + strings.Repeat(",{}", size/3-8) + "]}") },
	}
	eachBinary(b, func(b *testing.B, exe string) {
		for _, name := range []string{"alerts=large", "alerts=small", "alerts=empty"} {
			b.Run(name, func(b *testing.B) { benchmarkBodies(b, exe, bodies[name]) })
		}
	})
}

// largeBody is a notification of a group with alerts of equal size, size bytes in all.
func largeBody(group, alerts, size int) []byte {
	padding := strings.Repeat("More is said here. ", size/alerts/19-15)
	list := make([]map[string]any, alerts)
	for i := range list {
		list[i] = map[string]any{
			"status": "firing", "startsAt": "2026-11-20T08:30:00Z",
			"labels":      map[string]string{"alertname": "Large", "severity": "warning", "namespace": "shop", "instance": fmt.Sprintf("web-%d:9090", i)},
			"annotations": map[string]string{"summary": "It is not well.", "description": padding},
		}
	}
	return message(fmt.Sprintf("{}:{large=\"%d\"}", group), map[string]string{"large": fmt.Sprint(group)}, list...)
}

func benchmarkBodies(b *testing.B, exe string, body func(i int) []byte) {
	const requests = 8
	for b.Loop() {
		p := programSetup{clients: requests, model: answeringModel(b, modelTakes)}.start(b, exe)
		bodies := make([][]byte, requests)
		for i := range bodies {
			bodies[i] = body(i)
			require.LessOrEqual(b, len(bodies[i]), 4<<20)
			require.Greater(b, len(bodies[i]), 4<<20*95/100)
		}

		codes := make([]int, requests)
		took := make([]time.Duration, requests)
		var wg sync.WaitGroup
		for i := range bodies {
			wg.Go(func() { codes[i], took[i], _ = p.notify(bodies[i]) })
		}
		wg.Wait()
		accepted := 0
		for _, code := range codes {
			if code == http.StatusAccepted {
				accepted++
			}
		}
		for end := time.Now().Add(20 * time.Second); len(p.reportFiles(b)) < accepted && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		slices.Sort(codes)
		b.Logf("answers: %v", codes)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(accepted), "accepted")
		b.ReportMetric(slices.Max(took).Seconds(), "max-s")
		b.ReportMetric(peakMB(b, p.cmd.Process.Pid), "peak-RSS-MB")
		p.kill()
	}
}
