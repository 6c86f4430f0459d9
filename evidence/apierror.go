package evidence

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// What can go wrong with a question. The words are for the person on call.
var (
	errUnavailable  = errors.New("the server is not available")
	errTooExpensive = errors.New("the question is too expensive")
	errBadQuery     = errors.New("the server refused the query")
	errNoBudget     = errors.New("the incident's budget of queries is used up")
)

// outcome names the result of a question; the set is closed, since it labels a metric.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errNoBudget):
		return "no_budget"
	case errors.Is(err, errTooExpensive), errors.Is(err, context.DeadlineExceeded):
		return "too_expensive"
	case errors.Is(err, errBadQuery):
		return "bad_query"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "unavailable"
}

func outcomes() []string {
	return []string{"ok", "no_budget", "too_expensive", "bad_query", "canceled", "unavailable"}
}

// classify makes an error of the client one of ours. parent is the context without the question's own time limit.
func classify(parent context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return parent.Err()
	case errors.Is(err, errUnavailable), errors.Is(err, errTooExpensive), errors.Is(err, errBadQuery):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time", errTooExpensive)
	}
	if e, ok := errors.AsType[*promv1.Error](err); ok {
		for _, format := range []string{"client error: %d", "server error: %d"} {
			var status int
			if _, scanned := fmt.Sscanf(e.Msg, format, &status); scanned == nil {
				return statusError(status)
			}
		}
		return fmt.Errorf("%w: %s", kindOf(e), cut(e.Msg, 300))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the URL can hold a user's name
	}
	return fmt.Errorf("%w: %w", errUnavailable, err)
}

// kindOf classes an answer that carries an error. Thanos, Mimir and Prometheus all report a limit that was hit as an
// error of execution, each in its own words.
func kindOf(e *promv1.Error) error {
	switch e.Type {
	case promv1.ErrTimeout, promv1.ErrCanceled:
		return errTooExpensive
	case promv1.ErrBadData, promv1.ErrExec:
		for _, word := range []string{"too many", "limit", "exceed", "timed out", "maximum"} {
			if strings.Contains(strings.ToLower(e.Msg), word) {
				return errTooExpensive
			}
		}
		return errBadQuery
	case promv1.ErrBadResponse, promv1.ErrServer, promv1.ErrClient:
	}
	return errUnavailable
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
	return fmt.Errorf("%w: HTTP status %d %s%s", errUnavailable, status, http.StatusText(status), hint)
}
