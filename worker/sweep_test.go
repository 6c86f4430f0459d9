package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestRetry: a failure that may pass is tried again with pauses until the model answers.
func TestRetry(t *testing.T) {
	bubble(t, func(e *env) {
		fail := 5
		e.analyze = func(_ context.Context, inc *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
			if fail--; fail >= 0 {
				return nil, &incident.Failure{Kind: incident.FailOverload, Err: errors.New("503")}
			}
			return verdict(inc.Alertname), nil
		}
		e.start(e.worker())
		id := e.notify("critical", "A")
		pass(10 * time.Second)
		inc, _ := e.get(id)
		assert.Equal(t, incident.Pending, inc.Analysis.State)
		assert.Equal(t, "503", inc.Analysis.Detail)
		assert.Equal(t, inc.Revision, inc.FileRevision, "the file says so")
		pass(time.Minute)
		e.done(id)
		assert.Equal(t, 6, e.times("analysis A"))
	})
}

// TestRevive: what is evidence only is analysed when the analyzer permits its reason again; one of all when it probes.
func TestRevive(t *testing.T) {
	tests := map[string]struct {
		reasons []incident.Reason
		probe   bool
		one     bool
		asked   []int // calls after each interval, with two at once
	}{
		"nothing is permitted":         {},
		"another reason":               {reasons: []incident.Reason{incident.Budget}},
		"a few at a time":              {reasons: []incident.Reason{incident.Balance}, asked: []int{2, 4, 5, 5}},
		"probe":                        {reasons: []incident.Reason{incident.Balance}, probe: true, asked: []int{1, 2, 3}},
		"one at a time":                {reasons: []incident.Reason{incident.Balance}, one: true, asked: []int{1, 2, 3}},
		"one of several reasons is it": {reasons: []incident.Reason{incident.NoKey, incident.Balance}, asked: []int{2, 4}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(e *env) {
				e.analyze = failing(incident.FailBalance)
				e.start(e.worker(func(o *Options) { o.Analyses = 2 }))
				for i := range 5 {
					e.notify("critical", fmt.Sprintf("A%d", i))
				}
				resolved := e.notify("critical", "Resolved")
				e.resolve("Resolved")
				pass(time.Second) // while notifications come, one is analyzed at a time
				calls := func() int {
					n := 0
					for i := range 5 {
						n += e.times(fmt.Sprintf("analysis A%d", i))
					}
					return n
				}
				require.Equal(t, 5, calls())

				e.change(func() {
					e.analyze, e.permit = nil, func() incident.RetryPermission {
						return incident.RetryPermission{Reasons: tc.reasons, Probe: tc.probe, One: tc.one}
					}
				})
				for _, asked := range tc.asked {
					pass(requeueInterval)
					assert.Equal(t, 5+asked, calls())
				}
				if tc.asked == nil {
					pass(time.Minute)
					assert.Equal(t, 5, calls())
				}
				inc, _ := e.get(resolved)
				assert.Equal(t, incident.EvidenceOnly, inc.Analysis.State, "it does not fire any more")
			})
		})
	}
}

// TestReviveIsNotHeldUp: neither incidents that are too old nor one that the model always refuses keep others waiting.
func TestReviveIsNotHeldUp(t *testing.T) {
	bubble(t, func(e *env) {
		e.analyze = failing(incident.FailBalance)
		e.start(e.worker(rules))
		for i := range 10 {
			e.notify("critical", fmt.Sprintf("Old%d", i))
		}
		pass(90 * time.Second)
		for i := range 10 {
			e.notify("critical", fmt.Sprintf("Old%d", i)) // still firing
		}
		pass(90 * time.Second)
		id := e.notify("warning", "Young")
		refused := e.notify("critical", "Refused")
		e.change(func() {
			e.analyze = func(ctx context.Context, inc *incident.Incident, items []incident.Evidence) (*incident.Verdict, error) {
				if inc.ID == refused {
					return failing(incident.FailBalance)(ctx, inc, items)
				}
				return verdict(inc.Alertname), nil
			}
			e.permit = func() incident.RetryPermission {
				return incident.RetryPermission{Reasons: []incident.Reason{incident.Balance}, Probe: true}
			}
		})
		pass(2 * time.Minute)
		e.done(id)
	})
}

// TestTheMostSevereGoesFirst: while calls come free one by one, they go to the most severe of those that wait.
func TestTheMostSevereGoesFirst(t *testing.T) {
	bubble(t, func(e *env) {
		e.analyze = failing(incident.FailBudget)
		e.start(e.worker())
		for _, severity := range []string{"info", "warning", "critical", "warning", "error"} {
			e.notify(severity, severity+fmt.Sprint(len(e.log)))
		}
		e.change(func() {
			e.log, e.analyze = nil, nil
			e.permit = func() incident.RetryPermission {
				return incident.RetryPermission{Reasons: []incident.Reason{incident.Budget}, One: true}
			}
		})
		pass(5 * requeueInterval)
		var order []string
		for _, s := range e.log {
			if name, ok := strings.CutPrefix(s, "analysis "); ok {
				order = append(order, strings.TrimRight(name, "0123456789"))
			}
		}
		assert.Equal(t, []string{"critical", "error", "warning", "warning", "info"}, order)
	})
}

type alertmanager func(*incident.Incident) (bool, error)

func (a alertmanager) StillFiring(_ context.Context, inc *incident.Incident) (bool, error) {
	return a(inc)
}

func TestStale(t *testing.T) {
	tests := map[string]struct {
		alertmanager Alertmanager
		want         incident.Status
	}{
		"without Alertmanager": {nil, incident.Stale},
		"still firing":         {alertmanager(func(*incident.Incident) (bool, error) { return true, nil }), incident.Firing},
		"not firing":           {alertmanager(func(*incident.Incident) (bool, error) { return false, nil }), incident.Stale},
		"Alertmanager is away": {alertmanager(func(*incident.Incident) (bool, error) { return false, errAway }), incident.Firing},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(e *env) {
				var asked atomic.Int64
				e.start(e.worker(rules, func(o *Options) {
					if tc.alertmanager == nil {
						return
					}
					o.Alertmanager = alertmanager(func(inc *incident.Incident) (bool, error) {
						asked.Add(1)
						return tc.alertmanager.StillFiring(e.t.Context(), inc)
					})
				}))
				id := e.notify("critical", "A")
				e.done(id)
				pass(4 * time.Minute)
				inc, _ := e.done(id)
				require.Equal(t, incident.Firing, inc.Status)
				require.Zero(t, asked.Load())
				pass(3 * time.Minute)
				inc, _ = e.done(id) // the file shows it
				assert.Equal(t, tc.want, inc.Status)
				switch name {
				case "still firing":
					assert.EqualValues(t, 1, asked.Load(), "not again before long")
					assert.WithinDuration(t, time.Now(), inc.LastHeardAt, 3*time.Minute)
				case "Alertmanager is away":
					assert.Greater(t, asked.Load(), int64(1), "asked again")
				case "not firing":
					assert.EqualValues(t, 1, asked.Load())
				}
				assert.Equal(t, id, e.notify("critical", "A"), "any later notification goes on with it")
				inc, _ = e.get(id)
				assert.Equal(t, incident.Firing, inc.Status)
			})
		})
	}
}

// TestHeardWhileAsking: a notification that arrives while Alertmanager is asked counts more than its answer.
func TestHeardWhileAsking(t *testing.T) {
	bubble(t, func(e *env) {
		answer := make(chan struct{})
		e.start(e.worker(rules, func(o *Options) {
			o.Alertmanager = alertmanager(func(*incident.Incident) (bool, error) {
				<-answer
				return false, nil
			})
		}))
		id := e.notify("critical", "A")
		pass(7 * time.Minute)
		e.notify("critical", "A")
		close(answer)
		settled()
		inc, _ := e.get(id)
		assert.Equal(t, incident.Firing, inc.Status)
	})
}

// TestLookWhileTheModelThinks: a name joins while the model is thinking. What is seen meanwhile does not take the place of
// what the verdict is going to cite; another analysis follows, when ten minutes have passed.
func TestLookWhileTheModelThinks(t *testing.T) {
	bubble(t, func(e *env) {
		round := 0
		e.collect = func(context.Context, *incident.Incident) []incident.Evidence {
			e.change(func() { round++ })
			return evidence(fmt.Sprintf("round %d", round), 2)
		}
		answers := make(chan *incident.Verdict)
		var shown [][]incident.Evidence
		e.analyze = func(_ context.Context, _ *incident.Incident, items []incident.Evidence) (*incident.Verdict, error) {
			e.change(func() { shown = append(shown, items) })
			return <-answers, nil
		}
		e.start(e.worker())
		id := e.notify("critical", "A")
		require.Equal(t, id, e.notify("critical", "A", "B"))
		require.Equal(t, 2, round)
		answers <- verdict("first", "E2")
		settled()
		inc, f := e.get(id)
		assert.Equal(t, "first", f.Verdict.Summary)
		assert.Equal(t, map[string]string{"E3": "round 2 1", "E4": "round 2 2", "E2": "round 1 2"}, titles(f.Evidence),
			"what it cites is what it was shown, and an id never comes to mean something else")
		assert.Equal(t, incident.Complete, inc.Analysis.State)
		e.change(func() { require.Len(t, shown, 1, "not at once") })

		pass(10 * time.Minute)
		e.change(func() { require.Len(t, shown, 2, "B is not covered") })
		answers <- verdict("second", "E5")
		settled()
		inc, f = e.done(id)
		assert.Equal(t, "second", f.Verdict.Summary)
		assert.Equal(t, map[string]string{"E5": "round 3 1", "E6": "round 3 2"}, titles(f.Evidence), "what is not cited any more is gone")
		assert.Equal(t, []string{"A", "B"}, inc.Analysis.Covered)
	})
}

func titles(items []incident.Evidence) map[string]string {
	m := map[string]string{}
	for _, e := range items {
		m[e.ID] = e.Title
	}
	return m
}

// TestRefresh: a firing incident is looked at again by the timetable, when a notification changes it, and once more when it
// has ended; text and chart are of the newest look, what is cited keeps what it was, and none of that costs an analysis.
func TestRefresh(t *testing.T) {
	bubble(t, func(e *env) {
		looks := 0
		see := func() []incident.Evidence {
			looks++
			items := evidence("signal", 1)
			items[0].Summary = fmt.Sprintf("look %d", looks)
			items[0].Chart = &incident.Chart{Series: []incident.Series{{Points: make([]incident.Point, looks)}}}
			return items
		}
		e.collect = func(context.Context, *incident.Incident) []incident.Evidence { return see() }
		e.refresh = func(_ context.Context, _ *incident.Incident, seen []incident.Evidence) []incident.Evidence {
			assert.Equal(t, fmt.Sprintf("look %d", looks), seen[0].Summary)
			return see()
		}
		e.start(e.worker(func(o *Options) { o.Policy.Refresh = []time.Duration{time.Minute, 5 * time.Minute} }))
		id := e.notify("critical", "A")
		shows := func(look int, refreshes int) {
			t.Helper()
			inc, f := e.done(id)
			require.Equal(t, refreshes, e.times("refresh A"))
			require.Len(t, f.Evidence, 1)
			assert.Equal(t, fmt.Sprintf("look %d", look), f.Evidence[0].Summary)
			assert.Len(t, f.Evidence[0].Chart.Series[0].Points, look, "of the same look")
			assert.Equal(t, inc.LookedAt, f.Evidence[0].At)
			assert.Equal(t, "E1", f.Evidence[0].ID)
			assert.Equal(t, 1, e.times("analysis A"))
			if look == 1 {
				assert.Nil(t, f.Evidence[0].AsAnalyzed)
			} else {
				assert.Equal(t, "look 1", f.Evidence[0].AsAnalyzed.Summary)
			}
		}
		shows(1, 0)
		pass(59 * time.Second)
		shows(1, 0)
		pass(time.Second)
		shows(2, 1)
		pass(4 * time.Minute)
		shows(3, 2)
		pass(5 * time.Minute)
		shows(4, 3)
		pass(time.Minute)
		e.resolve("A")
		shows(5, 4)
		pass(time.Hour)
		shows(5, 4)
	})
}

// TestPictureChanges: a look that shows another picture than the verdict was made from calls for another analysis.
func TestPictureChanges(t *testing.T) {
	bubble(t, func(e *env) {
		peak := 6.
		see := func() []incident.Evidence {
			items := evidence("signal", 1)
			items[0].Summary = fmt.Sprint(peak)
			items[0].Figures = &incident.Figures{Anchor: "a", Rises: true, Peak: &incident.Figure{Value: peak}}
			return items
		}
		e.collect = func(context.Context, *incident.Incident) []incident.Evidence { return see() }
		e.refresh = func(context.Context, *incident.Incident, []incident.Evidence) []incident.Evidence { return see() }
		e.start(e.worker(func(o *Options) { o.Policy.Refresh = []time.Duration{time.Minute} }))
		id := e.notify("critical", "A")
		pass(2 * time.Minute)
		assert.Equal(t, 1, e.times("analysis A"))
		e.change(func() { peak = 125 })
		pass(time.Minute)
		inc, _ := e.get(id)
		assert.Equal(t, incident.EventChanged, inc.Timeline[len(inc.Timeline)-1].Kind)
		assert.Equal(t, 1, e.times("analysis A"), "ten minutes after the first at the earliest")
		pass(8 * time.Minute)
		inc, f := e.done(id)
		assert.Equal(t, 2, e.times("analysis A"))
		assert.Equal(t, 2, inc.Spend.Calls)
		assert.Nil(t, f.Evidence[0].AsAnalyzed)
		pass(time.Hour)
		assert.Equal(t, 2, e.times("analysis A"), "the verdict has seen that")
	})
}

// TestRefreshFails: a fault of ours in a look costs that look, and no more.
func TestRefreshFails(t *testing.T) {
	bubble(t, func(e *env) {
		e.refresh = func(context.Context, *incident.Incident, []incident.Evidence) []incident.Evidence {
			panic("out of order")
		}
		e.start(e.worker(func(o *Options) { o.Policy.Refresh = []time.Duration{time.Minute} }))
		id := e.notify("critical", "A")
		pass(3 * time.Minute)
		_, f := e.done(id)
		assert.Equal(t, "of A 1", f.Evidence[0].Title)
		assert.Equal(t, 3, e.times("refresh A"))
	})
}
