package store

import (
	"context"
	"fmt"
)

// The statements of detection.
const (
	selectDetectionRules = `SELECT DISTINCT rule FROM detection ORDER BY rule`
	selectDetection      = `SELECT series, state FROM detection WHERE rule = ?`
	upsertDetection      = `INSERT INTO detection (rule, series, state) VALUES (?, ?, ?)
		ON CONFLICT (rule, series) DO UPDATE SET state = excluded.state`
	deleteDetection = `DELETE FROM detection WHERE rule = ? AND series = ?`
)

// LoadDetection returns what was saved of the series of a detection rule, by series.
func (s *Store) LoadDetection(ctx context.Context, rule string) (map[string][]byte, error) {
	rows, err := s.readDB.QueryContext(ctx, selectDetection, rule)
	if err != nil {
		return nil, fmt.Errorf("reading the detection state of %s: %w", rule, err)
	}
	type row struct {
		series string
		state  []byte
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.series, &r.state} })
	if err != nil {
		return nil, fmt.Errorf("reading the detection state of %s: %w", rule, err)
	}
	saved := make(map[string][]byte, len(found))
	for _, r := range found {
		saved[r.series] = r.state
	}
	return saved, nil
}

// DetectionRules returns the detection rules of which anything is saved.
func (s *Store) DetectionRules(ctx context.Context) ([]string, error) {
	rows, err := s.readDB.QueryContext(ctx, selectDetectionRules)
	if err != nil {
		return nil, fmt.Errorf("listing the detection state: %w", err)
	}
	rules, err := scanAll(rows, func(r *string) []any { return []any{r} })
	if err != nil {
		return nil, fmt.Errorf("listing the detection state: %w", err)
	}
	return rules, nil
}

// SaveDetection saves what is known of series of a detection rule: all of them or, with an error, none. A state of nil
// deletes the series.
func (s *Store) SaveDetection(ctx context.Context, rule string, series map[string][]byte) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		for name, state := range series {
			query, args := upsertDetection, []any{rule, name, state}
			if state == nil {
				query, args = deleteDetection, []any{rule, name}
			}
			if err := b.exec(ctx, query, args...); err != nil {
				return fmt.Errorf("saving the detection state of %s: %w", rule, err)
			}
		}
		return nil
	})
}
