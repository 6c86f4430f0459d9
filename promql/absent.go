package promql

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// Vanishing returns the series whose absence makes a condition true, whatever their values: those that absent() asks
// about, and those behind an "unless" when nothing is compared. It is nil for any other condition.
func Vanishing(c Condition) parser.Expr {
	if call, ok := Unparen(c.Value).(*parser.Call); ok && (call.Func.Name == "absent" || call.Func.Name == "absent_over_time") {
		return innermost(call.Args[0])
	}
	if c.Missing != nil {
		return innermost(c.Missing)
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
			if !inner.Op.IsComparisonOperator() && !inner.Op.IsSetOperator() {
				return inner
			}
			e = Conditions(inner)[0].Value
		default:
			return inner
		}
	}
}

// CountPresent returns how many series there are of what absent() asks about; nil for any other expression.
func CountPresent(e parser.Expr) parser.Expr {
	call, ok := Unparen(e).(*parser.Call)
	if !ok {
		return nil
	}
	inner := call.Args
	switch call.Func.Name {
	case "absent":
	case "absent_over_time":
		inner = parser.Expressions{&parser.Call{Func: parser.Functions["present_over_time"], Args: call.Args}}
	default:
		return nil
	}
	return &parser.AggregateExpr{Op: parser.COUNT, Expr: inner[0]}
}
