// Package worker claims and runs due work: it writes reports, collects evidence, and requests analyses in separate pools,
// so a hung model blocks no report or evidence. While notifications are being accepted the pools run fewer pieces of work at
// once.
//
// Work is level-triggered: a worker looks at the incident as it is when it was claimed, and running twice is harmless.
// A result is stored while the lease stands. Work that we stop ourselves gives its lease back and counts as no attempt.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
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
	// Busy reports whether notifications are being accepted.
	Busy() bool
}

// leases end a claim. Finish returns incident.ErrLeaseLost when somebody else has the work now.
type leases interface {
	Renew(ctx context.Context, c incident.Claim) error
	Release(ctx context.Context, c incident.Claim) error
	Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error
	// Lease is how long a claim lasts without being renewed.
	Lease() time.Duration
}

// incidents finds and changes incidents without a lease.
type incidents interface {
	Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error
	StaleCandidates(ctx context.Context, before time.Time, limit int) ([]*incident.Incident, error)
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
	// Collect looks everything up; seen is the evidence so far.
	Collect(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) incident.Look
	// Refresh looks again at what changes while an incident fires.
	Refresh(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) incident.Look
	// PastIncidents returns earlier incidents of the same kind, the weightiest first.
	PastIncidents(ctx context.Context, inc *incident.Incident) []incident.PastIncident
}

// Analyzer asks the model.
type Analyzer interface {
	// Draft returns a verdict; without a Verification it is a draft that waits for Verify. Its errors are
	// *incident.Failure.
	Draft(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, error)
	// Verify holds the draft among the findings against what could refute it. It returns the verdict with a Verification,
	// and what was looked up; the verdict's spend is that of the draft and of Verify together. An error is
	// that of ctx alone.
	Verify(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error)
	// RetryPermission says which evidence-only incidents may be analyzed again now.
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

// Options of a Worker. Store, Evidence, Analyzer, Report and Policy are required.
type Options struct {
	Store        Store
	Evidence     Collector
	Analyzer     Analyzer
	Report       Reporter
	Alertmanager Alertmanager // optional: without it a silent incident becomes stale without asking
	Policy       *incident.Policy

	Files     int // reports that are written at once; default 16
	Evidences int // incidents whose evidence is collected at once; default 4
	Analyses  int // incidents that are analyzed at once; default 4
	Refreshes int // incidents that are looked at again at once; default 2

	SoftStop   time.Duration         // how long work in flight may go on after the stop; default 10 s
	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default time.Now
}

// Worker runs the pools.
type Worker struct {
	opts    Options
	steps   Steps
	lease   time.Duration
	metrics *metrics
}

// New returns a Worker that does nothing yet; an error names an option that is missing.
func New(o Options) (*Worker, error) {
	for _, required := range []struct {
		name    string
		missing bool
	}{
		{"Store", o.Store == nil},
		{"Evidence", o.Evidence == nil},
		{"Analyzer", o.Analyzer == nil},
		{"Report", o.Report == nil},
		{"Policy", o.Policy == nil},
	} {
		if required.missing {
			return nil, fmt.Errorf("worker: Options.%s is required", required.name)
		}
	}
	for _, n := range []struct {
		size     *int
		standard int
	}{{&o.Files, 16}, {&o.Evidences, 4}, {&o.Analyses, 4}, {&o.Refreshes, 2}} {
		if *n.size <= 0 {
			*n.size = n.standard
		}
	}
	if o.SoftStop <= 0 {
		o.SoftStop = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	steps := Steps{Evidence: o.Evidence, Analyzer: o.Analyzer, Policy: o.Policy, Now: o.Now}
	return &Worker{opts: o, steps: steps, lease: o.Store.Lease(), metrics: newMetrics(o.Registerer)}, nil
}

// kinds returns all kinds of work, those first to which the others give way.
func (w *Worker) kinds() []Kind {
	o := w.opts
	firstReport := func(c incident.Claim) bool { return c.Incident.FileRevision == 0 }
	always := func(incident.Claim) bool { return true }
	return []Kind{
		{
			Work: incident.WorkFile, Size: o.Files, Busy: min(3, o.Files), First: firstReport,
			Do: w.writeFile, Failed: w.fileFailed, Lost: w.fileLost,
		},
		{Work: incident.WorkEvidence, Size: o.Evidences, Busy: 1, First: always, Do: w.collectEvidence, Failed: w.evidenceFailed},
		{Work: incident.WorkAnalysis, Size: o.Analyses, Busy: 1, Do: w.analyze, Failed: w.analysisFailed},
		{Work: incident.WorkRefresh, Size: o.Refreshes, Busy: 1, Do: w.refresh, Failed: w.refreshFailed},
	}
}

// Run works until ctx ends. Then nothing more is claimed, work in flight goes on for at most SoftStop, and what is not
// done by then gives its lease back. It returns when all has ended.
func (w *Worker) Run(ctx context.Context) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(w.opts.SoftStop, cancel) })
	defer stop()
	var wg sync.WaitGroup
	var pools []*pool
	for _, k := range w.kinds() {
		p := newPool(w, k, slices.Clip(pools))
		pools = append(pools, p)
		wg.Go(func() { p.run(ctx, working) })
	}
	wg.Go(func() { w.every(ctx, requeueInterval, w.requeue) })
	wg.Go(func() { w.every(ctx, staleInterval, w.markStale) })
	wg.Wait()
}

// every calls f at once and then at the interval, until ctx ends.
func (w *Worker) every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := w.guard(ctx, f); err != nil && ctx.Err() == nil {
			w.opts.Logger.Error("Maintenance failed", "err", err)
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
