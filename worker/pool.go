package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// resync is how often a pool looks for work even when nothing woke it: leases of a copy that died run out silently.
const resync = 5 * time.Second

// pool does one kind of work, up to size at once.
type pool struct {
	w    *Worker
	work incident.Work
	size int
	// do does the work and returns how to store its result.
	do func(ctx context.Context, c incident.Claim) (result, error)

	mu       sync.Mutex
	inFlight map[string]flight // by token
}

// flight is a claim that is being worked on.
type flight struct {
	claim   incident.Claim
	renewed time.Time // when its lease was extended last
}

// result applies what came of the work to the incident as it is when the result is stored.
type result func(inc *incident.Incident, f *incident.Findings)

// run claims until ctx ends and then waits for what is in flight, which runs under working.
func (p *pool) run(ctx, working context.Context) {
	free := make(chan struct{}, p.size)
	for range p.size {
		free <- struct{}{}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		slots := acquire(ctx, free)
		if slots == 0 {
			return
		}
		// Not under ctx: a claim that is under way when we are told to stop must not be left without a worker.
		claims, err := p.claim(working, slots)
		if err != nil && ctx.Err() == nil {
			p.w.Logger.Error("Claiming work", "work", p.work, "err", err)
		}
		if ctx.Err() != nil {
			for _, c := range claims {
				p.release(c)
			}
			return
		}
		for range slots - len(claims) {
			free <- struct{}{}
		}
		for _, c := range claims {
			wg.Go(func() {
				p.handle(working, c)
				free <- struct{}{}
			})
		}
		if len(claims) < slots {
			p.wait(ctx, err != nil)
		}
	}
}

// acquire waits for a free slot and takes all that are free; 0 when ctx ended.
func acquire(ctx context.Context, free chan struct{}) int {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	n := 1
	for {
		select {
		case <-free:
			n++
		default:
			return n
		}
	}
}

// claim claims up to limit incidents. Leases of ours that could not be renewed in time, because the store could not be
// written or the machine slept, are renewed before: what is in flight must not be claimed again and done twice.
func (p *pool) claim(ctx context.Context, limit int) ([]incident.Claim, error) {
	for _, c := range p.lapsing() {
		if err := p.extend(ctx, c); err != nil && !errors.Is(err, incident.ErrLeaseLost) {
			return nil, err
		}
	}
	now := p.w.Now()
	claims, err := p.w.Store.Claim(ctx, p.work, limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range claims {
		p.inFlight[c.Token] = flight{c, now}
	}
	return claims, err
}

// lapsing returns the claims in flight whose leases were not renewed when they should have been.
func (p *pool) lapsing() []incident.Claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	var claims []incident.Claim
	for _, f := range p.inFlight {
		if p.w.Now().Sub(f.renewed) > p.w.Lease/2 {
			claims = append(claims, f.claim)
		}
	}
	return claims
}

// extend renews the lease of a claim in flight.
func (p *pool) extend(ctx context.Context, c incident.Claim) error {
	now := p.w.Now()
	if err := p.w.Store.Renew(ctx, c); err != nil {
		return fmt.Errorf("renewing the lease of incident %s: %w", c.Incident.ID, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.inFlight[c.Token]; ok {
		p.inFlight[c.Token] = flight{c, now}
	}
	return nil
}

func (p *pool) landed(c incident.Claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inFlight, c.Token)
}

// wait returns when work may be due, at the latest after resync; after an error not before a second has passed.
func (p *pool) wait(ctx context.Context, failed bool) {
	delay, wake := resync, p.w.Store.Due(p.work)
	if failed {
		delay, wake = time.Second, nil
	} else if next, err := p.w.Store.NextDue(ctx, p.work); err == nil && !next.IsZero() {
		delay = min(resync, max(next.Sub(p.w.Now()), time.Millisecond))
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// handle does one piece of work under its lease and stores the result.
func (p *pool) handle(ctx context.Context, c incident.Claim) {
	start := p.w.Now()
	defer p.landed(c)
	jobCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		p.renew(jobCtx, cancel, c)
	}()
	store, err := p.attempt(jobCtx, c)
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	if errors.Is(err, context.Canceled) && jobCtx.Err() != nil {
		outcome = "stopped"
		p.release(c)
	} else if err := p.finish(jobCtx, c, store); err != nil {
		outcome = "lost"
		p.w.Logger.Warn("Storing a result", "work", p.work, "incident", c.Incident.ID, "err", err)
	}
	cancel()
	<-renewing
	p.w.metrics.work.WithLabelValues(string(p.work), outcome).Observe(p.w.Now().Sub(start).Seconds())
}

// attempt runs the work; a panic fails this piece of work and never the process.
func (p *pool) attempt(ctx context.Context, c incident.Claim) (store result, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.w.metrics.panics.Inc()
			p.w.Logger.Error("Panic in work", "work", p.work, "incident", c.Incident.ID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
			store = p.w.failed(p.work, c, err)
		}
	}()
	store, err = p.do(ctx, c)
	if err != nil {
		p.w.Logger.Warn("Work failed", "work", p.work, "incident", c.Incident.ID, "alertname", c.Incident.Alertname, "err", err)
	}
	return store, err
}

// renew keeps the lease until ctx ends. When somebody else has it, the work is cancelled.
func (p *pool) renew(ctx context.Context, cancel context.CancelFunc, c incident.Claim) {
	ticker := time.NewTicker(p.w.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.extend(ctx, c); errors.Is(err, incident.ErrLeaseLost) {
			cancel()
			return
		}
	}
}

// release gives the lease of work that we stopped back, so that the next start finds it due.
func (p *pool) release(c incident.Claim) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.w.Store.Release(ctx, c); err != nil && !errors.Is(err, incident.ErrLeaseLost) {
		p.w.Logger.Warn("Giving work back", "work", p.work, "incident", c.Incident.ID, "err", err)
	}
}

// maxStores is how often a result is refused by a store that can be written before the result gets the blame.
const maxStores = 3

// finish stores a result. A store that can't be written, because its disk is full, is tried until it can, so that a
// verdict that was paid for is not thrown away. A result that the store alone refuses is a fault of ours: then the work
// has failed, and does not hold up the pool for good.
func (p *pool) finish(ctx context.Context, c incident.Claim, apply result) error {
	for n := 1; ; n++ {
		writable := n > 1 && p.extend(ctx, c) == nil
		// A result that is there is stored even when we are told to stop.
		store, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := p.w.Store.Finish(store, c, apply)
		cancel()
		if err == nil || errors.Is(err, incident.ErrNotFound) {
			return err
		}
		if errors.Is(err, incident.ErrLeaseLost) {
			p.w.lost(p.work, c)
			return err
		}
		p.w.Logger.Error("Storing a result, will be tried again", "work", p.work, "incident", c.Incident.ID, "err", err)
		if writable && n == maxStores {
			apply = p.w.failed(p.work, c, fmt.Errorf("storing the result: %w", err))
		}
		timer := time.NewTimer(min(incident.RetryDelay(n), 15*time.Second))
		select {
		case <-ctx.Done():
			timer.Stop()
			p.w.lost(p.work, c)
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}
