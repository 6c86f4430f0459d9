package watch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// watched is a rule that is evaluated.
type watched struct {
	*Rule
	interval time.Duration
	source   *source
	metrics  *metrics
	counters counters
	log      *slog.Logger
	onStep   func(s *series, at time.Time) // for backtests; nil for none

	mu        sync.Mutex // guards what follows; it is held while samples are judged, never while something is asked
	series    map[model.Fingerprint]*series
	evaluated time.Time // the newest evaluation; zero before the first
	taken     time.Time // when what is known was taken from a former Watcher; zero when that is over
	failing   error     // why the newest failed
	full      time.Time // the evaluation at which no series could make room
	left      []*series // made room, and are saved still
	widened   time.Time // since when there are more alerts than are sent; zero while there are not
	narrowed  time.Time // when that ended
	usual     int64     // judged samples that were as usual
	judged    int64
	drifts    []*drift // of the models
}

func newWatched(r *Rule, g *Group, s *source, m *metrics, log *slog.Logger) *watched {
	return &watched{
		Rule: r, interval: g.Interval, source: s.withFeatures(r), drifts: newDrifts(r), metrics: m, counters: m.of(r), log: log.With("rule", r.Key()),
		series: map[model.Fingerprint]*series{},
	}
}

// start learns what was. What is known of series already is gone on from; that of others is read from their history.
func (w *watched) start(ctx context.Context, at time.Time) error {
	values, err := w.source.now(ctx, at)
	if err != nil {
		return err
	}
	native := at.Add(-replay(w.interval))
	fresh := w.enroll(values, at, native)
	if err := w.warm(ctx, w.source, fresh, native); err != nil {
		return err
	}
	w.mu.Lock()
	from := native
	for _, s := range w.series {
		if s.stepped.Before(from) {
			from = s.stepped
		}
	}
	w.mu.Unlock()
	// The times are those at which the group is evaluated.
	from = at.Add(-at.Sub(from) / w.interval * w.interval)
	return w.replay(ctx, from, at)
}

// enroll makes the series of an answer that are not known, within max_series, and returns those whose history must be read:
// with them those that were saved too long ago.
func (w *watched) enroll(values []value, at, native time.Time) map[model.Fingerprint]*series {
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := map[model.Fingerprint]*series{}
	for _, s := range w.series {
		if s.relearn || at.Sub(s.stepped) > maxReplay {
			s.forgetPast(w.Rule, native)
			fresh[s.id] = s
		}
	}
	for _, v := range values {
		if w.series[v.id] == nil {
			if s := w.add(v); s != nil {
				s.stepped = native
				fresh[s.id] = s
			}
		}
	}
	return fresh
}

// add makes a series; nil when there are too many.
func (w *watched) add(v value) *series {
	if len(w.series) >= w.MaxSeries {
		w.metrics.dropped.WithLabelValues(droppedMaxSeries).Inc()
		return nil
	}
	s := newSeries(w.Rule, v.labels)
	w.series[v.id] = s
	return s
}

// warm reads the history of series up to a time.
func (w *watched) warm(ctx context.Context, src *source, fresh map[model.Fingerprint]*series, to time.Time) error {
	if len(fresh) == 0 {
		return nil
	}
	step := max(warmStep, w.interval)
	from := to.Add(-w.History).Truncate(step)
	err := src.alone().eachChunk(ctx, from, to.Add(-1), step, len(fresh), func(c *chunk) {
		w.mu.Lock()
		defer w.mu.Unlock()
		var wg sync.WaitGroup
		workers := runtime.GOMAXPROCS(0)
		for k := range workers {
			wg.Go(func() {
				for i := range c.matrix {
					s := fresh[c.ids[i]]
					if s == nil || uint64(c.ids[i])%uint64(workers) != uint64(k) { // one may be there twice
						continue
					}
					for _, x := range c.matrix[i].Values {
						s.learn(x.Timestamp.Time().Add(w.source.offset), float64(x.Value), step)
					}
				}
			})
		}
		wg.Wait()
	})
	if err != nil { // what was learned is a part of it, and can't be learned twice
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range fresh {
			s.relearn = true
		}
	}
	return err
}

// replay evaluates what is past, after from and up to a time.
func (w *watched) replay(ctx context.Context, from, to time.Time) error {
	n := max(w.count(), 1)
	return w.source.eachChunk(ctx, from.Add(w.interval), to, w.interval, n, func(c *chunk) {
		w.source.frames(c, w.interval, w.step)
	})
}

func (w *watched) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.series)
}

// evaluate brings the rule up to a time: by one query where only that time is missing, else by what was in between too.
func (w *watched) evaluate(ctx context.Context, at time.Time) error {
	w.setBack(at)
	w.mu.Lock()
	last := w.evaluated
	w.mu.Unlock()
	switch {
	case last.IsZero() || at.Sub(last) > maxReplay:
		return w.start(ctx, at)
	case !at.After(last):
		return nil
	case at.Sub(last) > w.interval+w.interval/2:
		return w.replay(ctx, at.Add(-at.Sub(last)/w.interval*w.interval), at)
	}
	values, err := w.source.now(ctx, at)
	if err != nil {
		return err
	}
	w.step(at, values)
	return w.adopt(ctx, at)
}

// adoptMost is how many new series have their history read after one evaluation.
const adoptMost = 10

// adopt reads the history of series that were not there at the start: what has been missing for a while need not learn for a
// day. Each is asked for alone.
func (w *watched) adopt(ctx context.Context, at time.Time) error {
	native := at.Add(-replay(w.interval) / w.interval * w.interval)
	w.mu.Lock()
	var fresh []*series
	for _, s := range w.series {
		if (s.fresh || s.relearn) && len(fresh) < adoptMost {
			s.forgetPast(w.Rule, native)
			fresh = append(fresh, s)
		}
	}
	w.mu.Unlock()
	for _, s := range fresh {
		src := w.source.narrowed(w.selected(s))
		if err := w.warm(ctx, src, map[model.Fingerprint]*series{s.id: s}, native); err != nil {
			return err
		}
		err := src.eachChunk(ctx, native.Add(w.interval), at, w.interval, 1, func(c *chunk) {
			w.mu.Lock()
			defer w.mu.Unlock()
			src.frames(c, w.interval, func(at time.Time, values []value) {
				i := slices.IndexFunc(values, func(v value) bool { return v.id == s.id })
				if i < 0 {
					w.stepSeries(s, at, 0, false)
					return
				}
				s.row = values[i].row
				w.stepSeries(s, at, values[i].v, true)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step evaluates one time.
func (w *watched) step(at time.Time, values []value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := make(map[model.Fingerprint]struct{}, len(values))
	for _, v := range values {
		if _, twice := there[v.id]; twice {
			w.metrics.errors.WithLabelValues(errorData).Inc()
			continue
		}
		s := w.series[v.id]
		if s == nil {
			if s = w.addAt(v, at); s == nil {
				continue
			}
			s.fresh = true
		}
		there[v.id] = struct{}{}
		s.row = v.row
		w.stepSeries(s, at, v.v, true)
	}
	for id, s := range w.series {
		if _, ok := there[id]; ok {
			continue
		}
		w.stepSeries(s, at, 0, false)
	}
	w.evaluated = at
	w.countWide(at)
}

func (w *watched) stepSeries(s *series, at time.Time, v float64, ok bool) {
	before := s.alert.State
	s.step(w.Rule, at, v, ok)
	if w.onStep != nil {
		w.onStep(s, at)
	}
	if s.now.Status == detect.Judged && ok {
		w.judged++
		if s.now.Usual {
			w.usual++
		}
	}
	w.counters.step(s, before, ok)
	w.countModels(s, at, ok)
}

// countWide notes when more alerts fire than are sent one by one, and when that ends.
func (w *watched) countWide(at time.Time) {
	switch firing := w.firing(); {
	case len(firing) > w.MaxAlerts && w.widened.IsZero():
		w.widened, w.narrowed = firing[w.MaxAlerts].alert.FiredAt, time.Time{}
	case len(firing) <= w.MaxAlerts && !w.widened.IsZero():
		w.widened, w.narrowed = time.Time{}, at
	}
}

// firing returns what fires, first what has done so for longest.
func (w *watched) firing() []*series {
	var out []*series
	for _, s := range w.series {
		if s.alert.State == detect.Firing {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *series) int {
		if c := a.alert.FiredAt.Compare(b.alert.FiredAt); c != 0 {
			return c
		}
		return compare(a.id, b.id)
	})
	return out
}

func compare(a, b model.Fingerprint) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// reset forgets everything: another copy may have evaluated the rule since.
func (w *watched) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.series)
	w.evaluated, w.widened, w.narrowed = time.Time{}, time.Time{}, time.Time{}
}

// restore takes what was saved of the rule. A series that can't be read is learned anew.
func (w *watched) restore(saved map[string][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*series
	for key, row := range saved {
		s, err := decode(w.Rule, row)
		if err != nil {
			w.log.Error("Saved series is unreadable, its history is read anew", "series", key, "err", err)
			w.metrics.errors.WithLabelValues(errorState).Inc()
			continue
		}
		all = append(all, s)
	}
	for _, s := range w.most(all) {
		w.series[s.id] = s
	}
}

// String names the rule, for errors.
func (w *watched) String() string { return fmt.Sprintf("rule %s", w.Key()) }
