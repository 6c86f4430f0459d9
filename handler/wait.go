package handler

import (
	"context"
	"net/http"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// A waiting request looks at the store again and again, since what it waits for may be done by another process. The
// pauses grow with the time that the analysis takes, so that many that wait for a slow model cost little.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

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
	pause := firstPause
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		inc, findings, err := h.Store.Incident(ctx, id)
		if err == nil && finished(inc) {
			return inc, findings, true
		}
		select {
		case <-h.Stopping: // what was sent is durable: 202
			return nil, incident.Findings{}, false
		case <-ctx.Done():
			return nil, incident.Findings{}, false
		case <-timer.C:
			pause = min(pause*5/4, lastPause)
			timer.Reset(pause)
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
	return !inc.Due[incident.WorkEvidence].IsZero() && inc.Analysis.Evidence < inc.Analysis.Wanted
}
