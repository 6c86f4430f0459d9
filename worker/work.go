package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	requeueInterval = 5 * time.Second
	staleInterval   = time.Minute
	sweepLimit      = 100 // incidents looked after at a time
)

func (w *Worker) writeFile(ctx context.Context, c incident.Claim) (Result, error) {
	if err := w.opts.Report.Write(ctx, c.Incident, c.Findings); err != nil {
		return w.fileFailed(c, err), fmt.Errorf("writing the report: %w", err)
	}
	now := w.opts.Now()
	w.metrics.fileDelay.Observe(now.Sub(c.Incident.Due[incident.WorkFile]).Seconds())
	if c.Incident.FileRevision == 0 {
		w.metrics.firstFile.Observe(now.Sub(c.Incident.OpenedAt).Seconds())
	}
	return Result{Apply: func(inc *incident.Incident, _ *incident.Findings) { inc.FileWritten(c.Incident) }}, nil
}

func (w *Worker) collectEvidence(ctx context.Context, c incident.Claim) (Result, error) {
	evidence := w.opts.Evidence.Collect(ctx, c.Incident)
	var memory []incident.PastIncident
	anew := c.Incident.Analysis.Evidence < c.Incident.Analysis.Wanted
	if anew {
		memory = w.opts.Evidence.PastIncidents(ctx, c.Incident)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return Result{Apply: func(inc *incident.Incident, f *incident.Findings) {
		if anew {
			f.Evidence, f.Memory = f.Renew(evidence), memory
		} else { // once more, to show how it ended; what carried the alert can't be seen any more
			f.Evidence = f.Refresh(evidence)
		}
		inc.EvidenceCollected(c.Incident, w.opts.Now())
	}}, nil
}

// analyze asks for a draft, or has the one that is stored verified: two pieces of work, so that a draft that was paid for
// is safe and shown while the second answer is on its way, and so that in a storm everybody has a draft first.
func (w *Worker) analyze(ctx context.Context, c incident.Claim) (Result, error) {
	if c.Incident.Analysis.Verifying() && c.Findings.Verdict != nil {
		return w.verify(ctx, c)
	}
	verdict, err := w.opts.Analyzer.Draft(ctx, c.Incident, c.Findings)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return Result{}, stopped // by us: no attempt
		}
		return w.analysisFailed(c, err), err
	}
	if verdict.Verification == nil {
		verdict.Generation = c.Incident.Generation
		return Result{
			Apply: func(inc *incident.Incident, f *incident.Findings) {
				f.Conclude(verdict, c.Findings.Evidence, nil, renewed(inc, c))
				inc.Drafted(c.Incident, verdict.Spend, w.opts.Now())
			},
			Stored: w.sinceOpening(w.metrics.drafted, c),
		}, nil
	}
	return w.conclude(c, verdict, verdict.Spend, nil), nil
}

func (w *Worker) verify(ctx context.Context, c incident.Claim) (Result, error) {
	draft := c.Findings.Verdict.Spend
	verdict, looked, err := w.opts.Analyzer.Verify(ctx, c.Incident, c.Findings)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return Result{}, stopped // the draft is there, and verified after the next start
		}
		return w.analysisFailed(c, err), err
	}
	return w.conclude(c, verdict, verdict.Spend.Sub(draft), looked), nil
}

// conclude returns how a final verdict is stored, with what was spent since the last time and what was looked up for it.
func (w *Worker) conclude(c incident.Claim, verdict *incident.Verdict, spent incident.Spend, looked []incident.Evidence) Result {
	verdict.Generation = c.Incident.Generation
	return Result{
		Apply: func(inc *incident.Incident, f *incident.Findings) {
			f.Conclude(verdict, c.Findings.Evidence, looked, renewed(inc, c))
			inc.Analyzed(c.Incident, spent, w.opts.Now())
		},
		Stored: w.sinceOpening(w.metrics.analyzed, c),
	}
}

// sinceOpening returns a function that observes the time since an incident was opened.
func (w *Worker) sinceOpening(delay prometheus.Observer, c incident.Claim) func() {
	return func() { delay.Observe(w.opts.Now().Sub(c.Incident.OpenedAt).Seconds()) }
}

// renewed reports whether evidence was collected for another analysis since the claim.
func renewed(inc *incident.Incident, c incident.Claim) bool {
	return inc.Analysis.Evidence != c.Incident.Analysis.Evidence
}

func (w *Worker) fileFailed(_ incident.Claim, err error) Result {
	return Result{Apply: func(inc *incident.Incident, _ *incident.Findings) { inc.FileFailed(err, w.opts.Now()) }}
}

// evidenceFailed is for a panic alone, else evidence can't fail: the analysis goes ahead with an item that says so.
func (w *Worker) evidenceFailed(c incident.Claim, _ error) Result {
	return Result{Apply: func(inc *incident.Incident, f *incident.Findings) {
		if a := c.Incident.Analysis; a.Evidence < a.Wanted { // else what is there stays
			f.Evidence = f.Renew([]incident.Evidence{{
				ID: "E1", Kind: incident.KindAlert, Title: "Evidence", Failed: true,
				Summary: "Evidence could not be collected because of a fault in alertscribe; its log has the details.",
			}})
		}
		inc.EvidenceCollected(c.Incident, w.opts.Now())
	}}
}

func (w *Worker) analysisFailed(_ incident.Claim, err error) Result {
	return Result{Apply: func(inc *incident.Incident, _ *incident.Findings) {
		inc.AnalysisFailed(incident.AsFailure(err), w.opts.Policy, w.opts.Now())
	}}
}

// fileLost is called when somebody else has the work on a file now. Nobody can tell whose file is on disk, so it is written
// again.
func (w *Worker) fileLost(c incident.Claim) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := w.opts.Store.Update(ctx, c.Incident.ID, func(inc *incident.Incident) bool {
		inc.FileLost(w.opts.Now())
		return true
	})
	if err != nil {
		w.opts.Logger.Error("Report reschedule failed", "incident", c.Incident.ID, "err", err)
	}
}

// requeue makes analyses due again that waited for a key, for a breaker to close or for the budget to renew: a few at a
// time, the most severe first.
func (w *Worker) requeue(ctx context.Context) error {
	may := w.opts.Analyzer.RetryPermission()
	if len(may.Reasons) == 0 {
		return nil
	}
	waiting, err := w.opts.Store.EvidenceOnly(ctx, w.opts.Now().Add(-w.opts.Policy.AnalysisMaxAge), w.opts.Analyses, may.Reasons...)
	if err != nil {
		return fmt.Errorf("listing waiting analyses: %w", err)
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
		err := w.opts.Store.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
			return inc.RequeueAnalysis(w.opts.Policy, w.opts.Now(), may.Reasons...)
		})
		if err != nil {
			return fmt.Errorf("rescheduling an analysis: %w", err)
		}
	}
	return nil
}

// markStale looks at firing incidents that have not been heard of for too long.
func (w *Worker) markStale(ctx context.Context) error {
	silent, err := w.opts.Store.StaleCandidates(ctx, w.opts.Now().Add(-w.opts.Policy.StaleAfter), sweepLimit)
	if err != nil {
		return fmt.Errorf("listing silent incidents: %w", err)
	}
	for _, inc := range silent {
		firing := false
		if w.opts.Alertmanager != nil {
			if firing, err = w.opts.Alertmanager.StillFiring(ctx, inc); err != nil {
				return fmt.Errorf("querying Alertmanager for %s: %w", inc.ID, err)
			}
		}
		heard := inc.LastHeardAt
		err := w.opts.Store.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
			if !inc.LastHeardAt.Equal(heard) {
				return false // heard of while we asked
			}
			if firing {
				inc.Heard(w.opts.Now())
			} else {
				inc.MarkStale(w.opts.Now())
			}
			return true
		})
		if err != nil {
			return fmt.Errorf("updating a silent incident: %w", err)
		}
	}
	return nil
}
