package incident

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
		"alerts double":               {{3, "warning", true}, {5, "warning", false}, {6, "warning", true}, {11, "warning", false}, {12, "warning", true}},
		"alerts leave and come back":  {{4, "warning", true}, {1, "warning", false}, {4, "warning", false}, {7, "warning", false}},
		"all end, and more come back": {{2, "warning", true}, {0, "warning", false}, {2, "warning", false}, {0, "warning", false}, {4, "warning", true}},
	} {
		t.Run(name, func(t *testing.T) {
			rules, at := DefaultPolicy(), t0
			var inc *Incident
			for i, s := range states {
				at = at.Add(time.Minute)
				n := group(at, s.firing, s.severity)
				if s.firing == 0 {
					n.Alerts = []Alert{{Status: Resolved, StartsAt: t0, EndsAt: at, Labels: map[string]string{"alertname": "A", "severity": s.severity, "i": "0"}}}
				}
				inc, _ = fold(rules, inc, n)
				assert.Equal(t, s.due, inc.Analysis.State == Pending, "state %d", i)
				inc.Due = Due{}
				if s.due {
					inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), at)
					inc.Analyzed(inc.Clone(), DefaultPolicy(), Spend{}, at)
				}
			}
		})
	}
}

// TestDoublingIsBounded: a group that grows by one alert at a time costs an analysis for each doubling.
func TestDoublingIsBounded(t *testing.T) {
	rules := DefaultPolicy()
	var inc *Incident
	analyses := 0
	for n := 1; n <= 500; n++ {
		at := t0.Add(time.Duration(n) * time.Second)
		inc, _ = fold(rules, inc, group(at, n, "warning"))
		if inc.Analysis.State == Pending {
			analyses++
			inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), at)
			inc.Analyzed(inc.Clone(), DefaultPolicy(), Spend{}, at)
		}
	}
	assert.Equal(t, 9, analyses, "at 1, 2, 4 … 256")
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

	inc.Analyzed(inc.Clone(), DefaultPolicy(), Spend{Calls: 1, Prompt: 9}, t0.Add(2*time.Second))
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
	assert.False(t, inc.Analysis.Verifying(), "it is not of what is wanted now")
	assert.True(t, inc.Due[WorkAnalysis].IsZero(), "the evidence comes first")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0.Add(3*time.Second))
	assert.False(t, inc.Due[WorkAnalysis].IsZero())
}
