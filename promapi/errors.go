package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/alertscribe/alertscribe/text"
)

// What can go wrong with a query. The words are for the person on call.
var (
	// ErrUnavailable says that the server can't be reached, does not let us in, failed, or is no such server.
	ErrUnavailable = errors.New("server unavailable")
	// ErrTooExpensive says that a bound was hit, the server's or ours: of time, samples, series, points or bytes.
	ErrTooExpensive = errors.New("query too expensive")
	// ErrBadQuery says that the server can't evaluate the query: asking again brings nothing else.
	ErrBadQuery = errors.New("query rejected")
	// ErrPartial says that the server has answered without some of its data: what is not in the answer may exist. It is an error of
	// [Querier.Whole] alone.
	ErrPartial = errors.New("partial answer")
	// ErrNoStores is an ErrPartial, too: Thanos has no store for these times or labels, or none at all.
	ErrNoStores = errors.New("no store")
	// ErrNoBudget says that the Budget has no query left. Nothing was sent.
	ErrNoBudget = errors.New("the query budget is used up")
)

// Outcome names the result of a query; "partial" is an answer, too, where it is no error. The set is closed, see Outcomes, since it labels a metric.
func Outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNoBudget):
		return "no_budget"
	case errors.Is(err, ErrTooExpensive), errors.Is(err, context.DeadlineExceeded):
		return "too_expensive"
	case errors.Is(err, ErrBadQuery):
		return "bad_query"
	case errors.Is(err, ErrPartial):
		return "partial"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "unavailable"
}

// Outcomes lists what Outcome can return.
func Outcomes() []string {
	return []string{"ok", "no_budget", "too_expensive", "bad_query", "partial", "canceled", "unavailable"}
}

// classify makes an error of the client one of ours. parent is the context without the query's own time limit.
func classify(parent context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return parent.Err()
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrTooExpensive), errors.Is(err, ErrBadQuery):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time", ErrTooExpensive)
	}
	if e, ok := errors.AsType[*promv1.Error](err); ok {
		if status := statusOf(e); status != 0 {
			if e = failureIn(e.Detail); e == nil {
				return statusError(status)
			}
		}
		return fmt.Errorf("%w: %s", kindOf(e), text.Cut(e.Msg, 300))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the URL can hold a user's name
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// statusOf returns the HTTP status of an answer whose body the client did not read for an error; else 0.
func statusOf(e *promv1.Error) (status int) {
	for _, format := range []string{"client error: %d", "server error: %d"} {
		if _, err := fmt.Sscanf(e.Msg, format, &status); err == nil {
			return status
		}
	}
	return 0
}

// failureIn reads the error that Prometheus put into a body; nil when there is none. A query that timed out there is answered with
// status 503, whose body the client leaves unread, and is not a server that is down.
func failureIn(body string) *promv1.Error {
	var answer struct {
		Type  promv1.ErrorType `json:"errorType"`
		Error string           `json:"error"`
	}
	if json.Unmarshal([]byte(body), &answer) != nil || answer.Type == "" {
		return nil
	}
	return &promv1.Error{Type: answer.Type, Msg: answer.Error}
}

// kindOf classes an answer that carries an error. Thanos, Mimir and Prometheus all report a limit that was hit as an
// error of execution, each in its own words.
func kindOf(e *promv1.Error) error {
	switch e.Type {
	case promv1.ErrTimeout, promv1.ErrCanceled:
		return ErrTooExpensive
	case promv1.ErrBadData, promv1.ErrExec:
		for _, word := range []string{"too many", "limit", "exceed", "timed out", "maximum"} {
			if strings.Contains(strings.ToLower(e.Msg), word) {
				return ErrTooExpensive
			}
		}
		return ErrBadQuery
	case promv1.ErrBadResponse, promv1.ErrServer, promv1.ErrClient:
	}
	return ErrUnavailable
}

// statusError explains an HTTP status in words that say what to set.
func statusError(status int) error {
	hint := ""
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		hint = ", check the credentials in http_config"
	case http.StatusNotFound:
		hint = ", check the path of the URL"
	}
	return fmt.Errorf("%w: HTTP status %d %s%s", ErrUnavailable, status, http.StatusText(status), hint)
}
