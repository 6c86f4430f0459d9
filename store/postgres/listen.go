package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	changesChannel = "alertscribe_changes"
	maxPayload     = 7500        // bytes; PostgreSQL takes 8000
	listenRetry    = time.Second // how soon a lost connection is tried again
)

// message is a payload of NOTIFY. What it does not know is of a newer copy, and is passed over.
type message struct {
	Copy    string          `json:"copy"`          // who has committed it
	Due     []incident.Work `json:"due,omitempty"` // kinds of work
	Changes []told          `json:"changes,omitempty"`
}

// told is an incident.Change, short.
type told struct {
	ID       string          `json:"i"`
	Revision int64           `json:"r"`
	Status   incident.Status `json:"s"`
	Analysis incident.State  `json:"a"`
}

// payloads returns what others are told of a transaction, in as many parts as it takes.
func payloads(from string, changed []incident.Change, due map[incident.Work]bool) []string {
	first := message{Copy: from}
	for _, work := range incident.Works() {
		if due[work] {
			first.Due = append(first.Due, work)
		}
	}
	if len(changed) == 0 && len(first.Due) == 0 {
		return nil
	}
	var out []string
	const each = 120 // bytes of a change at most
	for m := first; ; m = (message{Copy: from}) {
		n := min(len(changed), maxPayload/each)
		for _, c := range changed[:n] {
			m.Changes = append(m.Changes, told{c.ID, c.Revision, c.Status, c.Analysis})
		}
		changed = changed[n:]
		payload, err := json.Marshal(m)
		if err == nil { // always
			out = append(out, string(payload))
		}
		if len(changed) == 0 {
			return out
		}
	}
}

// follow listens to what all copies commit, until ctx ends. It closes listening as soon as it does. After a lost connection
// subscribers are told that they missed something, and workers look at what is due.
func (s *Store) follow(ctx context.Context, listening chan struct{}) {
	first, failing := true, false
	for ctx.Err() == nil {
		err := s.followOnce(ctx, func() {
			if first {
				first = false
				close(listening)
				return
			}
			failing = false
			s.opts.Logger.Info("Changes are heard of again")
			s.feed.Publish([]incident.Change{{Missed: true}})
			for _, work := range incident.Works() {
				s.wake(work)
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !failing {
			s.opts.Logger.Warn("Connection for changes lost, it is tried every second", "err", err)
		}
		failing = true
		timer := time.NewTimer(listenRetry)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (s *Store) followOnce(ctx context.Context, ready func()) error {
	connecting, cancel := s.within(ctx)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, s.listen)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is given up
	}()
	if _, err := conn.Exec(connecting, `LISTEN `+changesChannel); err != nil {
		return err
	}
	ready()
	for {
		waiting, cancel := context.WithTimeout(ctx, s.opts.Timeout*3/2) // it may be silent for so long
		n, err := conn.WaitForNotification(waiting)
		silent := waiting.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			s.hear(n.Payload)
		case !silent:
			return err
		default:
			asking, cancel := s.within(ctx)
			err := s.primary.still(asking, conn) // nothing else tells a server that is gone, or not followed anymore, from one that is silent
			cancel()
			if err != nil {
				return err
			}
		}
	}
}

func (s *Store) hear(payload string) {
	var m message
	if err := json.Unmarshal([]byte(payload), &m); err != nil {
		s.opts.Logger.Warn("Change not understood, subscribers look for themselves", "err", err)
		s.feed.Publish([]incident.Change{{Missed: true}})
		return
	}
	changes := make([]incident.Change, len(m.Changes))
	for i, c := range m.Changes {
		changes[i] = incident.Change{ID: c.ID, Revision: c.Revision, Status: c.Status, Analysis: c.Analysis}
	}
	s.feed.Publish(changes)
	if m.Copy == s.copy {
		return // its workers are awake
	}
	for _, work := range m.Due {
		s.wake(work)
	}
}
