package watch

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/promapi"
)

type (
	// State keeps what is known of series.
	State interface {
		// LoadDetection returns what was saved of a rule, by series.
		LoadDetection(ctx context.Context, rule string) (map[string][]byte, error)
		// SaveDetection saves rows of a rule, all or none of them; a row of nil is deleted.
		SaveDetection(ctx context.Context, rule string, rows map[string][]byte) error
		// DetectionRules returns the rules that anything is saved of.
		DetectionRules(ctx context.Context) ([]string, error)
	}
	// Notifier tells of alerts.
	Notifier interface {
		// Notify takes all alerts that a rule has at a time: what fires, and for 15 minutes what has resolved. It is called after
		// each evaluation, with an interval in between, and must not hold it up.
		Notify(ctx context.Context, rule *Rule, interval time.Duration, alerts []Alert)
	}
)

// Options of a Watcher.
type Options struct {
	Groups     []*Group
	Prometheus *promapi.Client // required by rules without a source
	Notifier   Notifier        // default: nobody is told
	State      State           // default: none; then each start reads the whole history
	Parts      Parts           // required by rules with a source
	Judge      Judge           // gives second opinions; default: nobody does
	// Lead does a duty that one of many copies may do at a time, with a context that ends when another one has it; default: at once.
	Lead        func(ctx context.Context, duty string, do func(ctx context.Context))
	MaxExported int          // series on /metrics/anomalies; default 2,000
	Logger      *slog.Logger // default: discards
	Registerer  prometheus.Registerer
	Now         func() time.Time // default time.Now
}

// Watcher evaluates groups of rules. Its methods may be called from many goroutines at once.
type Watcher struct {
	opts    Options
	groups  []*group
	rules   map[string]*watched // by their keys
	metrics *metrics
	history chan struct{}           // places of those that read a history
	points  map[string]*sourceRules // by their sources
	journal int                     // bytes that the journal of a part may have at least

	opinions *opinions
}

// group is a group that is evaluated.
type group struct {
	*Group
	rules []*watched

	asked    panel // those that Prometheus answers
	streamed panel // those with a source
}

// historyReaders is how many groups read their history at a time.
const historyReaders = 2

// New returns a Watcher that does nothing yet.
func New(o Options) (*Watcher, error) {
	if o.Prometheus == nil && slices.ContainsFunc(o.Groups, (*Group).asks) {
		return nil, errors.New("detection needs a Prometheus: set prometheus.url (PROMETHEUS_URL)")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lead == nil {
		o.Lead = func(ctx context.Context, _ string, do func(ctx context.Context)) { do(ctx) }
	}
	if o.MaxExported == 0 {
		o.MaxExported = 2000
	}
	w := &Watcher{opts: o, rules: map[string]*watched{}, points: map[string]*sourceRules{}, journal: leastJournal, history: make(chan struct{}, historyReaders)}
	w.metrics = newMetrics(o.Registerer, w)
	w.opinions = newOpinions(o.Judge, o.Registerer)
	for _, g := range o.Groups {
		running := &group{Group: g, asked: panel{Group: g}, streamed: panel{Group: g}}
		w.metrics.missed.WithLabelValues(g.Name)
		for _, r := range g.Rules {
			var from *source
			if r.Source == "" {
				from = newSource(o.Prometheus, r.Expr, g.QueryOffset)
			}
			x := newWatched(r, g, from, w.metrics, o.Logger)
			running.rules = append(running.rules, x)
			of := &running.asked
			if r.Source != "" {
				of = &running.streamed
			}
			of.rules = append(of.rules, x)
			w.rules[r.Key()] = x
			w.addSourceRule(running, x)
		}
		w.groups = append(w.groups, running)
	}
	return w, nil
}

// Run evaluates until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { w.prune(ctx) })
	for _, g := range w.groups {
		if g.asks() {
			wg.Go(func() { w.opts.Lead(ctx, "detection of "+g.Name, func(ctx context.Context) { w.run(ctx, g) }) })
		}
		if w.opinions.judge != nil && g.streamed.wanted() {
			wg.Go(func() { w.judgeStreamed(ctx, &g.streamed) })
		}
	}
	wg.Wait()
	w.opinions.running.Wait()
}

// run evaluates one group in its slots. The first evaluation is at once, for the slot that has just been.
func (w *Watcher) run(ctx context.Context, g *group) {
	w.resume(ctx, g)
	slot := g.slot(w.opts.Now())
	for ctx.Err() == nil {
		begun := time.Now()
		w.evaluateGroup(ctx, g, slot)
		w.metrics.duration.WithLabelValues(g.Name).Observe(time.Since(begun).Seconds())
		next := slot.Add(g.Interval)
		if now := g.slot(w.opts.Now()); now.After(next) { // as Prometheus does: nothing piles up
			w.metrics.missed.WithLabelValues(g.Name).Add(float64(now.Sub(slot)/g.Interval) - 1)
			next = now
		}
		slot = g.after(next, w.opts.Now())
		if !sleep(ctx, slot.Sub(w.opts.Now())) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// slot returns the newest time at or before now at which the group is evaluated: groups are spread over their interval by
// their names, the same in every copy and after every start.
func (g *Group) slot(now time.Time) time.Time {
	now = now.Round(0) // without the monotonic clock, by which a slot would be later than itself when it is worked out again
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.Name))                                                     // never fails
	offset := time.Duration(h.Sum64() % uint64(g.Interval)).Truncate(time.Millisecond) // what Prometheus takes
	base := now.Add(-offset)
	return base.Add(-time.Duration(base.UnixNano() % int64(g.Interval))).Add(offset)
}

// resume takes what was saved and tells at once of what fires: Alertmanager resolves what it does not hear of.
func (w *Watcher) resume(ctx context.Context, g *group) {
	if w.opts.State == nil {
		return
	}
	now := w.opts.Now()
	for _, r := range g.asked.rules {
		if r.goesOn(now) {
			w.tell(ctx, g, r, now)
			continue
		}
		r.reset()
		saved, err := w.opts.State.LoadDetection(ctx, r.Key())
		if err != nil {
			w.opts.Logger.Error("Saved detection state is unreadable, all history is read anew", "rule", r.Key(), "err", err)
			w.metrics.errors.WithLabelValues(errorState).Inc()
			continue
		}
		r.restore(saved)
		w.tell(ctx, g, r, now)
	}
}

// evaluateGroup evaluates the rules of a group one after the other.
func (w *Watcher) evaluateGroup(ctx context.Context, g *group, at time.Time) {
	failed := false
	for _, r := range g.asked.rules {
		err := w.evaluate(ctx, g, r, at)
		if ctx.Err() != nil {
			return
		}
		failed = failed || err != nil
	}
	w.secondOpinions(ctx, &g.asked, at)
	if !failed {
		w.metrics.success.WithLabelValues(g.Name).Set(float64(at.Unix()))
	}
}

// evaluate brings one rule up to a time, saves what has changed, and tells of its alerts. While the query fails the alerts
// stand as they are, and are told of again: nobody knows better.
func (w *Watcher) evaluate(ctx context.Context, g *group, r *watched, at time.Time) error {
	err := w.bring(ctx, r, at)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	before := r.failing
	r.failing = err
	r.mu.Unlock()
	switch {
	case err != nil:
		kind := errorQuery
		if errors.Is(err, promapi.ErrPartial) {
			kind = errorPartial
		}
		w.metrics.errors.WithLabelValues(kind).Inc()
		if before == nil { // the error says whether there was no answer, or a partial one
			r.log.Warn("Detection query failed, alerts stay as they are", "err", err)
		}
	case before != nil:
		r.log.Info("Detection goes on, what was missed was evaluated")
	}
	if err == nil {
		w.save(ctx, r, at)
	}
	w.tell(ctx, g, r, at)
	return err
}

// bring evaluates a rule. One that reads its history waits for a place.
func (w *Watcher) bring(ctx context.Context, r *watched, at time.Time) error {
	r.mu.Lock()
	starts := r.evaluated.IsZero()
	r.mu.Unlock()
	if !starts {
		return r.evaluate(ctx, at)
	}
	select {
	case w.history <- struct{}{}:
		defer func() { <-w.history }()
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := time.Now()
	if err := r.evaluate(ctx, at); err != nil {
		return err
	}
	r.log.Info("History read, detection begins", "series", r.count(), "duration", time.Since(begun).Round(time.Millisecond))
	return nil
}

func (w *Watcher) tell(ctx context.Context, g *group, r *watched, at time.Time) {
	if w.opts.Notifier != nil {
		w.opts.Notifier.Notify(ctx, r.Rule, g.Interval, r.alerts(w.opts.Prometheus, at))
	}
}

const (
	// saveEvery is how old a saved series gets: a start evaluates that much again.
	saveEvery = 6 * time.Hour
	// saveBatch is how many series are saved in one go, some 20 KiB each: others wait for no more than this.
	saveBatch = 50
	// saveRounds bounds the batches of one evaluation, so that those of a large rule spread.
	saveRounds = 20
)

// save saves the series whose alerts have changed, and some of those that were saved longest ago.
func (w *Watcher) save(ctx context.Context, r *watched, at time.Time) {
	gone := r.forget(at)
	if w.opts.State == nil {
		return
	}
	for range saveRounds {
		batch, rows := r.due(at)
		for _, s := range gone {
			rows[s.id.String()] = nil
		}
		gone = nil
		if len(rows) == 0 {
			return
		}
		if err := w.opts.State.SaveDetection(ctx, r.Key(), rows); err != nil {
			if ctx.Err() == nil {
				r.log.Error("Detection state not saved, a restart goes on from what was saved before", "err", err)
				w.metrics.errors.WithLabelValues(errorState).Inc()
			}
			return
		}
		r.mu.Lock()
		for _, s := range batch {
			s.saved, s.changed = at, false
		}
		r.mu.Unlock()
	}
}

// due returns series that are to be saved, those whose alerts have changed first, and their rows.
func (w *watched) due(at time.Time) (batch []*series, rows map[string][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows = map[string][]byte{}
	for _, changed := range []bool{true, false} {
		for _, s := range w.series {
			if len(batch) >= saveBatch {
				return batch, rows
			}
			// Neighbors are saved at different times, or all would be due at once again and again.
			age := saveEvery - time.Duration(uint64(s.id)%uint64(saveEvery/4))
			if s.changed != changed || !changed && !s.saved.IsZero() && at.Sub(s.saved) < age {
				continue
			}
			row, err := s.encode(w.Rule)
			if err != nil {
				w.log.Error("Series can't be saved", "series", s.labels, "err", err)
				w.metrics.errors.WithLabelValues(errorState).Inc()
				continue
			}
			batch = append(batch, s)
			rows[s.id.String()] = row
		}
	}
	return batch, rows
}
