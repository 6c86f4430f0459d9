package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/feed"
)

// TestSlowSubscriberMissesKnowingly: nobody waits for it, it learns that it has missed something, and goes on.
func TestSlowSubscriberMissesKnowingly(t *testing.T) {
	s, _ := openAt(t)
	changes := s.Subscribe(t.Context())
	for i := range 2 * feed.Buffer {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	for range feed.Buffer - 1 {
		assert.False(t, (<-changes).Missed)
	}
	assert.Equal(t, incident.Change{Missed: true}, <-changes)
	assert.Empty(t, changes)
	id := accept(t, s, firing("x", at)).IncidentID
	assert.Equal(t, incident.Change{ID: id, Revision: 1, Status: incident.Firing, Analysis: incident.Pending}, <-changes)
}

// TestNotificationsComeFirst: a writer that is asked for more results than it can store takes the notification next, and
// results are stored beside any number of notifications.
func TestNotificationsComeFirst(t *testing.T) {
	s := open(t)
	id := accept(t, s, firing("x", at)).IncidentID
	release := stall(t, s)
	var order []string
	var mu sync.Mutex
	did := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	var wg sync.WaitGroup
	for i := range maxBatch {
		wg.Go(func() {
			_ = s.Update(context.Background(), id, func(*incident.Incident) bool { return false })
			did("result")
		})
		require.Eventually(t, func() bool { return len(s.results) == i+1 }, time.Minute, 50*time.Microsecond)
	}
	wg.Go(func() {
		_, _ = s.Accept(context.Background(), firing("y", at))
		did("notification")
	})
	require.Eventually(t, func() bool { return len(s.accepts) == 1 }, time.Minute, 50*time.Microsecond)
	ops := s.gather()
	assert.Len(t, ops, 1+resultsBeside)
	for _, o := range ops {
		s.accepts <- o // put back, to be done in this order
	}
	release()
	wg.Wait()
	assert.Len(t, order, maxBatch+1)
}

func TestBusy(t *testing.T) {
	s := open(t)
	assert.False(t, s.Busy())
	release := stall(t, s)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Accept(context.Background(), firing("x", at)) })
	assert.Eventually(t, s.Busy, time.Minute, time.Millisecond)
	release()
	wg.Wait()
	assert.Eventually(t, func() bool { return !s.Busy() }, time.Minute, time.Millisecond)
}
