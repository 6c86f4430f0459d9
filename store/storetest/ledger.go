package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// reserve enters a call that must be allowed.
func reserve(t testing.TB, s *opened, cost float64, limits incident.Limits) int64 {
	t.Helper()
	call, err := s.ReserveCall(context.Background(), "an incident", cost, limits)
	require.NoError(t, err)
	return call
}

// refused requires that the limit refuses a call, and returns when such a call is allowed again.
func refused(t testing.TB, s *opened, cost float64, limits incident.Limits, limit incident.Limit) time.Time {
	t.Helper()
	_, err := s.ReserveCall(context.Background(), "an incident", cost, limits)
	require.ErrorIs(t, err, incident.ErrBudget)
	over, ok := errors.AsType[*incident.BudgetError](err)
	require.True(t, ok)
	require.Equal(t, limit, over.Limit)
	return over.Renews
}

func settle(t testing.TB, s *opened, call int64, cost float64) {
	t.Helper()
	spend := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 50, Cost: cost}
	require.NoError(t, s.SettleCall(context.Background(), call, "deepseek-flash", spend, true))
}

func testLedger(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	calls := func(n int) incident.Limits { return incident.Limits{CallsPerHour: n} }
	first := reserve(t, s, 0, calls(2))
	now.advance(10 * time.Minute)
	second := reserve(t, s, 0, calls(2))
	assert.NotEqual(t, first, second)
	assert.Equal(t, at.Add(time.Hour), refused(t, s, 0, calls(2), incident.LimitCalls), "when the first is an hour old")
	assert.Equal(t, at.Add(70*time.Minute), refused(t, s, 0, calls(1), incident.LimitCalls), "a lower cap: when both are")
	reserve(t, s, 0, incident.Limits{})

	s = reopen(t, s)
	refused(t, s, 0, calls(3), incident.LimitCalls) // calls outlive the process
	require.NoError(t, s.SettleCall(t.Context(), second, "", incident.Spend{}, false))
	reserve(t, s, 0, calls(3)) // one was given back

	settle(t, s, first, .25)
	costs, err := s.Costs(t.Context(), time.Time{})
	require.NoError(t, err)
	assert.Contains(t, costs, incident.Costs{
		Day: "2026-11-20", Model: "deepseek-flash", Spend: incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 50, Cost: .25},
	})
	now.advance(time.Hour)
	reserve(t, s, 0, calls(1))
}

func testLedgerOfMoney(t *testing.T, e *Engine) {
	for name, tc := range map[string]struct {
		limits incident.Limits
		limit  incident.Limit
		window time.Duration
	}{
		"an hour":        {incident.Limits{CostPerHour: 1}, incident.LimitCostHour, time.Hour},
		"a day":          {incident.Limits{CostPerDay: 1}, incident.LimitCostDay, 24 * time.Hour},
		"the calls, too": {incident.Limits{CallsPerHour: 9, CostPerDay: 1}, incident.LimitCostDay, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := openAt(t, e)
			first := reserve(t, s, .75, tc.limits)
			settle(t, s, first, .5)
			now.advance(time.Minute)
			settle(t, s, reserve(t, s, .5, tc.limits), .25) // what it cost counts, not what it might have
			renews := refused(t, s, .5, tc.limits, tc.limit)
			assert.Equal(t, at.Add(tc.window), renews, "the first must be out of the window")

			now.advance(renews.Sub(now.Now()) - time.Microsecond)
			assert.Equal(t, renews, refused(t, s, .5, tc.limits, tc.limit), "a moment before")
			now.advance(time.Microsecond)
			reserve(t, s, .5, tc.limits)
		})
	}
}

// testLedgerRenewsToTheMicrosecond: clocks have nanoseconds, the database has not.
func testLedgerRenewsToTheMicrosecond(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	now.advance(999 * time.Nanosecond)
	limits := incident.Limits{CallsPerHour: 1}
	reserve(t, s, 0, limits)
	now.advance(time.Hour - 999*time.Nanosecond - time.Nanosecond)
	renews := refused(t, s, 0, limits, incident.LimitCalls)
	now.advance(renews.Sub(now.Now()))
	reserve(t, s, 0, limits)
}

func testLedgerNamesTheLimitThatLastsLongest(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	limits := incident.Limits{CallsPerHour: 1, CostPerHour: 1, CostPerDay: 1}
	settle(t, s, reserve(t, s, 1, limits), 1)
	assert.Equal(t, at.Add(24*time.Hour), refused(t, s, 1, limits, incident.LimitCostDay))
	limits.CostPerDay = 3
	now.advance(10 * time.Minute)
	settle(t, s, reserve(t, s, .5, incident.Limits{}), .5)
	assert.Equal(t, at.Add(70*time.Minute), refused(t, s, .5, limits, incident.LimitCalls), "money alone: an hour after the first")
	limits.CallsPerHour = 0
	assert.Equal(t, at.Add(time.Hour), refused(t, s, .5, limits, incident.LimitCostHour))
}

func testLedgerRefusesWhatCostsMoreThanTheLimit(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	assert.Zero(t, refused(t, s, 1.01, incident.Limits{CostPerHour: 1}, incident.LimitCostHour))
	assert.Zero(t, refused(t, s, 1.01, incident.Limits{CostPerHour: 2, CostPerDay: 1}, incident.LimitCostDay))
	used, err := s.Used(t.Context())
	require.NoError(t, err)
	assert.Zero(t, used, "what is refused is not entered")
	reserve(t, s, 1, incident.Limits{CostPerHour: 1, CostPerDay: 1})
}

// testLedgerCountsWhatIsNotKnown: a call costs what was reserved until somebody tells what it used.
func testLedgerCountsWhatIsNotKnown(t *testing.T, e *Engine) {
	limits := incident.Limits{CostPerHour: 1}
	t.Run("under way", func(t *testing.T) {
		s, now := openAt(t, e)
		call := reserve(t, s, .75, limits)
		renews := refused(t, s, .5, limits, incident.LimitCostHour)
		assert.Less(t, renews.Sub(now.Now()), time.Minute, "it is likely to have cost less")
		settle(t, s, call, .1)
		reserve(t, s, .5, limits)
	})
	t.Run("never settled", func(t *testing.T) {
		s, now := openAt(t, e)
		reserve(t, s, .75, limits)
		s = reopen(t, s)
		now.advance(incident.InFlightTimeout)
		assert.Equal(t, at.Add(time.Hour), refused(t, s, .5, limits, incident.LimitCostHour), "who made it has died")
	})
	t.Run("settled without usage", func(t *testing.T) {
		s, now := openAt(t, e)
		require.NoError(t, s.SettleCall(t.Context(), reserve(t, s, .75, limits), "m", incident.Spend{Calls: 1}, true))
		now.advance(time.Minute)
		assert.Equal(t, at.Add(time.Hour), refused(t, s, .5, limits, incident.LimitCostHour))
		used, err := s.Used(t.Context())
		require.NoError(t, err)
		assert.Equal(t, incident.BudgetUsage{Calls: 1, CostHour: .75, CostDay: .75}, used)
	})
}

// testLedgerUnderLoad: however many ask at once, what is reserved is never more than the limit.
func testLedgerUnderLoad(t *testing.T, e *Engine) {
	s := open(t, e)
	limits := incident.Limits{CostPerHour: 1}
	var wg sync.WaitGroup
	var mu sync.Mutex
	allowed, denied := 0, 0
	for range 50 {
		wg.Go(func() {
			_, err := s.ReserveCall(context.Background(), "an incident", .0625, limits)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				allowed++
			} else if assert.ErrorIs(t, err, incident.ErrBudget) {
				denied++
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 16, allowed)
	assert.Equal(t, 34, denied)
	used, err := s.Used(t.Context())
	require.NoError(t, err)
	assert.Equal(t, incident.BudgetUsage{Calls: 16, CostHour: 1, CostDay: 1}, used)
}

func testUsed(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	used := func() incident.BudgetUsage {
		u, err := s.Used(t.Context())
		require.NoError(t, err)
		return u
	}
	assert.Zero(t, used())
	settle(t, s, reserve(t, s, 1, incident.Limits{}), .25)
	now.advance(30 * time.Minute)
	reserve(t, s, .5, incident.Limits{})
	assert.Equal(t, incident.BudgetUsage{Calls: 2, CostHour: .75, CostDay: .75}, used())
	now.advance(30 * time.Minute)
	assert.Equal(t, incident.BudgetUsage{Calls: 1, CostHour: .5, CostDay: .75}, used(), "the first is just out of the hour")
	now.advance(23 * time.Hour)
	assert.Equal(t, incident.BudgetUsage{CostDay: .5}, used())
	now.advance(30 * time.Minute)
	assert.Zero(t, used())
}

func testCosts(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	midnight := at.Truncate(24 * time.Hour)
	call := func(moment time.Time, id, model string, cost float64) {
		now.advance(moment.Sub(now.Now()))
		n, err := s.ReserveCall(t.Context(), id, 1, incident.Limits{})
		require.NoError(t, err)
		require.NoError(t, s.SettleCall(t.Context(), n, model, incident.Spend{Calls: 1, Prompt: 100, Cached: 90, Completion: 10, Cost: cost}, true))
	}
	x, y := accept(t, s, firing("x", at)).IncidentID, accept(t, s, firing("y", at)).IncidentID
	call(midnight.Add(-time.Microsecond), x, "flash", .5)
	call(midnight, x, "flash", .125)
	call(midnight.Add(time.Hour), x, "flash", .125)
	call(midnight.Add(time.Hour), y, "flash", .375)
	call(midnight.Add(2*time.Hour), y, "pro", .25)
	call(midnight.Add(24*time.Hour-time.Microsecond), "gone", "flash", .0625)
	now.advance(time.Microsecond)
	_, err := s.ReserveCall(t.Context(), x, .75, incident.Limits{}) // under way
	require.NoError(t, err)
	unknown := reserve(t, s, .5, incident.Limits{})
	require.NoError(t, s.SettleCall(t.Context(), unknown, "flash", incident.Spend{Calls: 1}, true))

	spend := func(calls int, cost float64) incident.Spend {
		return incident.Spend{Calls: calls, Prompt: 100 * calls, Cached: 90 * calls, Completion: 10 * calls, Cost: cost}
	}
	all := []incident.Costs{
		{Day: "2026-11-21", Model: "", Alertname: "Ax", Spend: incident.Spend{Calls: 1, Cost: .75}},
		{Day: "2026-11-21", Model: "flash", Alertname: "", Spend: incident.Spend{Calls: 1, Cost: .5}},
		{Day: "2026-11-20", Model: "flash", Alertname: "Ay", Spend: spend(1, .375)},
		{Day: "2026-11-20", Model: "flash", Alertname: "Ax", Spend: spend(2, .25)},
		{Day: "2026-11-20", Model: "pro", Alertname: "Ay", Spend: spend(1, .25)},
		{Day: "2026-11-20", Model: "flash", Alertname: "", Spend: spend(1, .0625)},
		{Day: "2026-11-19", Model: "flash", Alertname: "Ax", Spend: spend(1, .5)},
	}
	got, err := s.Costs(t.Context(), time.Time{})
	require.NoError(t, err)
	assert.Equal(t, all, got)
	got, err = s.Costs(t.Context(), midnight)
	require.NoError(t, err)
	assert.Equal(t, all[:6], got, "midnight belongs to the day that begins")
	got, err = s.Costs(t.Context(), now.Now().Add(time.Microsecond))
	require.NoError(t, err)
	assert.Empty(t, got)
}
