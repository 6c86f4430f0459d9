package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/store/layout"
)

const (
	queueSize = 1024 // notifications that wait to be stored
	maxBatch  = 256  // notifications that share a transaction
	// busyFor is how long the store counts as busy after the last notification.
	busyFor = 100 * time.Millisecond
)

// accepting is a notification that waits to be stored.
type accepting struct {
	ctx     context.Context
	n       *incident.Notification
	group   group
	receipt incident.Receipt
	answer  error      // of the last run, where it alone has failed
	done    chan error // with room for one
}

// Accept appends a notification and folds it into its incident. It is committed when the error is nil; on any error,
// [store.ErrBusy] too, it is to be sent again. When ctx ends first, or the connection breaks, it may or may not have been stored,
// which is harmless: the same notification is a repeat then. The notification must not be used after the call. An error that has a
// method Reason is that of an outage, which the log tells of once.
func (s *Store) Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	s.accepting.Add(1)
	defer func() {
		s.lastAccept.Store(time.Now().UnixNano())
		s.accepting.Add(-1)
	}()
	if n.ReceivedAt.IsZero() {
		n.ReceivedAt = s.now()
	}
	n.ReceivedAt = n.ReceivedAt.UTC().Truncate(time.Microsecond) // as it is stored
	n.Normalize()
	if n.Body == nil {
		n.Body = []byte{}
	}
	a := &accepting{ctx: ctx, n: n, group: groupOf(n.Receiver, n.GroupKey), done: make(chan error, 1)}
	if len(n.Alerts) > layout.LargeGroup || s.recent.isLarge(a.group) { // it would hold up the others
		if err := s.acceptAlone(a); err != nil {
			return incident.Receipt{}, err
		}
		return a.receipt, nil
	}
	select {
	case <-s.closing:
		return incident.Receipt{}, store.ErrClosed
	default:
	}
	select {
	case s.accepts <- a:
	default:
		return incident.Receipt{}, store.ErrBusy
	}
	select {
	case err := <-a.done:
		return a.receipt, err
	case <-ctx.Done():
		return incident.Receipt{}, s.outage.begins(ctx.Err())
	case <-s.stopped:
	}
	select {
	case err := <-a.done: // by the last batch
		return a.receipt, err
	default:
		return incident.Receipt{}, store.ErrClosed
	}
}

// Busy reports whether notifications are being accepted by this copy, or were a moment ago. Work that nobody waits for yields then.
func (s *Store) Busy() bool {
	return s.accepting.Load() > 0 || time.Since(time.Unix(0, s.lastAccept.Load())) < busyFor
}

func (s *Store) acceptAlone(a *accepting) error {
	select {
	case s.alone <- struct{}{}: // a few, so that they leave connections to others
		defer func() { <-s.alone }()
	case <-a.ctx.Done():
		return a.ctx.Err()
	case <-s.closing:
		return store.ErrClosed
	}
	if err := s.store(a.ctx, []*accepting{a}); err != nil {
		return err
	}
	return a.answer
}

// write stores the notifications that have queued up, until the store is closed. While one commit waits for the disk the next batch
// queues up; nothing waits for company.
func (s *Store) write(ctx context.Context) {
	defer close(s.stopped)
	for {
		select {
		case a := <-s.accepts:
			s.commit(ctx, s.gather(a))
		case <-s.closing:
			for batch := s.gather(); len(batch) > 0; batch = s.gather() {
				s.commit(ctx, batch)
			}
			return
		}
	}
}

func (s *Store) gather(first ...*accepting) []*accepting {
	for len(first) < maxBatch {
		select {
		case a := <-s.accepts:
			first = append(first, a)
		default:
			return first
		}
	}
	return first
}

// commit stores notifications in one transaction and answers them. When a row is bad each half gets a transaction of its own, down
// to the single notification; when the server is gone none does: nobody knows what was stored. What has queued up while it did not
// answer is refused with the others, before any of them is told: it would wait as long again, and what comes later is not in its place.
func (s *Store) commit(ctx context.Context, batch []*accepting) {
	batch = slices.DeleteFunc(batch, func(a *accepting) bool {
		err := a.ctx.Err() // nobody waits for it anymore
		if err != nil {
			a.done <- err
		}
		return err != nil
	})
	if len(batch) == 0 {
		return
	}
	err := s.store(ctx, batch)
	if err != nil && len(batch) > 1 && !gone(err) {
		half := len(batch) / 2
		s.commit(ctx, batch[:half])
		s.commit(ctx, batch[half:])
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		for queued := s.gather(); len(queued) > 0; queued = s.gather() {
			batch = append(batch, queued...)
		}
	}
	for _, a := range batch {
		a.done <- cmp.Or(err, a.answer)
	}
}

// store stores notifications in one transaction; an error means that none of them is, or that nobody knows.
func (s *Store) store(ctx context.Context, batch []*accepting) error {
	start := time.Now()
	var more []group // to be locked from the start
	run := func() error {
		for tries := 0; ; tries++ {
			err := s.try(ctx, batch, more, tries == maxTries)
			busy, ok := errors.AsType[*lockedElsewhere](err)
			if !ok {
				return err
			}
			more = append(more, busy.groups...)
		}
	}
	if err := retried(run); err != nil {
		s.metrics.Failed.Inc()
		return s.outage.begins(fmt.Errorf("storing notifications: %w", s.failed(err)))
	}
	s.outage.stored()
	s.metrics.Commit.Observe(time.Since(start).Seconds())
	s.metrics.Batch.Observe(float64(len(batch)))
	return nil
}

// maxTries is how often a transaction begins again because of locks that it found out to need: after that, links of a storm are
// left out.
const maxTries = 5

// lockedElsewhere says that locks are needed that somebody else holds.
type lockedElsewhere struct{ groups []group }

func (*lockedElsewhere) Error() string {
	return "incidents to be linked are locked by another transaction"
}

// try runs the transaction once.
func (s *Store) try(ctx context.Context, batch []*accepting, more []group, last bool) (err error) {
	e, finish, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer finish()
	defer func() {
		if err != nil && (e.ctx.Err() != nil || e.conn.Conn().IsClosed()) {
			err = unreachable{err}
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Error("Panic in transaction", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in a transaction: %v", r)
		}
	}()
	f := &folding{s: s, executor: e, records: map[string]*record{}, newest: map[[16]byte]*record{}, locked: map[int64]bool{}, patient: !last}
	if err := f.begin(batch, more); err != nil {
		return err
	}
	for _, a := range batch {
		a.answer = f.fold(a)
	}
	if err := f.relate(); err != nil {
		return err
	}
	return f.finish(batch)
}
