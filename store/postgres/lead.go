package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

// dutyPoll is how often a copy that has a duty not looks whether it is free.
const dutyPoll = 2 * time.Second

// dutyRenewal bounds a renewal, so that a copy without a database ends its duty before another one may have it.
const dutyRenewal = 3 * time.Second

type leadKey struct{}

// lead proves that a duty is this copy's.
type lead struct{ duty, token string }

// Lead does a duty that one copy at a time may do: it waits until the duty is free, does it with a context that ends when the duty
// is lost, and waits again; until ctx ends, or the duty ends by itself. What is stored under that context is refused with
// [incident.ErrLeaseLost] as soon as another copy has the duty, which is when this one has not renewed it for 20 seconds.
func (s *Store) Lead(ctx context.Context, duty string, do func(ctx context.Context)) {
	failing := false
	for ctx.Err() == nil {
		l := lead{column(duty), incident.NewID()}
		begun := time.Now()
		taken, err := s.take(ctx, l)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			s.opts.Logger.Warn("Duty not taken, it is tried every 2s", "duty", duty, "err", err)
		case taken && !s.lead(ctx, l, begun, do):
			return
		}
		failing = err != nil
		timer := time.NewTimer(dutyPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// take takes a duty if it is free.
func (s *Store) take(ctx context.Context, l lead) (bool, error) {
	n, err := s.exec(ctx, `INSERT INTO duties (name, lease_token, lease_until) VALUES ($1, $2, `+at(3)+` + $4)
		ON CONFLICT (name) DO UPDATE SET lease_token = excluded.lease_token, lease_until = excluded.lease_until
		WHERE `+ended("duties.lease_until", 3, 4), l.duty, l.token, s.clock(), dutyLease.Microseconds())
	return n > 0, err
}

// lead does a duty while it is ours, and reports whether it was lost.
func (s *Store) lead(ctx context.Context, l lead, renewed time.Time, do func(ctx context.Context)) (lost bool) {
	doing, cancel := context.WithCancel(context.WithValue(ctx, leadKey{}, l))
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(doing)
	}()
	s.opts.Logger.Debug("Duty taken", "duty", l.duty)
	ticker := time.NewTicker(dutyLease / 5)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			s.resign(ctx, l)
			return false
		case <-ticker.C:
		}
		begun := time.Now()
		renewing, stop := context.WithTimeout(ctx, dutyRenewal)
		n, err := s.exec(renewing, `UPDATE duties SET lease_until = `+at(3)+` + $4 WHERE name = $1 AND lease_token = $2`,
			l.duty, l.token, s.clock(), dutyLease.Microseconds())
		stop()
		if err == nil && n > 0 {
			renewed = begun
		}
		if err == nil && n == 0 || time.Since(renewed) > dutyLease*3/4 {
			s.opts.Logger.Warn("Duty lost, another copy has it or may take it", "duty", l.duty, "err", err)
			cancel()
			<-done
			s.resign(ctx, l)
			return ctx.Err() == nil
		}
	}
}

// resign gives a duty back, so that another copy need not wait for its lease.
func (s *Store) resign(ctx context.Context, l lead) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `DELETE FROM duties WHERE name = $1 AND lease_token = $2`, l.duty, l.token); err != nil {
		s.opts.Logger.Info("Duty not given back, it is free within 20s", "duty", l.duty, "err", err)
	}
}

// stillLeads returns incident.ErrLeaseLost where ctx is that of a duty which another copy has by now. While the transaction lasts
// nobody can take it.
func stillLeads(ctx context.Context, tx pgx.Tx) error {
	l, ok := ctx.Value(leadKey{}).(lead)
	if !ok {
		return nil
	}
	tag, err := tx.Exec(ctx, `SELECT 1 FROM duties WHERE name = $1 AND lease_token = $2 FOR SHARE`, l.duty, l.token)
	if err == nil && tag.RowsAffected() == 0 {
		err = incident.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("looking whether the duty %s is ours: %w", l.duty, err)
	}
	return nil
}
