package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	eventStream   = "text/event-stream"
	maxStreams    = 100              // of events at once; each holds a connection and a subscription
	streamBeat    = 15 * time.Second // how often an idle stream says that it is alive, so that nothing in between ends it
	streamWrite   = 10 * time.Second // a client that takes longer to read is left
	maxEventBatch = 256              // changes that are told with one write
)

// event is what GET /api/v1/events tells of an incident.
type event struct {
	ID       string          `json:"id"`
	Revision int64           `json:"revision"`
	Status   incident.Status `json:"status"`
	Analysis incident.State  `json:"analysis"`
}

var errStreams = &problem{
	status: http.StatusServiceUnavailable, reason: fmt.Sprintf("%d clients read events already; retry later, or poll /api/v1/incidents", maxStreams),
}

// events answers GET /api/v1/events: what is committed from now on as server-sent events, of one incident if the parameter id
// names it, which is told first as it stands. An event "missed" stands for those that a slow client had no room for. The stream
// ends when the service stops.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	if id != "" {
		if !incident.ValidIDPrefix(strings.ToLower(id)) {
			h.fail(w, r, badRequest("id", "%s is not an incident ID", quote(id)))
			return
		}
		var err error
		if id, err = h.wholeID(r.Context(), id); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		h.fail(w, r, errStreams)
		return
	}
	h.metrics.streams.Inc()
	defer h.metrics.streams.Dec()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s := &stream{w: w, control: http.NewResponseController(w), id: id}
	changes := h.Store.Subscribe(ctx) // before the first look, so that nothing is missed in between
	if id != "" {
		inc, _, err := h.Store.Incident(ctx, id)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		s.add(incident.Change{ID: id, Revision: inc.Revision, Status: inc.Status, Analysis: inc.Analysis.State})
	}
	if s.open(r.Method) {
		h.follow(s, changes)
	}
}

// follow tells changes until nobody reads them, or the service stops.
func (h *handler) follow(s *stream, changes <-chan incident.Change) {
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		select {
		case <-h.Stopping:
			return
		case <-beat.C:
			s.buf.WriteString(": alive\n\n")
		case c, open := <-changes:
			for n := 0; open; n++ {
				s.add(c)
				if n == maxEventBatch || len(changes) == 0 {
					break
				}
				c, open = <-changes
			}
			if !open {
				return
			}
		}
		if !s.flush() {
			return
		}
	}
}

// stream is one client that reads events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	id      string // of the only incident that it is told of; "" for all
	buf     bytes.Buffer
}

// open sends the header and what is there to be told; false when that is all.
func (s *stream) open(method string) bool {
	s.w.Header().Set("Content-Type", eventStream)
	s.w.Header().Set("X-Accel-Buffering", "no") // nginx
	s.w.WriteHeader(http.StatusOK)
	if method == http.MethodHead {
		return false
	}
	_ = s.control.SetReadDeadline(time.Time{}) // or the server's own would end the request
	return s.flush()
}

func (s *stream) add(c incident.Change) {
	switch {
	case c.Missed:
		s.buf.WriteString("event: missed\ndata: {}\n\n")
	case s.id == "" || s.id == c.ID:
		b, err := json.Marshal(event{ID: c.ID, Revision: c.Revision, Status: c.Status, Analysis: c.Analysis})
		if err != nil {
			panic(err) // strings and a number
		}
		fmt.Fprintf(&s.buf, "data: %s\n\n", b)
	}
}

// flush sends what was added; false when the client has gone or does not read.
func (s *stream) flush() bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder in a test has none
	_, err := s.buf.WriteTo(s.w)
	return err == nil && s.control.Flush() == nil
}
