// Package worker claims what is due on incidents and does it: it writes reports, collects evidence and asks for
// analyses, each in a pool of its own, so that a model that hangs holds up no report and no evidence.
//
//	w := worker.New(worker.Options{Store: store, Evidence: collector, Analyzer: analyzer, Report: writer, …})
//	err := w.Run(ctx) // until ctx ends; then work in flight has SoftStop to finish
//
// Work is level-triggered: a worker looks at the incident as it is when it was claimed, and running twice is harmless.
// A result is stored while the lease stands. Work that we stop ourselves gives its lease back and counts as no attempt.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
)

// queue hands out work.
type queue interface {
	// Claim leases up to limit incidents on which the work is due, the most severe first.
	Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error)
	// Due wakes when such work may have become due.
	Due(work incident.Work) <-chan struct{}
	// NextDue is when the next such work is due; zero when none is scheduled.
	NextDue(ctx context.Context, work incident.Work) (time.Time, error)
}

// leases end a claim. Finish returns incident.ErrLeaseLost when somebody else has the work now.
type leases interface {
	Renew(ctx context.Context, c incident.Claim) error
	Release(ctx context.Context, c incident.Claim) error
	Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error
}

// incidents finds and changes incidents without a lease.
type incidents interface {
	Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error
	Silent(ctx context.Context, before time.Time, limit int) ([]*incident.Incident, error)
	EvidenceOnly(ctx context.Context, since time.Time, limit int, reasons ...incident.Reason) ([]*incident.Incident, error)
}

// Store is what the worker needs of the store.
type Store interface {
	queue
	leases
	incidents
}

// Collector looks up evidence. It never fails: what could not be looked up is an item that says so.
type Collector interface {
	Collect(ctx context.Context, inc *incident.Incident) []incident.Evidence
	// PastIncidents returns earlier incidents of the same kind, the weightiest first.
	PastIncidents(ctx context.Context, inc *incident.Incident) []incident.PastIncident
}

// Analyzer asks the model.
type Analyzer interface {
	// Draft returns a verdict; without a Verification it is a draft that waits for Verify. Its errors are
	// *incident.Failure.
	Draft(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, error)
	// Verify holds the draft among the findings against what could refute it. It returns the verdict with a Verification,
	// whatever came of it, and what was looked up; the verdict's spend is that of the draft and of Verify together. An error is
	// that of ctx alone.
	Verify(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error)
	// Permit says which evidence-only incidents may be analysed again now.
	RetryPermission() incident.RetryPermission
}

// Reporter writes the report of an incident.
type Reporter interface {
	Write(ctx context.Context, inc *incident.Incident, f incident.Findings) error
}

// Alertmanager is asked about incidents that have been silent for long.
type Alertmanager interface {
	StillFiring(ctx context.Context, inc *incident.Incident) (bool, error)
}

// Options of a Worker. Zero values take the defaults in brackets.
type Options struct {
	Store        Store
	Evidence     Collector
	Analyzer     Analyzer
	Report       Reporter
	Alertmanager Alertmanager // nil: a silent incident becomes stale without asking
	Policy       *incident.Policy

	Files, Evidences, Analyses int           // how many run at once [4 each]
	Lease                      time.Duration // as the store gives them; renewed at a third of it [30s]
	SoftStop                   time.Duration // how long work in flight may go on after the stop [10s]
	Logger                     *slog.Logger
	Registerer                 prometheus.Registerer
	Now                        func() time.Time
}

// Worker runs the pools.
type Worker struct {
	Options
	metrics *metrics
}

const (
	defaultPool     = 4
	defaultLease    = 30 * time.Second
	defaultSoftStop = 10 * time.Second
)

// New returns a Worker that does nothing yet.
func New(o Options) *Worker {
	for _, n := range []*int{&o.Files, &o.Evidences, &o.Analyses} {
		if *n <= 0 {
			*n = defaultPool
		}
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.SoftStop <= 0 {
		o.SoftStop = defaultSoftStop
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Worker{Options: o, metrics: newMetrics(o.Registerer)}
}

// Run works until ctx ends. Then nothing more is claimed, work in flight goes on for at most SoftStop, and what is not
// done by then gives its lease back. It returns when all has ended.
func (w *Worker) Run(ctx context.Context) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(w.SoftStop, cancel) })
	defer stop()
	var wg sync.WaitGroup
	for _, p := range []*pool{
		{work: incident.WorkFile, size: w.Files, do: w.writeFile},
		{work: incident.WorkEvidence, size: w.Evidences, do: w.collectEvidence},
		{work: incident.WorkAnalysis, size: w.Analyses, do: w.analyse},
	} {
		p.w, p.inFlight = w, map[string]flight{}
		wg.Go(func() { p.run(ctx, working) })
	}
	wg.Go(func() { w.every(ctx, reviveInterval, w.revive) })
	wg.Go(func() { w.every(ctx, staleInterval, w.markStale) })
	wg.Wait()
}

// every calls f at once and then at the interval, until ctx ends.
func (w *Worker) every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := w.guard(ctx, f); err != nil && ctx.Err() == nil {
			w.Logger.Error("Looking after incidents", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// guard calls f and makes an error of a panic.
func (w *Worker) guard(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			w.metrics.panics.Inc()
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f(ctx)
}
