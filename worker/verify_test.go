package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func drafting(_ context.Context, inc *incident.Incident, _ []incident.Evidence) (*incident.Verdict, error) {
	return draft("draft of "+inc.Alertname, "E1"), nil
}

// verifying returns a verification that answers after d, unless it is stopped before.
func verifying(d time.Duration) func(context.Context, *incident.Incident, incident.Findings) (*incident.Verdict, []incident.Evidence, error) {
	return func(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error) {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(d):
		}
		looked := []incident.Evidence{{Kind: incident.KindComparison, Title: "contrast"}}
		incident.NumberEvidence(looked, incident.LastEvidenceNumber(f.Evidence))
		v := draft("final of "+inc.Alertname, "E1", looked[0].ID)
		v.Verification = &incident.Verification{Evidence: []string{looked[0].ID}}
		v.Spend = f.Verdict.Spend.Add(incident.Spend{Calls: 1, Prompt: 30})
		return v, looked, nil
	}
}

// TestDraftIsShownAndThenVerified: the draft is stored and on disk while the second answer is on its way; then the final
// verdict takes its place, with what was looked up, and what both cost is counted once.
func TestDraftIsShownAndThenVerified(t *testing.T) {
	bubble(t, func(e *env) {
		e.analyze, e.verify = drafting, verifying(time.Minute)
		e.start(e.worker())
		id := e.notify("", "A")
		inc, f := e.get(id)
		assert.Equal(t, incident.Pending, inc.Analysis.State)
		assert.True(t, inc.Analysis.Verifying())
		assert.Equal(t, "draft of A", f.Verdict.Summary)
		assert.Equal(t, inc.Revision, inc.FileRevision, "the report shows the draft")
		assert.Equal(t, 10, inc.Spend.Prompt)

		pass(time.Minute)
		inc, f = e.done(id)
		assert.False(t, inc.Analysis.Verifying())
		assert.Equal(t, "final of A", f.Verdict.Summary)
		require.Len(t, f.Evidence, 2)
		assert.Equal(t, "E2", f.Evidence[1].ID)
		assert.Equal(t, incident.Spend{Calls: 2, Prompt: 40}, inc.Spend)
		assert.Equal(t, 1, e.times("analysis A"))
		assert.Equal(t, 1, e.times("verification A"))
	})
}

// TestDraftSurvivesAStop: a stop between draft and verification loses neither; the draft is not paid for again.
func TestDraftSurvivesAStop(t *testing.T) {
	bubble(t, func(e *env) {
		e.analyze, e.verify = drafting, verifying(time.Hour)
		stop := e.start(e.worker())
		id := e.notify("", "A")
		stop()
		inc, f := e.get(id)
		assert.True(t, inc.Analysis.Verifying())
		assert.Equal(t, "draft of A", f.Verdict.Summary)
		assert.Zero(t, inc.Analysis.Attempts)

		e.change(func() { e.verify = verifying(time.Second) })
		e.start(e.worker())
		pass(time.Second)
		e.done(id)
		assert.Equal(t, 1, e.times("analysis A"))
		assert.Equal(t, 2, e.times("verification A"))
	})
}

// TestNameThatJoinsDuringTheVerification: what was verified is stored, and the incident as it is now is drafted when ten minutes have passed.
func TestNameThatJoinsDuringTheVerification(t *testing.T) {
	bubble(t, func(e *env) {
		e.analyze, e.verify = drafting, verifying(time.Minute)
		e.start(e.worker())
		id := e.notify("", "A")
		e.notify("", "A", "B")
		pass(time.Minute)
		inc, f := e.get(id)
		assert.Equal(t, incident.Complete, inc.Analysis.State)
		require.NotNil(t, f.Verdict.Verification)
		pass(10 * time.Minute)
		inc, f = e.done(id)
		assert.Equal(t, []string{"A", "B"}, inc.Analysis.Covered)
		assert.Equal(t, 2, e.times("analysis A"))
		assert.NotNil(t, f.Verdict.Verification)
		ids := map[string]bool{}
		for _, item := range f.Evidence {
			assert.False(t, ids[item.ID], "an id stands for one thing")
			ids[item.ID] = true
		}
		for _, c := range f.Verdict.Causes {
			for _, cited := range c.Evidence {
				assert.True(t, ids[cited], cited)
			}
		}
	})
}

// TestEverybodyHasADraftFirst: with one analysis at a time, no verification goes before the draft of another incident of
// the same severity, and a more severe incident is verified before others are drafted.
func TestEverybodyHasADraftFirst(t *testing.T) {
	bubble(t, func(e *env) {
		e.verify = verifying(time.Second)
		e.analyze = func(ctx context.Context, inc *incident.Incident, items []incident.Evidence) (*incident.Verdict, error) {
			time.Sleep(time.Second)
			return drafting(ctx, inc, items)
		}
		for _, name := range []string{"A", "B", "C"} {
			e.notify("warning", name)
			time.Sleep(time.Millisecond)
		}
		e.notify("critical", "Z")
		e.start(e.worker(func(o *Options) { o.Analyses = 1 }))
		pass(20 * time.Second)
		var order []string
		for _, s := range e.log {
			if s[0] == 'a' || s[0] == 'v' {
				order = append(order, s)
			}
		}
		require.Len(t, order, 8)
		assert.Equal(t, []string{"analysis Z", "verification Z"}, order[:2])
		assert.ElementsMatch(t, []string{"analysis A", "analysis B", "analysis C"}, order[2:5], "drafts")
		assert.ElementsMatch(t, []string{"verification A", "verification B", "verification C"}, order[5:], "then verifications")
	})
}

// TestMemoryIsStored: what is recalled is kept with the evidence that it was recalled for.
func TestMemoryIsStored(t *testing.T) {
	bubble(t, func(e *env) {
		e.recall = func(*incident.Incident) []incident.PastIncident {
			return []incident.PastIncident{{Incident: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Hypothesis: "it was the disk"}}
		}
		e.start(e.worker())
		_, f := e.done(e.notify("", "A"))
		require.Len(t, f.Memory, 1)
		assert.Equal(t, "it was the disk", f.Memory[0].Hypothesis)
	})
}
