package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
	"github.com/alertscribe/alertscribe/text"
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
	errNoRoute = &problem{status: http.StatusNotFound, reason: "no such path; webhook: POST /alert, reports: /reports"}
	errPanic   = &problem{status: http.StatusInternalServerError, reason: "internal error; see the alertscribe log"}
)

// asProblem decides how an error is answered.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if bad, ok := errors.AsType[*payload.Error](err); ok {
		if bad.TooLarge {
			return &problem{status: http.StatusRequestEntityTooLarge, reason: bad.Error(), outcome: outcomeTooLarge}
		}
		return &problem{status: http.StatusBadRequest, reason: bad.Error(), outcome: outcomeInvalid}
	}
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return &problem{status: http.StatusNotFound, reason: "no such incident"}
	case errors.Is(err, incident.ErrNothingToConfirm):
		return &problem{status: http.StatusConflict, reason: err.Error()}
	}
	return &problem{
		status: http.StatusServiceUnavailable, reason: "can't read the database now; see the alertscribe log",
		outcome: outcomeFailed, cause: err,
	}
}

// badRequest says what is wrong with a parameter.
func badRequest(name, format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, reason: name + ": " + fmt.Sprintf(format, args...), outcome: outcomeInvalid}
}

// quote returns what a request holds, for an answer: in quotes, bounded and on one line.
func quote(s string) string { return strconv.Quote(text.Cut(s, maxQuoted)) }

const (
	maxQuoted = 40  // characters of a request that an answer quotes
	maxLine   = 300 // characters of an error that is shown
)

// fail answers with what went wrong, as JSON. Faults of ours are logged, unless the client has gone.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := h.logged(r, err)
	if p.status == http.StatusRequestEntityTooLarge { // answered at once: net/http would read some of the rest before it answers
		w.Header().Set("Connection", "close")
	}
	writeJSON(w, p.status, map[string]string{"status": "failed", "reason": p.reason})
}

func (h *handler) logged(r *http.Request, err error) *problem {
	p := asProblem(err)
	if p.cause != nil && !errors.Is(r.Context().Err(), context.Canceled) {
		h.Logger.Error("Request failed", "method", r.Method, "path", r.URL.Path, "status", p.status, "err", p.cause)
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
	_, _ = w.Write(append(text.JSON(b), '\n')) // the client has gone, or reads it
}
