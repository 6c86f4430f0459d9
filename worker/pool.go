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
}

// result applies what came of the work to the incident as it is when the result is stored.
type result func(inc *incident.Incident, f *incident.Findings)

// run claims until ctx ends and then waits for what is in flight, which runs under working.
func (p pool) run(ctx, working context.Context) {
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
		claims, err := p.w.Store.Claim(ctx, p.work, slots)
		if err != nil && ctx.Err() == nil {
			p.w.Logger.Error("Claiming work", "work", p.work, "err", err)
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

// wait returns when work may be due, at the latest after resync; after an error not before a second has passed.
func (p pool) wait(ctx context.Context, failed bool) {
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
func (p pool) handle(ctx context.Context, c incident.Claim) {
	start := p.w.Now()
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
func (p pool) attempt(ctx context.Context, c incident.Claim) (store result, err error) {
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
func (p pool) renew(ctx context.Context, cancel context.CancelFunc, c incident.Claim) {
	ticker := time.NewTicker(p.w.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.w.Store.Renew(ctx, c); errors.Is(err, incident.ErrLeaseLost) {
			cancel()
			return
		}
	}
}

// release gives the lease of work that we stopped back, so that the next start finds it due.
func (p pool) release(c incident.Claim) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.w.Store.Release(ctx, c); err != nil && !errors.Is(err, incident.ErrLeaseLost) {
		p.w.Logger.Warn("Giving work back", "work", p.work, "incident", c.Incident.ID, "err", err)
	}
}

// finish stores a result. A store that can't be written, because its disk is full, is tried until it can, so that a
// verdict that was paid for is not thrown away.
func (p pool) finish(ctx context.Context, c incident.Claim, apply result) error {
	for n := 1; ; n++ {
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
		timer := time.NewTimer(min(incident.RetryDelay(n), 15*time.Second))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}
