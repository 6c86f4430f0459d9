package promapi

import (
	"context"
	"sync/atomic"
)

// Budget bounds what one purpose may ask: how many queries in all, and how many at a time. Several Queriers may share one.
// It is safe for concurrent use.
type Budget struct {
	slots chan struct{}
	left  atomic.Int64
	used  atomic.Int64
}

// NewBudget allows that many queries (0: none), inFlight (≥ 1) at a time; others wait.
func NewBudget(queries, inFlight int) *Budget {
	b := &Budget{slots: make(chan struct{}, inFlight)}
	b.left.Store(int64(queries))
	return b
}

// Left returns how many queries may still be made: who could ask many shares by taking less.
func (b *Budget) Left() int { return int(max(b.left.Load(), 0)) }

// Used returns how many queries were made.
func (b *Budget) Used() int { return int(b.used.Load()) }

// take waits for a slot and pays for one query. The slot is free again when release is called, which must be done once
// and only without an error.
func (b *Budget) take(ctx context.Context) (release func(), err error) {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.left.Add(-1) < 0 {
		<-b.slots
		return nil, ErrNoBudget
	}
	b.used.Add(1)
	return func() { <-b.slots }, nil
}
