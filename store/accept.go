package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// busyFor is how long the store counts as busy after the last notification.
const busyFor = 100 * time.Millisecond

// Accept appends a notification and folds it into its incident. It is on disk when the error is nil; on any error,
// [ErrBusy] too, it is to be sent again. When ctx ends first it may or may not have been stored, which is harmless: the
// same notification is a repeat then. The notification must not be used after the call.
func (s *Store) Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	s.accepting.Add(1)
	defer func() {
		s.lastAccept.Store(time.Now().UnixNano())
		s.accepting.Add(-1)
	}()
	if n.ReceivedAt.IsZero() {
		n.ReceivedAt = s.opts.Now()
	}
	n.ReceivedAt = n.ReceivedAt.UTC().Truncate(time.Microsecond) // as it is stored
	n.Normalize()
	if n.Body == nil {
		n.Body = []byte{}
	}
	g := groupKey{n.Receiver, n.GroupKey}
	var f *folded
	if len(n.Alerts) > layout.LargeGroup || s.isLarge(g) {
		defer s.locks.lock(g)()
		var err error
		if f, err = s.foldOutside(ctx, g, n); err != nil {
			return incident.Receipt{}, err
		}
	}
	var receipt incident.Receipt
	err := s.tryDo(ctx, func(ctx context.Context, b *batch) error {
		var err error
		receipt, err = b.fold(ctx, n, f)
		return err
	})
	if err != nil {
		return incident.Receipt{}, err
	}
	return receipt, nil
}

// Busy reports whether notifications are being accepted, or were a moment ago. Work that nobody waits for yields then.
func (s *Store) Busy() bool {
	return s.accepting.Load() > 0 || time.Since(time.Unix(0, s.lastAccept.Load())) < busyFor
}

// folded is a notification that was folded outside of the writer.
type folded struct {
	read    *record            // what it was folded into; nil: a group without an incident
	after   *incident.Incident // nil: of no incident
	chunks  []layout.ChunkWrite
	outcome incident.Outcome
}

// foldOutside folds a notification of a large group where nobody waits for it. The writer takes the result as long as nothing
// has changed the incident since, else it folds again.
func (s *Store) foldOutside(ctx context.Context, g groupKey, n *incident.Notification) (*folded, error) {
	read, err := s.peekGroup(ctx, g)
	if err != nil {
		return nil, err
	}
	f := &folded{read: read}
	var before *incident.Incident
	if read != nil {
		before = read.inc
	}
	if err := s.guard("folding a notification", func() { f.after, f.outcome = s.policy.Load().Fold(before, n) }); err != nil {
		return nil, err
	}
	if f.after == nil {
		return f, nil
	}
	if before != nil && before.ID != f.after.ID {
		before = nil
	}
	f.chunks, err = layout.EncodeChunks(before, f.after)
	return f, err
}

// fold folds a notification into its incident; f is what came of that outside of the writer, nil for nothing.
func (b *batch) fold(ctx context.Context, n *incident.Notification, f *folded) (incident.Receipt, error) {
	var read *record
	if f != nil {
		read = f.read
	}
	r, err := b.current(ctx, groupKey{n.Receiver, n.GroupKey}, read)
	if err != nil {
		return incident.Receipt{}, err
	}
	var before, after *incident.Incident
	var outcome incident.Outcome
	if r != nil {
		before = r.inc
	}
	if f != nil && (read == nil && before == nil || read != nil && read.inc == before) {
		after, outcome = f.after, f.outcome
	} else {
		f = &folded{}
		if err := b.guard("folding a notification", func() { after, outcome = b.policy.Load().Fold(before, n) }); err != nil {
			return incident.Receipt{}, err
		}
	}
	receipt := incident.Receipt{Outcome: outcome}
	if after != nil {
		receipt.IncidentID = after.ID
		if before != nil && before.ID == after.ID {
			b.change(r, after)
		} else {
			after = after.Clone() // links are entered into it, and perhaps into another one when the batch is run again
			if err := b.relate(ctx, after, n.ReceivedAt); err != nil {
				return incident.Receipt{}, err
			}
			r = b.add(after)
		}
		r.chunks = f.chunks
	}
	id := sql.NullString{String: receipt.IncidentID, Valid: after != nil}
	b.log = append(b.log, entry{n, id, outcome})
	return receipt, nil
}
