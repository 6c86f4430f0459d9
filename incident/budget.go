package incident

import (
	"errors"
	"fmt"
	"time"
)

// ErrBudget says that a bound on model calls is reached; errors of type *BudgetError are it.
var ErrBudget = errors.New("model call budget exhausted")

// Limits bound model calls. A field of zero is no bound.
type Limits struct {
	CallsPerHour int
	CostPerHour  float64 // USD
	CostPerDay   float64 // USD, in any 24 hours
}

// Limit names one of the Limits, as the setting is called.
type Limit string

// The limits.
const (
	LimitCalls    Limit = "calls_per_hour"
	LimitCostHour Limit = "cost_per_hour"
	LimitCostDay  Limit = "cost_per_day"
)

// BudgetError is a call that the limits do not allow now.
type BudgetError struct {
	Limit  Limit
	Renews time.Time // when such a call is allowed again, if no other is made; zero when never: it costs more than the limit
}

// Error implements error.
func (e *BudgetError) Error() string { return fmt.Sprintf("%v (budget.%s)", ErrBudget, e.Limit) }

// Is reports whether target is ErrBudget.
func (e *BudgetError) Is(target error) bool { return target == ErrBudget }

// LedgerEntry is one call in the ledger.
type LedgerEntry struct {
	At   time.Time
	Cost float64 // USD: what it cost, or what it may cost at most while that is not known
	Open bool    // it is under way: what it cost will be known soon, and is likely less
}

// InFlightTimeout is how long a call that was not settled counts as under way; after that whoever made it has died.
const InFlightTimeout = 15 * time.Minute

// soon is when it is worth asking again where calls that are under way hold the budget.
const soon = 10 * time.Second

// BudgetWindow is how far back Limits look.
const BudgetWindow = 24 * time.Hour

// Allows returns nil when a call that costs at most so many USD may be made now, else a *BudgetError that names the limit
// that lasts longest. Charges are those of the last BudgetWindow, oldest first.
func (l Limits) Allows(charges []LedgerEntry, cost float64, now time.Time) error {
	one := func(LedgerEntry) float64 { return 1 }
	usd := func(c LedgerEntry) float64 { return c.Cost }
	var worst *BudgetError
	for _, b := range []bound{
		{LimitCalls, float64(l.CallsPerHour), 1, time.Hour, one},
		{LimitCostHour, l.CostPerHour, cost, time.Hour, usd},
		{LimitCostDay, l.CostPerDay, cost, BudgetWindow, usd},
	} {
		switch renews, allowed := b.renews(charges, now); {
		case allowed:
		case renews.IsZero():
			return &BudgetError{Limit: b.limit}
		case worst == nil || renews.After(worst.Renews):
			worst = &BudgetError{Limit: b.limit, Renews: renews}
		}
	}
	if worst == nil {
		return nil
	}
	return worst
}

// bound is one limit: how much is allowed within a window, how much is asked for, and how much a charge counts.
type bound struct {
	limit     Limit
	most, ask float64
	window    time.Duration
	of        func(LedgerEntry) float64
}

// renews reports whether what is asked for is allowed, or else when it will be; never: the zero time.
func (b bound) renews(charges []LedgerEntry, now time.Time) (at time.Time, allowed bool) {
	const rounding = 1e-9 // USD: sums of small amounts are not exact
	room := b.most - b.ask + rounding
	if b.most <= 0 {
		return time.Time{}, true
	}
	if room < 0 {
		return time.Time{}, false
	}
	used, open := 0., 0.
	for _, c := range charges {
		if now.Sub(c.At) >= b.window {
			continue
		}
		used += b.of(c)
		if c.Open && b.limit != LimitCalls {
			open += b.of(c)
		}
	}
	switch {
	case used <= room:
		return time.Time{}, true
	case used-open <= room: // they will have cost less
		return now.Add(soon), false
	}
	for _, c := range charges {
		if now.Sub(c.At) >= b.window {
			continue
		}
		if used -= b.of(c); used <= room {
			return c.At.Add(b.window), false
		}
	}
	return now.Add(b.window), false // not reached: without charges there is room
}

// Costs are what model calls of one day, model and alert name used.
type Costs struct {
	Day       string `json:"day"` // 2026-11-25, in UTC
	Model     string `json:"model"`
	Alertname string `json:"alertname"`
	Spend
}

// BudgetUsage is how much of each limit is used now.
type BudgetUsage struct {
	Calls    int     `json:"calls_last_hour"`
	CostHour float64 `json:"cost_last_hour"` // USD
	CostDay  float64 `json:"cost_last_day"`  // USD, in the last 24 hours
}
