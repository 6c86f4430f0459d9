package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	reviveInterval = 5 * time.Second
	staleInterval  = time.Minute
	sweepLimit     = 100 // incidents looked after at a time
)

func (w *Worker) writeFile(ctx context.Context, c incident.Claim) (result, error) {
	if err := w.Report.Write(ctx, c.Incident, c.Findings); err != nil {
		return w.failed(incident.WorkFile, c, err), fmt.Errorf("writing the report: %w", err)
	}
	now := w.Now()
	w.metrics.fileDelay.Observe(now.Sub(c.Incident.Due.File).Seconds())
	if c.Incident.FileRevision == 0 {
		w.metrics.firstFile.Observe(now.Sub(c.Incident.OpenedAt).Seconds())
	}
	return func(inc *incident.Incident, _ *incident.Findings) { inc.FileWritten(c.Incident) }, nil
}

func (w *Worker) collectEvidence(ctx context.Context, c incident.Claim) (result, error) {
	evidence := w.Evidence.Collect(ctx, c.Incident)
	var memory []incident.PastIncident
	anew := c.Incident.Analysis.Evidence < c.Incident.Analysis.Wanted
	if anew {
		memory = w.Evidence.PastIncidents(ctx, c.Incident)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return func(inc *incident.Incident, f *incident.Findings) {
		if anew {
			f.Evidence, f.Memory = f.Renew(evidence), memory
		} else { // once more, to show how it ended; what carried the alert can't be seen any more
			f.Evidence = f.Refresh(evidence)
		}
		inc.EvidenceCollected(c.Incident, w.Now())
	}, nil
}

// analyse asks for a draft, or has the one that is stored verified: two pieces of work, so that a draft that was paid for
// is safe and shown while the second answer is on its way, and so that in a storm everybody has a draft first.
func (w *Worker) analyse(ctx context.Context, c incident.Claim) (result, error) {
	if c.Incident.Analysis.Verifying() && c.Findings.Verdict != nil {
		return w.verify(ctx, c)
	}
	verdict, err := w.Analyzer.Draft(ctx, c.Incident, c.Findings)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return nil, stopped // by us: no attempt
		}
		return w.failed(incident.WorkAnalysis, c, err), err
	}
	if verdict.Verification == nil {
		verdict.Generation = c.Incident.Generation
		return func(inc *incident.Incident, f *incident.Findings) {
			f.Conclude(verdict, c.Findings.Evidence, nil, renewed(inc, c))
			inc.Drafted(c.Incident, verdict.Spend, w.Now())
			w.metrics.drafted.Observe(w.Now().Sub(inc.OpenedAt).Seconds())
		}, nil
	}
	return w.conclude(c, verdict, verdict.Spend, nil), nil
}

func (w *Worker) verify(ctx context.Context, c incident.Claim) (result, error) {
	draft := c.Findings.Verdict.Spend
	verdict, looked, err := w.Analyzer.Verify(ctx, c.Incident, c.Findings)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return nil, stopped // the draft is there, and verified after the next start
		}
		return w.failed(incident.WorkAnalysis, c, err), err
	}
	return w.conclude(c, verdict, verdict.Spend.Sub(draft), looked), nil
}

// conclude returns how a final verdict is stored, with what was spent since the last time and what was looked up for it.
func (w *Worker) conclude(c incident.Claim, verdict *incident.Verdict, spent incident.Spend, looked []incident.Evidence) result {
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, c.Findings.Evidence, looked, renewed(inc, c))
		inc.Analyzed(c.Incident, spent, w.Now())
		w.metrics.analysed.Observe(w.Now().Sub(inc.OpenedAt).Seconds())
	}
}

// renewed reports whether evidence was collected for another analysis since the claim.
func renewed(inc *incident.Incident, c incident.Claim) bool {
	return inc.Analysis.Evidence != c.Incident.Analysis.Evidence
}

// failed returns how a failure of each kind of work is stored. Evidence can't fail but by a panic: then the analysis
// goes ahead with the item that says so.
func (w *Worker) failed(work incident.Work, c incident.Claim, err error) result {
	return func(inc *incident.Incident, f *incident.Findings) {
		switch work {
		case incident.WorkFile:
			inc.FileFailed(err, w.Now())
		case incident.WorkEvidence:
			if a := c.Incident.Analysis; a.Evidence < a.Wanted { // else what is there stays
				f.Evidence = f.Renew([]incident.Evidence{{
					ID: "E1", Kind: incident.KindAlert, Title: "Evidence", Failed: true,
					Summary: "Evidence could not be collected because of a fault in alertscribe; its log has the details.",
				}})
			}
			inc.EvidenceCollected(c.Incident, w.Now())
		case incident.WorkAnalysis:
			inc.AnalysisFailed(incident.AsFailure(err), w.Policy, w.Now())
		}
	}
}

// lost is called when a result could not be stored because somebody else has the work now. Nobody can tell whose file
// is on disk, so it is written again.
func (w *Worker) lost(work incident.Work, c incident.Claim) {
	if work != incident.WorkFile {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := w.Store.Update(ctx, c.Incident.ID, func(inc *incident.Incident) bool {
		inc.FileLost(w.Now())
		return true
	})
	if err != nil {
		w.Logger.Error("Making a report due again", "incident", c.Incident.ID, "err", err)
	}
}

// revive makes analyses due again that waited for a key, for a breaker to close or for the budget to renew: a few at a
// time, the most severe first.
func (w *Worker) revive(ctx context.Context) error {
	may := w.Analyzer.RetryPermission()
	if len(may.Reasons) == 0 {
		return nil
	}
	waiting, err := w.Store.EvidenceOnly(ctx, w.Now().Add(-w.Policy.AnalysisMaxAge), w.Analyses, may.Reasons...)
	if err != nil {
		return fmt.Errorf("looking for analyses that wait: %w", err)
	}
	switch {
	case len(waiting) == 0:
	case may.Probe:
		one := rand.N(len(waiting))
		waiting = waiting[one : one+1]
	case may.One:
		waiting = waiting[:1]
	}
	for _, inc := range waiting {
		err := w.Store.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
			return inc.RequeueAnalysis(w.Policy, w.Now(), may.Reasons...)
		})
		if err != nil {
			return fmt.Errorf("making an analysis due again: %w", err)
		}
	}
	return nil
}

// markStale looks at firing incidents that have not been heard of for too long.
func (w *Worker) markStale(ctx context.Context) error {
	silent, err := w.Store.Silent(ctx, w.Now().Add(-w.Policy.StaleAfter), sweepLimit)
	if err != nil {
		return fmt.Errorf("looking for silent incidents: %w", err)
	}
	for _, inc := range silent {
		firing := false
		if w.Alertmanager != nil {
			if firing, err = w.Alertmanager.StillFiring(ctx, inc); err != nil {
				return fmt.Errorf("asking Alertmanager about incident %s: %w", inc.ID, err)
			}
		}
		heard := inc.LastHeardAt
		err := w.Store.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
			if !inc.LastHeardAt.Equal(heard) {
				return false // heard of while we asked
			}
			if firing {
				inc.Heard(w.Now())
			} else {
				inc.MarkStale(w.Now())
			}
			return true
		})
		if err != nil {
			return fmt.Errorf("updating a silent incident: %w", err)
		}
	}
	return nil
}
