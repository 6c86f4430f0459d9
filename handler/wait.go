package handler

import (
	"context"
	"net/http"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// retryPause is how long a waiting request leaves a store alone that it could not read.
const retryPause = 200 * time.Millisecond

// await returns the incident as soon as its report is finished; false when the time runs out or the client goes away.
func (h *handler) await(w http.ResponseWriter, r *http.Request, id string, wait time.Duration) (*incident.Incident, incident.Findings, bool) {
	if wait == 0 {
		return nil, incident.Findings{}, false
	}
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.WriteTimeout > 0 {
		// It began with the request. The server sets it anew for the next one.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + server.WriteTimeout))
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	changes := h.Store.Subscribe(ctx) // before the first look, so that nothing is missed in between
	for {
		inc, findings, err := h.Store.Incident(ctx, id)
		if err == nil && finished(inc) {
			return inc, findings, true
		}
		var again <-chan time.Time
		if err != nil {
			again = time.After(retryPause)
		}
		if !h.changed(changes, again, id) {
			return nil, incident.Findings{}, false
		}
	}
}

// changed waits until the incident may have changed, or it is time to look again; false when there is no more waiting: the time is over, or the service
// stops, whose answer is 202 then, since what was sent is durable.
func (h *handler) changed(changes <-chan incident.Change, again <-chan time.Time, id string) bool {
	for {
		select {
		case <-h.Stopping:
			return false
		case <-again:
			return true
		case c, open := <-changes:
			if !open {
				return false
			}
			if c.ID == id || c.Missed {
				return true
			}
		}
	}
}

// finished reports whether the file shows all that is going to come. Evidence counts too, since the report of an alert
// that is not worth a model call has nothing else.
func finished(inc *incident.Incident) bool {
	return inc.Analysis.State != incident.Pending && !collecting(inc) && inc.FileRevision == inc.Revision
}

// collecting reports whether there is still to be evidence for what called for it. Another look at what is there
// already, once the incident is over, does not count.
func collecting(inc *incident.Incident) bool {
	return !inc.Due[incident.WorkEvidence].IsZero() && inc.Analysis.Evidence < inc.Analysis.Wanted && !inc.Analysis.Later
}
