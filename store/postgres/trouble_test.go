package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/store"
)

func TestTroubleOf(t *testing.T) {
	code := func(c string) error {
		return fmt.Errorf("storing: %w", &pgconn.PgError{Code: c, Message: "secret words of the server"})
	}
	for name, tc := range map[string]struct {
		err    error
		reason string // "" for no trouble
	}{
		"full disk":              {code("53100"), full.reason},
		"no connections":         {code("53300"), exhausted.reason},
		"no memory":              {code("53200"), short.reason},
		"read-only":              {code("25006"), readOnlyNow.reason},
		"standby":                {unreachable{fmt.Errorf("connecting: %w", errReadOnly)}, readOnlyNow.reason},
		"statement canceled":     {unreachable{code("57014")}, slow.reason},
		"session ended":          {code("25P03"), slow.reason},
		"too slow":               {unreachable{context.DeadlineExceeded}, slow.reason},
		"shut down":              {code("57P01"), away.reason},
		"I/O error":              {code("58030"), broken.reason},
		"connection refused":     {unreachable{errors.New("connection refused")}, away.reason},
		"corrupted":              {code("XX001"), broken.reason},
		"not replicated":         {unreachable{fmt.Errorf("%w: canceled", errUnreplicated)}, unconfirmed.reason},
		"bad row":                {code("22021"), ""},
		"in the way":             {code("40001"), ""},
		"our own fault":          {errors.New("panic"), ""},
		"nobody waits":           {context.Canceled, ""},
		"closed while it was on": {errors.Join(store.ErrClosed, unreachable{errors.New("closed")}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := troubleOf(tc.err)
			if tc.reason == "" {
				assert.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			assert.Equal(t, tc.reason, got.Reason())
			assert.NotEmpty(t, got.remedy)
			assert.NotContains(t, got.Reason(), "secret")
			require.ErrorIs(t, got, tc.err)
		})
	}
}

// TestOutageIsToldOnce: each reason has one line in an outage, whatever is stored in between, and the end has one.
func TestOutageIsToldOnce(t *testing.T) {
	var logs bytes.Buffer
	o := &outage{log: slog.New(slog.NewTextHandler(&logs, nil))}
	o.stored()
	require.Equal(t, "bad row", o.begins(errors.New("bad row")).Error())
	assert.Empty(t, logs.String())
	lines := func(what string) int { return strings.Count(logs.String(), what) }
	for range 3 {
		require.ErrorContains(t, o.begins(&pgconn.PgError{Code: "53100", Message: "could not extend"}), "could not extend")
		o.stored() // a small one had a place
		_ = o.begins(context.DeadlineExceeded)
	}
	assert.Equal(t, 1, lines(full.reason))
	assert.Equal(t, 1, lines(slow.reason))
	assert.Equal(t, 1, lines(full.remedy))
	assert.Zero(t, lines("stored again"))
	o.failed = o.failed.Add(-calmFor)
	o.stored()
	o.stored()
	assert.Equal(t, 1, lines("stored again"))
	_ = o.begins(&pgconn.PgError{Code: "53100"})
	assert.Equal(t, 2, lines(full.reason), "the next outage is told of")
	assert.WithinDuration(t, time.Now(), o.since, time.Minute)
}
