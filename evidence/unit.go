package evidence

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// unitBase is what a number counts.
type unitBase string

// The bases that are told apart; unitNone is a number of which nothing is known.
const (
	unitNone    unitBase = ""
	unitCount   unitBase = "count"
	unitRatio   unitBase = "ratio"
	unitPercent unitBase = "percent"
	unitSeconds unitBase = "seconds"
	unitBytes   unitBase = "bytes"
	unitInstant unitBase = "instant" // a point in time, in seconds since 1970
)

// unit is the guessed unit of an expression. Where there is doubt it is unitNone: no unit is better than a wrong one.
type unit struct {
	base unitBase
	rate bool // per second
}

// chart returns the unit as charts have it.
func (u unit) chart() string {
	switch {
	case u.rate:
		return ""
	case u.base == unitRatio:
		return "%"
	case u.base == unitSeconds:
		return "s"
	case u.base == unitBytes:
		return "bytes"
	}
	return ""
}

// unitOf guesses the unit of an expression from the conventions of metric names and the arithmetic on them.
func unitOf(e parser.Expr) unit {
	switch e := unparen(e).(type) {
	case *parser.VectorSelector:
		return unitOfMetric(e.Name)
	case *parser.MatrixSelector:
		return unitOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return unitOf(e.Expr)
	case *parser.UnaryExpr:
		return unitOf(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT, parser.GROUP, parser.COUNT_VALUES:
			return unit{base: unitCount}
		case parser.STDVAR:
			return unit{}
		}
		return unitOf(e.Expr)
	case *parser.Call:
		return unitOfCall(e)
	case *parser.BinaryExpr:
		return unitOfBinary(e)
	}
	return unit{}
}

func unitOfMetric(name string) unit {
	for _, suffix := range []string{"_bucket", "_sum", "_total"} {
		name = strings.TrimSuffix(name, suffix)
	}
	switch {
	case strings.HasSuffix(name, "_timestamp_seconds"), strings.HasSuffix(name, "_time_seconds") && strings.Contains(name, "start"):
		return unit{base: unitInstant}
	case strings.HasSuffix(name, "_seconds"):
		return unit{base: unitSeconds}
	case strings.HasSuffix(name, "_bytes"):
		return unit{base: unitBytes}
	case strings.HasSuffix(name, "_ratio"):
		return unit{base: unitRatio}
	case strings.HasSuffix(name, "_percent"):
		return unit{base: unitPercent}
	}
	return unit{}
}

var unitKeepers = []string{
	"avg_over_time", "min_over_time", "max_over_time", "quantile_over_time", "last_over_time", "first_over_time",
	"stddev_over_time", "mad_over_time", "abs", "ceil", "floor", "round", "clamp", "clamp_max", "clamp_min",
	"increase", "delta", "idelta", "predict_linear", "label_replace", "label_join", "sort", "sort_desc", "sum_over_time",
	"scalar", "vector", "double_exponential_smoothing", "holt_winters",
}

func unitOfCall(c *parser.Call) unit {
	switch name := c.Func.Name; {
	case name == "time", name == "timestamp":
		return unit{base: unitInstant}
	case name == "count_over_time", name == "changes", name == "resets":
		return unit{base: unitCount}
	case name == "rate", name == "irate", name == "deriv":
		u := counted(c.Args[0])
		if u.base == unitNone || u.rate {
			return unit{}
		}
		return unit{u.base, true}
	case name == "increase":
		return counted(c.Args[0])
	case name == "histogram_quantile", name == "histogram_avg":
		return unit{base: unitOf(c.Args[len(c.Args)-1]).base} // of the observations, however fast they come
	case slices.Contains(unitKeepers, name):
		for _, arg := range c.Args {
			if arg.Type() == parser.ValueTypeVector || arg.Type() == parser.ValueTypeMatrix {
				return unitOf(arg)
			}
		}
	}
	return unit{}
}

// counted returns the unit of a counter; one that counts events may have any name.
func counted(e parser.Expr) unit {
	if u := unitOf(e); u.base != unitNone {
		return u
	}
	if m, ok := unparen(e).(*parser.MatrixSelector); ok {
		if v, ok := m.VectorSelector.(*parser.VectorSelector); ok {
			for _, suffix := range []string{"_total", "_count", "_bucket"} {
				if strings.HasSuffix(v.Name, suffix) {
					return unit{base: unitCount}
				}
			}
		}
	}
	return unit{}
}

func unitOfBinary(b *parser.BinaryExpr) unit {
	if b.Op.IsComparisonOperator() && b.ReturnBool {
		return unit{base: unitCount}
	}
	if b.Op.IsComparisonOperator() || b.Op.IsSetOperator() {
		return unitOf(b.LHS)
	}
	l, r := unitOf(b.LHS), unitOf(b.RHS)
	factorL, isL := constant(b.LHS)
	factorR, isR := constant(b.RHS)
	switch b.Op {
	case parser.ADD, parser.SUB:
		return unitOfSum(b.Op, l, r, isL, isR)
	case parser.MUL:
		switch {
		case isL:
			return scaled(r, factorL)
		case isR:
			return scaled(l, factorR)
		case l.base == unitRatio:
			return r
		case r.base == unitRatio:
			return l
		}
	case parser.DIV:
		if isR && factorR != 0 {
			return scaled(l, 1/factorR)
		}
		factor, whole := factored(b.LHS) // 100 * a / b
		return scaled(unitOfQuotient(unitOf(whole), r, sameMetric(whole, b.RHS)), factor)
	}
	return unit{}
}

func unitOfSum(op parser.ItemType, l, r unit, constantL, constantR bool) unit {
	switch {
	case l.base == unitInstant && r.base == unitInstant && op == parser.SUB:
		return unit{base: unitSeconds}
	case l == r:
		return l
	case constantL:
		return r
	case constantR:
		return l
	}
	return unit{}
}

// factored takes constant factors off an expression.
func factored(e parser.Expr) (float64, parser.Expr) {
	e = unparen(e)
	b, ok := e.(*parser.BinaryExpr)
	if !ok || b.Op != parser.MUL && b.Op != parser.DIV {
		return 1, e
	}
	if v, ok := constant(b.RHS); ok && v != 0 {
		if b.Op == parser.DIV {
			v = 1 / v
		}
		factor, rest := factored(b.LHS)
		return factor * v, rest
	}
	if v, ok := constant(b.LHS); ok && b.Op == parser.MUL {
		factor, rest := factored(b.RHS)
		return factor * v, rest
	}
	return 1, e
}

// scaled multiplies by a constant: what that makes of a unit is known for ratios alone.
func scaled(u unit, factor float64) unit {
	switch {
	case factor == 1 || factor == -1:
		return u
	case u.base == unitRatio && factor == 100:
		return unit{base: unitPercent}
	case u.base == unitPercent && factor > .0099 && factor < .0101:
		return unit{base: unitRatio}
	case u.base == unitCount && !u.rate:
		return u
	}
	return unit{}
}

func unitOfQuotient(l, r unit, same bool) unit {
	switch {
	case l.base == unitNone && r.base == unitNone && same:
		return unit{base: unitRatio}
	case l.base == unitNone || r.base == unitNone || l.base == unitInstant || r.base == unitInstant:
		return unit{}
	case l == r:
		return unit{base: unitRatio}
	case r.base == unitCount && l.rate == r.rate:
		return unit{base: l.base}
	case r.base == unitRatio:
		return l
	}
	return unit{}
}

// sameMetric reports whether both sides are made of one and the same metric.
func sameMetric(a, b parser.Expr) bool {
	names := func(e parser.Expr) []string {
		var out []string
		for _, v := range selectors(e) {
			out = append(out, v.Name)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	na, nb := names(a), names(b)
	return len(na) == 1 && na[0] != "" && slices.Equal(na, nb)
}

// selectors returns the selectors of an expression, from left to right.
func selectors(e parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			out = append(out, v)
		}
		return nil
	})
	return out
}
