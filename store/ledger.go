package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	callsWindow = time.Hour // of the limits that name an hour
	day         = 24 * time.Hour
)

// ReserveCall enters a model call in the ledger before it is made, with the most that it may cost in USD, and returns its
// number; an *[incident.BudgetError] when the limits do not allow it now. A reservation that is never settled counts
// like a call that cost its most: we may have died in it.
func (s *Store) ReserveCall(ctx context.Context, incidentID string, cost float64, limits incident.Limits) (call int64, err error) {
	err = s.do(ctx, func(ctx context.Context, b *batch) error {
		now := s.opts.Now()
		charges, err := b.charges(ctx, limits, now)
		if err != nil {
			return fmt.Errorf("reading the ledger of model calls: %w", err)
		}
		if err := limits.Allows(charges, cost, now); err != nil {
			return refusal{err}
		}
		if err := b.queryRow(ctx, insertCall, incidentID, micros(now), cost).Scan(&call); err != nil {
			return fmt.Errorf("recording model call: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return call, nil
}

// charges returns the calls that limits look at, oldest first.
func (b *batch) charges(ctx context.Context, limits incident.Limits, now time.Time) ([]incident.LedgerEntry, error) {
	window := callsWindow
	switch {
	case limits == incident.Limits{}:
		return nil, nil
	case limits.CostPerDay > 0:
		window = incident.BudgetWindow
	}
	type row struct {
		at      int64
		settled sql.NullInt64
		cost    float64
	}
	rows, err := b.stmt(ctx, selectCharges).QueryContext(ctx, micros(now.Add(-window)))
	if err != nil {
		return nil, err
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.at, &r.settled, &r.cost} })
	if err != nil {
		return nil, err
	}
	charges := make([]incident.LedgerEntry, len(found))
	for i, r := range found {
		at := fromMicros(r.at)
		charges[i] = incident.LedgerEntry{At: at, Cost: r.cost, Open: !r.settled.Valid && now.Sub(at) < incident.InFlightTimeout}
	}
	return charges, nil
}

// SettleCall enters what a reserved call used. One that was not billed is taken out again and counts no more; one whose
// usage nobody told, without prompt tokens, goes on counting as what was reserved.
func (s *Store) SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		var err error
		if billed {
			err = b.exec(ctx, settleCall, micros(s.opts.Now()), model, spend.Calls, spend.Prompt, spend.Cached, spend.Completion,
				spend.Cost, call)
		} else {
			err = b.exec(ctx, deleteCall, call)
		}
		if err != nil {
			return fmt.Errorf("settling model call %d: %w", call, err)
		}
		return nil
	})
}

// Used returns how much of each limit is used now.
func (s *Store) Used(ctx context.Context) (incident.BudgetUsage, error) {
	var u incident.BudgetUsage
	now := s.opts.Now()
	hour := micros(now.Add(-callsWindow))
	err := s.readStmts[selectUsed].QueryRowContext(ctx, hour, hour, micros(now.Add(-incident.BudgetWindow))).
		Scan(&u.Calls, &u.CostHour, &u.CostDay)
	if err != nil {
		return u, fmt.Errorf("summing model call ledger: %w", err)
	}
	return u, nil
}

// Costs returns what the model calls since a time used, by the UTC day on which they were made, the model and the alert name
// of the incident: the newest day first, then the most expensive first. Calls under way have no model yet. Those whose cost
// is not known cost what was reserved.
func (s *Store) Costs(ctx context.Context, since time.Time) ([]incident.Costs, error) {
	type row struct {
		day int64
		incident.Costs
	}
	rows, err := s.readDB.QueryContext(ctx, selectCosts, day.Microseconds(), micros(since))
	if err != nil {
		return nil, fmt.Errorf("summing model call costs: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any {
		return []any{&r.day, &r.Model, &r.Alertname, &r.Calls, &r.Prompt, &r.Cached, &r.Completion, &r.Cost}
	})
	if err != nil {
		return nil, fmt.Errorf("summing model call costs: %w", err)
	}
	costs := make([]incident.Costs, len(found))
	for i, r := range found {
		costs[i] = r.Costs
		costs[i].Day = time.Unix(0, 0).UTC().AddDate(0, 0, int(r.day)).Format(time.DateOnly)
	}
	return costs, nil
}
