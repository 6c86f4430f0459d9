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
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxAlternatives = 3  // of an expression with "or"
	maxLines        = 30 // of a chart; the chart itself sums up what is too much for the eye
	minPoints       = 60 // a series this short is asked for again by finer steps
)

// collectSignal shows what the alert's expression compares with its threshold, over time.
func collectSignal(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	items, err := inv.signalItems(ctx)
	for _, a := range inv.otherNamedAlerts() {
		other := inv.forAlert(ctx, a)
		more, otherErr := other.signalItems(ctx)
		for i := range more {
			more[i].Title = other.say(msgTitleOf, more[i].Title, text.Cut(a.Name(), 80))
		}
		items = append(items, more...)
		if otherErr != nil {
			inv.log.WarnContext(ctx, "Signal lookup for another alert of the group failed, the report leaves it out", "err", otherErr)
		}
	}
	return items, err
}

// signalItems shows the signal of the alert looked at.
func (inv *investigation) signalItems(ctx context.Context) ([]incident.Evidence, error) {
	view, err := inv.signalView(ctx)
	if err != nil {
		return nil, err
	}
	return []incident.Evidence{inv.signalItem(view)}, nil
}

// signalView looks at the first of the rule's conditions that has data of the incident's alerts, or else at the first.
func (inv *investigation) signalView(ctx context.Context) (*signalView, error) {
	if inv.rule == nil {
		if errors.Is(inv.ruleErr, errNotListed) {
			return nil, errors.New(inv.say(msgNoRule))
		}
		return nil, inv.ruleErr
	}
	var view *signalView
	for i, c := range inv.rule.conditions {
		if i == maxAlternatives {
			break
		}
		v, err := inv.conditionView(ctx, c)
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
	condition   promql.Condition
	query       string
	unit        promql.Unit
	start, end  time.Time
	step        time.Duration
	lines       []*model.SampleStream
	limit       *float64            // a constant threshold, or what it was when the alert fired
	movingLimit *model.SampleStream // the threshold over time where it is not a constant
}

// conditionView asks for the signal of one condition.
func (inv *investigation) conditionView(ctx context.Context, c promql.Condition) (*signalView, error) {
	value := c.Value
	if inner := promql.CountPresent(value); inner != nil {
		value = inner
		c.Op, c.Threshold = parser.LSS, &parser.NumberLiteral{Val: 1}
	}
	if k, err := inv.knownLabels(); err == nil { // else it is only more than is needed
		value = promql.Narrow(value, inv.sharedTargetLabels(), k)
	}
	v := &signalView{condition: c, query: value.String(), unit: promql.UnitOf(value), start: inv.start, end: inv.end, step: inv.step}
	matrix, err := inv.prom.Range(ctx, v.query, v.start, v.end, v.step)
	if err != nil {
		return nil, err
	}
	if start, step, finer := finerSteps(matrix, v.start, v.end, v.step); finer {
		if again, err := inv.prom.Range(ctx, v.query, start, v.end, step); err == nil {
			matrix, v.start, v.step = again, start, step
		}
	}
	v.lines = inv.incidentLines(matrix)
	if err := inv.readLimit(ctx, v, inv.fired); err != nil {
		return nil, err
	}
	return v, nil
}

// readLimit sets the threshold of a view that has lines: the constant, or what it was over time and at a time.
func (inv *investigation) readLimit(ctx context.Context, v *signalView, at time.Time) error {
	if len(v.lines) == 0 || v.condition.Threshold == nil {
		return nil
	}
	if limit, ok := v.condition.Limit(); ok {
		v.limit = &limit
		return nil
	}
	thresholds, err := inv.prom.Range(ctx, v.condition.Threshold.String(), v.start, v.end, v.step)
	if err != nil {
		return fmt.Errorf("querying threshold: %w", err)
	}
	if len(thresholds) == 1 {
		v.movingLimit = thresholds[0]
	} else if lines := inv.incidentLines(thresholds); len(lines) > 0 {
		v.movingLimit = lines[0]
	}
	if v.movingLimit != nil {
		if i := lastIndexUntil(v.movingLimit.Values, at); i >= 0 {
			limit := float64(v.movingLimit.Values[i].Value)
			v.limit = &limit
		}
	}
	return nil
}

// finerSteps proposes finer steps where the data begin so late in the window that the usual steps show little of them.
func finerSteps(m model.Matrix, start, end time.Time, step time.Duration) (time.Time, time.Duration, bool) {
	first := end
	for _, s := range m {
		if len(s.Values) > 0 && s.Values[0].Timestamp.Time().Before(first) {
			first = s.Values[0].Timestamp.Time()
		}
	}
	if len(m) == 0 || step <= time.Second || end.Sub(first)/step >= minPoints {
		return start, step, false
	}
	first = first.Add(-step)
	fine := niceStep(end.Sub(first) / windowSteps)
	return first, fine, fine < step
}

// incidentLines returns the series that an alert of the incident with this name stands for, at most maxLines; those of
// the alert looked at come first. Series of other things that the expression covers are left out.
func (inv *investigation) incidentLines(m model.Matrix) []*model.SampleStream {
	var lines []*model.SampleStream
	for _, a := range inv.sameNameAlerts() {
		for _, s := range m {
			if len(s.Values) > 0 && inv.represents(a, s.Metric) && !slices.Contains(lines, s) {
				lines = append(lines, s)
			}
		}
	}
	return lines[:min(len(lines), maxLines)]
}

// represents reports whether nothing in a series' labels contradicts the alert's. Labels that the rule sets hide those
// of the series, and relabeling may have dropped some.
func (inv *investigation) represents(a incident.Alert, metric model.Metric) bool {
	for name, value := range metric {
		if name == model.MetricNameLabel {
			continue
		}
		if inv.rule != nil {
			if _, set := inv.rule.labels[string(name)]; set {
				continue
			}
		}
		if have, there := a.Labels[string(name)]; there && have != string(value) {
			return false
		}
	}
	return true
}

// lastIndexUntil returns the index of the last value at or before t, or -1.
func lastIndexUntil(values []model.SamplePair, t time.Time) int {
	i, _ := slices.BinarySearchFunc(values, model.TimeFromUnixNano(t.UnixNano())+1, func(v model.SamplePair, at model.Time) int {
		return int(v.Timestamp - at)
	})
	return i - 1
}

// samplesBetween returns the samples from one time to another, both included.
func samplesBetween(samples []model.SamplePair, from, until time.Time) []model.SamplePair {
	first, behind := lastIndexUntil(samples, from.Add(-time.Millisecond))+1, lastIndexUntil(samples, until)+1
	return samples[first:max(first, behind)]
}
