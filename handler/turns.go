package handler

import (
	"context"
	"net/http"

	"golang.org/x/sync/semaphore"
)

// A decoded body takes several times the memory of its bytes. So the bytes of the bodies that are being read, decoded
// and stored are bounded: small ones by smallBodies, large ones by the largest that there may be. A request waits
// for its turn before its body is read.
const (
	smallBody   = 64 << 10
	smallBodies = 4 << 20 // bytes of small bodies in flight
)

// turns bounds the bytes of bodies in flight. Small bodies have a bound of their own, so that a large one that arrives
// slowly does not hold them up.
type turns struct {
	most         int64 // bytes of a body
	small, large *semaphore.Weighted
}

func newTurns(most int64) *turns {
	return &turns{most: most, small: semaphore.NewWeighted(smallBodies), large: semaphore.NewWeighted(most)}
}

// wait returns when a body of that size may be read, as announced by its sender (negative: unknown), and what to call when
// it was stored or refused. A request whose turn does not come in time is to be sent again.
func (t *turns) wait(ctx context.Context, size int64) (done func(), err error) {
	bound := t.large
	switch {
	case size > t.most: // refused unread
		return func() {}, nil
	case size < 0:
		size = t.most
	case size <= smallBody:
		bound = t.small
	}
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	if err := bound.Acquire(ctx, size); err != nil {
		return nil, &problem{
			status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: err,
			reason: "too many large notifications at once; retry (Alertmanager does)",
		}
	}
	return func() { bound.Release(size) }, nil
}
