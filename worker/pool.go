package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	// resync is how often a pool looks for work even when nothing woke it: leases of a copy that died run out silently.
	resync = 5 * time.Second
	// yieldPause is how soon a pool that yields to notifications looks whether they still come.
	yieldPause = 20 * time.Millisecond
	// gatherPause is how long a pool with a backlog waits for a quarter of its slots before it claims: claims cost a commit.
	gatherPause = 10 * time.Millisecond
	// backlogFor is how long a backlog counts after it was seen: others give way to what takes the processor, and not to what
	// waits for a slow server.
	backlogFor = 200 * time.Millisecond
)

// Result is what came of a piece of work.
type Result struct {
	Apply  Apply
	Stored func() // called once it is; nil for nothing
}

// Kind is a kind of work and how it is done.
type Kind struct {
	Work incident.Work
	Size int // how many run at once
	Busy int // how many run at once while notifications are being accepted, or a kind before it has a backlog
	// First reports whether kinds behind this one give way to work like the claim, while more of it is due than runs. nil
	// for no.
	First func(c incident.Claim) bool
	// Do does the work and returns how to store its result. With an error the result, if any, says how to store the failure.
	Do func(ctx context.Context, c incident.Claim) (Result, error)
	// Failed returns how to store that the work could not be done, for errors that Do knows nothing of.
	Failed func(c incident.Claim, err error) Result
	// Lost is called when somebody else has the work now, and the result can't be stored; nil for nothing.
	Lost func(c incident.Claim)
}

// pool does one kind of work.
type pool struct {
	Kind

	w       *Worker
	before  []*pool      // of the kinds before this one
	backlog atomic.Int64 // when First had a backlog last, in nanoseconds
	behind  bool         // the last claim got all that it asked for; of run alone

	mu       sync.Mutex
	running  map[string]inFlight // by token
	finished chan struct{}       // one of them has finished
}

// inFlight is a claim that is being worked on.
type inFlight struct {
	claim   incident.Claim
	renewed time.Time // when its lease was extended last
}

func newPool(w *Worker, k Kind, before []*pool) *pool {
	return &pool{Kind: k, w: w, before: before, running: map[string]inFlight{}, finished: make(chan struct{}, 1)}
}

// run claims until ctx ends and then waits for what is in flight, which runs under working.
func (p *pool) run(ctx, working context.Context) {
	free := make(chan struct{}, p.Size)
	for range p.Size {
		free <- struct{}{}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		slots := acquire(ctx, free, p.least())
		if slots == 0 {
			return
		}
		allowed := p.allowed(slots)
		// Not under ctx: a claim that is under way when we are told to stop must not be left without a worker.
		claims, err := p.claim(working, allowed)
		if err != nil && ctx.Err() == nil {
			p.w.opts.Logger.Error("Claim failed", "work", p.Work, "err", err)
		}
		if ctx.Err() != nil {
			for _, c := range claims {
				p.release(c)
			}
			return
		}
		p.behind = allowed > 0 && len(claims) == allowed
		if p.behind && p.First != nil && p.First(claims[len(claims)-1]) {
			p.backlog.Store(p.w.opts.Now().UnixNano())
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
		switch {
		case allowed == 0:
			p.yield(ctx)
		case len(claims) < allowed:
			p.wait(ctx, err != nil)
		}
	}
}

// least returns for how many slots it is worth waiting.
func (p *pool) least() int {
	if p.behind {
		return max(1, p.Size/4)
	}
	return 1
}

// allowed returns how many more may run now, where there are so many slots.
func (p *pool) allowed(slots int) int {
	backlog := slices.ContainsFunc(p.before, func(o *pool) bool {
		return p.w.opts.Now().Sub(time.Unix(0, o.backlog.Load())) < backlogFor
	})
	if !backlog && !p.w.opts.Store.Busy() {
		return slots
	}
	return max(0, min(slots, p.Busy-(p.Size-slots)))
}

// yield returns when it is worth looking again whether more may run.
func (p *pool) yield(ctx context.Context) {
	timer := time.NewTimer(yieldPause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-p.finished:
	case <-timer.C:
	}
}

// acquire waits for a free slot, a moment for more of them up to least, and takes all that are free; 0 when ctx ended.
func acquire(ctx context.Context, free chan struct{}, least int) int {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	n := 1
	if n < least {
		timer := time.NewTimer(gatherPause)
		defer timer.Stop()
		for waiting := true; waiting && n < least; {
			select {
			case <-free:
				n++
			case <-timer.C:
				waiting = false
			}
		}
	}
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
	if limit == 0 {
		return nil, nil
	}
	for _, c := range p.expiring() {
		if err := p.extend(ctx, c); err != nil && !errors.Is(err, incident.ErrLeaseLost) {
			return nil, err
		}
	}
	now := p.w.opts.Now()
	claims, err := p.w.opts.Store.Claim(ctx, p.Work, limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range claims {
		p.running[c.Token] = inFlight{c, now}
	}
	return claims, err
}

// expiring returns the claims in flight whose leases were not renewed when they should have been.
func (p *pool) expiring() []incident.Claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	var claims []incident.Claim
	for _, f := range p.running {
		if p.w.opts.Now().Sub(f.renewed) > p.w.lease/2 {
			claims = append(claims, f.claim)
		}
	}
	return claims
}

// extend renews the lease of a claim in flight.
func (p *pool) extend(ctx context.Context, c incident.Claim) error {
	now := p.w.opts.Now()
	if err := p.w.opts.Store.Renew(ctx, c); err != nil {
		return fmt.Errorf("renewing the lease of incident %s: %w", c.Incident.ID, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.running[c.Token]; ok {
		p.running[c.Token] = inFlight{c, now}
	}
	return nil
}

func (p *pool) completed(c incident.Claim) {
	p.mu.Lock()
	delete(p.running, c.Token)
	p.mu.Unlock()
	select {
	case p.finished <- struct{}{}:
	default:
	}
}

// wait returns when work may be due, at the latest after resync; after an error not before a second has passed.
func (p *pool) wait(ctx context.Context, failed bool) {
	delay, wake := resync, p.w.opts.Store.Due(p.Work)
	if failed {
		delay, wake = time.Second, nil
	} else if next, err := p.w.opts.Store.NextDue(ctx, p.Work); err == nil && !next.IsZero() {
		delay = min(resync, max(next.Sub(p.w.opts.Now()), time.Millisecond))
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
	start := p.w.opts.Now()
	defer p.completed(c)
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
		p.w.opts.Logger.Warn("Result lost", "work", p.Work, "incident", c.Incident.ID, "err", err)
	}
	cancel()
	<-renewing
	p.w.metrics.work.WithLabelValues(string(p.Work), outcome).Observe(p.w.opts.Now().Sub(start).Seconds())
}

// attempt runs the work; a panic fails this piece of work and never the process.
func (p *pool) attempt(ctx context.Context, c incident.Claim) (store Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.w.metrics.panics.Inc()
			p.w.opts.Logger.Error("Panic in work", "work", p.Work, "incident", c.Incident.ID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
			store = p.Failed(c, err)
		}
	}()
	store, err = p.Do(ctx, c)
	if err != nil {
		p.w.opts.Logger.Warn("Work failed", "work", p.Work, "incident", c.Incident.ID, "alertname", c.Incident.Alertname, "err", err)
	}
	return store, err
}

// renew keeps the lease until ctx ends. When somebody else has it, the work is cancelled.
func (p *pool) renew(ctx context.Context, cancel context.CancelFunc, c incident.Claim) {
	ticker := time.NewTicker(p.w.lease / 3)
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
	if err := p.w.opts.Store.Release(ctx, c); err != nil && !errors.Is(err, incident.ErrLeaseLost) {
		p.w.opts.Logger.Warn("Lease not freed", "work", p.Work, "incident", c.Incident.ID, "err", err)
	}
}

// lost is called when somebody else has the work now.
func (p *pool) lost(c incident.Claim) {
	if p.Lost != nil {
		p.Lost(c)
	}
}

// maxStores is how often a result is refused by a store that can be written before the result gets the blame.
const maxStores = 3

// finish stores a result. A store that can't be written, because its disk is full, is tried until it can, so that a
// verdict that was paid for is not thrown away. A result that the store alone refuses is a fault of ours: then the work
// has failed, and does not hold up the pool for good.
func (p *pool) finish(ctx context.Context, c incident.Claim, result Result) error {
	for n := 1; ; n++ {
		writable := n > 1 && p.extend(ctx, c) == nil
		// A result that is there is stored even when we are told to stop.
		store, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := p.w.opts.Store.Finish(store, c, result.Apply)
		cancel()
		if err == nil && result.Stored != nil {
			result.Stored()
		}
		if err == nil || errors.Is(err, incident.ErrNotFound) {
			return err
		}
		if errors.Is(err, incident.ErrLeaseLost) {
			p.lost(c)
			return err
		}
		p.w.opts.Logger.Error("Storing result failed, retrying", "work", p.Work, "incident", c.Incident.ID, "err", err)
		if writable && n == maxStores {
			result = p.Failed(c, fmt.Errorf("storing the result: %w", err))
		}
		timer := time.NewTimer(min(incident.RetryDelay(n), 15*time.Second))
		select {
		case <-ctx.Done():
			timer.Stop()
			p.lost(c)
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}
