package worker

import (
	"context"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// Apply changes an incident and its findings by the result of a step. It gets them as they are when the result is stored,
// which may be later than the claim, and may be called more than once.
type Apply func(inc *incident.Incident, f *incident.Findings)

// Steps are what is done about an incident, from its evidence to its verdict. They change nothing themselves: a service
// stores under a lease what they return, a command applies it to an incident of its own.
type Steps struct {
	Evidence Collector
	Analyzer Analyzer
	Policy   *incident.Policy
	Now      func() time.Time
}

// Collect looks everything up and, for the analysis that follows, past incidents. Its error is that of ctx.
func (s Steps) Collect(ctx context.Context, c incident.Claim) (Apply, error) {
	look := s.Evidence.Collect(ctx, c.Incident, c.Findings.Evidence)
	past := s.Evidence.PastIncidents(ctx, c.Incident)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return func(inc *incident.Incident, f *incident.Findings) {
		f.See(look)
		f.Memory = past
		inc.EvidenceCollected(c.Incident, s.Policy, s.Now())
	}, nil
}

// Refresh looks again at what changes while the alert fires, and once more when it has ended. A picture that is another one
// than the verdict was made from calls for another analysis. Its error is that of ctx.
func (s Steps) Refresh(ctx context.Context, c incident.Claim) (Apply, error) {
	look := s.Evidence.Refresh(ctx, c.Incident, c.Findings.Evidence)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return func(inc *incident.Incident, f *incident.Findings) {
		f.See(look)
		inc.Refreshed(c.Incident, f.PictureChanged(), s.Policy, s.Now())
	}, nil
}

// RefreshFailed is for a panic alone, else Refresh can't fail: what is there stays.
func (s Steps) RefreshFailed(c incident.Claim) Apply {
	return func(inc *incident.Incident, _ *incident.Findings) {
		inc.Refreshed(c.Incident, false, s.Policy, s.Now())
	}
}

// CollectFailed is for a panic alone, else Collect can't fail: the analysis goes ahead with an item that says so.
func (s Steps) CollectFailed(c incident.Claim) Apply {
	return func(inc *incident.Incident, f *incident.Findings) {
		f.See(incident.Look{At: s.Now(), Kinds: []incident.EvidenceKind{incident.KindAlert}, Items: []incident.Evidence{{
			Kind: incident.KindAlert, Title: "Evidence", Failed: true,
			Summary: "Evidence could not be collected because of a fault in alertscribe; its log has the details.",
		}}})
		inc.EvidenceCollected(c.Incident, s.Policy, s.Now())
	}
}

// Analyze asks for a draft, or has the one that is stored verified: two steps, so that a draft that was paid for is safe and
// shown while the second answer is on its way, and so that in a storm everybody has a draft first. final says that no
// step follows. An error of ctx has no Apply: we stopped ourselves, which is no attempt. Any other error comes with the
// Apply that records the failure.
func (s Steps) Analyze(ctx context.Context, c incident.Claim) (apply Apply, final bool, err error) {
	if c.Incident.Analysis.Verifying() && c.Findings.Verdict != nil {
		return s.verify(ctx, c)
	}
	verdict, err := s.Analyzer.Draft(ctx, c.Incident, c.Findings)
	if err != nil {
		return s.failedUnlessStopped(ctx, err)
	}
	if verdict.Verification != nil {
		return s.conclude(c, verdict, verdict.Spend, c.Findings.Evidence, nil), true, nil
	}
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, c.Findings.Evidence, nil)
		inc.Drafted(c.Incident, verdict.Spend, s.Now())
	}, false, nil
}

func (s Steps) verify(ctx context.Context, c incident.Claim) (Apply, bool, error) {
	draft := c.Findings.Verdict.Spend
	verdict, looked, err := s.Analyzer.Verify(ctx, c.Incident, c.Findings)
	if err != nil {
		return s.failedUnlessStopped(ctx, err)
	}
	return s.conclude(c, verdict, verdict.Spend.Sub(draft), c.Findings.Analyzed, looked), true, nil
}

func (s Steps) failedUnlessStopped(ctx context.Context, err error) (Apply, bool, error) {
	if stopped := ctx.Err(); stopped != nil {
		return nil, false, stopped
	}
	return s.AnalysisFailed(err), false, err
}

// conclude returns how a final verdict is stored, with what was spent since the last time, the evidence that the model was
// shown and what was looked up to verify it.
func (s Steps) conclude(c incident.Claim, verdict *incident.Verdict, spent incident.Spend, over, looked []incident.Evidence) Apply {
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, over, looked)
		inc.Analyzed(c.Incident, spent, s.Now())
	}
}

// AnalysisFailed records that a step of the analysis failed, and when it is due again.
func (s Steps) AnalysisFailed(err error) Apply {
	return func(inc *incident.Incident, _ *incident.Findings) {
		inc.AnalysisFailed(incident.AsFailure(err), s.Policy, s.Now())
	}
}
