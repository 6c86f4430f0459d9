package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// reserve enters a call that must be allowed.
func reserve(t testing.TB, s *Store, cost float64, limits incident.Limits) int64 {
	t.Helper()
	call, err := s.ReserveCall(context.Background(), "an incident", cost, limits)
	require.NoError(t, err)
	return call
}

// refused requires that the limit refuses a call, and returns when such a call is allowed again.
func refused(t testing.TB, s *Store, cost float64, limits incident.Limits, limit incident.Limit) time.Time {
	t.Helper()
	_, err := s.ReserveCall(context.Background(), "an incident", cost, limits)
	require.ErrorIs(t, err, incident.ErrBudget)
	over, ok := errors.AsType[*incident.BudgetError](err)
	require.True(t, ok)
	require.Equal(t, limit, over.Limit)
	return over.Renews
}

func settle(t testing.TB, s *Store, call int64, cost float64) {
	t.Helper()
	spend := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 50, Cost: cost}
	require.NoError(t, s.SettleCall(context.Background(), call, "deepseek-flash", spend, true))
}
