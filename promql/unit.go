package promql

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// UnitBase is what a number counts.
type UnitBase string

// The bases that are told apart; UnitNone is a number that nothing is known of.
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

// UnitOf guesses the unit of an expression from the conventions of metric names and the arithmetic on them.
func UnitOf(e parser.Expr) Unit {
	switch e := Unparen(e).(type) {
	case *parser.VectorSelector:
		return UnitOfMetric(e.Name)
	case *parser.MatrixSelector:
		return UnitOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return UnitOf(e.Expr)
	case *parser.UnaryExpr:
		return UnitOf(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT, parser.GROUP, parser.COUNT_VALUES:
			return Unit{Base: UnitCount}
		case parser.STDVAR:
			return Unit{}
		}
		return UnitOf(e.Expr)
	case *parser.Call:
		return unitOfCall(e)
	case *parser.BinaryExpr:
		return unitOfBinary(e)
	}
	return Unit{}
}

// UnitOfMetric guesses the unit of a metric from its name.
func UnitOfMetric(name string) Unit {
	for _, suffix := range []string{"_bucket", "_sum", "_total"} {
		name = strings.TrimSuffix(name, suffix)
	}
	switch {
	case strings.HasSuffix(name, "_timestamp_seconds"), strings.HasSuffix(name, "_time_seconds") && strings.Contains(name, "start"):
		return Unit{Base: UnitInstant}
	case strings.HasSuffix(name, "_seconds"):
		return Unit{Base: UnitSeconds}
	case strings.HasSuffix(name, "_bytes"):
		return Unit{Base: UnitBytes}
	case strings.HasSuffix(name, "_ratio"):
		return Unit{Base: UnitRatio}
	case strings.HasSuffix(name, "_percent"):
		return Unit{Base: UnitPercent}
	}
	return Unit{}
}

var unitKeepers = []string{
	"avg_over_time", "min_over_time", "max_over_time", "quantile_over_time", "last_over_time", "first_over_time",
	"stddev_over_time", "mad_over_time", "abs", "ceil", "floor", "round", "clamp", "clamp_max", "clamp_min",
	"increase", "delta", "idelta", "predict_linear", "label_replace", "label_join", "sort", "sort_desc", "sum_over_time",
	"scalar", "vector", "double_exponential_smoothing", "holt_winters",
}

func unitOfCall(c *parser.Call) Unit {
	switch name := c.Func.Name; {
	case name == "time", name == "timestamp":
		return Unit{Base: UnitInstant}
	case name == "count_over_time", name == "changes", name == "resets":
		return Unit{Base: UnitCount}
	case name == "rate", name == "irate", name == "deriv":
		u := counted(c.Args[0])
		if u.Base == UnitNone || u.PerSecond {
			return Unit{}
		}
		return Unit{u.Base, true}
	case name == "increase":
		return counted(c.Args[0])
	case name == "histogram_quantile", name == "histogram_avg":
		return Unit{Base: UnitOf(c.Args[len(c.Args)-1]).Base} // of the observations, however fast they come
	case slices.Contains(unitKeepers, name):
		for _, arg := range c.Args {
			if arg.Type() == parser.ValueTypeVector || arg.Type() == parser.ValueTypeMatrix {
				return UnitOf(arg)
			}
		}
	}
	return Unit{}
}

// counted returns the unit of a counter; one that counts events may have any name.
func counted(e parser.Expr) Unit {
	if u := UnitOf(e); u.Base != UnitNone {
		return u
	}
	if m, ok := Unparen(e).(*parser.MatrixSelector); ok {
		if v, ok := m.VectorSelector.(*parser.VectorSelector); ok {
			for _, suffix := range []string{"_total", "_count", "_bucket"} {
				if strings.HasSuffix(v.Name, suffix) {
					return Unit{Base: UnitCount}
				}
			}
		}
	}
	return Unit{}
}

func unitOfBinary(b *parser.BinaryExpr) Unit {
	if b.Op.IsComparisonOperator() && b.ReturnBool {
		return Unit{Base: UnitCount}
	}
	if b.Op.IsComparisonOperator() || b.Op.IsSetOperator() {
		return UnitOf(b.LHS)
	}
	l, r := UnitOf(b.LHS), UnitOf(b.RHS)
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
		case l.Base == UnitRatio:
			return r
		case r.Base == UnitRatio:
			return l
		}
	case parser.DIV:
		if isR && factorR != 0 {
			return scaled(l, 1/factorR)
		}
		factor, whole := factored(b.LHS) // 100 * a / b
		return scaled(unitOfQuotient(UnitOf(whole), r, sameMetric(whole, b.RHS)), factor)
	}
	return Unit{}
}

func unitOfSum(op parser.ItemType, l, r Unit, constantL, constantR bool) Unit {
	switch {
	case l.Base == UnitInstant && r.Base == UnitInstant && op == parser.SUB:
		return Unit{Base: UnitSeconds}
	case l == r:
		return l
	case constantL:
		return r
	case constantR:
		return l
	}
	return Unit{}
}

// factored takes constant factors off an expression.
func factored(e parser.Expr) (float64, parser.Expr) {
	e = Unparen(e)
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
func scaled(u Unit, factor float64) Unit {
	switch {
	case factor == 1 || factor == -1:
		return u
	case u.Base == UnitRatio && factor == 100:
		return Unit{Base: UnitPercent}
	case u.Base == UnitPercent && factor > .0099 && factor < .0101:
		return Unit{Base: UnitRatio}
	case u.Base == UnitCount && !u.PerSecond:
		return u
	}
	return Unit{}
}

func unitOfQuotient(l, r Unit, same bool) Unit {
	switch {
	case l.Base == UnitNone && r.Base == UnitNone && same:
		return Unit{Base: UnitRatio}
	case l.Base == UnitNone || r.Base == UnitNone || l.Base == UnitInstant || r.Base == UnitInstant:
		return Unit{}
	case l == r:
		return Unit{Base: UnitRatio}
	case r.Base == UnitCount && l.PerSecond == r.PerSecond:
		return Unit{Base: l.Base}
	case r.Base == UnitRatio:
		return l
	}
	return Unit{}
}

// sameMetric reports whether both sides are made of one and the same metric.
func sameMetric(a, b parser.Expr) bool {
	names := func(e parser.Expr) []string {
		var out []string
		for _, v := range Selectors(e) {
			out = append(out, v.Name)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	na, nb := names(a), names(b)
	return len(na) == 1 && na[0] != "" && slices.Equal(na, nb)
}

// Selectors returns the selectors of an expression, from left to right.
func Selectors(e parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			out = append(out, v)
		}
		return nil
	})
	return out
}
