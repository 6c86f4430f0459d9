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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return func(inc *incident.Incident, f *incident.Findings) {
		if a := c.Incident.Analysis; a.Evidence < a.Wanted {
			f.Evidence = f.Renew(evidence)
		} else { // once more, to show how it ended; what carried the alert can't be seen any more
			f.Evidence = f.Refresh(evidence)
		}
		inc.EvidenceCollected(c.Incident, w.Now())
	}, nil
}

func (w *Worker) analyse(ctx context.Context, c incident.Claim) (result, error) {
	verdict, err := w.Analyzer.Analyze(ctx, c.Incident, c.Findings.Evidence)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return nil, stopped // by us: no attempt
		}
		return w.failed(incident.WorkAnalysis, c, err), err
	}
	verdict.Generation = c.Incident.Generation
	return func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(verdict, c.Findings.Evidence, inc.Analysis.Evidence != c.Incident.Analysis.Evidence)
		inc.Analysed(c.Incident, verdict.Spend, w.Now())
		w.metrics.analysed.Observe(w.Now().Sub(inc.OpenedAt).Seconds())
	}, nil
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
			inc.AnalysisFailed(incident.AsFailure(err), w.Rules, w.Now())
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
// time, the most severe first. A probe takes any one of those: it may be the one incident that the model refuses.
func (w *Worker) revive(ctx context.Context) error {
	reasons, probe := w.Analyzer.Permit()
	if len(reasons) == 0 {
		return nil
	}
	waiting, err := w.Store.EvidenceOnly(ctx, w.Now().Add(-w.Rules.AnalysisMaxAge), w.Analyses, reasons...)
	if err != nil {
		return fmt.Errorf("looking for analyses that wait: %w", err)
	}
	if probe && len(waiting) > 1 {
		one := rand.N(len(waiting))
		waiting = waiting[one : one+1]
	}
	for _, inc := range waiting {
		err := w.Store.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
			return inc.Revive(w.Rules, w.Now(), reasons...)
		})
		if err != nil {
			return fmt.Errorf("making an analysis due again: %w", err)
		}
	}
	return nil
}

// markStale looks at firing incidents that have not been heard of for too long.
func (w *Worker) markStale(ctx context.Context) error {
	silent, err := w.Store.Silent(ctx, w.Now().Add(-w.Rules.StaleAfter), sweepLimit)
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
