package promql

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// UnitBase is what a number counts.
type UnitBase string

// The bases that are told apart; UnitNone is a number of which nothing is known.
const (
	UnitNone    UnitBase = ""
	UnitCount   UnitBase = "count"
	UnitRatio   UnitBase = "ratio"
	UnitPercent UnitBase = "percent"
	UnitSeconds UnitBase = "seconds"
	UnitBytes   UnitBase = "bytes"
	UnitInstant UnitBase = "instant" // a point in time, in seconds since 1970
)

// Unit is the guessed unit of an expression. Where there is doubt it is UnitNone: no unit is better than a wrong one.
type Unit struct {
	Base      UnitBase
	PerSecond bool // per second
}

// Chart returns the unit as charts have it.
func (u Unit) Chart() string {
	switch {
	case u.PerSecond:
		return ""
	case u.Base == UnitRatio:
		return "%"
	case u.Base == UnitSeconds:
		return "s"
	case u.Base == UnitBytes:
		return "bytes"
	}
	return ""
}

// maxRatio is the highest threshold that anybody would set for a ratio; a higher one is that of a number without a unit,
// or of a percentage.
const maxRatio = 10

// UnitOf guesses the unit of an expression from the conventions of metric names and the arithmetic on them.
func UnitOf(e parser.Expr) Unit { return measureOf(e).unit() }

// Unit guesses the unit of a condition's value: its threshold tells a percentage from a ratio.
func (c Condition) Unit() Unit {
	m := measureOf(c.Value)
	u := m.unit()
	limit, ok := c.Limit()
	switch {
	case u.Base != UnitRatio || !ok:
		return u
	case m.named && (limit > 1.5 || limit < -1.5):
		return Unit{Base: UnitPercent} // a metric that is called a ratio and counts up to 100
	case limit > maxRatio || limit < -maxRatio:
		return Unit{}
	}
	return u
}

// measure is what is known of the numbers of an expression.
type measure struct {
	of     Unit
	factor float64 // by which they were multiplied
	metric string  // the one metric that they are made of; "" for none, mixed for several
	counts string  // what a count is a count of: a metric; "" for anything
	spread bool    // how far they lie apart: what is divided by it is a number of deviations
	named  bool    // it is a metric that is called a ratio
	number bool    // it is a number

	observed UnitBase // of a histogram's buckets: what was observed
}

// mixed stands for several metrics.
const mixed = "\x00"

// unit applies the factor: what that makes of a unit is known for ratios alone.
func (m measure) unit() Unit {
	switch f := m.factor; {
	case f == 1 || f == -1:
		return m.of
	case m.of.Base == UnitRatio && (f == 100 || f == -100):
		return Unit{Base: UnitPercent}
	case m.of.Base == UnitPercent && (f > .0099 && f < .0101 || f < -.0099 && f > -.0101):
		return Unit{Base: UnitRatio}
	case m.of.Base == UnitCount && !m.of.PerSecond:
		return m.of
	}
	return Unit{}
}

// measureOf measures an expression in one pass from its selectors outwards.
func measureOf(e parser.Expr) measure {
	none := measure{factor: 1}
	switch e := Unparen(e).(type) {
	case *parser.NumberLiteral:
		return measure{factor: 1, number: true}
	case *parser.VectorSelector:
		u := UnitOfMetric(e.Name)
		if strings.HasSuffix(e.Name, "_bucket") { // it counts
			return measure{factor: 1, metric: e.Name, observed: u.Base}
		}
		return measure{of: u, factor: 1, metric: e.Name, named: u.Base == UnitRatio}
	case *parser.MatrixSelector:
		return measureOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return measureOf(e.Expr)
	case *parser.UnaryExpr:
		m := measureOf(e.Expr)
		if e.Op == parser.SUB {
			m.factor = -m.factor
		}
		return m
	case *parser.AggregateExpr:
		m := measureOf(e.Expr)
		switch e.Op {
		case parser.COUNT, parser.GROUP, parser.COUNT_VALUES:
			return measure{of: Unit{Base: UnitCount}, factor: 1, metric: m.metric, counts: m.metric}
		case parser.STDDEV:
			m.spread = true
		case parser.STDVAR:
			m.of, m.spread = Unit{}, true
		}
		return m
	case *parser.Call:
		return measureOfCall(e)
	case *parser.BinaryExpr:
		return measureOfBinary(e)
	}
	return none
}

var unitKeepers = []string{
	"avg_over_time", "min_over_time", "max_over_time", "quantile_over_time", "last_over_time", "first_over_time",
	"stddev_over_time", "mad_over_time", "abs", "ceil", "floor", "round", "clamp", "clamp_max", "clamp_min",
	"delta", "idelta", "predict_linear", "label_replace", "label_join", "sort", "sort_desc", "sum_over_time",
	"scalar", "vector", "double_exponential_smoothing", "holt_winters",
}

func measureOfCall(c *parser.Call) measure {
	name := c.Func.Name
	m := measure{factor: 1}
	for _, arg := range c.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			m = measureOf(arg)
			break
		}
	}
	plain := measure{factor: 1, metric: m.metric}
	switch {
	case name == "time", name == "timestamp":
		plain.of = Unit{Base: UnitInstant}
	case name == "count_over_time", name == "changes", name == "resets":
		plain.of, plain.counts = Unit{Base: UnitCount}, m.metric
	case name == "rate", name == "irate", name == "deriv":
		m = counted(m, name == "deriv")
		if m.of = (Unit{m.of.Base, m.of.Base != UnitNone && !m.of.PerSecond}); !m.of.PerSecond {
			m.of = Unit{}
		}
		return m
	case name == "increase":
		return counted(m, false)
	case name == "histogram_quantile", name == "histogram_avg":
		plain.of = Unit{Base: m.observed} // however fast they come
		if m.observed == "" && m.of.Base != UnitCount {
			plain.of = Unit{Base: m.of.Base}
		}
	case slices.Contains(unitKeepers, name):
		m.spread = m.spread || name == "stddev_over_time" || name == "mad_over_time"
		return m
	}
	return plain
}

// counted measures a counter; one that counts events may have any name.
func counted(m measure, gauge bool) measure {
	m.named = false
	if m.of.Base == UnitNone && !gauge && countsEvents(m.metric) {
		m.of, m.counts = Unit{Base: UnitCount}, ""
	}
	return m
}

func measureOfBinary(b *parser.BinaryExpr) measure {
	l := measureOf(b.LHS)
	if b.Op.IsComparisonOperator() && !b.ReturnBool || b.Op == parser.LAND || b.Op == parser.LUNLESS {
		if l.number {
			return measureOf(b.RHS)
		}
		return l
	}
	r := measureOf(b.RHS)
	out := measure{factor: 1, metric: joined(l.metric, r.metric), spread: l.spread || r.spread, number: l.number && r.number}
	if b.ReturnBool {
		return measure{of: Unit{Base: UnitCount}, factor: 1, metric: l.metric, counts: l.metric}
	}
	factorL, isL := constant(b.LHS)
	factorR, isR := constant(b.RHS)
	switch b.Op {
	case parser.LOR:
		if r.number || r.metric == "" {
			return l
		}
		out.of, out.factor = unitOfSum(parser.ADD, l, r)
	case parser.ADD, parser.SUB:
		out.of, out.factor = unitOfSum(b.Op, l, r)
		out.named = l.named && (r.named || r.number) || r.named && l.number
		out.counts = joined(l.counts, r.counts)
	case parser.MUL:
		return measureOfProduct(l, r, isL, isR, factorL, factorR, out)
	case parser.DIV:
		if isR && factorR != 0 {
			l.factor /= factorR
			return l
		}
		out.of, out.factor = unitOfQuotient(l, r), l.factor/r.factor
		out.spread = false
	}
	return out
}

func measureOfProduct(l, r measure, isL, isR bool, factorL, factorR float64, out measure) measure {
	switch {
	case isL:
		r.factor *= factorL
		return r
	case isR:
		l.factor *= factorR
		return l
	case l.of.Base == UnitRatio:
		out.of, out.factor = r.of, l.factor*r.factor
	case r.of.Base == UnitRatio:
		out.of, out.factor = l.of, l.factor*r.factor
	}
	return out
}

func unitOfSum(op parser.ItemType, l, r measure) (Unit, float64) {
	switch {
	case l.number:
		return r.of, positive(r.factor)
	case r.number:
		return l.of, l.factor
	case l.of.Base == UnitInstant && r.of.Base == UnitInstant && op == parser.SUB:
		return Unit{Base: UnitSeconds}, 1
	case l.of == r.of && positive(l.factor) == positive(r.factor):
		return l.of, l.factor
	}
	return Unit{}, 1
}

func positive(v float64) float64 { return max(v, -v) }

// joined returns the one metric of both sides.
func joined(a, b string) string {
	switch {
	case a == b || b == "":
		return a
	case a == "":
		return b
	}
	return mixed
}

// unitOfQuotient returns the unit of a quotient before factors: a ratio only of what is of one kind.
func unitOfQuotient(l, r measure) Unit {
	same := l.metric == r.metric && l.metric != "" && l.metric != mixed
	switch {
	case r.spread:
		return Unit{}
	case l.of.Base == UnitNone && r.of.Base == UnitNone && same:
		return Unit{Base: UnitRatio}
	case l.of.Base == UnitNone || r.of.Base == UnitNone || l.of.Base == UnitInstant || r.of.Base == UnitInstant:
		return Unit{}
	case l.of == r.of && l.of.Base == UnitCount && (l.counts != "" || r.counts != "") && !same:
		return Unit{} // so many of one thing for each of another
	case l.of == r.of:
		return Unit{Base: UnitRatio}
	case r.of.Base == UnitCount && l.of.PerSecond == r.of.PerSecond:
		return Unit{Base: l.of.Base}
	case r.of.Base == UnitRatio:
		return l.of
	}
	return Unit{}
}

// factored takes constant factors off an expression.
func factored(e parser.Expr) (float64, parser.Expr) {
	factor := 1.
	for {
		e = Unparen(e)
		b, ok := e.(*parser.BinaryExpr)
		if !ok || b.Op != parser.MUL && b.Op != parser.DIV {
			return factor, e
		}
		if v, ok := constant(b.RHS); ok && v != 0 {
			if b.Op == parser.DIV {
				v = 1 / v
			}
			factor, e = factor*v, b.LHS
		} else if v, ok := constant(b.LHS); ok && b.Op == parser.MUL {
			factor, e = factor*v, b.RHS
		} else {
			return factor, e
		}
	}
}
