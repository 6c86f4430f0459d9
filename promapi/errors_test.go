package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestErrors holds every way in which a server can fail to the error that callers ask for, and to words that help.
func TestErrors(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	failing := func(code int, kind, message string) http.HandlerFunc {
		return status(code, fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, message))
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    error
		words   string
	}{
		{"no such function", failing(400, "bad_data", "unknown function"), ErrBadQuery, "unknown function"},
		{"can't be evaluated", failing(422, "execution", "many-to-many matching"), ErrBadQuery, "many-to-many"},
		{"a limit of Prometheus", failing(422, "execution", "query processing would load too many samples"), ErrTooExpensive, "too many"},
		{"a limit of Mimir", failing(422, "execution", "the query hit the max number of series limit"), ErrTooExpensive, "limit"},
		{"a limit of Thanos", failing(422, "execution", "exceeded series"), ErrTooExpensive, "exceeded"},
		{"the server's time", failing(503, "timeout", "query timed out"), ErrTooExpensive, "timed out"},
		{"canceled there", failing(503, "canceled", "query was canceled"), ErrTooExpensive, "canceled"},
		{"its own fault", failing(500, "internal", "oops"), ErrUnavailable, "oops"},
		{"a long message", failing(400, "bad_data", strings.Repeat("x", 1000)), ErrBadQuery, "x…"},
		{"a proxy's error", status(502, "<html>bad gateway</html>"), ErrUnavailable, "HTTP status 502 Bad Gateway"},
		{"no password", status(401, "no"), ErrUnavailable, "check the credentials in http_config"},
		{"a wrong password", status(403, "no"), ErrUnavailable, "check the credentials in http_config"},
		{"a wrong path", status(404, "page not found"), ErrUnavailable, "check the path of the URL"},
		{"not a Prometheus", answering("<html>hello</html>"), ErrUnavailable, ""},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"status":"success"`))
		}, ErrUnavailable, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := clientOf(t, test.handler, func(s *Server) { s.URL.User = url.UserPassword("user", "secret") })
			q := NewQuerier(c, NewBudget(2, 1), nil)
			_, instant := q.Instant(t.Context(), "up", time.Unix(1, 0))
			_, ranged := q.Range(t.Context(), "up", time.Unix(1, 0), time.Unix(2, 0), time.Second)
			for _, err := range []error{instant, ranged} {
				require.ErrorIs(t, err, test.want)
				require.ErrorContains(t, err, test.words)
				assert.NotContains(t, err.Error(), "secret")
				assert.Less(t, len(err.Error()), 500)
				kinds := 0
				for _, kind := range []error{ErrUnavailable, ErrTooExpensive, ErrBadQuery, ErrNoBudget} {
					if errors.Is(err, kind) {
						kinds++
					}
				}
				assert.Equal(t, 1, kinds, "%v is one of them alone", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	u, err := url.Parse("http://user:secret@127.0.0.1:9")
	require.NoError(t, err)
	c, err := Connect(Server{URL: u}, "prometheus")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = NewQuerier(c, NewBudget(1, 1), nil).Instant(t.Context(), "up", time.Unix(1, 0))
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "connection refused")
	assert.NotContains(t, err.Error(), "secret")
	assert.NotContains(t, err.Error(), "user")
}

// TestWhoseTime tells the caller's deadline, which is no fault of the server's, from our own bound.
func TestWhoseTime(t *testing.T) {
	late := fmt.Errorf("reading: %w", context.DeadlineExceeded)
	err := classify(t.Context(), late)
	require.ErrorIs(t, err, ErrTooExpensive)
	assert.Equal(t, "too_expensive", Outcome(err))

	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	err = classify(ctx, late)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, ErrTooExpensive)
	assert.NoError(t, classify(ctx, nil), "an answer that came in time stands")
}

func TestOutcome(t *testing.T) {
	var seen []string
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "ok"},
		{ErrNoBudget, "no_budget"},
		{ErrTooExpensive, "too_expensive"},
		{context.DeadlineExceeded, "too_expensive"},
		{ErrBadQuery, "bad_query"},
		{ErrPartial, "partial"},
		{&partialError{}, "partial"},
		{context.Canceled, "canceled"},
		{ErrUnavailable, "unavailable"},
		{errors.New("else"), "unavailable"},
	} {
		if test.err != nil {
			test.err = fmt.Errorf("querying: %w", test.err)
		}
		assert.Equal(t, test.want, Outcome(test.err))
		seen = append(seen, test.want)
	}
	assert.Subset(t, seen, Outcomes())
	assert.Subset(t, Outcomes(), seen)
}
