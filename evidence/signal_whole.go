package evidence

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgOtherPartOver = message{
		" The value itself still meets the threshold, but another part of the rule's expression is not met.",
		"当前值本身仍达到阈值，但规则表达式的其他部分已不满足。",
	}
	msgOtherPartMet = message{
		" From %s on it was met by another part of the rule's expression, not by this value.",
		"%s 起由规则表达式的其他部分满足，而非该值。",
	}
)

// readWhole asks, of a rule with more parts than the condition that a view shows, when the rule's whole expression had a value for the
// alert's series: that the condition was met all along says nothing while another part kept the expression without a value, and that it
// is met no more says nothing while another part is enough.
func (inv *investigation) readWhole(ctx context.Context, v *signalView) {
	v.whole = nil
	single := v.original.Inside == nil && promql.CountPresent(v.original.Value) == nil // else it is of other series than the line
	if !inv.rule.excludes() && (!single || !inv.rule.severalParts()) || len(v.lines) == 0 {
		return
	}
	m, err := inv.rangeOver(ctx, inv.rule.query, v.windows())
	if err != nil {
		inv.log.WarnContext(ctx, "Lookup of the rule's whole expression failed, its condition alone is told", "err", err)
		return
	}
	fit := inv.linesOf(inv.alert, m)
	if v.own != nil {
		fit = agreeing(seriesLabels(v.own), fit)
	}
	if len(fit) == 0 || !sameButName(fit) {
		return
	}
	had := map[model.Time]bool{}
	for _, s := range fit { // the parts that are enough by themselves may have names of their own
		for _, p := range s.Values {
			had[p.Timestamp] = true
		}
	}
	if single {
		v.whole = had
	}
	var line []model.SamplePair
	for _, at := range slices.Sorted(maps.Keys(had)) {
		line = append(line, model.SamplePair{Timestamp: at})
	}
	whole := signalView{start: v.start, end: v.end, step: v.step, more: v.more}
	if since, always := whole.lineMetSince(line, inv.judged); !always {
		v.freeSince = since
	}
}

// sameButName reports whether series differ in nothing but their metrics' names.
func sameButName(list []*model.SampleStream) bool {
	for _, s := range list[1:] {
		a, b := s.Metric.Clone(), list[0].Metric.Clone()
		delete(a, model.MetricNameLabel)
		delete(b, model.MetricNameLabel)
		if !a.Equal(b) {
			return false
		}
	}
	return true
}

// firesAt reports whether the rule's expression had a value at the time of a sample, as far as is known, or else whether its condition was
// met. Between steps the condition tells.
func (v *signalView) firesAt(p model.SamplePair) bool {
	if v.whole == nil || !v.atStep(p.Timestamp.Time()) {
		return v.metAt(p)
	}
	return v.whole[p.Timestamp]
}

// atStep reports whether a time is one of those that a view is looked at by.
func (v *signalView) atStep(t time.Time) bool {
	for _, w := range v.windows() {
		if !t.Before(w.start) && !t.After(w.end) && t.Sub(w.start)%w.step == 0 {
			return true
		}
	}
	return false
}

// repeats reports whether what a view shows may go on for a while behind its data, for a server repeats a value whose end it was not told.
func (inv *investigation) repeats(v *signalView) bool {
	return !inv.rule.foreign() && v.condition.Value != nil && promql.LongestRange(v.condition.Value) == 0
}

// readLastData sets, of a line that ends before it should, when its last sample is, where a series tells.
func (inv *investigation) readLastData(ctx context.Context, v *signalView) {
	if len(v.lines) == 0 || !inv.repeats(v) {
		return
	}
	line := inv.whileFiring(v.lines[0].Values)
	last := line[len(line)-1].Timestamp.Time()
	sel, plain := promql.Unparen(v.condition.Value).(*parser.VectorSelector)
	if !plain || sel.OriginalOffset != 0 || sel.Timestamp != nil || sel.StartOrEnd != 0 || inv.until.Sub(last) <= 2*v.stepAt(inv.until) {
		return
	}
	within := stretch{last.Add(-lookback - time.Second), last}
	held := inv.readHeld(ctx, sel.String(), []stretch{within}, last)
	for _, p := range held.of(v.lines[0].Metric, within.after, within.until) {
		v.lastData = later(v.lastData, p.Timestamp.Time().UTC())
	}
}
