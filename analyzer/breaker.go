package analyzer

import (
	"errors"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	firstProbe = time.Minute
	maxProbe   = 15 * time.Minute
	// maxPause bounds what a Retry-After can do to us.
	maxPause = time.Hour
	// maxRefused bounds how many incidents whose prompts were refused are remembered.
	maxRefused = 1000
)

// breaker keeps calls from being made that would fail like the last one. It opens for faults that time alone does not
// mend: a refused key, no balance, an endpoint or a model that does not exist. Once a minute, later every 15 minutes,
// it lets one call through as a probe.
//
// A refused request (400, 422) may be the fault of one incident's prompt, so that it opens only when two incidents in
// a row are refused. Until then the refused incident alone is tried again at the times of a probe.
type breaker struct {
	now   func() time.Time
	first time.Duration // until the first probe

	mu      sync.Mutex
	open    *incident.Failure // nil: closed
	probeAt time.Time
	backoff time.Duration
	probing bool

	refused      map[string]bool // incidents whose requests were refused since the breaker was last closed
	streak       int             // of incidents that were refused for the first time, in a row
	retryAt      time.Time       // no refused incident is tried again before this
	retryBackoff time.Duration

	paused      *incident.Failure // by 429, until pausedUntil
	pausedUntil time.Time
	budget      error     // the cap was reached, until budgetUntil
	budgetUntil time.Time // zero: it never was
	failing     string    // how the last call failed; "" when it did not
}

// callOutcome is how a call ended, as the breaker looks at it.
type callOutcome struct {
	failure  *incident.Failure // nil: the model answered
	endpoint bool              // a refused request that cannot be the fault of its content
}

func newBreaker(now func() time.Time, first time.Duration) *breaker {
	return &breaker{now: now, first: first, refused: map[string]bool{}}
}

// admit reports whether a call may be made now; probe says that it is the one that decides whether others may. An
// admitted call must be followed by done or canceled.
func (b *breaker) admit() (probe bool, failure *incident.Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.Before(b.pausedUntil) {
		return false, &incident.Failure{Kind: b.paused.Kind, RetryAfter: b.pausedUntil.Sub(now), Err: b.paused.Err}
	}
	if b.open == nil {
		return false, nil
	}
	if b.probing || now.Before(b.probeAt) {
		return false, &incident.Failure{Kind: b.open.Kind, Err: b.open.Err}
	}
	b.probing = true
	return true, nil
}

// canceled takes back an admission whose call was not made, or was stopped by us.
func (b *breaker) canceled(probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
}

// done learns from the end of a call for the incident with the id.
func (b *breaker) done(id string, probe bool, o callOutcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	f := o.failure
	if f == nil {
		b.succeeded(id, probe)
		return
	}
	b.failing = f.Err.Error()
	switch f.Kind {
	case incident.FailAuthentication, incident.FailForbidden, incident.FailBalance:
		b.trip(f, probe)
		return
	case incident.FailRequest:
		if probe || o.endpoint || b.open != nil {
			b.trip(f, probe)
			return
		}
		b.refuse(id, f)
	case incident.FailRateLimit:
		if until := b.now().Add(f.RetryAfter); f.RetryAfter > 0 && until.After(b.pausedUntil) {
			b.paused, b.pausedUntil = f, until
		}
	case incident.FailNoKey, incident.FailBudget, incident.FailOverload, incident.FailTimeout,
		incident.FailUnavailable, incident.FailBadAnswer, incident.FailThinking, incident.FailPolicy, incident.FailInternal:
	}
	if probe { // it told nothing about why the breaker is open
		b.probeAt = b.now().Add(b.backoff)
	}
}

func (b *breaker) succeeded(id string, probe bool) {
	if b.open != nil && !probe {
		return // a call from before the breaker opened
	}
	b.failing, b.streak = "", 0
	if b.open != nil {
		b.open, b.retryAt, b.retryBackoff = nil, time.Time{}, 0
		clear(b.refused)
	}
	if b.refused[id] {
		delete(b.refused, id)
		b.retryAt, b.retryBackoff = time.Time{}, 0
	}
}

// trip opens the breaker, or keeps it open after a probe.
func (b *breaker) trip(f *incident.Failure, probe bool) {
	switch {
	case b.open == nil:
		b.backoff = b.first
	case probe:
		b.backoff = min(2*b.backoff, maxProbe)
	default:
		return // a call from before the breaker opened
	}
	b.open, b.probeAt = f, b.now().Add(b.backoff)
}

// refuse counts a refused request that may be the fault of its content.
func (b *breaker) refuse(id string, f *incident.Failure) {
	if !b.refused[id] {
		b.streak++
	}
	if len(b.refused) >= maxRefused {
		clear(b.refused)
	}
	b.refused[id] = true
	b.retryBackoff = min(max(2*b.retryBackoff, b.first), maxProbe)
	b.retryAt = b.now().Add(b.retryBackoff)
	if b.streak >= 2 {
		b.trip(f, false)
	}
}

// unreadable learns that the model answers, and what it answers can't be read.
func (b *breaker) unreadable(f *incident.Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = f.Err.Error()
}

// overBudget learns that the cap was reached and when it renews.
func (b *breaker) overBudget(err error, renews time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.budget, b.budgetUntil = err, renews
}

// permission says incidents of which reasons may retry now; see Analyzer.RetryPermission.
func (b *breaker) permission() incident.RetryPermission {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.Before(b.pausedUntil) || now.Before(b.budgetUntil) || b.probing {
		return incident.RetryPermission{}
	}
	may := incident.RetryPermission{Reasons: []incident.Reason{
		incident.NoKey, incident.Authentication, incident.Forbidden, incident.Balance, incident.Budget,
	}}
	if b.open != nil {
		if now.Before(b.probeAt) {
			return incident.RetryPermission{}
		}
		may.Reasons, may.Probe = append(may.Reasons, incident.GaveUp), true
		return may
	}
	if !now.Before(b.retryAt) {
		may.Reasons = append(may.Reasons, incident.GaveUp)
	}
	// While calls are scarce, as many as the window lets go come free, not all at once.
	may.One = !b.budgetUntil.IsZero() && now.Before(b.budgetUntil.Add(time.Hour))
	return may
}

// lastError returns what keeps calls from succeeding, or nil.
func (b *breaker) lastError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case b.open != nil:
		return b.open.Err
	case now.Before(b.pausedUntil):
		return b.paused.Err
	case now.Before(b.budgetUntil):
		return b.budget
	case b.failing != "":
		return errors.New(b.failing)
	}
	return nil
}
