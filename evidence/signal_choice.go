package evidence

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// queueAnnotation is where detection says that the metric of an alert comes from a queue, and from which source.
const (
	queueAnnotation = "queue_source"
	maxQueueName    = 100
)

// maxCandidates bounds how many comparisons of an expression are looked at.
const maxCandidates = 6

// lookAtSignal looks at the comparison that the alert is about. An expression may hold several: bounds of a band, guards,
// alternatives. The alert's own is, of those that were met together when it fired, the one that began to be met last: a
// guard was met all along.
func (inv *investigation) lookAtSignal(ctx context.Context) (*signalView, error) {
	switch {
	case inv.rule == nil && errors.Is(inv.ruleErr, errNotListed) && inv.alert.Annotations[queueAnnotation] != "":
		return nil, errors.New(inv.say(msgQueueMetric, text.Cut(text.OneLine(inv.alert.Annotations[queueAnnotation]), maxQueueName)))
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
		inv.readWhole(ctx, view)
		return view, nil
	}
	return nil, errors.Join(errs...)
}

// chooseView picks the view that the alert is about. Of an alternative that held when the alert fired it is the condition that began to
// be met last, for that made it hold; of several that held it is the alternative that began to hold when the alert began. Without any
// it is the first that has data and is no mere guard.
func (inv *investigation) chooseView(list []candidate, views []*signalView) *signalView {
	var best *signalView
	for first := 0; first < len(list); {
		behind := first
		for behind < len(list) && list[behind].alternative == list[first].alternative {
			behind++
		}
		if own := views[first:behind]; inv.hold(own) {
			last := own[0]
			for _, v := range own[1:] {
				if inv.isLater(v, last) {
					last = v
				}
			}
			if best == nil || inv.fromOnset(best)-inv.fromOnset(last) > inv.tolerance(best, last) {
				best = last
			}
		}
		first = behind
	}
	if best != nil {
		return best
	}
	return fallbackView(views)
}

// fallbackView returns the first view that has data and is no mere guard, or the first that has data, or the first.
func fallbackView(views []*signalView) *signalView {
	var some, first *signalView
	for _, v := range views {
		switch {
		case v == nil:
			continue
		case first == nil:
			first = v
		}
		if len(v.lines) > 0 && (some == nil || isGuard(some.condition) && !isGuard(v.condition)) {
			some = v
		}
	}
	if some != nil {
		return some
	}
	return first
}

// fromOnset returns how far from the alert's onset a condition began to be met.
func (inv *investigation) fromOnset(v *signalView) time.Duration {
	since, _ := v.metSince(inv.judged)
	return since.Sub(inv.onset).Abs()
}

// tolerance is how far apart two conditions may begin to be met and still do so at once: what looks back over a range comes late.
func (inv *investigation) tolerance(a, b *signalView) time.Duration {
	return max(2*a.step, 2*b.step, min(inv.rule.reach, maxTolerance))
}

const maxTolerance = 10 * time.Minute

// hold reports whether all conditions of an alternative were met when the alert fired.
func (inv *investigation) hold(views []*signalView) bool {
	for _, v := range views {
		if v == nil || len(v.lines) == 0 {
			return false
		}
		if since, _ := v.metSince(inv.judged); since.IsZero() {
			return false
		}
	}
	return true
}

// isLater reports whether a condition began to be met later than another; of two that did at once, one that is no mere guard counts.
func (inv *investigation) isLater(v, than *signalView) bool {
	a, _ := v.metSince(inv.judged)
	b, _ := than.metSince(inv.judged)
	if d := a.Sub(b); d.Abs() > inv.tolerance(v, than) {
		return d > 0
	}
	return isGuard(than.condition) && !isGuard(v.condition)
}

// isGuard reports whether a condition is of the kind that guards another: that there is something, or that a state is given.
func isGuard(c promql.Condition) bool {
	limit, fixed := c.Limit()
	return c.Op == parser.EQLC || c.Op == 0 || fixed && limit == 0
}
