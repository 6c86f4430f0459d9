package promql

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// Vanishing returns the series whose absence makes a condition true, whatever their values: those that absent() asks
// about, and those behind an "unless" when nothing is compared. It is nil for any other condition.
func Vanishing(c Condition) parser.Expr {
	if call := absence(c.Value); call != nil {
		return innermost(call.Args[0])
	}
	if c.Missing != nil {
		return innermost(c.Missing)
	}
	return nil
}

// absence returns the absent() that a value is made of: one that is aggregated, scaled or joined is still about the absence.
func absence(e parser.Expr) *parser.Call {
	switch e := Unparen(e).(type) {
	case *parser.Call:
		switch e.Func.Name {
		case "absent", "absent_over_time":
			return e
		case "label_replace", "label_join":
			return absence(e.Args[0])
		}
	case *parser.AggregateExpr:
		if e.Op != parser.COUNT_VALUES {
			return absence(e.Expr)
		}
	case *parser.BinaryExpr:
		if e.Op != parser.MUL && (!e.Op.IsComparisonOperator() || e.ReturnBool) {
			return nil
		}
		if call := absence(e.LHS); call != nil {
			return call
		}
		return absence(e.RHS)
	}
	return nil
}

// innermost takes aggregations, comparisons and ranges off an expression.
func innermost(e parser.Expr) parser.Expr {
	for {
		switch inner := Unparen(e).(type) {
		case *parser.MatrixSelector:
			e = inner.VectorSelector
		case *parser.SubqueryExpr:
			e = inner.Expr
		case *parser.AggregateExpr:
			e = inner.Expr
		case *parser.BinaryExpr:
			switch {
			case inner.Op.IsSetOperator():
				e = inner.LHS
			case !inner.Op.IsComparisonOperator():
				return inner
			case inner.LHS.Type() == parser.ValueTypeScalar:
				e = inner.RHS
			default:
				e = inner.LHS
			}
		default:
			return inner
		}
	}
}

// CountPresent returns how many series there are of what a value says is absent: 0 while none is. It is nil for any other
// expression.
func CountPresent(e parser.Expr) parser.Expr {
	call := absence(e)
	if call == nil {
		return nil
	}
	inner := call.Args[0]
	if call.Func.Name == "absent_over_time" {
		inner = &parser.Call{Func: parser.Functions["present_over_time"], Args: call.Args}
	}
	return &parser.AggregateExpr{Op: parser.COUNT, Expr: inner}
}
