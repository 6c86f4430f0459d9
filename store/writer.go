package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

const (
	queueSize = 1024 // operations that wait for the writer
	maxBatch  = 512  // operations that share a transaction
	// resultsBeside bounds the operations of workers in a transaction while notifications come: those wait for it with a clock
	// in their hands, and none of the former waits for more than its turn.
	resultsBeside = 8
)

// op is an operation that waits for the writer.
type op struct {
	ctx    context.Context
	run    func(context.Context, *batch) error
	answer error      // of the last run
	done   chan error // with room for one
}

// refusal is the answer of an operation that wrote nothing and has nothing wrong with it that would fail its batch.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func isRefusal(err error) bool {
	_, ok := errors.AsType[refusal](err)
	return ok
}

// do runs an operation in the next batch and waits until it is committed, or until ctx ends: then it may or may not
// have been, and variables that run sets must not be looked at. It waits for a place in the queue.
func (s *Store) do(ctx context.Context, run func(context.Context, *batch) error) error {
	o := &op{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case s.results <- o:
		return s.await(o)
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
}

// tryDo is do for notifications, which come first and do not wait for a place in the queue.
func (s *Store) tryDo(ctx context.Context, run func(context.Context, *batch) error) error {
	o := &op{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	select {
	case s.accepts <- o:
		return s.await(o)
	default:
		return ErrBusy
	}
}

func (s *Store) await(o *op) error {
	select {
	case err := <-o.done:
		return err
	case <-o.ctx.Done():
		return o.ctx.Err()
	case <-s.stopped:
	}
	select {
	case err := <-o.done: // by the last batch
		return err
	default:
		return ErrClosed
	}
}

// write is the writer: it commits what has queued up until the store is closed.
func (s *Store) write(ctx context.Context) {
	defer close(s.stopped)
	for {
		select {
		case o := <-s.accepts:
			s.commit(ctx, s.gather(o))
			continue
		default:
		}
		select {
		case o := <-s.accepts:
			s.commit(ctx, s.gather(o))
		case o := <-s.results:
			s.commit(ctx, s.gather(o))
		case <-s.closing:
			for ops := s.gather(); len(ops) > 0; ops = s.gather() {
				s.commit(ctx, ops)
			}
			return
		}
	}
}

// gather returns a first operation and those that have queued up behind it, notifications before all others.
func (s *Store) gather(first ...*op) []*op {
	ops := take(s.accepts, first, maxBatch)
	room := maxBatch - len(ops)
	if s.Busy() { // the next notification waits for this commit
		room = min(room, resultsBeside)
	}
	return take(s.results, ops, len(ops)+room)
}

// take appends what waits in a queue, up to a length.
func take(queue <-chan *op, ops []*op, length int) []*op {
	for len(ops) < length {
		select {
		case o := <-queue:
			ops = append(ops, o)
		default:
			return ops
		}
	}
	return ops
}

// commit runs operations in one transaction and answers them. When that fails each half gets a transaction of its own,
// down to the single operation: a bad one fails alone, in about twice the logarithm of the batch's size. A transaction that can't
// even begin, because another process has locked the database, fails for all: each of the others would wait as long.
func (s *Store) commit(ctx context.Context, ops []*op) {
	ops = slices.DeleteFunc(ops, func(o *op) bool {
		err := o.ctx.Err() // nobody waits for it any more
		if err != nil {
			o.done <- err
		}
		return err != nil
	})
	if len(ops) == 0 {
		return
	}
	err := s.transact(ctx, ops)
	if err != nil && len(ops) > 1 && !errors.Is(err, errNotBegun) {
		half := len(ops) / 2
		s.commit(ctx, ops[:half])
		s.commit(ctx, ops[half:])
		return
	}
	for _, o := range ops {
		if err != nil {
			o.answer = err
		}
		o.done <- o.answer
	}
}

// errNotBegun is of a transaction that could not begin.
var errNotBegun = errors.New("beginning a transaction")

// transact runs operations in one transaction. An error means that nothing of it was stored.
func (s *Store) transact(ctx context.Context, ops []*op) (err error) {
	s.boundLog(ctx)
	start := time.Now()
	b, err := s.begin(ctx)
	if err != nil {
		s.metrics.Failed.Inc()
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Error("Panic in transaction", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in a transaction: %v", r)
		}
		if err != nil {
			s.metrics.Failed.Inc()
			_ = b.tx.Rollback() // SQLite may have done so already
			return
		}
		s.metrics.Commit.Observe(time.Since(start).Seconds())
		s.metrics.Batch.Observe(float64(len(ops)))
	}()
	for _, o := range ops {
		o.answer = o.run(ctx, b)
		if o.answer != nil && !isRefusal(o.answer) {
			return o.answer
		}
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	if err := b.tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	b.keep()
	return nil
}

// guard runs a function of the caller. A panic in it is its own failure, not that of the batch.
func (s *Store) guard(what string, f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Error("Panic in transaction", "while", what, "panic", r, "stack", string(debug.Stack()))
			err = refusal{fmt.Errorf("panic while %s: %v", what, r)}
		}
	}()
	f()
	return nil
}
