package incident

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, names ...string) *Incident {
	t.Helper()
	inc, outcome := fold(DefaultPolicy(), nil, step{firing: names}.notification(t0))
	require.Equal(t, OutcomeOpened, outcome)
	return inc
}

func TestAnalysisFollowsEvidence(t *testing.T) {
	inc := open(t, "A")
	assert.Equal(t, Due{WorkFile: t0, WorkEvidence: t0}, inc.Due)

	now := t0.Add(2 * time.Second)
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), now)
	again := t0.Add(time.Minute)
	assert.Equal(t, Due{WorkFile: now, WorkAnalysis: t0.Add(5 * time.Second), WorkRefresh: again}, inc.Due,
		"the first analysis waits for what resolves at once")
	assert.Equal(t, Pending, inc.Analysis.State)

	now = t0.Add(30 * time.Second)
	inc.Analyzed(inc.Clone(), Spend{Calls: 1, Prompt: 100, Cost: .5}, now)
	assert.Equal(t, Due{WorkFile: now, WorkRefresh: again}, inc.Due)
	assert.Equal(t, Complete, inc.Analysis.State)
	assert.Equal(t, Spend{Calls: 1, Prompt: 100, Cost: .5}, inc.Spend)

	inc.FileWritten(inc.Clone())
	assert.Equal(t, Due{WorkRefresh: again}, inc.Due)
}

func TestFileStaysDueWhenTheIncidentChangedMeanwhile(t *testing.T) {
	inc := open(t, "A")
	claimed := inc.Clone()
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0.Add(time.Second))
	inc.FileWritten(claimed)
	assert.False(t, inc.Due[WorkFile].IsZero())
	inc.FileWritten(inc.Clone())
	assert.True(t, inc.Due[WorkFile].IsZero())
	inc.FileLost(t0)
	assert.Equal(t, t0, inc.Due[WorkFile])
}

func TestNameThatJoinsDuringTheAnalysisIsAnalysedToo(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0.Add(time.Second))
	claimed := inc.Clone() // the model is thinking about A
	inc, _ = fold(rules, inc, step{firing: []string{"A", "B"}}.notification(t0.Add(time.Minute)))
	require.False(t, inc.Due[WorkEvidence].IsZero())
	inc.EvidenceCollected(inc.Clone(), rules, t0.Add(62*time.Second))
	inc.Analyzed(claimed, Spend{}, t0.Add(63*time.Second))
	assert.Equal(t, Complete, inc.Analysis.State, "what is there stands until then")
	assert.True(t, inc.Analysis.Later)
	assert.Equal(t, []string{"A"}, inc.Analysis.Covered)
	then := t0.Add(63*time.Second + 10*time.Minute)
	assert.Equal(t, then, inc.Due[WorkEvidence])
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
	inc.EvidenceCollected(inc.Clone(), rules, then.Add(time.Second))
	assert.Equal(t, Pending, inc.Analysis.State)
	assert.Equal(t, then.Add(time.Second), inc.Due[WorkAnalysis])
	inc.Analyzed(inc.Clone(), Spend{}, then.Add(30*time.Second))
	assert.Equal(t, Complete, inc.Analysis.State)
	assert.Equal(t, []string{"A", "B"}, inc.Analysis.Covered)
	assert.True(t, inc.Due[WorkAnalysis].IsZero() && inc.Due[WorkEvidence].IsZero())
}

func TestNameThatJoinsDuringTheEvidenceCostsOneAnalysis(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	claimed := inc.Clone()
	inc, _ = fold(rules, inc, step{firing: []string{"A", "B"}}.notification(t0.Add(time.Second)))
	inc.EvidenceCollected(claimed, DefaultPolicy(), t0.Add(2*time.Second))
	assert.False(t, inc.Due[WorkEvidence].IsZero(), "it was collected for A alone")
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0.Add(3*time.Second))
	assert.False(t, inc.Due[WorkAnalysis].IsZero())
}

func TestFlapsCostNoAnalysis(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	inc.Analyzed(inc.Clone(), Spend{}, t0)
	for i := range 5 {
		at := t0.Add(time.Duration(2*i+1) * time.Minute)
		inc, _ = fold(rules, inc, step{resolved: []string{"A"}}.notification(at))
		inc, _ = fold(rules, inc, step{firing: []string{"A"}, startsAt: time.Duration(i+1) * time.Hour}.notification(at.Add(time.Minute)))
	}
	assert.Equal(t, 5, inc.Flaps)
	assert.Equal(t, Complete, inc.Analysis.State)
	assert.True(t, inc.Due[WorkAnalysis].IsZero())
	assert.EqualValues(t, 1, inc.Analysis.Wanted)
}

func TestEndIsLookedAtOnceMore(t *testing.T) {
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	inc.Analyzed(inc.Clone(), Spend{}, t0)
	inc, _ = fold(DefaultPolicy(), inc, step{resolved: []string{"A"}}.notification(t0.Add(time.Minute)))
	assert.Equal(t, t0.Add(time.Minute), inc.Due[WorkRefresh])
	inc.Refreshed(inc.Clone(), true, DefaultPolicy(), t0.Add(time.Minute))
	assert.True(t, inc.Due[WorkRefresh].IsZero() && inc.Due[WorkEvidence].IsZero() && inc.Due[WorkAnalysis].IsZero(),
		"no more of an incident that has ended")
	assert.Equal(t, Complete, inc.Analysis.State)
}

func TestResolveDoesNotCancel(t *testing.T) {
	rules := DefaultPolicy()
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	inc, _ = fold(rules, inc, step{resolved: []string{"A"}}.notification(t0.Add(time.Minute)))
	assert.Equal(t, Pending, inc.Analysis.State)
	assert.False(t, inc.Due[WorkAnalysis].IsZero())
}

func TestAnalysisFailed(t *testing.T) {
	rules := DefaultPolicy()
	cause := errors.New("503 from the model")
	tests := map[string]struct {
		failure Failure
		at      time.Time
		state   State
		reason  Reason
		due     [2]time.Duration // since at; both 0: not due
	}{
		"overload":             {Failure{Kind: FailOverload}, t0, Pending, "", [2]time.Duration{750 * time.Millisecond, time.Second}},
		"Retry-After":          {Failure{Kind: FailRateLimit, RetryAfter: time.Minute}, t0, Pending, "", [2]time.Duration{time.Minute, time.Minute}},
		"too old":              {Failure{Kind: FailTimeout}, t0.Add(24 * time.Hour), EvidenceOnly, GaveUp, [2]time.Duration{}},
		"authentication":       {Failure{Kind: FailAuthentication}, t0, EvidenceOnly, Authentication, [2]time.Duration{}},
		"balance":              {Failure{Kind: FailBalance}, t0, EvidenceOnly, Balance, [2]time.Duration{}},
		"budget":               {Failure{Kind: FailBudget, RetryAfter: time.Hour}, t0, EvidenceOnly, Budget, [2]time.Duration{}},
		"no key":               {Failure{Kind: FailNoKey}, t0, EvidenceOnly, NoKey, [2]time.Duration{}},
		"refused for good":     {Failure{Kind: FailRequest}, t0, EvidenceOnly, GaveUp, [2]time.Duration{}},
		"a bad answer is paid": {Failure{Kind: FailBadAnswer, Spend: Spend{Calls: 3}}, t0, EvidenceOnly, GaveUp, [2]time.Duration{}},
		"only thoughts":        {Failure{Kind: FailThinking}, t0, EvidenceOnly, GaveUp, [2]time.Duration{}},
		"moderation":           {Failure{Kind: FailPolicy}, t0, EvidenceOnly, GaveUp, [2]time.Duration{}},
		"forbidden":            {Failure{Kind: FailForbidden}, t0, EvidenceOnly, Forbidden, [2]time.Duration{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inc := open(t, "A")
			inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
			tc.failure.Err = cause
			inc.AnalysisFailed(&tc.failure, rules, tc.at)
			assert.Equal(t, tc.state, inc.Analysis.State)
			assert.Equal(t, tc.reason, inc.Analysis.Reason)
			assert.Equal(t, cause.Error(), inc.Analysis.Detail)
			assert.Equal(t, tc.failure.Spend, inc.Spend)
			if tc.due == [2]time.Duration{} {
				assert.True(t, inc.Due[WorkAnalysis].IsZero())
			} else {
				assert.WithinRange(t, inc.Due[WorkAnalysis], tc.at.Add(tc.due[0]), tc.at.Add(tc.due[1]))
			}
		})
	}
}

// What was paid for and could not be read is asked for again when the incident changes, and not by the clock.
func TestUnreadableWaitsForAChange(t *testing.T) {
	rules := DefaultPolicy()
	for _, kind := range []FailureKind{FailBadAnswer, FailThinking, FailPolicy} {
		inc := open(t, "A")
		inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
		inc.AnalysisFailed(&Failure{Kind: kind, Err: errors.New("x")}, rules, t0)
		assert.Equal(t, GaveUp, inc.Analysis.Reason)
		assert.Empty(t, inc.Analysis.WaitsFor(), "it keeps no place among those that a probe revives")
		assert.False(t, inc.RequeueAnalysis(rules, t0.Add(time.Minute), GaveUp))
		inc, _ = fold(rules, inc, step{firing: []string{"A", "B"}}.notification(t0.Add(time.Minute)))
		then := t0.Add(10 * time.Minute)
		assert.Equal(t, then, inc.Due[WorkEvidence], "it was paid for")
		inc.EvidenceCollected(inc.Clone(), rules, then)
		assert.Equal(t, Pending, inc.Analysis.State)
		assert.False(t, inc.Analysis.Final)
	}
	inc := open(t, "A")
	inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
	inc.AnalysisFailed(&Failure{Kind: FailRequest, Err: errors.New("x")}, rules, t0)
	assert.Equal(t, GaveUp, inc.Analysis.WaitsFor())
}

func TestRevive(t *testing.T) {
	rules := DefaultPolicy()
	failed := func(kind FailureKind) *Incident {
		inc := open(t, "A")
		inc.EvidenceCollected(inc.Clone(), DefaultPolicy(), t0)
		inc.AnalysisFailed(&Failure{Kind: kind, Err: errors.New("x")}, rules, t0)
		return inc
	}
	now := t0.Add(time.Hour)
	inc := failed(FailBalance)
	assert.False(t, inc.Clone().RequeueAnalysis(rules, now, NoKey, Budget), "another reason")
	assert.False(t, inc.Clone().RequeueAnalysis(rules, now.Add(24*time.Hour), Balance), "too old")
	resolved, _ := fold(rules, inc, step{resolved: []string{"A"}}.notification(now))
	assert.False(t, resolved.RequeueAnalysis(rules, now, Balance), "does not fire any more")
	require.True(t, inc.RequeueAnalysis(rules, now, Balance))
	assert.Equal(t, Pending, inc.Analysis.State)
	assert.Equal(t, now, inc.Due[WorkAnalysis])
}

func TestRetryDelay(t *testing.T) {
	for n := 1; n < 100; n++ {
		full := time.Second << min(n-1, 20)
		full = min(full, 5*time.Minute)
		assert.LessOrEqual(t, RetryDelay(n), full)
		assert.GreaterOrEqual(t, RetryDelay(n), full-full/4-1)
	}
}

func TestAsFailure(t *testing.T) {
	f := &Failure{Kind: FailTimeout, Err: errors.New("x")}
	assert.Same(t, f, AsFailure(errors.Join(f)))
	assert.Equal(t, FailInternal, AsFailure(errors.New("x")).Kind)
}
