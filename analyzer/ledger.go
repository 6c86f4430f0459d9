package analyzer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// ledger counts model calls, durably and before they are made.
type ledger interface {
	// ReserveCall enters a call that costs at most so many USD; an *incident.BudgetError when the budget does not allow it.
	ReserveCall(ctx context.Context, incidentID string, cost float64, limits incident.Limits) (call int64, err error)
	// SettleCall records what a reserved call used; billed=false gives the reservation back. The cost of a billed call whose
	// usage is unknown stays what was reserved.
	SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error
}

// MemoryLedger is a ledger for a process that analyzes one payload and ends. It is safe for concurrent use.
type MemoryLedger struct {
	now   func() time.Time
	mu    sync.Mutex
	last  int64
	calls []reservation // oldest first
}

type reservation struct {
	call int64
	incident.LedgerEntry
}

// NewMemoryLedger returns an empty ledger.
func NewMemoryLedger(now func() time.Time) *MemoryLedger { return &MemoryLedger{now: now} }

// ReserveCall counts a call, or returns an *incident.BudgetError.
func (l *MemoryLedger) ReserveCall(_ context.Context, _ string, cost float64, limits incident.Limits) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.calls = slices.DeleteFunc(l.calls, func(r reservation) bool { return now.Sub(r.At) >= incident.BudgetWindow })
	var charges []incident.LedgerEntry
	for _, r := range l.calls {
		charges = append(charges, r.LedgerEntry)
	}
	if err := limits.Allows(charges, cost, now); err != nil {
		return 0, err
	}
	l.last++
	l.calls = append(l.calls, reservation{l.last, incident.LedgerEntry{At: now, Cost: cost, Open: true}})
	return l.last, nil
}

// SettleCall gives a call back that was not billed, and corrects what one cost.
func (l *MemoryLedger) SettleCall(_ context.Context, call int64, _ string, spend incident.Spend, billed bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !billed {
		l.calls = slices.DeleteFunc(l.calls, func(r reservation) bool { return r.call == call })
	}
	for i := range l.calls {
		if l.calls[i].call != call {
			continue
		}
		l.calls[i].Open = false
		if spend.Prompt > 0 {
			l.calls[i].Cost = spend.Cost
		}
	}
	return nil
}
