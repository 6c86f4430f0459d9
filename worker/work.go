package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

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
	apply, err := w.steps.Collect(ctx, c)
	return Result{Apply: apply}, err
}

func (w *Worker) evidenceFailed(c incident.Claim, _ error) Result {
	return Result{Apply: w.steps.CollectFailed(c)}
}

func (w *Worker) refresh(ctx context.Context, c incident.Claim) (Result, error) {
	apply, err := w.steps.Refresh(ctx, c)
	return Result{Apply: apply}, err
}

func (w *Worker) refreshFailed(c incident.Claim, _ error) Result {
	return Result{Apply: w.steps.RefreshFailed(c)}
}

func (w *Worker) analyze(ctx context.Context, c incident.Claim) (Result, error) {
	apply, final, err := w.steps.Analyze(ctx, c)
	if err != nil {
		return Result{Apply: apply}, err
	}
	delay := w.metrics.drafted
	if final {
		delay = w.metrics.analyzed
	}
	return Result{Apply: apply, Stored: func() { delay.Observe(w.opts.Now().Sub(c.Incident.OpenedAt).Seconds()) }}, nil
}

func (w *Worker) analysisFailed(_ incident.Claim, err error) Result {
	return Result{Apply: w.steps.AnalysisFailed(err)}
}

func (w *Worker) fileFailed(_ incident.Claim, err error) Result {
	return Result{Apply: func(inc *incident.Incident, _ *incident.Findings) { inc.FileFailed(err, w.opts.Now()) }}
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
