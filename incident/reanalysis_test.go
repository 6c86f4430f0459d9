package incident

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// group makes a notification in which n alerts of one name fire at a severity.
func group(at time.Time, n int, severity string) *Notification {
	sent := &Notification{Receiver: "r", GroupKey: "g", GroupLabels: map[string]string{"alertname": "A"}, ReceivedAt: at}
	for i := range n {
		sent.Alerts = append(sent.Alerts, Alert{
			Status: Firing, StartsAt: t0, Labels: map[string]string{"alertname": "A", "severity": severity, "i": fmt.Sprint(i)},
		})
	}
	return sent
}

// TestWhenAnalysisIsWorthIt folds states of one group, each a number of firing alerts and a severity, and says after which of
// them another analysis is due.
func TestWhenAnalysisIsWorthIt(t *testing.T) {
	type state struct {
		firing   int
		severity string
		due      bool
	}
	for name, states := range map[string][]state{
		"severity rises":              {{1, "warning", true}, {1, "critical", true}},
		"severity falls":              {{1, "critical", true}, {1, "warning", false}},
		"it falls and rises again":    {{1, "critical", true}, {1, "warning", false}, {1, "critical", false}},
		"unknown is a warning":        {{1, "sev9", true}, {1, "warning", false}, {1, "error", true}},
		"alerts double":               {{4, "warning", true}, {7, "warning", false}, {8, "warning", true}, {15, "warning", false}, {16, "warning", true}},
		"few double":                  {{1, "warning", true}, {2, "warning", false}, {4, "warning", false}, {5, "warning", true}},
		"alerts leave and come back":  {{4, "warning", true}, {1, "warning", false}, {4, "warning", false}, {7, "warning", false}},
		"all end, and more come back": {{2, "warning", true}, {0, "warning", false}, {2, "warning", false}, {0, "warning", false}, {6, "warning", true}},
	} {
		t.Run(name, func(t *testing.T) {
			rules, at := DefaultPolicy(), t0
			var inc *Incident
			for i, s := range states {
				at = at.Add(10 * time.Minute)
				n := group(at, s.firing, s.severity)
				if s.firing == 0 {
					n.Alerts = []Alert{{Status: Resolved, StartsAt: t0, EndsAt: at, Labels: map[string]string{"alertname": "A", "severity": s.severity, "i": "0"}}}
				}
				inc, _ = fold(rules, inc, n)
				assert.Equal(t, s.due, inc.Analysis.State == Pending, "state %d", i)
				inc.Due = Due{}
				if s.due {
					inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), at)
					inc.Analyzed(inc.Clone(), Spend{}, at)
				}
			}
		})
	}
}

// TestAnalysesAreApart: a group that grows is analyzed again when it has doubled, ten minutes after the
// last time at the earliest and three times a day at most; and the same goes for each other reason.
func TestAnalysesAreApart(t *testing.T) {
	rules := DefaultPolicy()
	for name, grow := range map[string]func(at time.Time, n int, inc *Incident) *Incident{
		"more alerts": func(at time.Time, n int, inc *Incident) *Incident {
			inc, _ = fold(rules, inc, group(at, 1+n/60, "warning"))
			return inc
		},
		"new names": func(at time.Time, n int, inc *Incident) *Incident {
			firing := []string{"A"}
			for i := range min(n/60, 60) {
				firing = append(firing, fmt.Sprintf("B%03d", i))
			}
			inc, _ = fold(rules, inc, step{firing: firing}.notification(at))
			return inc
		},
		"another picture": func(at time.Time, _ int, inc *Incident) *Incident {
			if inc == nil {
				inc, _ = fold(rules, inc, group(at, 1, "warning"))
			} else {
				inc.Refreshed(inc.Clone(), true, rules, at)
			}
			return inc
		},
	} {
		t.Run(name, func(t *testing.T) {
			var inc *Incident
			var asked []time.Duration
			for n := 1; n <= 4*3600; n += 10 {
				at := t0.Add(time.Duration(n) * time.Second)
				if inc = grow(at, n, inc); n > 1 && inc.Due[WorkRefresh].Before(at) {
					inc.Refreshed(inc.Clone(), false, rules, at)
				}
				if due, there := inc.Due[WorkEvidence]; there && !due.After(at) {
					inc.EvidenceCollected(inc.Clone(), rules, at)
				}
				if due, there := inc.Due[WorkAnalysis]; there && !due.After(at) {
					asked = append(asked, at.Sub(t0))
					inc.Analyzed(inc.Clone(), Spend{}, at)
				}
			}
			require.Len(t, asked, 1+3, "%v", asked)
			for i := 1; i < len(asked); i++ {
				assert.GreaterOrEqual(t, asked[i]-asked[i-1], 10*time.Minute, "%v", asked)
			}
		})
	}
}

func TestTheDayAfter(t *testing.T) {
	a := Analysis{}
	for i := range 4 {
		a.answered(t0.Add(time.Duration(i) * time.Hour))
	}
	assert.Equal(t, t0.Add(24*time.Hour), a.next(t0.Add(5*time.Hour)), "when the oldest of four is a day old")
	late := t0.Add(24*time.Hour + time.Minute)
	assert.Equal(t, late, a.next(late))
	a.answered(late)
	assert.Len(t, a.Answers, 4, "older ones are forgotten")
}

func TestAPersonAsksForAnotherAnalysis(t *testing.T) {
	rules := DefaultPolicy()
	for name, before := range map[string]func(*Incident){
		"a moment after the last": func(inc *Incident) {
			inc.EvidenceCollected(inc.Clone(), rules, t0)
			inc.Analyzed(inc.Clone(), Spend{}, t0.Add(6*time.Second))
		},
		"of what waits for its turn": func(inc *Incident) {
			inc.EvidenceCollected(inc.Clone(), rules, t0)
			inc.Analyzed(inc.Clone(), Spend{}, t0.Add(6*time.Second))
			inc.Refreshed(inc.Clone(), true, rules, t0.Add(7*time.Second))
		},
		"of what has ended": func(inc *Incident) {
			inc.EvidenceCollected(inc.Clone(), rules, t0)
			inc.Analyzed(inc.Clone(), Spend{}, t0.Add(6*time.Second))
			inc.Status = Resolved
		},
		"of what was given up": func(inc *Incident) {
			inc.EvidenceCollected(inc.Clone(), rules, t0)
			inc.AnalysisFailed(&Failure{Kind: FailRequest, Err: errors.New("no")}, rules, t0.Add(6*time.Second))
		},
		"of what is skipped": func(inc *Incident) {
			inc.Alerts[0].Labels["alertname"] = "Watchdog"
			inc.EvidenceCollected(inc.Clone(), rules, t0)
			inc.Analysis.State, inc.Analysis.Reason = EvidenceOnly, Skipped
		},
	} {
		t.Run(name, func(t *testing.T) {
			inc := open(t, "A")
			before(inc)
			now := t0.Add(20 * time.Second)
			inc.AnalyzeAgain(rules, now)
			assert.Equal(t, Pending, inc.Analysis.State)
			assert.Equal(t, now, inc.Due[WorkEvidence])
			assert.Equal(t, EventAsked, inc.Timeline[len(inc.Timeline)-1].Kind)
			inc.EvidenceCollected(inc.Clone(), rules, now.Add(time.Second))
			assert.Equal(t, now.Add(time.Second), inc.Due[WorkAnalysis])
		})
	}
}

func TestDraftWaitsForItsVerification(t *testing.T) {
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	assert.False(t, inc.Analysis.Verifying())
	inc.Drafted(inc.Clone(), Spend{Calls: 1, Prompt: 7}, t0.Add(time.Second))
	assert.True(t, inc.Analysis.Verifying())
	assert.Equal(t, t0.Add(time.Second), inc.Due[WorkAnalysis])
	assert.Equal(t, Pending, inc.Analysis.State)

	stale := inc.Clone()
	stale.MarkStale(t0.Add(25 * time.Hour))
	assert.Equal(t, Complete, stale.Analysis.State, "by its draft")
	assert.False(t, stale.Analysis.Verifying())

	inc.Analyzed(inc.Clone(), Spend{Calls: 1, Prompt: 9}, t0.Add(2*time.Second))
	assert.Equal(t, Complete, inc.Analysis.State)
	assert.Equal(t, Spend{Calls: 2, Prompt: 16}, inc.Spend)
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
}

func TestDraftOfAnEarlierGeneration(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	claimed := inc.Clone()
	inc, _ = fold(rules, inc, step{firing: []string{"A", "B"}}.notification(t0.Add(time.Second)))
	inc.Drafted(claimed, Spend{}, t0.Add(2*time.Second))
	assert.True(t, inc.Analysis.Verifying(), "what was paid for is verified")
	verifying := inc.Clone()
	inc.EvidenceCollected(inc.Clone(), rules, t0.Add(3*time.Second))
	assert.True(t, inc.Analysis.Verifying())
	inc.Analyzed(verifying, Spend{}, t0.Add(4*time.Second))
	assert.Equal(t, Complete, inc.Analysis.State)
	assert.Equal(t, t0.Add(10*time.Minute+2*time.Second), inc.Due[WorkEvidence], "ten minutes after the draft")
	inc.EvidenceCollected(inc.Clone(), rules, t0.Add(11*time.Minute))
	assert.False(t, inc.Analysis.Verifying(), "there is a draft to be made")
	assert.Equal(t, t0.Add(11*time.Minute), inc.Due[WorkAnalysis])
}

func TestWhatIsOverAtOnceIsNotAnalyzed(t *testing.T) {
	rules := DefaultPolicy()
	resolve := func(inc *Incident, after time.Duration) *Incident {
		inc, _ = fold(rules, inc, step{resolved: []string{"A"}}.notification(t0.Add(after)))
		return inc
	}
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), rules, t0.Add(time.Second))
	inc = resolve(inc, 4*time.Second)
	assert.Equal(t, EvidenceOnly, inc.Analysis.State)
	assert.Equal(t, OverAtOnce, inc.Analysis.Reason)
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
	inc.Refreshed(inc.Clone(), false, rules, t0.Add(15*time.Second))
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
	inc, _ = fold(rules, inc, step{firing: []string{"A"}, startsAt: time.Minute}.notification(t0.Add(time.Minute)))
	assert.Equal(t, Pending, inc.Analysis.State, "when it comes back it is worth a look")

	early := resolve(open(t, "A"), 4*time.Second)
	early.EvidenceCollected(early.Clone(), rules, t0.Add(5*time.Second))
	assert.True(t, early.Due[WorkAnalysis].IsZero(), "also where the evidence is slower than the end")

	late := open(t, "A")
	late.EvidenceCollected(late.Clone(), rules, t0.Add(time.Second))
	assert.Equal(t, Pending, resolve(late, 6*time.Second).Analysis.State)
}

func TestRefreshTimetable(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), rules, t0.Add(time.Second))
	inc.Analyzed(inc.Clone(), Spend{}, t0.Add(6*time.Second))
	var got []time.Duration
	for range 8 {
		at := inc.Due[WorkRefresh]
		got = append(got, at.Sub(t0))
		inc.Refreshed(inc.Clone(), false, rules, at.Add(time.Second))
	}
	want := []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 16 * time.Hour}
	assert.Equal(t, want, got)

	at := t0.Add(17 * time.Hour)
	inc, _ = fold(rules, inc, group(at, 2, "warning"))
	assert.Equal(t, at, inc.Due[WorkRefresh], "a notification that changes it")
	inc.Refreshed(inc.Clone(), false, rules, at.Add(time.Second))
	assert.Equal(t, at.Add(time.Minute), inc.Due[WorkRefresh], "the timetable begins anew with an alert that joins")
	inc, _ = fold(rules, inc, group(at.Add(2*time.Second), 3, "warning"))
	assert.Equal(t, at.Add(11*time.Second), inc.Due[WorkRefresh], "not one after the other")
	claimed := inc.Clone()
	inc, _ = fold(rules, inc, group(at.Add(12*time.Second), 4, "warning"))
	inc.Refreshed(claimed, false, rules, at.Add(13*time.Second))
	assert.Equal(t, at.Add(23*time.Second), inc.Due[WorkRefresh], "it has changed since it was looked at")

	silent := inc.Clone()
	silent.MarkStale(at.Add(48 * time.Hour))
	assert.True(t, silent.Due[WorkRefresh].IsZero())
	rules.Refresh = nil
	inc.Refreshed(inc.Clone(), false, rules, at.Add(time.Minute))
	assert.True(t, inc.Due[WorkRefresh].IsZero(), "there is no timetable")
}
