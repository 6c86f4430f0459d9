package main

import (
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// BenchmarkDrain posts 2,000 new groups at once, with 64 clients, and measures how long it takes until all are accepted, the
// facts of all are on disk, the evidence of all is stored, and all are analyzed. What was not reached by the deadline is
// told by the numbers that were: facts, evidence and analyzed are 2,000 when all went well.
func BenchmarkDrain(b *testing.B) {
	eachBinary(b, func(b *testing.B, exe string) {
		b.Run("prometheus=no", func(b *testing.B) {
			benchmarkDrain(b, exe, programSetup{}, 60*time.Second)
		})
		b.Run("prometheus=yes", func(b *testing.B) {
			benchmarkDrain(b, exe, programSetup{prometheus: crashLoops(b)}, 90*time.Second)
		})
	})
}

func benchmarkDrain(b *testing.B, exe string, s programSetup, deadline time.Duration) {
	const groups, clients = 2000, 64
	for b.Loop() {
		s.clients, s.model = clients, answeringModel(b, modelTakes)
		p := s.start(b, exe)
		d := &drain{b: b, p: p, db: p.database(b), begun: time.Now(), groups: groups, seen: map[string]time.Time{}}

		done := make(chan posted)
		go func() { done <- p.postAll(clients, groups, "Drain") }()
		sent := d.watch(done, deadline)
		peak := 0. // of the largest copy
		for _, c := range p.copies {
			peak = max(peak, peakMB(b, c.cmd.Process.Pid))
		}
		p.kill()
		d.report(sent)
		b.ReportMetric(peak, "peak-RSS-MB")
		b.ReportMetric(float64(max(0, len(sent.at)-ask(b, d.db, countNotifications))), "lost")
	}
}

// drain watches from outside how a program gets through its work.
type drain struct {
	b      *testing.B
	p      *program
	db     *sql.DB
	begun  time.Time
	groups int

	seen               map[string]time.Time // when the report of an incident was first there, by the first letters of its id
	evidence, analyzed int

	accepted, facts, looked, finished time.Duration // until all were; 0 when that was not reached
}

// watch looks until all is done or the deadline has passed, and returns what became of the requests.
func (d *drain) watch(done <-chan posted, deadline time.Duration) (sent posted) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for d.finished == 0 || sent.at == nil {
		select {
		case sent = <-done:
			d.accepted = time.Since(d.begun)
		case <-tick.C:
			d.look()
			if time.Since(d.begun) > deadline && sent.at != nil {
				return sent
			}
		}
	}
	return sent
}

// look counts what is not known to be complete yet.
func (d *drain) look() {
	now := time.Now()
	if d.facts == 0 {
		for _, file := range d.p.reportFiles(d.b) {
			if id := idInName(file); d.seen[id].IsZero() {
				d.seen[id] = now
			}
		}
		if len(d.seen) >= d.groups {
			d.facts = now.Sub(d.begun)
		}
	}
	if d.looked == 0 {
		if d.evidence = ask(d.b, d.db, countEvidence); d.evidence >= d.groups {
			d.looked = now.Sub(d.begun)
		}
		return
	}
	if d.finished == 0 {
		if d.analyzed = ask(d.b, d.db, countAnalyzed); d.analyzed >= d.groups {
			d.finished = now.Sub(d.begun)
		}
	}
}

// idInName returns the letters of the incident's id in the name of its report.
func idInName(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".md")
	return name[strings.LastIndex(name, "_")+1:]
}

func (d *drain) report(sent posted) {
	late := time.Duration(0) // from the 202 to the facts, at most
	for id, at := range sent.at {
		if seen := d.seen[id[:8]]; !seen.IsZero() {
			late = max(late, seen.Sub(at))
		}
	}
	d.analyzed = max(d.analyzed, ask(d.b, d.db, countAnalyzed))
	d.b.ReportMetric(0, "ns/op")
	for unit, value := range map[string]time.Duration{
		"accepted-s": d.accepted, "facts-s": d.facts, "facts-after-202-s": late, "evidence-s": d.looked, "analyzed-s": d.finished,
	} {
		if value > 0 { // else it was not reached
			d.b.ReportMetric(value.Seconds(), unit)
		}
	}
	d.b.ReportMetric(float64(sent.refused), "refused")
	d.b.ReportMetric(float64(len(d.seen)), "facts")
	d.b.ReportMetric(float64(d.evidence), "evidence")
	d.b.ReportMetric(float64(d.analyzed), "analyzed")
}

// crashLoops starts a real Prometheus with an hour of a small shop in which the errors of one zone have begun two minutes
// ago, and returns its URL.
func crashLoops(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	bins := testbedtest.Require(tb, testbed.Prometheus, testbed.Promtool)
	require.NoError(tb, testbed.Backfill(tb.Context(), bins, strings.NewReader(shopSamples(time.Now())), dir))
	return testbedtest.StartPrometheus(tb, testbed.PrometheusConfig{DataDir: dir}).URL
}

// shopSamples is OpenMetrics text: an hour of samples up to now, every 15 s, of requests by zone, instance and code, with
// what one finds beside them.
func shopSamples(now time.Time) string {
	const step, length, trouble = 15, 3600, 120 // seconds
	var b strings.Builder
	series := func(name, labels string, value func(second int) float64) {
		for s := 0; s <= length; s += step {
			fmt.Fprintf(&b, "%s{%s} %g %d\n", name, labels, value(s), now.Unix()-length+int64(s))
		}
	}
	instances := func(f func(zone, instance int, labels string)) {
		for i := range 6 {
			f(i%3, i, fmt.Sprintf(`job="shop",cluster="eu-1",zone="z%d",instance="web-%d:9090"`, i%3, i))
		}
	}
	counter := func(rate, wave, after float64) func(int) float64 {
		return func(s int) float64 {
			return rate*float64(s) + wave*math.Sin(float64(s)/97) + after*float64(max(0, s-(length-trouble)))
		}
	}
	instances(func(_, i int, labels string) {
		series("app_requests_total", labels+`,code="200"`, counter(40+float64(i), 30, 0))
	})
	instances(func(zone, i int, labels string) {
		after := 0.
		if zone == 1 {
			after = 4 + float64(i)
		}
		series("app_requests_total", labels+`,code="500"`, counter(.05, .5, after))
	})
	instances(func(zone, i int, labels string) {
		series("app_connections", labels, func(s int) float64 {
			v := 100 + 5*math.Sin(float64(s)/61+float64(i))
			if zone == 1 && s > length-trouble {
				v += 220
			}
			return math.Round(v)
		})
	})
	instances(func(_, i int, labels string) {
		series("app_memory_bytes", labels, func(s int) float64 { return 3e8 + 1e7*math.Sin(float64(s+100*i)/300) })
	})
	instances(func(_, _ int, labels string) { series("up", labels, func(int) float64 { return 1 }) })
	instances(func(zone, i int, labels string) {
		series("process_start_time_seconds", labels, func(s int) float64 {
			if zone == 1 && i == 1 && s > length-trouble-30 {
				return float64(now.Unix() - trouble - 30)
			}
			return float64(now.Unix() - 86400)
		})
	})
	return b.String() + "# EOF\n"
}
