package feed

import (
	"context"
	"sync"

	"github.com/alertscribe/alertscribe/incident"
)

// Buffer is how many changes wait for a subscriber.
const Buffer = 256

// Feed tells subscribers what was committed. Its methods may be called from many goroutines at once.
type Feed struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
}

// subscriber is somebody who is told. While missed is true the last element of the channel says so, until it was received.
type subscriber struct {
	changes chan incident.Change
	missed  bool
}

// New returns a feed without subscribers.
func New() *Feed { return &Feed{subscribers: map[*subscriber]struct{}{}} }

// Subscribe returns a channel of what is committed from now on, in its order, until ctx ends; then it is closed. It never
// holds up a commit: who does not keep up gets a change with Missed set, in place of those that there was no room for, and
// has to look for itself. Changes that were committed in between are seen by a look that comes after it.
func (f *Feed) Subscribe(ctx context.Context) <-chan incident.Change {
	sub := &subscriber{changes: make(chan incident.Change, Buffer)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers == nil { // the feed is closed
		close(sub.changes)
		return sub.changes
	}
	f.subscribers[sub] = struct{}{}
	context.AfterFunc(ctx, func() { f.leave(sub) })
	return sub.changes
}

func (f *Feed) leave(sub *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.subscribers[sub]; ok {
		delete(f.subscribers, sub)
		close(sub.changes)
	}
}

// Close ends all subscriptions.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subscribers {
		close(sub.changes)
	}
	f.subscribers = nil
}

// Publish tells all subscribers of changes, in their order.
func (f *Feed) Publish(changes []incident.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subscribers {
		for _, c := range changes {
			sub.tell(c)
		}
	}
}

// tell is called by one goroutine at a time, so that the room that there is can only grow meanwhile.
func (s *subscriber) tell(c incident.Change) {
	room := cap(s.changes) - len(s.changes)
	if s.missed {
		if room < cap(s.changes) {
			return // the mark is still to be received, and then all of this is looked for
		}
		s.missed = false
	}
	if room == 1 {
		c, s.missed = incident.Change{Missed: true}, true
	}
	s.changes <- c
}
