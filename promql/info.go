package promql

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// infoSuffixes end the names of metrics that are there for their labels.
var infoSuffixes = []string{"_info", "_metadata", "_labels", "_annotations", "_owner"}

// isInfo reports whether an expression is there for its labels, and is 1 wherever it has a value: to multiply by it joins
// labels or picks series.
func isInfo(e parser.Expr) bool {
	switch e := Unparen(e).(type) {
	case *parser.VectorSelector:
		for _, suffix := range infoSuffixes {
			if strings.HasSuffix(e.Name, suffix) {
				return true
			}
		}
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.GROUP:
			return true
		case parser.MAX, parser.MIN, parser.AVG, parser.TOPK, parser.BOTTOMK, parser.LIMITK:
			return isInfo(e.Expr)
		}
	case *parser.Call:
		switch e.Func.Name {
		case "label_replace", "label_join", "max_over_time", "min_over_time", "last_over_time":
			return isInfo(e.Args[0])
		}
	case *parser.MatrixSelector:
		return isInfo(e.VectorSelector)
	case *parser.SubqueryExpr:
		return isInfo(e.Expr)
	case *parser.BinaryExpr:
		limit, ok := constant(e.RHS)
		switch {
		case e.Op == parser.EQLC && !e.ReturnBool:
			return ok && limit == 1
		case e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return isInfo(e.LHS)
		case e.Op == parser.MUL:
			return isInfo(e.LHS) && isInfo(e.RHS)
		case e.Op.IsComparisonOperator() && !e.ReturnBool:
			return isInfo(e.LHS)
		}
	}
	return false
}
