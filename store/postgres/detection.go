package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// LoadDetection returns what was saved of the series of a detection rule, by series.
func (s *Store) LoadDetection(ctx context.Context, rule string) (map[string][]byte, error) {
	type row struct {
		Series string
		State  []byte
	}
	found, err := collect[row](ctx, s, "reading the detection state of "+rule, `SELECT series, state FROM detection WHERE rule = $1`, column(rule))
	if err != nil {
		return nil, err
	}
	saved := make(map[string][]byte, len(found))
	for _, r := range found {
		saved[r.Series] = r.State
	}
	return saved, nil
}

// DetectionRules returns the rules that something was saved of, in order.
func (s *Store) DetectionRules(ctx context.Context) ([]string, error) {
	type row struct{ Rule string }
	found, err := collect[row](ctx, s, "listing the rules of detection", `SELECT rule FROM detection GROUP BY rule ORDER BY rule COLLATE "C"`)
	if err != nil {
		return nil, err
	}
	rules := make([]string, len(found))
	for i, r := range found {
		rules[i] = r.Rule
	}
	return rules, nil
}

// SaveDetection saves what is known of series of a detection rule: all of them or, with an error, none. A state of nil
// deletes the series. Under the context of a lost [Store.Lead] it refuses.
func (s *Store) SaveDetection(ctx context.Context, rule string, series map[string][]byte) error {
	b := &pgx.Batch{}
	for _, name := range slices.Sorted(maps.Keys(series)) {
		if state := series[name]; state == nil {
			b.Queue(`DELETE FROM detection WHERE rule = $1 AND series = $2`, column(rule), column(name))
		} else {
			b.Queue(`INSERT INTO detection (rule, series, state) VALUES ($1, $2, $3) ON CONFLICT (rule, series) DO UPDATE SET state = excluded.state`,
				column(rule), column(name), state)
		}
	}
	err := retried(func() error {
		return s.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if err := stillLeads(ctx, tx); err != nil {
				return err
			}
			return tx.SendBatch(ctx, b).Close()
		})
	})
	if err != nil {
		return fmt.Errorf("saving the detection state of %s: %w", rule, err)
	}
	return nil
}
