package worker

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store"
)

// TestLeaseIsKept: work that takes many leases' time is done once, also beside a second worker.
func TestLeaseIsKept(t *testing.T) {
	for _, work := range opening {
		t.Run(string(work), func(t *testing.T) {
			bubble(t, func(e *env) {
				slow := true
				e.slow(work, func(context.Context) {
					e.mu.Lock()
					first := slow
					slow = false
					e.mu.Unlock()
					if first {
						time.Sleep(2 * time.Minute)
					}
				})
				e.start(e.worker())
				e.start(e.worker())
				id := e.notify("critical", "A")
				pass(110 * time.Second)
				assert.Equal(t, 1, e.times(string(work)+" A"))
				pass(11 * time.Second)
				e.done(id)
				if work != incident.WorkFile { // the file is written again for what came meanwhile
					assert.Equal(t, 1, e.times(string(work)+" A"))
				}
			})
		})
	}
}

// TestLostLease: a worker that could not renew its lease finds that another one has done the work. Its own result is not
// stored; a file is written again, since nobody can tell whose is on disk.
func TestLostLease(t *testing.T) {
	for _, work := range opening {
		t.Run(string(work), func(t *testing.T) {
			bubble(t, func(e *env) {
				other := &env{t: e.t, store: e.store}
				defer func() { other.stop() }()
				slowed := make(chan struct{})
				e.slow(work, func(context.Context) { <-slowed })
				s := &faulty{Store: e.store}
				s.set(errAway, "Renew")
				id := e.notify("critical", "A")
				registry := prometheus.NewRegistry()
				e.start(e.worker(on(s), func(o *Options) { o.Registerer = registry }))
				s.set(errAway, "Renew", "Claim") // it has what it wanted, the rest is the other's
				other.collect = func(context.Context, *incident.Incident) []incident.Evidence { return evidence("of the other", 1) }
				other.analyze = func(context.Context, *incident.Incident, []incident.Evidence) (*incident.Verdict, error) {
					return verdict("of the other", "E1"), nil
				}
				other.start(other.worker())
				pass(31 * time.Second)
				_, f := other.done(id)
				if work != incident.WorkFile {
					require.Equal(t, 1, other.times(string(work)+" A"))
				}
				files := other.times("file A")

				close(slowed)
				settled()
				inc, now := other.done(id)
				assert.Equal(t, f, now, "the late result is not stored")
				assert.EqualValues(t, 1, samples(t, registry, "alertscribe_work_duration_seconds", string(work), "lost"))
				if work == incident.WorkFile {
					assert.Greater(t, other.times("file A"), files, "and the file is written again")
				} else {
					assert.Equal(t, files, other.times("file A"))
				}
				assert.LessOrEqual(t, inc.Spend.Calls, 1)
			})
		})
	}
}

// TestLostLeaseEndsTheWork: who learns at a renewal that another one has the work stops at once.
func TestLostLeaseEndsTheWork(t *testing.T) {
	bubble(t, func(e *env) {
		var ended atomic.Int64
		e.slow(incident.WorkAnalysis, func(ctx context.Context) {
			<-ctx.Done()
			ended.Add(1)
		})
		s := &faulty{Store: e.store}
		e.start(e.worker(on(s)))
		id := e.notify("critical", "A")
		s.set(incident.ErrLeaseLost, "Renew")
		pass(11 * time.Second)
		assert.EqualValues(t, 1, ended.Load())
		inc, _ := e.get(id)
		assert.Zero(t, inc.Analysis.Attempts)
	})
}

// TestStoreAway: a result waits for a store that can't be written. The model is not asked again, however long it takes.
func TestStoreAway(t *testing.T) {
	for name, methods := range map[string][]string{
		"for results":      {"Finish"},
		"for all":          {"Finish", "Renew", "Claim"},
		"while work is on": {"Renew", "Claim"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(e *env) {
				answered := make(chan struct{})
				e.slow(incident.WorkAnalysis, func(context.Context) { <-answered })
				s := &faulty{Store: e.store}
				e.start(e.worker(on(s)))
				id := e.notify("critical", "A")
				require.Equal(t, 1, e.times("analysis A"))
				s.set(errAway, methods...)
				if methods[0] == "Finish" {
					close(answered)
				}
				// What the store alone refuses for long would count as the result's own fault: see TestUnstorable.
				outage := 3 * time.Minute
				if name == "for results" {
					outage = time.Second
				}
				pass(outage)
				_, f := e.get(id)
				require.Nil(t, f.Verdict)
				s.set(nil)
				pass(15 * time.Second)
				if methods[0] != "Finish" {
					close(answered)
					settled()
				}
				_, f = e.done(id)
				assert.Equal(t, "A", f.Verdict.Summary)
				assert.Equal(t, 1, e.times("analysis A"))
			})
		})
	}
}

// TestSleep: after the machine has slept, work in flight is not claimed again.
func TestSleep(t *testing.T) {
	var asleep atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(asleep.Load())) }
	bubble(t, func(e *env) {
		answered := make(chan struct{})
		e.slow(incident.WorkAnalysis, func(context.Context) { <-answered })
		e.start(e.worker(func(o *Options) { o.Now = clock }))
		id := e.notify("critical", "A")
		asleep.Store(int64(8 * time.Hour))
		e.notify("critical", "B") // wakes the pools before a renewal is due
		pass(time.Minute)
		assert.Equal(t, 1, e.times("analysis A"))
		close(answered)
		settled()
		e.done(id)
	}, func(o *store.Options) { o.Now = clock })
}

// TestUnstorable: a result that can't be stored, though the store can be written, fails its work and no more.
func TestUnstorable(t *testing.T) {
	bubble(t, func(e *env) {
		unstorable := evidence("of A", 1)
		unstorable[0].Ranking = []incident.RankedSeries{{Score: math.NaN()}}
		e.collect = func(_ context.Context, inc *incident.Incident) []incident.Evidence {
			if inc.Alertname == "A" {
				return unstorable
			}
			return evidence("of "+inc.Alertname, 1)
		}
		first := true
		e.analyze = func(_ context.Context, inc *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
			v := verdict(inc.Alertname)
			if first && inc.Alertname == "A" {
				first, v.Spend.Cost = false, math.Inf(1)
			}
			return v, nil
		}
		e.start(e.worker(func(o *Options) { o.Evidences, o.Analyses = 1, 1 }))
		id := e.notify("critical", "A")
		other := e.notify("warning", "B")
		pass(time.Minute)
		_, f := e.done(id)
		require.Len(t, f.Evidence, 1)
		assert.True(t, f.Evidence[0].Failed)
		assert.Equal(t, "A", f.Verdict.Summary)
		e.done(other)
	})
}

// TestClaimFails: a store that is away is asked again once a second, and not as fast as it can say no.
func TestClaimFails(t *testing.T) {
	bubble(t, func(e *env) {
		s := &faulty{Store: e.store}
		s.set(errAway, "Claim")
		e.start(e.worker(on(s)))
		id := e.notify("critical", "A")
		pass(10 * time.Second)
		assert.EqualValues(t, 44, s.claims.Load(), "eleven times each of four kinds of work")
		s.set(nil)
		pass(time.Second)
		e.done(id)
	})
}

// TestStopWhileStoreIsAway: the stop does not wait for a store that can't be written.
func TestStopWhileStoreIsAway(t *testing.T) {
	bubble(t, func(e *env) {
		s := &faulty{Store: e.store}
		id := e.notify("critical", "A")
		s.set(errAway, "Finish", "Renew")
		stop := e.start(e.worker(on(s)))
		begun := time.Now()
		stop()
		assert.LessOrEqual(t, time.Since(begun), 10*time.Second)
		pass(30 * time.Second)
		e.start(e.worker())
		pass(time.Second)
		e.done(id)
	})
}

// TestFileFailed: a report that can't be written is tried again, with pauses that grow to a quarter of a minute.
func TestFileFailed(t *testing.T) {
	bubble(t, func(e *env) {
		var tries []time.Time
		readOnly := errors.New("read-only file system")
		e.write = func(context.Context, *incident.Incident, incident.Findings) error {
			e.change(func() { tries = append(tries, time.Now()) })
			return readOnly
		}
		// Only the file has work, so that nothing else makes it due.
		e.analyze = failing(incident.FailNoKey)
		e.start(e.worker())
		id := e.notify("critical", "A")
		pass(3 * time.Minute)
		inc, _ := e.get(id)
		assert.Zero(t, inc.FileRevision)
		assert.Contains(t, inc.FileError, "read-only file system")
		assert.Greater(t, inc.FileFailures, 10)
		e.change(func() { e.write = nil })
		for i := 1; i < len(tries); i++ {
			assert.LessOrEqual(t, tries[i].Sub(tries[i-1]), 15*time.Second)
		}
		last := tries[len(tries)-1].Sub(tries[len(tries)-2])
		assert.GreaterOrEqual(t, last, 11*time.Second)

		pass(15 * time.Second)
		inc, _ = e.get(id)
		assert.Equal(t, inc.Revision, inc.FileRevision)
		assert.Empty(t, inc.FileError)
		assert.Zero(t, inc.FileFailures)
	})
}
