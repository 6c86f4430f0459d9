package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// Accept appends a notification and folds it into its incident. It is on disk when the error is nil; on any error,
// [ErrBusy] too, it is to be sent again. When ctx ends first it may or may not have been stored, which is harmless: the
// same notification is a repeat then. The notification must not be used after the call.
func (s *Store) Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	if n.ReceivedAt.IsZero() {
		n.ReceivedAt = s.Now()
	}
	n.ReceivedAt = n.ReceivedAt.UTC().Truncate(time.Microsecond) // as it is stored
	n.Normalize()                                                // not while others wait for the writer
	if n.Body == nil {
		n.Body = []byte{}
	}
	var receipt incident.Receipt
	err := s.tryDo(ctx, func(ctx context.Context, b *batch) error {
		var err error
		receipt, err = b.fold(ctx, n)
		return err
	})
	if err != nil {
		return incident.Receipt{}, err
	}
	return receipt, nil
}

func (b *batch) fold(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	r, err := b.current(ctx, groupKey{n.Receiver, n.GroupKey})
	if err != nil {
		return incident.Receipt{}, err
	}
	var before, after *incident.Incident
	var outcome incident.Outcome
	if r != nil {
		before = r.inc
	}
	if err := b.guard("folding a notification", func() { after, outcome = b.Policy.Fold(before, n) }); err != nil {
		return incident.Receipt{}, err
	}
	receipt := incident.Receipt{Outcome: outcome}
	if after != nil {
		receipt.IncidentID = after.ID
		if before != nil && before.ID == after.ID {
			b.change(r, after)
		} else {
			if err := b.relate(ctx, after, n.ReceivedAt); err != nil {
				return incident.Receipt{}, err
			}
			b.add(after)
		}
	}
	id := sql.NullString{String: receipt.IncidentID, Valid: after != nil}
	b.log = append(b.log, entry{n, id, outcome})
	return receipt, nil
}
