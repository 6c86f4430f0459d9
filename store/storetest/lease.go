package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func testWorkGoesItsWay(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	unclaimable(t, s, incident.WorkAnalysis)

	c := claim(t, s, incident.WorkEvidence)
	assert.Equal(t, id, c.Incident.ID)
	unclaimable(t, s, incident.WorkEvidence)
	finish(t, s, c, now.Now())
	unclaimable(t, s, incident.WorkEvidence)

	c = claim(t, s, incident.WorkAnalysis)
	assert.Equal(t, "E1", c.Findings.Evidence[0].ID, "findings come with the claim")
	finish(t, s, c, now.Now())
	inc, f := get(t, s, id)
	assert.Equal(t, incident.Complete, inc.Analysis.State)
	assert.Equal(t, "E1", f.Evidence[0].ID)
	assert.Equal(t, "a verdict", f.Verdict.Summary)

	c = claim(t, s, incident.WorkFile)
	assert.Equal(t, "a verdict", c.Findings.Verdict.Summary)
	finish(t, s, c, now.Now())
	nothingDue(t, s)
	next, err := s.NextDue(t.Context(), incident.WorkFile)
	require.NoError(t, err)
	assert.Zero(t, next)
}

func testClaimOrder(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	var want []string
	for i, severity := range []string{"critical", "critical", "error", "warning", "whatever", "info"} {
		group := fmt.Sprint(i)
		n := notification(group, at.Add(time.Duration(i)*time.Second), alert(group, "a", severity, incident.Firing))
		if i == 0 {
			n.ReceivedAt = at.Add(-time.Second)
		}
		want = append(want, accept(t, s, n).IncidentID)
	}
	later := notification("later", at.Add(time.Hour), alert("later", "a", "critical", incident.Firing))
	accept(t, s, later)
	now.advance(time.Minute)
	for _, limit := range []int{0, 1, 2, 10} {
		claims, err := s.Claim(t.Context(), incident.WorkFile, limit)
		require.NoError(t, err)
		var got []string
		for _, c := range claims {
			got = append(got, c.Incident.ID)
			require.NoError(t, s.Release(t.Context(), c))
		}
		assert.Equal(t, append([]string(nil), want[:min(limit, len(want))]...), got, "the one that is due in an hour is not among them")
	}
}

func testLease(t *testing.T, e *Engine) {
	nothing := func(*incident.Incident, *incident.Findings) {}
	setUp := func(t *testing.T) (*opened, *clock, incident.Claim) {
		s, now := openAt(t, e)
		accept(t, s, firing("x", at))
		return s, now, claim(t, s, incident.WorkEvidence)
	}
	t.Run("expires", func(t *testing.T) {
		s, now, c := setUp(t)
		next, err := s.NextDue(t.Context(), incident.WorkEvidence)
		require.NoError(t, err)
		assert.Equal(t, at.Add(30*time.Second), next, "when the lease ends")
		now.advance(30 * time.Second)
		second := claim(t, s, incident.WorkEvidence)
		assert.NotEqual(t, c.Token, second.Token)
		require.ErrorIs(t, s.Renew(t.Context(), c), incident.ErrLeaseLost)
		require.ErrorIs(t, s.Release(t.Context(), c), incident.ErrLeaseLost)
		require.ErrorIs(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
			inc.Severity, f.Evidence = "lost", []incident.Evidence{{ID: "E9"}}
		}), incident.ErrLeaseLost)
		inc, f := get(t, s, c.Incident.ID)
		assert.Equal(t, "warning", inc.Severity)
		assert.Empty(t, f.Evidence)
		finish(t, s, second, now.Now())
		require.ErrorIs(t, s.Finish(t.Context(), second, nothing), incident.ErrLeaseLost, "finished already")
	})
	t.Run("stands while nobody took it", func(t *testing.T) {
		s, now, c := setUp(t)
		now.advance(time.Hour)
		finish(t, s, c, now.Now())
	})
	t.Run("renewed", func(t *testing.T) {
		s, now, c := setUp(t)
		now.advance(20 * time.Second)
		require.NoError(t, s.Renew(t.Context(), c))
		now.advance(20 * time.Second)
		unclaimable(t, s, incident.WorkEvidence)
		now.advance(10 * time.Second)
		claim(t, s, incident.WorkEvidence)
	})
	t.Run("released", func(t *testing.T) {
		s, _, c := setUp(t)
		require.NoError(t, s.Release(t.Context(), c))
		claim(t, s, incident.WorkEvidence)
	})
	t.Run("of each kind apart", func(t *testing.T) {
		s, _, c := setUp(t)
		file := claim(t, s, incident.WorkFile)
		file.Token = c.Token
		require.ErrorIs(t, s.Finish(t.Context(), file, nothing), incident.ErrLeaseLost)
		require.ErrorIs(t, s.Finish(t.Context(), incident.Claim{Incident: c.Incident, Work: c.Work}, nothing), incident.ErrLeaseLost)
	})
	t.Run("outlives what was due", func(t *testing.T) {
		s, now, c := setUp(t)
		require.NoError(t, s.Update(t.Context(), c.Incident.ID, func(inc *incident.Incident) bool {
			inc.MarkStale(now.Now())
			return true
		}))
		finish(t, s, c, now.Now())
		_, f := get(t, s, c.Incident.ID)
		assert.Len(t, f.Evidence, 1, "a result that was there is stored")
		unclaimable(t, s, incident.WorkEvidence)
	})
	t.Run("freed at the start", func(t *testing.T) {
		if e.Shared {
			t.Skip("other copies may hold them")
		}
		s, _, c := setUp(t)
		s = reopen(t, s)
		assert.Equal(t, c.Incident.ID, claim(t, s, incident.WorkEvidence).Incident.ID)
		require.ErrorIs(t, s.Finish(t.Context(), c, nothing), incident.ErrLeaseLost)
	})
}

func testUpdate(t *testing.T, e *Engine) {
	s := open(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
		inc.Severity = "unsaid"
		return false
	}))
	inc, _ := get(t, s, id)
	assert.Equal(t, "warning", inc.Severity)
	require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
		inc.MarkStale(at)
		return true
	}))
	inc, _ = get(t, s, id)
	assert.Equal(t, incident.Stale, inc.Status)
	require.ErrorIs(t, s.Update(t.Context(), "nothing", func(*incident.Incident) bool { return true }), incident.ErrNotFound)
}

// testMemory: what was recalled comes with claims and incidents like evidence and verdict, and none is none.
func testMemory(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	memory := []incident.PastIncident{{
		Incident: "before", ReportPath: "a/b.md", StartedAt: at, Similarity: .75, Weight: .5, Hypothesis: "a leak", Marked: true,
		Feedback: []incident.Feedback{{Kind: incident.Correct, Text: "the disk", By: "ann", At: at}},
	}}
	c := claim(t, s, incident.WorkEvidence)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.Memory = memory
		inc.EvidenceCollected(c.Incident, atOnce(), now.Now())
	}))
	_, f := get(t, s, id)
	assert.Equal(t, memory, f.Memory)
	c = claim(t, s, incident.WorkAnalysis)
	assert.Equal(t, memory, c.Findings.Memory)
	require.NoError(t, s.Finish(t.Context(), c, func(_ *incident.Incident, f *incident.Findings) {
		assert.Equal(t, memory, f.Memory)
		f.Memory = nil
	}))
	_, f = get(t, s, id)
	assert.Nil(t, f.Memory)
}

// testRemark: what a person says about an incident is kept, shown soon, and costs no analysis.
func testRemark(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	finish(t, s, claim(t, s, incident.WorkFile), now.Now())
	for _, work := range incident.Works() {
		for len(s.Due(work)) > 0 {
			<-s.Due(work)
		}
	}
	said := incident.Feedback{Kind: incident.Correct, Text: "the disk", By: "ann", At: at}
	require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
		return inc.AddFeedback(said) == nil
	}))
	assert.Len(t, s.Due(incident.WorkFile), 1, "the file's workers are woken")
	assert.Empty(t, s.Due(incident.WorkEvidence))
	assert.Empty(t, s.Due(incident.WorkAnalysis))
	assert.Equal(t, []incident.Feedback{said}, claim(t, s, incident.WorkFile).Incident.Feedback)
	inc, _ := get(t, reopen(t, s), id)
	assert.Equal(t, []incident.Feedback{said}, inc.Feedback)
}

func testDueWakes(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	woken := func(work incident.Work) bool {
		select {
		case <-s.Due(work):
			return true
		default:
			return false
		}
	}
	accept(t, s, firing("x", at))
	assert.True(t, woken(incident.WorkFile))
	assert.True(t, woken(incident.WorkEvidence))
	assert.False(t, woken(incident.WorkAnalysis))
	accept(t, s, firing("x", at))
	assert.False(t, woken(incident.WorkFile), "a repeat makes nothing due")
	c := claim(t, s, incident.WorkEvidence)
	assert.False(t, woken(incident.WorkEvidence))
	require.NoError(t, s.Release(t.Context(), c))
	assert.True(t, woken(incident.WorkEvidence))
	finish(t, s, claim(t, s, incident.WorkEvidence), now.Now())
	assert.True(t, woken(incident.WorkAnalysis))
	assert.False(t, woken(incident.WorkEvidence))
}
