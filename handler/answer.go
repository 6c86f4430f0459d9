package handler

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/alertscribe/alertscribe/incident"
)

// problem is an answer that says what went wrong.
type problem struct {
	status  int
	reason  string // for the client: safe to show, with the way out
	outcome string // the label of a notification that ended so
	cause   error  // for the log alone
}

// Error implements error.
func (p *problem) Error() string {
	if p.cause != nil {
		return p.reason + ": " + p.cause.Error()
	}
	return p.reason
}

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.cause }

// What a notification came to when it was not accepted, beside incident.Outcomes: labels of a metric.
const (
	outcomeInvalid         = "invalid"
	outcomeTooLarge        = "too_large"
	outcomeUnauthorized    = "unauthorized"
	outcomeUnsupportedType = "unsupported_type"
	outcomeFailed          = "failed"
)

var (
	errNoRoute = &problem{status: http.StatusNotFound, reason: "no such path; the webhook is POST /alert, the reports are at /reports"}
	errPanic   = &problem{status: http.StatusInternalServerError, reason: "a fault of alertscribe; its log has the details"}
)

// asProblem decides how an error is answered.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if bad, ok := errors.AsType[*BadRequest](err); ok {
		return &problem{status: http.StatusBadRequest, reason: bad.Error(), outcome: outcomeInvalid}
	}
	if errors.Is(err, incident.ErrNotFound) {
		return &problem{status: http.StatusNotFound, reason: "no incident has this id"}
	}
	return &problem{
		status: http.StatusServiceUnavailable, reason: "the database can't be read now; the log of alertscribe says why",
		outcome: outcomeFailed, cause: err,
	}
}

// fail answers with what went wrong, as JSON. Faults of ours are logged, unless the client has gone.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := h.logged(r, err)
	writeJSON(w, p.status, map[string]string{"status": "failed", "reason": p.reason})
}

func (h *handler) logged(r *http.Request, err error) *problem {
	p := asProblem(err)
	if p.cause != nil && !errors.Is(r.Context().Err(), context.Canceled) {
		h.Logger.Error("Answering a request", "method", r.Method, "path", r.URL.Path, "status", p.status, "err", p.cause)
	}
	return p
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // a value that JSON can't hold is a fault of ours: the answer is a 500
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client has gone, or reads it
}

// maxLine bounds, in runes, a line of an error that is shown.
const maxLine = 300

// cut returns at most n runes of s, with an ellipsis where there were more.
func cut(s string, n int) string {
	runes := 0
	for i := range s {
		if runes++; runes > n {
			return s[:i] + "…"
		}
	}
	return s
}
