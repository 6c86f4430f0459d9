package evidence

import (
	"context"
	"errors"
	"sync"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// maxCandidates bounds how many comparisons of an expression are looked at.
const maxCandidates = 6

// lookAtSignal looks at the comparison that the alert is about. An expression may hold several: bounds of a band, guards,
// alternatives. The alert's own is, of those that were met together when it fired, the one that began to be met last: a
// guard was met all along.
func (inv *investigation) lookAtSignal(ctx context.Context) (*signalView, error) {
	switch {
	case inv.rule == nil && errors.Is(inv.ruleErr, errNotListed):
		return nil, errors.New(inv.say(msgNoRule))
	case inv.rule == nil:
		return nil, inv.ruleErr
	case inv.rule.foreign():
		return inv.foreignView(ctx)
	}
	list := inv.rule.candidates()
	list = list[:min(len(list), maxCandidates)]
	views := make([]*signalView, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, c := range list {
		wg.Go(func() { views[i], errs[i] = inv.conditionView(ctx, c.Condition) })
	}
	wg.Wait()
	if view := inv.chooseView(list, views); view != nil {
		return view, nil
	}
	return nil, errors.Join(errs...)
}

// chooseView picks the view that the alert is about: of an alternative that holds the condition that began to be met last.
// Without any it is the first that has data, or the first.
func (inv *investigation) chooseView(list []candidate, views []*signalView) *signalView {
	var best, fallback *signalView
	for i, v := range views {
		if v == nil {
			continue
		}
		if fallback == nil || len(fallback.lines) == 0 && len(v.lines) > 0 {
			fallback = v
		}
		if inv.holds(list, views, list[i].alternative) && (best == nil || inv.isLater(v, best)) {
			best = v
		}
	}
	if best == nil {
		return fallback
	}
	return best
}

// holds reports whether all conditions of an alternative were met when the alert fired.
func (inv *investigation) holds(list []candidate, views []*signalView, alternative int) bool {
	for i, v := range views {
		if list[i].alternative != alternative {
			continue
		}
		if v == nil || len(v.lines) == 0 {
			return false
		}
		if since, _ := v.metSince(inv.fired); since.IsZero() {
			return false
		}
	}
	return true
}

// isLater reports whether a condition began to be met later than another. Where the window shows neither begin, one that is
// no mere guard is taken.
func (inv *investigation) isLater(v, than *signalView) bool {
	a, _ := v.metSince(inv.fired)
	b, _ := than.metSince(inv.fired)
	if d, step := a.Sub(b), max(v.step, than.step); d > step || d < -step {
		return d > 0
	}
	return !isGuard(v.condition) && isGuard(than.condition)
}

// isGuard reports whether a condition is of the kind that guards another: that there is something, or that a state is given.
func isGuard(c promql.Condition) bool {
	limit, fixed := c.Limit()
	return c.Op == parser.EQLC || c.Op == 0 || fixed && limit == 0
}
