package evidence

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// queryBreakdown asks for the parts by some labels and compares them. Where numerator and denominator have no value of the labels
// in common, since they come from different exporters, each part is held against the whole denominator.
func (inv *investigation) queryBreakdown(ctx context.Context, c promql.Condition, d promql.Drill, by ...string) (breakdown, error) {
	list, form, err := inv.queryParts(ctx, d, by)
	if errors.Is(err, promapi.ErrTooExpensive) && form == promql.FormSum {
		d = d.Sparse()
		list, form, err = inv.queryParts(ctx, d, by)
	}
	if err != nil {
		return breakdown{}, err
	}
	if form == promql.FormRatio && disjoint(list) {
		d = d.OverWhole()
		if list, form, err = inv.queryParts(ctx, d, by); err != nil {
			return breakdown{}, err
		}
	}
	direction := 0.
	if up, known := c.Rises(); known {
		if direction = -float64(d.Sign); up {
			direction = float64(d.Sign)
		}
	}
	_, times, _ := inv.drillGrid()
	b := compareParts(form, by, list, times, inv.onset, direction)
	b.drill, b.unit = d, d.UnitIn(c)
	if form == promql.FormRanked && d.Extreme != 0 {
		b.rankByLevel(c, d.Extreme, inv.fired)
	}
	return b, nil
}

// queryLevels asks for what the parts of a ranking were at the time at which the signal's value is told, so that both are the same.
func (inv *investigation) queryLevels(ctx context.Context, c promql.Condition, b *breakdown) {
	found, err := inv.prom.Instant(ctx, b.drill.Query(b.by...), inv.valueAt)
	if err != nil {
		return // what the steps tell is close enough
	}
	m := make(model.Matrix, len(found))
	for i, s := range found {
		m[i] = &model.SampleStream{Metric: s.Metric, Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}}
	}
	g := partGrid{
		by: b.by, start: inv.valueAt, step: time.Hour, n: 1, parts: map[string]*part{}, combine: combineOf(b.form, b.drill.Extreme),
	}
	inv.addSeries(g, m, 1, func(p *part) []float64 { return p.whole })
	levels := make([]float64, len(b.parts))
	for i, p := range b.parts {
		levels[i] = g.partFor(metricFromLabels(p.labels)).whole[0]
	}
	if slices.ContainsFunc(levels, func(v float64) bool { return !math.IsNaN(v) }) {
		b.rankLevels(c, b.drill.Extreme, levels)
	}
}

// queryParts asks for the parts by some labels: each term of a sum counts with its factor.
func (inv *investigation) queryParts(ctx context.Context, d promql.Drill, by []string) ([]part, promql.DrillForm, error) {
	queries := d.Parts(by...)
	start, times, step := inv.drillGrid()
	g := partGrid{by: by, start: start, step: step, n: len(times), parts: map[string]*part{}, combine: combineOf(queries.Form, d.Extreme)}
	for _, term := range queries.Num {
		m, err := inv.prom.Range(ctx, term.Query, start, inv.end, step)
		if err != nil {
			return nil, queries.Form, err
		}
		inv.addSeries(g, m, term.Factor, func(p *part) []float64 { return p.whole })
	}
	for _, term := range queries.Den {
		m, err := inv.prom.Range(ctx, term.Query, start, inv.end, step)
		if err != nil {
			return nil, "", err
		}
		inv.addSeries(g, m, term.Factor, func(p *part) []float64 { return p.base })
	}
	list := make([]part, 0, len(g.parts))
	for _, p := range g.parts {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(x, y part) int { return strings.Compare(labelText(x.labels), labelText(y.labels)) })
	return list, queries.Form, nil
}

// partGrid is where the series of parts are put.
type partGrid struct {
	by      []string
	start   time.Time
	step    time.Duration
	n       int
	parts   map[string]*part
	combine func(a, b float64) float64 // of several series of a part; NaN stands for none yet
}

// combineOf returns how several series make one part: what adds up is added, of the highest the highest is taken.
func combineOf(form promql.DrillForm, extreme int) func(a, b float64) float64 {
	if form != promql.FormRanked {
		return func(a, b float64) float64 { return finiteOrZero(a) + finiteOrZero(b) }
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

// addSeries sorts series into parts by their values of some labels; what has none of a label is the part without it.
func (inv *investigation) addSeries(g partGrid, m model.Matrix, factor float64, into func(*part) []float64) {
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
			if i := int(v.Timestamp.Time().Sub(g.start) / g.step); i >= 0 && i < g.n {
				p.there[i] = true
				values[i] = g.combine(values[i], factor*float64(v.Value))
			}
		}
	}
}

func (g partGrid) partFor(metric model.Metric) *part {
	values := make([]string, len(g.by))
	labels := map[string]string{}
	for i, name := range g.by {
		values[i] = string(metric[model.LabelName(name)])
		labels[name] = values[i]
	}
	key := strings.Join(values, "\x00")
	if g.parts[key] == nil {
		p := &part{labels: labels, whole: make([]float64, g.n), base: make([]float64, g.n), there: make([]bool, g.n)}
		none := g.combine(math.NaN(), math.NaN())
		for i := range p.whole {
			p.whole[i] = none
		}
		g.parts[key] = p
	}
	return g.parts[key]
}

// disjoint reports whether no part has both a numerator and a denominator, though there are both.
func disjoint(list []part) bool {
	num, den := false, false
	for _, p := range list {
		n := slices.ContainsFunc(p.whole, func(v float64) bool { return v != 0 })
		d := slices.ContainsFunc(p.base, func(v float64) bool { return v != 0 })
		if n && d {
			return false
		}
		num, den = num || n, den || d
	}
	return num && den
}
