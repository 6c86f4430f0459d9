package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"
)

const (
	maxAlternatives = 3  // of an expression with "or"
	maxLines        = 30 // of a chart; the chart itself sums up what is too much for the eye
	fewPoints       = 60 // a series this short is asked for again by finer steps
)

// signal shows what the alert's expression compares with its threshold, over time.
func signal(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	items, err := q.signalOf(ctx)
	for _, a := range q.others() {
		other := q.turnedTo(ctx, a)
		more, otherErr := other.signalOf(ctx)
		for i := range more {
			more[i].Title = other.say(sayTitleOf, more[i].Title, cut(a.Name(), 80))
		}
		items = append(items, more...)
		if otherErr != nil {
			q.log.WarnContext(ctx, "the signal of another alert of the group could not be looked up", "err", otherErr)
		}
	}
	return items, err
}

// signalOf shows the signal of the alert looked at.
func (q *inquiry) signalOf(ctx context.Context) ([]incident.Evidence, error) {
	view, err := q.view(ctx)
	if err != nil {
		return nil, err
	}
	return []incident.Evidence{q.describe(view)}, nil
}

// view looks at the first of the rule's conditions that has data of the incident's alerts, or else at the first.
func (q *inquiry) view(ctx context.Context) (*signalView, error) {
	if q.rule == nil {
		if errors.Is(q.ruleErr, errNotListed) {
			return nil, errors.New(q.say(sayNoRule))
		}
		return nil, q.ruleErr
	}
	var view *signalView
	for i, c := range q.rule.conditions {
		if i == maxAlternatives {
			break
		}
		v, err := q.look(ctx, c)
		if err != nil {
			return nil, err
		}
		if view == nil || len(v.lines) > 0 {
			view = v
		}
		if len(v.lines) > 0 {
			break
		}
	}
	return view, nil
}

// signalView is a signal over time: the lines of the incident's alerts, that of the alert looked at first.
type signalView struct {
	condition  promql.Condition
	query      string
	unit       promql.Unit
	start, end time.Time
	step       time.Duration
	lines      []*model.SampleStream
	limit      *float64            // a constant threshold, or what it was when the alert fired
	moving     *model.SampleStream // the threshold over time where it is not a constant
}

// look asks for the signal of one condition.
func (q *inquiry) look(ctx context.Context, c promql.Condition) (*signalView, error) {
	value := c.Value
	if inner := promql.CountPresent(value); inner != nil {
		value = inner
		c.Op, c.Threshold = parser.LSS, &parser.NumberLiteral{Val: 1}
	}
	if k, err := q.known(); err == nil { // else it is only more than is needed
		value = promql.Narrow(value, q.common(), k)
	}
	v := &signalView{condition: c, query: value.String(), unit: promql.UnitOf(value), start: q.start, end: q.end, step: q.step}
	matrix, err := q.prom.Range(ctx, v.query, v.start, v.end, v.step)
	if err != nil {
		return nil, err
	}
	if start, step, finer := finer(matrix, v.start, v.end, v.step); finer {
		if again, err := q.prom.Range(ctx, v.query, start, v.end, step); err == nil {
			matrix, v.start, v.step = again, start, step
		}
	}
	v.lines = q.ofOurAlerts(matrix)
	if err := q.readLimit(ctx, v, q.fired); err != nil {
		return nil, err
	}
	return v, nil
}

// readLimit sets the threshold of a view that has lines: the constant, or what it was over time and at a time.
func (q *inquiry) readLimit(ctx context.Context, v *signalView, at time.Time) error {
	if len(v.lines) == 0 || v.condition.Threshold == nil {
		return nil
	}
	if limit, ok := v.condition.Limit(); ok {
		v.limit = &limit
		return nil
	}
	thresholds, err := q.prom.Range(ctx, v.condition.Threshold.String(), v.start, v.end, v.step)
	if err != nil {
		return fmt.Errorf("asking for the threshold: %w", err)
	}
	if len(thresholds) == 1 {
		v.moving = thresholds[0]
	} else if lines := q.ofOurAlerts(thresholds); len(lines) > 0 {
		v.moving = lines[0]
	}
	if v.moving != nil {
		if i := lastUntil(v.moving.Values, at); i >= 0 {
			limit := float64(v.moving.Values[i].Value)
			v.limit = &limit
		}
	}
	return nil
}

// finer proposes finer steps where the data begin so late in the window that the usual steps show little of them.
func finer(m model.Matrix, start, end time.Time, step time.Duration) (time.Time, time.Duration, bool) {
	first := end
	for _, s := range m {
		if len(s.Values) > 0 && s.Values[0].Timestamp.Time().Before(first) {
			first = s.Values[0].Timestamp.Time()
		}
	}
	if len(m) == 0 || step <= time.Second || end.Sub(first)/step >= fewPoints {
		return start, step, false
	}
	first = first.Add(-step)
	fine := niceStep(end.Sub(first) / steps)
	return first, fine, fine < step
}

// ofOurAlerts returns the series that an alert of the incident with this name stands for, at most maxLines; those of
// the alert looked at come first. Series of other things that the expression covers are left out.
func (q *inquiry) ofOurAlerts(m model.Matrix) []*model.SampleStream {
	var lines []*model.SampleStream
	for _, a := range q.siblings() {
		for _, s := range m {
			if len(s.Values) > 0 && q.standsFor(a, s.Metric) && !slices.Contains(lines, s) {
				lines = append(lines, s)
			}
		}
	}
	return lines[:min(len(lines), maxLines)]
}

// standsFor reports whether nothing in a series' labels contradicts the alert's. Labels that the rule sets hide those
// of the series, and relabelling may have dropped some.
func (q *inquiry) standsFor(a incident.Alert, metric model.Metric) bool {
	for name, value := range metric {
		if name == model.MetricNameLabel {
			continue
		}
		if q.rule != nil {
			if _, set := q.rule.labels[string(name)]; set {
				continue
			}
		}
		if have, there := a.Labels[string(name)]; there && have != string(value) {
			return false
		}
	}
	return true
}

// lastUntil returns the index of the last value at or before t, or -1.
func lastUntil(values []model.SamplePair, t time.Time) int {
	i, _ := slices.BinarySearchFunc(values, model.TimeFromUnixNano(t.UnixNano())+1, func(v model.SamplePair, at model.Time) int {
		return int(v.Timestamp - at)
	})
	return i - 1
}

// between returns the samples from one time to another, both included.
func between(samples []model.SamplePair, from, until time.Time) []model.SamplePair {
	first, behind := lastUntil(samples, from.Add(-time.Millisecond))+1, lastUntil(samples, until)+1
	return samples[first:max(first, behind)]
}
