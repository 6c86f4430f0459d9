package evidence

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// toldView returns the signal as it is told: around the onset, at the very moment at which the alert fired, and up to now, in coarser
// steps in between.
func (inv *investigation) toldView(ctx context.Context) (*signalView, error) {
	found, err := inv.signalView(ctx)
	if err != nil {
		return nil, err
	}
	v := *found
	v.more = inv.laterWindows(&v)
	m := make(model.Matrix, len(v.matrix)) // of the view that others share nothing is changed
	for i, s := range v.matrix {
		m[i] = &model.SampleStream{Metric: s.Metric, Values: slices.Clone(s.Values)}
	}
	left, windows := "", v.more
	for i, w := range windows {
		later, err := inv.prom.Range(ctx, v.query, w.start, w.end, w.step)
		switch {
		case err == nil:
			m = joined(m, later)
		case i == len(windows)-1:
			return nil, err // of now nothing would be told
		default:
			inv.log.WarnContext(ctx, "Signal lookup between the onset and now failed, the report says so", "err", err)
			left, v.more = inv.say(msgLeftOpen, formatSpan(w.start, w.end), inv.explain(err)), windows[i+1:]
		}
	}
	if inv.judged.Equal(inv.fired) && len(m) > 0 {
		if at, err := inv.prom.Instant(ctx, v.query, inv.fired); err == nil { // else the nearest step tells
			insertSamples(m, at, inv.fired)
		}
	}
	if err = inv.pickLines(ctx, &v, m); err == nil && len(v.more) > 0 && len(v.lines) > 0 {
		inv.readWhole(ctx, &v)
	}
	if err == nil {
		inv.readLastData(ctx, &v)
	}
	v.doubt += left
	return &v, err
}

// laterWindows are the time between a view of the onset and the last hour, and the last hour.
func (inv *investigation) laterWindows(v *signalView) []timeWindow {
	w := inv.recent
	switch {
	case w.isZero():
		return nil
	case !w.start.After(v.end): // the last hour goes on where the onset ends
		return []timeWindow{windowBy(v.end.Add(w.step), w.end, w.step)}
	}
	return []timeWindow{windowBetween(v.end, w.start, windowSteps), w}
}

// insertSamples puts the values of a moment among those of the same series.
func insertSamples(m model.Matrix, found model.Vector, at time.Time) {
	for _, sample := range found {
		i := slices.IndexFunc(m, func(s *model.SampleStream) bool { return s.Metric.Equal(sample.Metric) })
		if i < 0 {
			continue
		}
		p := model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: sample.Value}
		if j := lastIndexUntil(m[i].Values, at) + 1; j == 0 || m[i].Values[j-1].Timestamp != p.Timestamp {
			m[i].Values = slices.Insert(m[i].Values, j, p)
		}
	}
}

// windows are all that a view covers.
func (v *signalView) windows() []timeWindow {
	return append([]timeWindow{{v.start, v.end, v.step}}, v.more...)
}

// stepAt returns the step by which a view is looked at about a time.
func (v *signalView) stepAt(t time.Time) time.Duration {
	step := v.step
	if !t.After(v.end) {
		return step
	}
	for _, w := range v.more {
		if step = w.step; !t.After(w.end) {
			break
		}
	}
	return step
}

// coarsest returns the longest of a view's steps.
func (v *signalView) coarsest() time.Duration {
	step := v.step
	for _, w := range v.more {
		step = max(step, w.step)
	}
	return step
}

// indexAt returns the index of a line's value at a time: the one of that moment, or else of the step that it is in; -1 for none. Of a
// moment at which the condition is not met yet the step tells: who sends alerts has clocks of his own.
func (v *signalView) indexAt(line []model.SamplePair, at time.Time) int {
	step := v.stepAt(at)
	i := lastIndexUntil(line, at)
	if i >= 0 && line[i].Timestamp == model.TimeFromUnixNano(at.UnixNano()) && v.metAt(line[i]) {
		return i
	}
	i = lastIndexUntil(line, at.Add(step))
	if i < 0 || at.Sub(line[i].Timestamp.Time()) > 3*step {
		return -1
	}
	return i
}

// whileFiring returns the samples up to the end of the alert; all where that leaves none.
func (inv *investigation) whileFiring(line []model.SamplePair) []model.SamplePair {
	until := inv.until
	if !inv.ended.IsZero() {
		until = inv.until.Add(-time.Millisecond) // at its end it does not fire
	}
	if i := lastIndexUntil(line, until); i >= 0 {
		return line[:i+1]
	}
	return line
}
