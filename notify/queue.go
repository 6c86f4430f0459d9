package notify

import (
	"context"
	"sync"
	"time"
)

// item is an incident that a list has to look at.
type item struct {
	id     string
	rank   int       // of its severity: 0 is the highest
	opened time.Time // who opened first is first among equals
	at     time.Time // not before
}

func (i item) before(o item) bool {
	if i.rank != o.rank {
		return i.rank < o.rank
	}
	return i.opened.Before(o.opened)
}

// queue holds each incident once.
type queue struct {
	mu    sync.Mutex
	items map[string]item
	wake  chan struct{}
}

func newQueue() *queue { return &queue{items: map[string]item{}, wake: make(chan struct{}, 1)} }

// put adds an incident, or brings it forward.
func (q *queue) put(i item) {
	q.mu.Lock()
	if was, ok := q.items[i.id]; ok && was.at.Before(i.at) {
		i.at = was.at
	}
	q.items[i.id] = i
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns the first incident that is due, and waits for one; false when ctx ended.
func (q *queue) take(ctx context.Context, now func() time.Time) (item, bool) {
	for {
		first, wait := q.first(now())
		if wait == 0 && ctx.Err() == nil {
			return first, true
		}
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return item{}, false
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// first takes the first incident that is due out; else it returns how long to wait for one.
func (q *queue) first(now time.Time) (first item, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait, found := time.Hour, false
	for _, i := range q.items {
		if d := i.at.Sub(now); d > 0 {
			wait = min(wait, d)
		} else if !found || i.before(first) {
			first, found = i, true
		}
	}
	if !found {
		return first, wait
	}
	delete(q.items, first.id)
	return first, 0
}

// clear takes all out.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.items)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
