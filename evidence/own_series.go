package evidence

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
)

var (
	msgSeveralFit = message{
		" %[1]d series fit the alert's labels and met the condition when it fired; which of them is the alert's is unknown, all are shown.",
		"有 %[1]d 条序列与告警标签匹配且触发时满足条件，无法确定哪一条属于本告警，已全部列出。",
	}
	msgNoneFits = message{
		" No series has the alert's labels: the rule or relabeling may have changed them. Shown: the series that met the condition when it fired (%[1]d of %[2]d).",
		"没有与告警标签匹配的序列：标签可能被规则或 relabel 配置修改。以下为触发时满足条件的序列（%[2]d 条中的 %[1]d 条）。",
	}
	msgOnlySiblings = message{
		" No series has the labels of the alert looked at: these are of the incident's other alerts.",
		"没有与所查告警标签匹配的序列，以下为本事件其他告警的序列。",
	}
	msgNoneMet = message{
		" %[1]d series fit the alert's labels, and none met the condition when it fired; which of them is the alert's is unknown.",
		"有 %[1]d 条序列与告警标签匹配，但触发时均不满足条件，无法确定哪一条属于本告警。",
	}
)

// pickLines sets the lines of a view: those that the incident's alerts stand for, that of the alert looked at first. Series of
// other things that the expression covers are left out.
func (inv *investigation) pickLines(ctx context.Context, v *signalView, m model.Matrix) error {
	m = slices.DeleteFunc(m, func(s *model.SampleStream) bool { return len(s.Values) == 0 })
	v.matrix, v.lines, v.own, v.doubt = m, nil, nil, ""
	if len(m) == 0 {
		return nil
	}
	if err := inv.readLimit(ctx, v, inv.judged); err != nil {
		return err
	}
	v.lines = inv.ownLines(ctx, v, m)
	missing := len(v.lines) == 0
	for _, a := range inv.sameNameAlerts()[1:] {
		fit := inv.linesOf(a, m)
		if met := v.metAtFiring(fit, a.Began()); len(met) > 0 {
			fit = met
		}
		for _, s := range fit {
			if !slices.Contains(v.lines, s) && (v.own != nil || len(v.lines) == 0) {
				v.lines = append(v.lines, s)
			}
		}
	}
	v.lines = v.lines[:min(len(v.lines), maxLines)]
	if missing && len(v.lines) > 0 {
		v.doubt = inv.say(msgOnlySiblings)
	}
	return nil
}

// ownLines returns the line of the alert looked at: of those that contradict none of its labels the one that met the condition
// when it fired. Where that isn't one, the rule's active alerts may tell; else all that met it are shown, with a word of doubt.
func (inv *investigation) ownLines(ctx context.Context, v *signalView, m model.Matrix) []*model.SampleStream {
	fit := inv.linesOf(inv.alert, m)
	met := v.metAtFiring(fit, inv.judged)
	if v.original.Inside != nil && len(fit) > 0 { // the alert's is an aggregation of these
		return inv.firstMet(v, met, fit)
	}
	line := inv.certainLine(fit, met)
	if line == nil {
		line = inv.activeLine(ctx, m)
	}
	switch {
	case line != nil:
		v.own = line.Metric
		return []*model.SampleStream{line}
	case len(met) > 0:
		v.doubt = inv.say(msgSeveralFit, len(met))
		return met
	case len(fit) > 0:
		v.doubt = inv.say(msgNoneMet, len(fit))
		return fit
	}
	if met = v.metAtFiring(m, inv.judged); len(met) > 0 && inv.mayBeRenamed(m) {
		v.doubt = inv.say(msgNoneFits, len(met), len(m))
		return met
	}
	return nil
}

// firstMet returns those lines that met the condition, the first to do so first; without any all.
func (inv *investigation) firstMet(v *signalView, met, all []*model.SampleStream) []*model.SampleStream {
	if len(met) == 0 {
		return all
	}
	slices.SortStableFunc(met, func(a, b *model.SampleStream) int {
		sinceA, _ := v.lineMetSince(a.Values, inv.judged)
		sinceB, _ := v.lineMetSince(b.Values, inv.judged)
		return sinceA.Compare(sinceB)
	})
	return met
}

// certainLine returns the one line that can be the alert's: the only one that fits its labels, or the only one of these that met
// the condition.
func (inv *investigation) certainLine(fit, met []*model.SampleStream) *model.SampleStream {
	switch {
	case len(met) == 1:
		return met[0]
	case len(fit) == 1 && len(inv.rule.active) == 0:
		return fit[0]
	case len(fit) == 1 && len(met) == 0 && inv.activeAlert() == nil:
		return fit[0]
	}
	return nil
}

// mayBeRenamed reports whether the alert has a label of the series with a value that none of them has.
func (inv *investigation) mayBeRenamed(m model.Matrix) bool {
	for name, value := range inv.targetLabels() {
		there, same := false, false
		for _, s := range m {
			have, ok := s.Metric[model.LabelName(name)]
			there, same = there || ok, same || string(have) == value
		}
		if there && !same {
			return true
		}
	}
	return false
}

// linesOf returns the series that contradict none of an alert's labels.
func (inv *investigation) linesOf(a incident.Alert, m model.Matrix) []*model.SampleStream {
	var out []*model.SampleStream
	for _, s := range m {
		if inv.represents(a, s.Metric) {
			out = append(out, s)
		}
	}
	return out
}

// metAtFiring returns the lines that met the condition when an alert fired.
func (v *signalView) metAtFiring(lines []*model.SampleStream, fired time.Time) []*model.SampleStream {
	var out []*model.SampleStream
	for _, s := range lines {
		if i := v.indexAt(s.Values, fired); i >= 0 && v.metAt(s.Values[i]) {
			out = append(out, s)
		}
	}
	return out
}

// activeLine returns the series of the rule's active alert that this one is: it has its labels as they were before relabeling, and
// its value. It is nil where that isn't certain.
func (inv *investigation) activeLine(ctx context.Context, m model.Matrix) *model.SampleStream {
	active := inv.activeAlert()
	if active == nil {
		return nil
	}
	labels := map[string]string{}
	for name, value := range active.Labels {
		if _, set := inv.rule.labels[string(name)]; !set && name != model.AlertNameLabel {
			labels[string(name)] = string(value)
		}
	}
	switch fit := agreeing(labels, m); len(fit) {
	case 0:
		return nil
	case 1:
		return fit[0]
	default:
		return inv.lineOfValue(ctx, fit, active)
	}
}

// lineOfValue picks, of several series, the one that had an active alert's value when the rule was evaluated.
func (inv *investigation) lineOfValue(ctx context.Context, fit []*model.SampleStream, active *promv1.Alert) *model.SampleStream {
	value, err := strconv.ParseFloat(active.Value, 64)
	if err != nil || inv.rule.evaluated.IsZero() {
		return nil
	}
	found, err := inv.prom.Instant(ctx, inv.rule.query, inv.rule.evaluated)
	if err != nil {
		return nil
	}
	found = slices.DeleteFunc(found, func(s *model.Sample) bool {
		return math.Abs(float64(s.Value)-value) > 1e-6*math.Abs(value)
	})
	if len(found) != 1 {
		return nil
	}
	if same := agreeing(seriesLabels(found[0].Metric), fit); len(same) == 1 {
		return same[0]
	}
	return nil
}

// activeAlert returns which of the rule's active alerts the one looked at is; nil where that isn't certain. Labels may have been
// changed since: it is the one with which it shares most, of those that began to fire when it did.
func (inv *investigation) activeAlert() *promv1.Alert {
	var best *promv1.Alert
	most, ties := 0, 0
	for _, a := range inv.rule.active {
		shared := 0
		for name, value := range a.Labels {
			if have := inv.alert.Labels[string(name)]; have == string(value) || have != "" && have == hostOf(string(value)) {
				shared++ // a port is the first thing to be taken off
			}
		}
		if inv.fired.Sub(a.ActiveAt.Add(inv.rule.hold)).Abs() > 2*time.Minute {
			continue
		}
		switch {
		case best == nil || shared > most:
			best, most, ties = a, shared, 1
		case shared == most:
			ties++
		}
	}
	if ties != 1 {
		return nil
	}
	return best
}

// agreeing returns the series whose labels are the given ones, as far as both have them.
func agreeing(labels map[string]string, m []*model.SampleStream) []*model.SampleStream {
	var out []*model.SampleStream
	for _, s := range m {
		fits := true
		for name, value := range s.Metric {
			have, there := labels[string(name)]
			fits = fits && (!there || name == model.MetricNameLabel || have == string(value))
		}
		if fits {
			out = append(out, s)
		}
	}
	return out
}

// valuedAt returns the investigation with the time of a signal's last value.
func (inv *investigation) valuedAt(v *signalView) *investigation {
	if len(v.lines) == 0 || !inv.recent.isZero() {
		return inv
	}
	line := inv.whileFiring(v.lines[0].Values)
	other := *inv
	other.valueAt = line[len(line)-1].Timestamp.Time().UTC()
	return &other
}

// asSeries returns the investigation of the alert under the labels of its series: what it lost on the way here is there again, and
// what was changed is as it was.
func (inv *investigation) asSeries(v *signalView) *investigation {
	if v == nil || v.own == nil || v.original.Inside != nil {
		return inv
	}
	other, known := *inv, *inv.rule
	other.alert.Labels, known.labels = maps.Clone(inv.alert.Labels), maps.Clone(inv.rule.labels)
	for name, value := range v.own {
		if name != model.MetricNameLabel {
			other.alert.Labels[string(name)] = string(value)
			delete(known.labels, string(name))
		}
	}
	other.rule = &known
	return &other
}
