package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	callsWindow = time.Hour // of the limits that name an hour
	day         = 24 * time.Hour
	// ledgerLock is the advisory lock of who reserves a call within limits; those of groups are any number, and share it without harm.
	ledgerLock = 0x616c657274736372
	// charge is what a model call counts in money: what it cost, or what it may cost at most as long as nobody has told what it used.
	charge = `CASE WHEN settled_at IS NULL OR prompt_tokens = 0 THEN reserved ELSE cost END`
)

// ReserveCall enters a model call in the ledger before it is made, with the most that it may cost in USD, and returns its
// number; an *[incident.BudgetError] when the limits do not allow it now. A reservation that is never settled counts
// like a call that cost its most: who made it may have died in it. The limits are those of all copies together.
func (s *Store) ReserveCall(ctx context.Context, incidentID string, cost float64, limits incident.Limits) (call int64, err error) {
	err = retried(func() error {
		return s.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if limits != (incident.Limits{}) {
				if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(ledgerLock)); err != nil {
					return fmt.Errorf("locking the ledger of model calls: %w", err)
				}
			}
			var at64 int64
			if err := tx.QueryRow(ctx, `SELECT `+at(1), s.clock()).Scan(&at64); err != nil {
				return fmt.Errorf("reading the clock: %w", err)
			}
			now := fromMicros(at64)
			if s.opts.Now != nil {
				now = s.opts.Now() // to the nanosecond, as package incident reckons
			}
			charges, err := charges(ctx, tx, limits, now)
			if err != nil {
				return fmt.Errorf("reading the ledger of model calls: %w", err)
			}
			if err := limits.Allows(charges, cost, now); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `INSERT INTO model_calls (incident_id, called_at, reserved) VALUES ($1, $2, $3) RETURNING seq`,
				column(incidentID), micros(now), cost).Scan(&call)
		})
	})
	if err != nil {
		return 0, err
	}
	return call, nil
}

// charges returns the calls that limits look at, oldest first.
func charges(ctx context.Context, tx pgx.Tx, limits incident.Limits, now time.Time) ([]incident.LedgerEntry, error) {
	window := callsWindow
	switch {
	case limits == incident.Limits{}:
		return nil, nil
	case limits.CostPerDay > 0:
		window = incident.BudgetWindow
	}
	rows, err := tx.Query(ctx, `SELECT called_at, settled_at, `+charge+` FROM model_calls WHERE called_at > $1 ORDER BY called_at, seq`,
		micros(now.Add(-window)))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e incident.LedgerEntry, err error) {
		var called int64
		var settled *int64
		err = row.Scan(&called, &settled, &e.Cost)
		e.At = fromMicros(called)
		e.Open = settled == nil && now.Sub(e.At) < incident.InFlightTimeout
		return e, err
	})
}

// SettleCall enters what a reserved call used. One that was not billed is taken out again and counts no more; one whose
// usage nobody told, without prompt tokens, goes on counting as what was reserved.
func (s *Store) SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error {
	var err error
	if billed {
		_, err = s.exec(ctx, `UPDATE model_calls SET settled_at = `+at(2)+`, model = $3, calls = $4, prompt_tokens = $5, cached_tokens = $6,
			completion_tokens = $7, cost = $8 WHERE seq = $1`,
			call, s.clock(), column(model), spend.Calls, spend.Prompt, spend.Cached, spend.Completion, spend.Cost)
	} else {
		_, err = s.exec(ctx, `DELETE FROM model_calls WHERE seq = $1`, call)
	}
	if err != nil {
		return fmt.Errorf("settling model call %d: %w", call, err)
	}
	return nil
}

// Used returns how much of each limit is used now.
func (s *Store) Used(ctx context.Context) (incident.BudgetUsage, error) {
	type usage struct {
		Calls             int
		CostHour, CostDay float64
	}
	found, err := collect[usage](ctx, s, "summing model call ledger", `WITH clock AS (SELECT `+at(1)+` AS now)
		SELECT count(*) FILTER (WHERE called_at > now - $2), coalesce(sum(`+charge+`) FILTER (WHERE called_at > now - $2), 0), coalesce(sum(`+charge+`), 0)
		FROM clock, model_calls WHERE called_at > now - $3`,
		s.clock(), callsWindow.Microseconds(), incident.BudgetWindow.Microseconds())
	if err != nil || len(found) == 0 {
		return incident.BudgetUsage{}, err
	}
	return incident.BudgetUsage(found[0]), nil
}

// Costs returns what the model calls since a time used, by the UTC day on which they were made, the model and the alert name
// of the incident: the newest day first, then the most expensive first. Calls under way have no model yet. Those whose cost
// is not known cost what was reserved.
func (s *Store) Costs(ctx context.Context, since time.Time) ([]incident.Costs, error) {
	type row struct {
		Day                               int64
		Model, Alertname                  string
		Calls, Prompt, Cached, Completion int64
		Cost                              float64
	}
	found, err := collect[row](ctx, s, "summing model call costs", `SELECT day, model, coalesce(i.alertname, '') AS name, sum(calls)::bigint,
		sum(prompt)::bigint, sum(cached)::bigint, sum(completion)::bigint, sum(usd) AS total FROM (
			SELECT called_at / $1 AS day, model, incident_id, count(*) AS calls, sum(prompt_tokens) AS prompt,
				sum(cached_tokens) AS cached, sum(completion_tokens) AS completion, sum(`+charge+`) AS usd
			FROM model_calls WHERE called_at >= $2 GROUP BY 1, 2, 3) AS c
		LEFT JOIN incidents i ON i.id = c.incident_id GROUP BY day, model, name ORDER BY day DESC, total DESC, model, name`,
		day.Microseconds(), micros(since))
	if err != nil {
		return nil, err
	}
	costs := make([]incident.Costs, len(found))
	for i, r := range found {
		costs[i] = incident.Costs{
			Day: time.Unix(0, 0).UTC().AddDate(0, 0, int(r.Day)).Format(time.DateOnly), Model: r.Model, Alertname: r.Alertname,
			Spend: incident.Spend{Calls: int(r.Calls), Prompt: int(r.Prompt), Cached: int(r.Cached), Completion: int(r.Completion), Cost: r.Cost},
		}
	}
	return costs, nil
}
