package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkAcceptBusy measures how fast new groups are accepted while the workers are busy: 5,000 incidents are open, half of
// them of one alert name, and are being written, looked up and analyzed. Every request opens another one. It tells, too,
// how many incidents were analyzed meanwhile: neither may starve the other.
func BenchmarkAcceptBusy(b *testing.B) {
	eachBinary(b, func(b *testing.B, exe string) {
		for _, clients := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAcceptBusy(b, exe, programSetup{}, clients) })
		}
	})
}

func benchmarkAcceptBusy(b *testing.B, exe string, s programSetup, clients int) {
	const backlog, length = 5000, 5 * time.Second
	for b.Loop() {
		s.clients, s.model = max(clients, 64), answeringModel(b, modelTakes)
		p := s.start(b, exe)
		require.Len(b, p.postAll(64, backlog, "Backlog").at, backlog, "the backlog is accepted")
		db := p.database(b)
		before := ask(b, db, countAnalyzed)

		begun := time.Now()
		took, accepted, refused := p.postFor(clients, length, "Busy")
		lasted := time.Since(begun)
		analyzed := ask(b, db, countAnalyzed) - before
		p.kill()
		stored := ask(b, db, countNotifications)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(accepted)/lasted.Seconds(), "accept/s")
		reportLatencies(b, took, "")
		b.ReportMetric(float64(analyzed)/lasted.Seconds(), "analyzed/s")
		b.ReportMetric(float64(refused), "refused")
		b.ReportMetric(float64(max(0, backlog+accepted-stored)), "lost")
	}
}

// posted says what became of requests.
type posted struct {
	at      map[string]time.Time // when each incident was accepted
	refused int                  // answers that were no 202
}

// postAll posts n new groups as fast as the clients can, each until it is accepted, for a minute at most.
func (p *program) postAll(clients, n int, kind string) posted {
	at := map[string]time.Time{}
	var mu sync.Mutex
	var next, refused atomic.Int64
	giveUp := time.Now().Add(time.Minute)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				body := groupBody(kind, i, busyExpr)
				for time.Now().Before(giveUp) {
					if code, _, id := p.notify(body); code == http.StatusAccepted {
						mu.Lock()
						at[id] = time.Now()
						mu.Unlock()
						break
					}
					refused.Add(1)
					time.Sleep(100 * time.Millisecond) // Alertmanager would wait longer
				}
			}
		})
	}
	wg.Wait()
	return posted{at, int(refused.Load())}
}

// postFor posts new groups for a time, each once, and returns what those that were accepted took.
func (p *program) postFor(clients int, length time.Duration, kind string) (took []time.Duration, accepted, refused int) {
	perClient := make([][]time.Duration, clients)
	var next, no atomic.Int64
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				code, d, _ := p.notify(groupBody(kind, int(next.Add(1)), busyExpr))
				if code != http.StatusAccepted {
					no.Add(1)
					continue
				}
				perClient[c] = append(perClient[c], d)
			}
		})
	}
	wg.Wait()
	took = slices.Concat(perClient...)
	return took, len(took), int(no.Load())
}

// busyExpr is the expression of the alerts, as a generatorURL carries it: what a crash loop's rule asks, on metrics of
// benchmarkSamples.
const busyExpr = "sum+by+%28zone%29+%28rate%28app_requests_total%7Bcode%3D%22500%22%7D%5B2m%5D%29%29+%3E+1"
