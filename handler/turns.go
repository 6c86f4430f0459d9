package handler

import (
	"context"
	"net/http"

	"golang.org/x/sync/semaphore"
)

// Memory for the bodies that are being read, decoded and stored is bounded: a request waits for its turn before its
// body is read. Small bodies are counted by their bytes, large ones by what they can take when they are decoded.
const (
	smallBody    = 64 << 10
	smallBodies  = 4 << 20  // bytes of small bodies in flight
	largeBodies  = 48 << 20 // bytes of memory for large ones
	alertBytes   = 21       // of a body, for the smallest alert that there can be
	alertDecoded = 600      // bytes of memory for a small alert; the text of a larger one counts by its bytes
)

// turns bounds the bodies in flight. Small ones have a bound of their own, so that large ones do not hold them up.
type turns struct {
	maxBytes, maxAlerts int64 // of a body
	small, large        *semaphore.Weighted
}

func newTurns(maxBytes, maxAlerts int64) *turns {
	return &turns{maxBytes: maxBytes, maxAlerts: maxAlerts, small: semaphore.NewWeighted(smallBodies), large: semaphore.NewWeighted(largeBodies)}
}

// wait returns when a body of that size may be read, as announced by its sender (negative: unknown), and what to call when
// it was stored or refused. A request whose turn does not come in time is to be sent again.
func (t *turns) wait(ctx context.Context, size int64) (done func(), err error) {
	if size > t.maxBytes { // refused unread
		return func() {}, nil
	}
	bound, weight := t.small, size
	if size < 0 || size > smallBody {
		if size < 0 {
			size = t.maxBytes
		}
		bound, weight = t.large, min(size+min(size/alertBytes, t.maxAlerts)*alertDecoded, largeBodies)
	}
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	if err := bound.Acquire(ctx, weight); err != nil {
		return nil, &problem{
			status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: err,
			reason: "too many large notifications at once; retry (Alertmanager does)",
		}
	}
	return func() { bound.Release(weight) }, nil
}
