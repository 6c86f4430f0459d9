package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	cleanFirst = time.Minute // after the start, when there is enough else to do
	cleanEvery = time.Hour
	callsKept  = 400 * 24 * time.Hour // a year of costs, and a bit
	pruneSize  = 1000                 // rows that one statement deletes
)

// clean prunes what is too old, a minute after the start and then about every hour, until ctx ends. Every copy does: what another
// one is at is passed over.
func (s *Store) clean(ctx context.Context) {
	timer := time.NewTimer(cleanFirst)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			s.opts.Logger.Warn("Pruning notifications failed", "err", err)
		}
		timer.Reset(cleanEvery + rand.N(cleanEvery/10))
	}
}

// prune deletes notifications and model calls that are too old, some at a time.
func (s *Store) prune(ctx context.Context) error {
	for _, p := range []struct {
		query string
		kept  time.Duration
	}{
		{`DELETE FROM notifications WHERE seq IN (SELECT seq FROM (SELECT seq, received_at FROM notifications ORDER BY seq LIMIT $3) AS oldest
			WHERE received_at < ` + at(1) + ` - $2)`, s.opts.Retention},
		{`DELETE FROM model_calls WHERE seq IN (SELECT seq FROM model_calls WHERE called_at < ` + at(1) + ` - $2 ORDER BY called_at LIMIT $3
			FOR UPDATE SKIP LOCKED)`, callsKept},
	} {
		for deleted := int64(pruneSize); deleted == pruneSize; {
			var err error
			if deleted, err = s.exec(ctx, p.query, s.clock(), p.kept.Microseconds(), pruneSize); err != nil {
				return fmt.Errorf("pruning: %w", err)
			}
		}
	}
	return nil
}
