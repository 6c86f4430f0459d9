package store

import (
	"context"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// capWindow is the span in which the cap of model calls counts.
const capWindow = time.Hour

// ReserveCall enters a model call in the ledger before it is made, and returns its number. With a cap (0: none) it
// returns [incident.ErrBudget], and when the next call can be made, once so many have been entered within the last
// hour. A reservation that is never settled counts like a call: we may have died in it.
func (s *Store) ReserveCall(ctx context.Context, incidentID string, limit int) (call int64, renews time.Time, err error) {
	err = s.do(ctx, func(ctx context.Context, b *batch) error {
		now := s.Now()
		since := micros(now.Add(-capWindow))
		var made int
		if err := b.queryRow(ctx, countCalls, since).Scan(&made); err != nil {
			return fmt.Errorf("counting model calls: %w", err)
		}
		if limit > 0 && made >= limit {
			var oldest int64 // of those that count against the cap: it may have been lowered
			if err := b.queryRow(ctx, selectCallAt, since, made-limit).Scan(&oldest); err != nil {
				return fmt.Errorf("looking for the oldest model call: %w", err)
			}
			renews = fromMicros(oldest).Add(capWindow)
			return refusal{incident.ErrBudget}
		}
		if err := b.queryRow(ctx, insertCall, incidentID, micros(now)).Scan(&call); err != nil {
			return fmt.Errorf("entering a model call: %w", err)
		}
		return nil
	})
	switch {
	case err == nil:
		return call, time.Time{}, nil
	case isRefusal(err):
		return 0, renews, err
	}
	return 0, time.Time{}, err
}

// SettleCall enters what a reserved call used. One that was not billed is taken out again and counts no more.
func (s *Store) SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		var err error
		if billed {
			err = b.exec(ctx, settleCall, micros(s.Now()), model, spend.Calls, spend.Prompt, spend.Cached, spend.Completion,
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
