package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	cleanFirst = time.Minute // after the start, when there is enough else to do
	cleanEvery = time.Hour
	callsKept  = 400 * 24 * time.Hour // a year of costs, and a bit
	batchSize  = 200                  // rows that one operation deletes: others wait for no more than this
)

// clean prunes what is too old, a minute after the start and then every hour, until the store is closed.
func (s *Store) clean() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.NewTimer(cleanFirst)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.closing:
			return
		}
		if err := s.prune(ctx); err != nil && !errors.Is(err, ErrClosed) {
			s.opts.Logger.Warn("Pruning notifications failed", "err", err)
		}
		timer.Reset(cleanEvery)
	}
}

// prune deletes notifications and model calls that are too old, in batches.
func (s *Store) prune(ctx context.Context) error { return s.PruneNotifications(ctx, s.opts.Retention) }

// PruneNotifications deletes notifications that are older than they are to be kept, and model calls of over a year ago, in batches.
func (s *Store) PruneNotifications(ctx context.Context, kept time.Duration) error {
	now := s.opts.Now()
	for _, p := range []struct {
		query string
		args  []any
	}{
		{pruneNotifications, []any{batchSize, micros(now.Add(-kept))}},
		{pruneCalls, []any{micros(now.Add(-callsKept)), batchSize}},
	} {
		for deleted := int64(batchSize); deleted == batchSize; {
			err := s.do(ctx, func(ctx context.Context, b *batch) error {
				result, err := b.stmt(ctx, p.query).ExecContext(ctx, p.args...)
				if err != nil {
					return fmt.Errorf("pruning: %w", err)
				}
				deleted, err = result.RowsAffected()
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// recover is run at the start. It frees the leases of a process that died, and ranks severities anew: the setting that
// orders them may have changed.
func (s *Store) recover(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // without effect after the commit
	freed, err := tx.ExecContext(ctx, freeLeases)
	if err != nil {
		return fmt.Errorf("freeing leases: %w", err)
	}
	if n, err := freed.RowsAffected(); err == nil && n > 0 {
		s.opts.Logger.Info("Requeued work left by the last process", "work", n)
	}
	if _, err := tx.ExecContext(ctx, dropUndue); err != nil {
		return fmt.Errorf("freeing leases: %w", err)
	}
	if err := s.rank(ctx, tx); err != nil {
		return fmt.Errorf("ranking severities: %w", err)
	}
	if err := s.readRanks(ctx, tx); err != nil {
		return fmt.Errorf("listing due work: %w", err)
	}
	return tx.Commit()
}

func (s *Store) readRanks(ctx context.Context, tx *sql.Tx) error {
	type row struct {
		kind incident.Work
		rank int
	}
	rows, err := tx.QueryContext(ctx, selectWorkRanks)
	if err != nil {
		return err
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.kind, &r.rank} })
	for _, r := range found {
		s.ranks.enter(r.kind, r.rank)
	}
	return err
}

func (s *Store) rank(ctx context.Context, tx *sql.Tx) error {
	type ranked struct {
		severity string
		rank     int
	}
	rows, err := tx.QueryContext(ctx, selectRanks)
	if err != nil {
		return err
	}
	found, err := scanAll(rows, func(r *ranked) []any { return []any{&r.severity, &r.rank} })
	if err != nil {
		return err
	}
	for _, r := range found {
		now := s.policy.Load().Rank(r.severity)
		if now == r.rank {
			continue
		}
		for _, query := range []string{rankWork, rankIncidents} {
			if _, err := tx.ExecContext(ctx, query, now, r.severity); err != nil {
				return err
			}
		}
	}
	return nil
}
