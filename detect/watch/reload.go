package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// GoOnFrom makes a Watcher go on from what a former one knows, as when rule files are read again: series that a rule of the same
// group and name had keep their alerts, feedback and what was learned, and alerts that no rule sends anymore are told of as
// resolved. A rule whose expression, interval or method has changed reads its history anew; its alerts go on until that is done.
// It is to be called after the former one's Run has ended, which then is of no more use, and before Run.
func (w *Watcher) GoOnFrom(ctx context.Context, former *Watcher) {
	at := w.opts.Now()
	for _, g := range former.groups {
		for _, old := range g.rules {
			before := old.alerts(former.opts.Prometheus, at)
			var now []Alert
			if r := w.rules[old.Key()]; r != nil {
				if !r.take(old, at) {
					continue
				}
				now = r.alerts(w.opts.Prometheus, at)
			}
			w.resolve(ctx, old.Rule, g.Interval, before, now, at)
		}
	}
}

// Retire tells that no alert fires anymore, as when the last rule is removed. It is to be called after Run has ended.
func (w *Watcher) Retire(ctx context.Context) {
	at := w.opts.Now()
	for _, g := range w.groups {
		for _, r := range g.rules {
			w.resolve(ctx, r.Rule, g.Interval, r.alerts(w.opts.Prometheus, at), nil, at)
		}
	}
}

// resolve tells of firing alerts that are not among those of now that they have resolved.
func (w *Watcher) resolve(ctx context.Context, r *Rule, interval time.Duration, before, now []Alert, at time.Time) {
	still := map[model.Fingerprint]bool{}
	for _, a := range now {
		still[a.id()] = true
	}
	before = slices.DeleteFunc(before, func(a Alert) bool { return !a.Firing() || still[a.id()] })
	if len(before) == 0 || w.opts.Notifier == nil {
		return
	}
	for i := range before {
		before[i].EndsAt = at
	}
	w.opts.Logger.Info("Alerts resolved: no detection rule sends them anymore", "rule", r.Key(), "alerts", len(before))
	w.opts.Notifier.Notify(ctx, r, interval, before)
}

// id returns the fingerprint that Alertmanager gives the alert.
func (a *Alert) id() model.Fingerprint { return fingerprint(a.Labels) }

// take takes the series of a former rule of the same name. It reports whether it did: one that asks no Prometheus has its state elsewhere.
func (w *watched) take(old *watched, at time.Time) bool {
	if w.source == nil || old.source == nil {
		return false
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	asksElse := w.Expr != old.Expr || w.interval != old.interval || w.source.offset != old.source.offset
	anew := false
	for _, s := range w.most(slices.Collect(maps.Values(old.series))) {
		s.moveTo(w.Rule, old.Rule)
		s.relearn = s.relearn || asksElse
		s.changed = true // so that it is saved soon
		anew = anew || s.relearn
		w.series[s.id] = s
	}
	w.taken = at
	w.usual, w.judged = old.usual, old.judged
	w.widened, w.narrowed = old.widened, old.narrowed
	if !anew { // or the first evaluation reads the history
		w.evaluated = old.evaluated
	}
	return true
}

// goesOn reports whether what the rule knows was just taken from a former Watcher, which knew more than it has saved. It is so once:
// while another copy evaluates the rule, what is known here grows old.
func (w *watched) goesOn(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.taken
	w.taken = time.Time{}
	return !taken.IsZero() && len(w.series) > 0 && now.Sub(taken) < w.interval
}

// moveTo makes a series one of a rule that was another. What was learned stays where the rule judges by the same method.
func (s *series) moveTo(r, old *Rule) {
	sameShadow := (r.Shadow == nil) == (old.Shadow == nil) && (r.Shadow == nil || *r.Shadow == *old.Shadow)
	if r.Detection == old.Detection && sameShadow {
		return
	}
	move := func(from *detect.Series, o detect.Options) *detect.Series {
		to := detect.New(o)
		if from == nil {
			s.relearn = true
			return to
		}
		state, err := from.MarshalBinary()
		s.relearn = s.relearn || err != nil || to.UnmarshalBinary(state) != nil
		return to
	}
	s.detector = move(s.detector, s.options(r))
	if r.Shadow == nil {
		s.shadow = nil
		return
	}
	s.shadow = move(s.shadow, *r.Shadow)
}
