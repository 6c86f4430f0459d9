package store

import (
	"context"
	"testing"

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

func settle(t testing.TB, s *Store, call int64, cost float64) {
	t.Helper()
	spend := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 50, Cost: cost}
	require.NoError(t, s.SettleCall(context.Background(), call, "deepseek-flash", spend, true))
}
