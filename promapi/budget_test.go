package promapi

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBudgetIsShared(t *testing.T) {
	c := clientOf(t, answering(emptyVector))
	b := NewBudget(3, 1)
	one, other := NewQuerier(c, b, nil), NewQuerier(c, b, nil)
	for i, q := range []*Querier{one, other, one} {
		assert.Equal(t, 3-i, b.Left())
		_, err := q.Instant(t.Context(), "up", time.Unix(1, 0))
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		_, err := other.Instant(ctx, "up", time.Unix(1, 0))
		require.ErrorIs(t, err, ErrNoBudget, "and it keeps no slot")
		assert.Zero(t, b.Left())
		assert.Equal(t, 3, b.Used(), "what was refused was not made")
	}
}

func TestNoBudgetAtAll(t *testing.T) {
	q := NewQuerier(clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }), NewBudget(0, 1), nil)
	_, err := q.Instant(t.Context(), "up", time.Unix(1, 0))
	require.ErrorIs(t, err, ErrNoBudget)
}

// TestBudgetBoundsWhatRuns sends many queries at once to a server that lets none go before as many as may run are there.
func TestBudgetBoundsWhatRuns(t *testing.T) {
	const inFlight = 3
	var running atomic.Int64
	var mu sync.Mutex
	var most int64
	full := make(chan struct{})
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		most = max(most, n)
		mu.Unlock()
		if n == inFlight {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		select {
		case <-full:
		case <-r.Context().Done():
		}
		answering(emptyVector)(w, r)
	})
	q := NewQuerier(c, NewBudget(20, inFlight), nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := q.Instant(t.Context(), "up", time.Unix(1, 0))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, int64(inFlight), most)
	assert.Equal(t, 20, q.Budget().Used())
}

// TestWaitingEndsWithTheContext: who waits for a slot gives up in time, and has not paid.
func TestWaitingEndsWithTheContext(t *testing.T) {
	b := NewBudget(2, 1)
	release, err := b.take(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.take(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, b.Left())
	release()
	release, err = b.take(t.Context())
	require.NoError(t, err, "the slot is free again")
	release()
}
