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

// Collect looks up evidence and, for an analysis, past incidents. Its error is that of ctx.
func (s Steps) Collect(ctx context.Context, c incident.Claim) (Apply, error) {
	evidence := s.Evidence.Collect(ctx, c.Incident)
	var past []incident.PastIncident
	anew := c.Incident.Analysis.Evidence < c.Incident.Analysis.Wanted
	if anew {
		past = s.Evidence.PastIncidents(ctx, c.Incident)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return func(inc *incident.Incident, f *incident.Findings) {
		if anew {
			f.Evidence, f.Memory = f.Renew(evidence), past
		} else { // once more, to show how it ended; what carried the alert can't be seen by then
			f.Evidence = f.Refresh(evidence)
		}
		inc.EvidenceCollected(c.Incident, s.Now())
	}, nil
}

// CollectFailed is for a panic alone, else Collect can't fail: the analysis goes ahead with an item that says so.
func (s Steps) CollectFailed(c incident.Claim) Apply {
	return func(inc *incident.Incident, f *incident.Findings) {
		if a := c.Incident.Analysis; a.Evidence < a.Wanted { // else what is there stays
			f.Evidence = f.Renew([]incident.Evidence{{
				ID: "E1", Kind: incident.KindAlert, Title: "Evidence", Failed: true,
				Summary: "Evidence could not be collected because of a fault in alertscribe; its log has the details.",
			}})
		}
		inc.EvidenceCollected(c.Incident, s.Now())
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
		return s.conclude(c, verdict, verdict.Spend, nil), true, nil
	}
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, c.Findings.Evidence, nil, renewed(inc, c))
		inc.Drafted(c.Incident, verdict.Spend, s.Now())
	}, false, nil
}

func (s Steps) verify(ctx context.Context, c incident.Claim) (Apply, bool, error) {
	draft := c.Findings.Verdict.Spend
	verdict, looked, err := s.Analyzer.Verify(ctx, c.Incident, c.Findings)
	if err != nil {
		return s.failedUnlessStopped(ctx, err)
	}
	return s.conclude(c, verdict, verdict.Spend.Sub(draft), looked), true, nil
}

func (s Steps) failedUnlessStopped(ctx context.Context, err error) (Apply, bool, error) {
	if stopped := ctx.Err(); stopped != nil {
		return nil, false, stopped
	}
	return s.AnalysisFailed(err), false, err
}

// conclude returns how a final verdict is stored, with what was spent since the last time and what was looked up for it.
func (s Steps) conclude(c incident.Claim, verdict *incident.Verdict, spent incident.Spend, looked []incident.Evidence) Apply {
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, c.Findings.Evidence, looked, renewed(inc, c))
		inc.Analyzed(c.Incident, spent, s.Now())
	}
}

// renewed reports whether evidence was collected for another analysis since the claim.
func renewed(inc *incident.Incident, c incident.Claim) bool {
	return inc.Analysis.Evidence != c.Incident.Analysis.Evidence
}

// AnalysisFailed records that a step of the analysis failed, and when it is due again.
func (s Steps) AnalysisFailed(err error) Apply {
	return func(inc *incident.Incident, _ *incident.Findings) {
		inc.AnalysisFailed(incident.AsFailure(err), s.Policy, s.Now())
	}
}
