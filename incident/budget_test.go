package incident

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLimitsAllow(t *testing.T) {
	now := t0
	ago := func(d time.Duration, cost float64) LedgerEntry { return LedgerEntry{At: now.Add(-d), Cost: cost} }
	for name, tc := range map[string]struct {
		limits  Limits
		charges []LedgerEntry
		cost    float64
		limit   Limit // "" for allowed
		renews  time.Duration
	}{
		"no limit":                 {Limits{}, []LedgerEntry{ago(0, 1e9)}, 1e9, "", 0},
		"nothing was called":       {Limits{1, 1, 1}, nil, 1, "", 0},
		"the last call":            {Limits{CallsPerHour: 2}, []LedgerEntry{ago(time.Minute, 9)}, 9, "", 0},
		"one call too many":        {Limits{CallsPerHour: 2}, []LedgerEntry{ago(40*time.Minute, 0), ago(10*time.Minute, 0)}, 0, LimitCalls, 20 * time.Minute},
		"the cap was lowered":      {Limits{CallsPerHour: 1}, []LedgerEntry{ago(40*time.Minute, 0), ago(10*time.Minute, 0)}, 0, LimitCalls, 50 * time.Minute},
		"an hour old is out":       {Limits{CallsPerHour: 1}, []LedgerEntry{ago(time.Hour, 0)}, 0, "", 0},
		"a moment before":          {Limits{CallsPerHour: 1}, []LedgerEntry{ago(time.Hour-1, 0)}, 0, LimitCalls, 1},
		"to the last cent":         {Limits{CostPerHour: 1}, []LedgerEntry{ago(time.Minute, .5)}, .5, "", 0},
		"over the hour":            {Limits{CostPerHour: 1}, []LedgerEntry{ago(50*time.Minute, .25), ago(20*time.Minute, .5)}, .5, LimitCostHour, 10 * time.Minute},
		"two must go":              {Limits{CostPerHour: 1}, []LedgerEntry{ago(50*time.Minute, .25), ago(20*time.Minute, .5)}, .75, LimitCostHour, 40 * time.Minute},
		"yesterday is in the day":  {Limits{CostPerDay: 1}, []LedgerEntry{ago(23*time.Hour, .75)}, .5, LimitCostDay, time.Hour},
		"and not in the hour":      {Limits{CostPerHour: 1}, []LedgerEntry{ago(23*time.Hour, .75)}, .5, "", 0},
		"a day old is out":         {Limits{CostPerDay: 1}, []LedgerEntry{ago(24*time.Hour, .75)}, .5, "", 0},
		"free calls cost calls":    {Limits{CallsPerHour: 1, CostPerHour: 1}, []LedgerEntry{ago(0, 0)}, 0, LimitCalls, time.Hour},
		"the one that lasts":       {Limits{1, 1, 1}, []LedgerEntry{ago(30*time.Minute, 1)}, 1, LimitCostDay, 23*time.Hour + 30*time.Minute},
		"the calls last":           {Limits{CallsPerHour: 1, CostPerHour: 1}, []LedgerEntry{ago(50*time.Minute, .75), ago(20*time.Minute, .125)}, .5, LimitCalls, 40 * time.Minute},
		"never":                    {Limits{CostPerHour: 1}, nil, 1.01, LimitCostHour, 0},
		"never outlasts all":       {Limits{1, 1, 5}, []LedgerEntry{ago(0, 1)}, 2, LimitCostHour, 0},
		"a clock that went back":   {Limits{CallsPerHour: 1}, []LedgerEntry{ago(-time.Minute, 0)}, 0, LimitCalls, 61 * time.Minute},
		"under way, soon known":    {Limits{CostPerHour: 1}, []LedgerEntry{{At: now, Cost: .75, Open: true}}, .5, LimitCostHour, soon},
		"under way, and too much":  {Limits{CostPerHour: 1}, []LedgerEntry{ago(30*time.Minute, .75), {At: now, Cost: .25, Open: true}}, .5, LimitCostHour, 30 * time.Minute},
		"under way counts as call": {Limits{CallsPerHour: 1}, []LedgerEntry{{At: now, Open: true}}, 0, LimitCalls, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.limits.Allows(tc.charges, tc.cost, now)
			if tc.limit == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrBudget)
			require.ErrorContains(t, err, "budget."+string(tc.limit))
			over, ok := errors.AsType[*BudgetError](err)
			require.True(t, ok)
			want := BudgetError{Limit: tc.limit}
			if tc.renews > 0 {
				want.Renews = now.Add(tc.renews)
			}
			assert.Equal(t, want, *over)
		})
	}
}

// TestRenewsIsWhenItRenews: whatever was called before, a call at the time that was named is allowed, and one a moment
// before it is not. Amounts are such that no sum has to be rounded.
func TestRenewsIsWhenItRenews(t *testing.T) {
	limits := Limits{CallsPerHour: 5, CostPerHour: 1, CostPerDay: 4}
	var charges []LedgerEntry
	now, refused := t0, 0
	for i := range 500 {
		now = now.Add(time.Duration(i%7) * time.Minute)
		cost := float64(i%8) / 8
		err := limits.Allows(charges, cost, now)
		if over, ok := errors.AsType[*BudgetError](err); ok {
			refused++
			require.True(t, over.Renews.After(now))
			require.Error(t, limits.Allows(charges, cost, over.Renews.Add(-1)), i)
			now = over.Renews
			require.NoError(t, limits.Allows(charges, cost, now), i)
		}
		charges = append(charges, LedgerEntry{At: now, Cost: cost})
	}
	assert.Greater(t, refused, 100)
}
