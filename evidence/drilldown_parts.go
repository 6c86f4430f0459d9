package evidence

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// queryBreakdown asks for the parts by some labels and compares them. Where numerator and denominator have no value of the labels
// in common, since they come from different exporters, each part is held against the whole denominator.
func (inv *investigation) queryBreakdown(ctx context.Context, c promql.Condition, d promql.Drill, by ...string) (breakdown.Breakdown, error) {
	list, form, err := inv.queryParts(ctx, d, by)
	if errors.Is(err, promapi.ErrTooExpensive) && form == promql.FormSum {
		d = d.Sparse()
		list, form, err = inv.queryParts(ctx, d, by)
	}
	if err != nil {
		return breakdown.Breakdown{}, err
	}
	if form == promql.FormRatio && disjoint(list) {
		d = d.OverWhole()
		if list, form, err = inv.queryParts(ctx, d, by); err != nil {
			return breakdown.Breakdown{}, err
		}
	}
	direction := 0.
	if up, known := c.Rises(); known {
		if direction = -float64(d.Sign); up {
			direction = float64(d.Sign)
		}
	}
	b := breakdown.Compare(form, by, list, timesOf(inv.drillWindows()), inv.onset, direction)
	b.Drill, b.Unit = d, d.UnitIn(c)
	if form == promql.FormRanked && d.Extreme != 0 {
		b.RankByLevel(c, d.Extreme, inv.until)
	}
	return b, nil
}

// queryLevels asks for what the parts of a ranking were at the time at which the signal's last value is told, so that both are the same.
func (inv *investigation) queryLevels(ctx context.Context, c promql.Condition, b *breakdown.Breakdown) {
	found, err := inv.prom.Instant(ctx, b.Drill.Query(b.By...), inv.levelAt())
	if err != nil {
		return // what the steps tell is close enough
	}
	m := make(model.Matrix, len(found))
	for i, s := range found {
		m[i] = &model.SampleStream{Metric: s.Metric, Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}}
	}
	g := partGrid{
		by: b.By, times: []time.Time{inv.levelAt()}, parts: map[string]*breakdown.Part{}, combine: combineOf(b.Form, b.Drill.Extreme),
	}
	inv.addSeries(g, m, 1, func(p *breakdown.Part) []float64 { return p.Whole })
	levels := make([]float64, len(b.Parts))
	for i, p := range b.Parts {
		levels[i] = g.partFor(metricFromLabels(p.Labels)).Whole[0]
	}
	if slices.ContainsFunc(levels, func(v float64) bool { return !math.IsNaN(v) }) {
		b.RankLevels(c, b.Drill.Extreme, levels)
	}
}

// queryParts asks for the parts by some labels: each term of a sum counts with its factor.
func (inv *investigation) queryParts(ctx context.Context, d promql.Drill, by []string) ([]breakdown.Part, promql.DrillForm, error) {
	queries := d.Parts(by...)
	windows := inv.drillWindows()
	g := partGrid{by: by, times: timesOf(windows), parts: map[string]*breakdown.Part{}, combine: combineOf(queries.Form, d.Extreme)}
	for _, term := range queries.Num {
		m, err := inv.rangeOver(ctx, term.Query, windows)
		if err != nil {
			return nil, queries.Form, err
		}
		inv.addSeries(g, m, term.Factor, func(p *breakdown.Part) []float64 { return p.Whole })
	}
	for _, term := range queries.Den {
		m, err := inv.rangeOver(ctx, term.Query, windows)
		if err != nil {
			return nil, "", err
		}
		inv.addSeries(g, m, term.Factor, func(p *breakdown.Part) []float64 { return p.Base })
	}
	list := make([]breakdown.Part, 0, len(g.parts))
	for _, p := range g.parts {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(x, y breakdown.Part) int { return strings.Compare(labelText(x.Labels), labelText(y.Labels)) })
	return list, queries.Form, nil
}

// partGrid is where the series of parts are put.
type partGrid struct {
	by      []string
	times   []time.Time
	parts   map[string]*breakdown.Part
	combine func(a, b float64) float64 // of several series of a part; NaN stands for none yet
}

// combineOf returns how several series make one part: what adds up is added, of the highest the highest is taken.
func combineOf(form promql.DrillForm, extreme int) func(a, b float64) float64 {
	if form != promql.FormRanked {
		return func(a, b float64) float64 { return orZero(a) + orZero(b) }
	}
	return func(a, b float64) float64 {
		switch {
		case math.IsNaN(a):
			return b
		case extreme < 0:
			return min(a, b)
		}
		return max(a, b)
	}
}

func orZero(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// addSeries sorts series into parts by their values of some labels; what has none of a label is the part without it.
func (inv *investigation) addSeries(g partGrid, m model.Matrix, factor float64, into func(*breakdown.Part) []float64) {
	for _, s := range m {
		own := model.Metric{}
		for name, value := range s.Metric {
			if !slices.Contains(g.by, string(name)) {
				own[name] = value
			}
		}
		if !inv.represents(inv.alert, own) {
			continue
		}
		p := g.partFor(s.Metric)
		values := into(p)
		for _, v := range s.Values {
			i, found := slices.BinarySearchFunc(g.times, v.Timestamp, func(t time.Time, at model.Time) int {
				return int(model.TimeFromUnixNano(t.UnixNano()) - at)
			})
			if found {
				p.There[i] = true
				values[i] = g.combine(values[i], factor*float64(v.Value))
			}
		}
	}
}

func (g partGrid) partFor(metric model.Metric) *breakdown.Part {
	values := make([]string, len(g.by))
	labels := map[string]string{}
	for i, name := range g.by {
		values[i] = string(metric[model.LabelName(name)])
		labels[name] = values[i]
	}
	key := strings.Join(values, "\x00")
	if g.parts[key] == nil {
		p := &breakdown.Part{Labels: labels, Whole: make([]float64, len(g.times)), Base: make([]float64, len(g.times)), There: make([]bool, len(g.times))}
		none := g.combine(math.NaN(), math.NaN())
		for i := range p.Whole {
			p.Whole[i] = none
		}
		g.parts[key] = p
	}
	return g.parts[key]
}

// disjoint reports whether no part has both a numerator and a denominator, though there are both.
func disjoint(list []breakdown.Part) bool {
	num, den := false, false
	for _, p := range list {
		n := slices.ContainsFunc(p.Whole, func(v float64) bool { return v != 0 })
		d := slices.ContainsFunc(p.Base, func(v float64) bool { return v != 0 })
		if n && d {
			return false
		}
		num, den = num || n, den || d
	}
	return num && den
}
