package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	forgetFirst = time.Minute // after the start, when there is enough else to do
	forgetEvery = 10 * time.Minute
	forgetSteps = 20 // incidents that one transaction removes: others wait for no more than this
	forgetPause = 50 * time.Millisecond
	forgetFiles = 200
	// leastKept is what max_size leaves.
	leastKept = time.Hour
)

type (
	forgetter interface {
		Forget(ctx context.Context, keep incident.Retention, limit int) (int, error)
		Forgotten(ctx context.Context, after int64, limit int) ([]incident.Forgotten, error)
		Size(ctx context.Context) (bytes int64, err error)
		Busy() bool
		// Lead does a duty that one copy at a time may do.
		Lead(ctx context.Context, duty string, do func(ctx context.Context))
	}
	// pruner is an engine whose size is its own affair.
	pruner interface {
		PruneNotifications(ctx context.Context, kept time.Duration) error
	}
	remover interface {
		Remove(ctx context.Context, id, reportPath string) error
	}
)

// retention removes what was kept for long enough: rows first, and then the files of what is known to be gone.
type retention struct {
	store         forgetter
	files         remover
	keep          incident.Retention
	notifications time.Duration
	maxSize       int64 // bytes; 0: no bound
	log           *slog.Logger
	removed       prometheus.Counter
	size          prometheus.Gauge

	seen int64 // up to where files were removed
}

func newRetention(cfg *config, store forgetter, files remover, log *slog.Logger, reg prometheus.Registerer) *retention {
	f, kept := promauto.With(reg), cfg.Storage.Retention
	return &retention{
		store: store, files: files, log: log.With("component", "retention"),
		keep:          incident.Retention{Incidents: time.Duration(kept.Incidents), Critical: time.Duration(kept.Critical)},
		notifications: time.Duration(kept.Notifications), maxSize: int64(kept.MaxSize),
		removed: f.NewCounter(prometheus.CounterOpts{
			Name: "alertscribe_retention_incidents_removed_total", Help: "Incidents that were removed because they had been kept for long enough.",
		}),
		size: f.NewGauge(prometheus.GaugeOpts{
			Name: "alertscribe_database_size_bytes", Help: "Bytes of the database that are in use, of SQLite; that are on disk, of PostgreSQL.",
		}),
	}
}

// run removes until ctx ends. One copy at a time removes rows, so that they are known to be gone in their order; each removes its
// own files.
func (r *retention) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() {
		r.store.Lead(ctx, "retention", func(ctx context.Context) {
			r.again(ctx, "rows of incidents", r.removeRows)
		})
	})
	both.Go(func() {
		r.again(ctx, "reports", r.removeFiles)
	})
	both.Wait()
}

// again does something from time to time.
func (r *retention) again(ctx context.Context, what string, do func(context.Context) error) {
	for wait := forgetFirst; sleep(ctx, wait); wait = forgetEvery {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("What is too old is not removed, it is tried again later", "what", what, "err", err)
		}
	}
}

func (r *retention) removeRows(ctx context.Context) error {
	if err := r.forget(ctx, r.keep); err != nil {
		return err
	}
	return r.shrink(ctx)
}

// forget removes in small steps, and slower while notifications come.
func (r *retention) forget(ctx context.Context, keep incident.Retention) error {
	for n := forgetSteps; n == forgetSteps; {
		var err error
		if n, err = r.store.Forget(ctx, keep, forgetSteps); err != nil {
			return err
		}
		r.removed.Add(float64(n))
		pause := time.Millisecond
		if r.store.Busy() {
			pause = forgetPause
		}
		if n > 0 && !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
	return nil
}

// shrink keeps for half as long, again and again, until the database is as small as it has to be.
func (r *retention) shrink(ctx context.Context) error {
	size, err := r.store.Size(ctx)
	if err != nil {
		return err
	}
	p, ok := r.store.(pruner)
	keep, notifications := r.keep, r.notifications
	for began := size; ok && r.maxSize > 0 && size > r.maxSize; {
		keep, notifications = halved(keep), max(notifications/2, leastKept)
		if err := p.PruneNotifications(ctx, notifications); err != nil {
			return err
		}
		if err := r.forget(ctx, keep); err != nil {
			return err
		}
		if size, err = r.store.Size(ctx); err != nil {
			return err
		}
		if keep.Incidents == leastKept && keep.Critical == leastKept && notifications == leastKept {
			break
		}
		r.log.Info("Database was larger than storage.retention.max_size, less is kept", "bytes", began, "now", size, "incidents_kept", keep.Incidents)
	}
	r.size.Set(float64(size))
	return nil
}

func halved(r incident.Retention) incident.Retention {
	half := func(d time.Duration) time.Duration {
		if d == 0 {
			d = 400 * 24 * time.Hour // for good, until there is no room
		}
		return max(d/2, leastKept)
	}
	return incident.Retention{Incidents: half(r.Incidents), Critical: half(r.Critical)}
}

// removeFiles removes the reports of incidents that are gone, whoever removed them.
func (r *retention) removeFiles(ctx context.Context) error {
	for {
		gone, err := r.store.Forgotten(ctx, r.seen, forgetFiles)
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, f := range gone {
			if err := r.files.Remove(ctx, f.ID, f.ReportPath); err != nil {
				return fmt.Errorf("report of a removed incident: %w", err)
			}
			r.seen = f.Seq
		}
	}
}
