package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// Past returns the newest 100 incidents of an alert name that opened before a time, and the newest 100 of them that carry
// feedback, however old they are: the newest first, each once.
func (s *Store) Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error) {
	type row struct {
		incident.PastRecord
		opened int64
		doc    []byte
	}
	rows, err := s.readStmts[selectPast].QueryContext(ctx, alertname, micros(before), alertname, micros(before))
	if err != nil {
		return nil, fmt.Errorf("listing past incidents: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.ID, &r.opened, &r.Hypothesis, &r.Marked, &r.doc} })
	if err != nil {
		return nil, fmt.Errorf("listing past incidents: %w", err)
	}
	past := make([]incident.PastRecord, len(found))
	for i, r := range found {
		if err := json.Unmarshal(r.doc, &r.PastRecord); err != nil {
			return nil, fmt.Errorf("reading the past record of incident %s: %w", r.ID, err)
		}
		r.OpenedAt = fromMicros(r.opened)
		past[i] = r.PastRecord
	}
	return past, nil
}

// writePast writes what later incidents are told of this one where that has changed.
func (b *batch) writePast(ctx context.Context, r *record) error {
	inc, was := r.inc, r.saved.inc
	if was != nil && inc.SamePast(was) {
		return nil
	}
	doc, err := json.Marshal(inc.PastRecord())
	if err != nil {
		return err
	}
	return b.exec(ctx, upsertPast, r.saved.seq, inc.ID, inc.Alertname, micros(inc.OpenedAt), len(inc.Feedback) > 0, string(doc))
}

// writePastVerdict writes the part of a past record that comes from the verdict.
func (b *batch) writePastVerdict(ctx context.Context, seq int64, v *incident.Verdict) error {
	hypothesis, marked := "", false
	if v != nil && len(v.Causes) > 0 {
		hypothesis = text.Cut(v.Causes[0].Hypothesis, incident.MaxPastHypothesis)
		marked = hypothesis != "" && len(v.Causes[0].Marks) > 0
	}
	return b.exec(ctx, updatePastVerdict, hypothesis, marked, seq)
}
