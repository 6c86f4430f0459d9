package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestLedger(t *testing.T) {
	s, now := openAt(t)
	reserve := func(limit int) (int64, time.Time, error) { return s.ReserveCall(t.Context(), "an incident", limit) }
	first, _, err := reserve(2)
	require.NoError(t, err)
	now.advance(10 * time.Minute)
	second, _, err := reserve(2)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)

	_, renews, err := reserve(2)
	require.ErrorIs(t, err, incident.ErrBudget)
	assert.Equal(t, at.Add(time.Hour), renews, "when the first is an hour old")
	_, renews, err = reserve(1)
	require.ErrorIs(t, err, incident.ErrBudget)
	assert.Equal(t, at.Add(70*time.Minute), renews, "a lower cap: when both are")
	_, _, err = reserve(0)
	require.NoError(t, err, "no cap")

	s = reopen(t, s)
	_, _, err = reserve(3)
	require.ErrorIs(t, err, incident.ErrBudget, "calls outlive the process")
	require.NoError(t, s.SettleCall(t.Context(), second, "", incident.Spend{}, false))
	_, _, err = reserve(3)
	require.NoError(t, err, "one was given back")

	spend := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 50, Cost: .25}
	require.NoError(t, s.SettleCall(t.Context(), first, "deepseek-flash", spend, true))
	var model string
	var got incident.Spend
	require.NoError(t, s.pages.QueryRowContext(t.Context(), `SELECT model, calls, prompt_tokens, cached_tokens, completion_tokens,
		cost FROM model_calls WHERE settled_at = ?`, now.Now().UnixMicro()).Scan(&model, &got.Calls, &got.Prompt, &got.Cached,
		&got.Completion, &got.Cost))
	assert.Equal(t, "deepseek-flash", model)
	assert.Equal(t, spend, got)
	now.advance(time.Hour)
	_, _, err = reserve(1)
	require.NoError(t, err)
}
