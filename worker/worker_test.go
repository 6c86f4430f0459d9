package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestIncidentGoesItsWay(t *testing.T) {
	bubble(t, func(e *env) {
		var shown []incident.Findings
		e.write = func(_ context.Context, _ *incident.Incident, f incident.Findings) error {
			shown = append(shown, f)
			return nil
		}
		registry := prometheus.NewRegistry()
		e.start(e.worker(func(o *Options) { o.Registerer = registry }))
		id := e.notify("critical", "A")
		inc, f := e.done(id)
		assert.Equal(t, "A", f.Verdict.Summary)
		assert.Equal(t, inc.Generation, f.Verdict.Generation)
		assert.Equal(t, "of A 1", f.Evidence[0].Title)
		assert.Equal(t, incident.Spend{Calls: 1, Prompt: 10}, inc.Spend)
		assert.Equal(t, 1, e.times("evidence A"))
		assert.Equal(t, 1, e.times("analysis A"))
		assert.Equal(t, f, shown[len(shown)-1], "the last file shows all")
		for _, histogram := range []string{"alertscribe_first_report_delay_seconds", "alertscribe_analysis_delay_seconds"} {
			assert.EqualValues(t, 1, samples(t, registry, histogram), histogram)
		}
		assert.EqualValues(t, len(shown), samples(t, registry, "alertscribe_report_delay_seconds"))
		assert.EqualValues(t, len(shown)+2, samples(t, registry, "alertscribe_work_duration_seconds"))

		e.notify("critical", "A")
		pass(time.Minute)
		assert.Equal(t, 1, e.times("analysis A"), "a repeat is no work")
		assert.EqualValues(t, len(shown)+2, samples(t, registry, "alertscribe_work_duration_seconds"))
	})
}

// samples returns how often a histogram was observed with all of these label values.
func samples(t *testing.T, g prometheus.Gatherer, name string, values ...string) uint64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	var n uint64
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetValue())
			}
			if f.GetName() == name && (len(values) == 0 || assert.ObjectsAreEqual(sorted(values), sorted(has))) {
				n += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return n
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func TestMostSevereFirst(t *testing.T) {
	bubble(t, func(e *env) {
		for _, severity := range []string{"info", "warning", "critical", "error"} {
			e.notify(severity, severity)
		}
		e.analyze = func(_ context.Context, inc *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
			time.Sleep(time.Second)
			return verdict(inc.Alertname), nil
		}
		e.start(e.worker(func(o *Options) { o.Files, o.Evidences, o.Analyses = 1, 1, 1 }))
		pass(time.Minute)
		for _, work := range []incident.Work{incident.WorkFile, incident.WorkEvidence} {
			var order []string
			for _, severity := range []string{"critical", "error", "warning", "info"} {
				order = append(order, string(work)+" "+severity)
			}
			assert.Equal(t, order, firstOfEach(e.log, string(work)), work)
		}
		// The first analysis starts when the first evidence is there, the others queue up behind it.
		assert.Equal(t, []string{"analysis critical", "analysis error", "analysis warning", "analysis info"}, firstOfEach(e.log, "analysis"))
	})
}

// firstOfEach returns the entries of a kind of work, each once.
func firstOfEach(log []string, work string) []string {
	var entries []string
	seen := map[string]bool{}
	for _, entry := range log {
		if len(entry) > len(work) && entry[:len(work)] == work && !seen[entry] {
			seen[entry] = true
			entries = append(entries, entry)
		}
	}
	return entries
}

// TestHangingAnalysesHoldUpNothing also shows the size of the pool.
func TestHangingAnalysesHoldUpNothing(t *testing.T) {
	bubble(t, func(e *env) {
		running := 0
		e.analyze = func(ctx context.Context, _ *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
			e.mu.Lock()
			running++
			e.mu.Unlock()
			<-ctx.Done()
			return nil, ctx.Err()
		}
		shown := map[string]incident.Findings{}
		e.write = func(_ context.Context, inc *incident.Incident, f incident.Findings) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			shown[inc.ID] = f
			return nil
		}
		e.start(e.worker(func(o *Options) { o.Analyses = 3 }))
		var ids []string
		for i := range 20 {
			ids = append(ids, e.notify("critical", fmt.Sprintf("A%d", i)))
		}
		pass(time.Minute)
		assert.Equal(t, 3, running)
		for _, id := range ids {
			inc, f := e.get(id)
			assert.Equal(t, inc.Revision, inc.FileRevision)
			assert.NotEmpty(t, f.Evidence)
			assert.Equal(t, f, shown[id], "the file has the evidence, too")
			assert.Equal(t, incident.Pending, inc.Analysis.State)
		}
	})
}

// TestHangingEvidenceHoldsUpNoFile: the facts are on disk before anything is looked up.
func TestHangingEvidenceHoldsUpNoFile(t *testing.T) {
	bubble(t, func(e *env) {
		e.slow(incident.WorkEvidence, func(ctx context.Context) { <-ctx.Done() })
		e.start(e.worker())
		for i := range 20 {
			inc, _ := e.get(e.notify("critical", fmt.Sprintf("A%d", i)))
			assert.Positive(t, inc.FileRevision)
			assert.Equal(t, 1, e.times(fmt.Sprintf("file A%d", i)))
		}
	})
}

func TestEachPoolHasItsSize(t *testing.T) {
	for _, work := range opening {
		t.Run(string(work), func(t *testing.T) {
			bubble(t, func(e *env) {
				running, most := 0, 0
				busy := func() {
					e.mu.Lock()
					running++
					most = max(most, running)
					e.mu.Unlock()
					time.Sleep(time.Second)
					e.mu.Lock()
					running--
					e.mu.Unlock()
				}
				e.slow(work, func(context.Context) { busy() })
				for i := range 10 {
					e.notify("critical", fmt.Sprintf("A%d", i))
				}
				e.start(e.worker(func(o *Options) { o.Files, o.Evidences, o.Analyses = 2, 3, 5 }))
				pass(time.Minute)
				assert.Equal(t, map[incident.Work]int{incident.WorkFile: 2, incident.WorkEvidence: 3, incident.WorkAnalysis: 5}[work], most)
			})
		})
	}
}

// slow has every piece of a kind of work call f first, and give up when its context has ended then.
func (e *env) slow(work incident.Work, f func(context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch work {
	case incident.WorkFile:
		e.write = func(ctx context.Context, _ *incident.Incident, _ incident.Findings) error {
			f(ctx)
			return ctx.Err()
		}
	case incident.WorkEvidence:
		e.collect = func(ctx context.Context, inc *incident.Incident) []incident.Evidence {
			f(ctx)
			return evidence("of "+inc.Alertname, 1)
		}
	case incident.WorkAnalysis:
		e.analyze = func(ctx context.Context, inc *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
			f(ctx)
			if ctx.Err() != nil { // as a client says it whose connection was cut
				return nil, &incident.Failure{Kind: incident.FailUnavailable, Err: errors.New("the connection broke")}
			}
			return verdict(inc.Alertname), nil
		}
	case incident.WorkRefresh:
		e.refresh = func(ctx context.Context, inc *incident.Incident, _ []incident.Evidence) []incident.Evidence {
			f(ctx)
			return evidence("of "+inc.Alertname, 1)
		}
	}
}

// failing analyses fail.
func failing(kind incident.FailureKind) func(context.Context, *incident.Incident, []incident.Evidence) (*incident.Verdict, error) {
	return func(context.Context, *incident.Incident, []incident.Evidence) (*incident.Verdict, error) {
		return nil, &incident.Failure{Kind: kind, Err: errors.New("as was to be expected")}
	}
}

// TestPanic: work that panics has failed, it alone, and the incident goes on.
func TestPanic(t *testing.T) {
	for _, work := range opening {
		t.Run(string(work), func(t *testing.T) {
			bubble(t, func(e *env) {
				panicked := false
				e.slow(work, func(context.Context) {
					e.mu.Lock()
					first := !panicked
					panicked = true
					e.mu.Unlock()
					if first {
						panic("out of order")
					}
				})
				if work == incident.WorkFile { // so that nothing else makes the file due at once
					e.collect = func(_ context.Context, inc *incident.Incident) []incident.Evidence {
						time.Sleep(100 * time.Millisecond)
						return evidence("of "+inc.Alertname, 1)
					}
				}
				w := e.worker()
				e.start(w)
				id, other := e.notify("critical", "A"), e.notify("critical", "B")
				inc, f := e.get(id)
				switch work {
				case incident.WorkFile:
					assert.Equal(t, 1, inc.FileFailures)
					assert.Contains(t, inc.FileError, "panic: out of order")
				case incident.WorkEvidence:
					require.Len(t, f.Evidence, 1)
					assert.True(t, f.Evidence[0].Failed)
				case incident.WorkAnalysis:
					assert.Equal(t, 1, inc.Analysis.Attempts)
					assert.Contains(t, inc.Analysis.Detail, "panic: out of order")
				case incident.WorkRefresh: // TestRefreshFails
				}
				pass(300 * time.Millisecond) // one after the other, since they have just arrived
				e.done(other)
				assert.Equal(t, 1, int(testutil.ToFloat64(w.metrics.panics)))
				pass(2 * time.Second)
				inc, _ = e.done(id)
				assert.Empty(t, inc.FileError)
				assert.Empty(t, inc.Analysis.Detail)
			})
		})
	}
}

// TestPanicKeepsEvidence: what a verdict cites is not lost to a collection that panics.
func TestPanicKeepsEvidence(t *testing.T) {
	for name, change := range map[string]func(*env){
		"at the end":        func(e *env) { e.resolve("A") },
		"when a name joins": func(e *env) { e.notify("critical", "A", "B") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(e *env) {
				e.start(e.worker())
				id := e.notify("critical", "A")
				e.done(id)
				e.change(func() {
					e.collect = func(context.Context, *incident.Incident) []incident.Evidence { panic("out of order") }
					e.analyze = failing(incident.FailOverload)
				})
				change(e)
				pass(time.Second)
				_, f := e.get(id)
				assert.Equal(t, "A", f.Verdict.Summary)
				assert.Contains(t, ids(f.Evidence), f.Verdict.Causes[0].Evidence[0])
				for _, item := range f.Evidence {
					if item.ID == f.Verdict.Causes[0].Evidence[0] {
						assert.Equal(t, "of A 1", item.Title)
					}
				}
			})
		})
	}
}

func ids(items []incident.Evidence) []string {
	var list []string
	for _, e := range items {
		list = append(list, e.ID)
	}
	return list
}

// TestPanicOfSweeps: neither does a panic outside of a claim end the process.
func TestPanicOfSweeps(t *testing.T) {
	bubble(t, func(e *env) {
		e.permit = func() incident.RetryPermission { panic("out of order") }
		w := e.worker()
		e.start(w)
		e.done(e.notify("critical", "A"))
		pass(requeueInterval)
		assert.Equal(t, 2, int(testutil.ToFloat64(w.metrics.panics)), "at the start, and after an interval")
	})
}

func TestSoftStop(t *testing.T) {
	for _, work := range opening {
		t.Run(string(work)+" in time", func(t *testing.T) {
			bubble(t, func(e *env) {
				e.slow(work, func(context.Context) { time.Sleep(9 * time.Second) })
				id := e.notify("critical", "A")
				stop := e.start(e.worker())
				stop()
				inc, f := e.get(id)
				switch work {
				case incident.WorkFile:
					assert.Positive(t, inc.FileRevision)
				case incident.WorkEvidence:
					assert.NotEmpty(t, f.Evidence)
				case incident.WorkAnalysis:
					require.NotNil(t, f.Verdict)
					assert.Equal(t, "A", f.Verdict.Summary)
				case incident.WorkRefresh: // not at once
				}
			})
		})
		t.Run(string(work)+" too late", func(t *testing.T) {
			bubble(t, func(e *env) {
				e.slow(work, func(ctx context.Context) { <-ctx.Done() })
				id := e.notify("critical", "A")
				stop := e.start(e.worker())
				begun := time.Now()
				stop()
				assert.Equal(t, 10*time.Second, time.Since(begun), "the soft stop's time, and no more")
				inc, _ := e.get(id)
				assert.Zero(t, inc.Analysis.Attempts)
				assert.Zero(t, inc.FileFailures)
				if work == incident.WorkAnalysis {
					assert.Equal(t, incident.Pending, inc.Analysis.State)
				}
				done := e.times(string(work) + " A")

				e.slow(work, func(context.Context) {})
				begun = time.Now()
				e.start(e.worker())
				assert.Equal(t, done+1, e.times(string(work)+" A"), "due again at once")
				assert.Zero(t, time.Since(begun))
				e.done(id)
			})
		})
	}
}

// TestStopDuringClaim: what a claim brings that was under way at the stop is given back.
func TestStopDuringClaim(t *testing.T) {
	bubble(t, func(e *env) {
		id := e.notify("critical", "A")
		s := &slowClaims{faulty: &faulty{Store: e.store}, goOn: make(chan struct{})}
		ctx, cancel := context.WithCancel(e.t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			e.worker(on(s)).Run(ctx)
		}()
		synctest.Wait()
		cancel()
		close(s.goOn)
		<-ended
		assert.Empty(t, e.log)
		e.start(e.worker())
		e.done(id)
	})
}

type slowClaims struct {
	*faulty
	goOn chan struct{}
}

func (s *slowClaims) Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error) {
	claims, err := s.faulty.Claim(ctx, work, limit)
	<-s.goOn
	return claims, err
}
