package store

import (
	"context"
	"sync"

	"github.com/alertscribe/alertscribe/incident"
)

// feedBuffer is how many changes wait for a subscriber.
const feedBuffer = 256

// feed tells subscribers what was committed.
type feed struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
}

// subscriber is somebody who is told. While missed is true the last element of the channel says so, until it was received.
type subscriber struct {
	changes chan incident.Change
	missed  bool
}

// Subscribe returns a channel of what is committed from now on, in its order, until ctx ends; then it is closed. It never
// holds up a commit: who does not keep up gets a change with Missed set, in place of those that there was no room for, and
// has to look for itself. Changes that were committed in between are seen by a look that comes after it.
func (s *Store) Subscribe(ctx context.Context) <-chan incident.Change {
	sub := &subscriber{changes: make(chan incident.Change, feedBuffer)}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.subscribers == nil { // the store is closed
		close(sub.changes)
		return sub.changes
	}
	s.feed.subscribers[sub] = struct{}{}
	context.AfterFunc(ctx, func() { s.feed.leave(sub) })
	return sub.changes
}

func (f *feed) leave(sub *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.subscribers[sub]; ok {
		delete(f.subscribers, sub)
		close(sub.changes)
	}
}

// close ends all subscriptions.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subscribers {
		close(sub.changes)
	}
	f.subscribers = nil
}

func (f *feed) publish(changes []incident.Change) {
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
