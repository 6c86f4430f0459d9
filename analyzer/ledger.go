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
	// ReserveCall returns incident.ErrBudget, and when the cap renews, if the last hour has seen cap calls (0: no cap).
	ReserveCall(ctx context.Context, incidentID string, limit int) (call int64, renews time.Time, err error)
	// SettleCall records what a reserved call used; billed=false gives the reservation back.
	SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error
}

// MemoryLedger is a ledger for a process that analyses one payload and ends. It is safe for concurrent use.
type MemoryLedger struct {
	now   func() time.Time
	mu    sync.Mutex
	last  int64
	calls []reservation // oldest first
}

type reservation struct {
	call int64
	at   time.Time
}

// NewMemoryLedger returns an empty ledger.
func NewMemoryLedger(now func() time.Time) *MemoryLedger { return &MemoryLedger{now: now} }

// ReserveCall counts a call, or returns incident.ErrBudget and the time at which the oldest call of the last hour
// leaves the window.
func (l *MemoryLedger) ReserveCall(_ context.Context, _ string, limit int) (int64, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.calls = slices.DeleteFunc(l.calls, func(r reservation) bool { return now.Sub(r.at) >= time.Hour })
	if limit > 0 && len(l.calls) >= limit {
		return 0, l.calls[len(l.calls)-limit].at.Add(time.Hour), incident.ErrBudget
	}
	l.last++
	l.calls = append(l.calls, reservation{l.last, now})
	return l.last, time.Time{}, nil
}

// SettleCall gives a call back that was not billed.
func (l *MemoryLedger) SettleCall(_ context.Context, call int64, _ string, _ incident.Spend, billed bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !billed {
		l.calls = slices.DeleteFunc(l.calls, func(r reservation) bool { return r.call == call })
	}
	return nil
}
