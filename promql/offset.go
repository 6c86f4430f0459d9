package promql

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Offsets returns how long before its evaluation the data are that an expression looks at, by its offsets, those of the subqueries
// around them included: the nearest and the furthest of its selectors. Both are 0 for an expression without any, and what is in
// the future counts as now. A selector at a fixed time says nothing.
func Offsets(e parser.Expr) (nearest, furthest time.Duration) {
	first := true
	eachShift(e, func(ago time.Duration) {
		ago = max(ago, 0)
		if furthest = max(furthest, ago); first || ago < nearest {
			nearest, first = ago, false
		}
	})
	return nearest, furthest
}

// Ahead returns how long after the time of evaluation the latest data are that an expression looks at, by a negative offset; 0 for none.
func Ahead(e parser.Expr) (furthest time.Duration) {
	eachShift(e, func(ago time.Duration) { furthest = max(furthest, -ago) })
	return furthest
}

// eachShift calls f with how long before the evaluation each selector looks, by its offset and those around it; below 0 for after.
func eachShift(e parser.Expr, f func(ago time.Duration)) {
	var look func(n parser.Node, around time.Duration)
	look = func(n parser.Node, around time.Duration) {
		switch n := n.(type) {
		case *parser.SubqueryExpr:
			around += n.OriginalOffset
		case *parser.VectorSelector:
			if n.Timestamp == nil {
				f(around + n.OriginalOffset)
			}
		}
		for child := range parser.ChildrenIter(n) {
			look(child, around)
		}
	}
	look(e, 0)
}

// Filters reports whether an expression leaves out what has a value, by a comparison, a set operator or absent(): where it has none,
// that does not mean that there are no data.
func Filters(e parser.Expr) bool {
	found := false
	walk(e, func(n parser.Node) bool {
		switch n := n.(type) {
		case *parser.BinaryExpr:
			found = found || n.Op.IsComparisonOperator() && !n.ReturnBool || n.Op.IsSetOperator()
		case *parser.Call:
			found = found || n.Func.Name == "absent" || n.Func.Name == "absent_over_time"
		}
		return !found
	})
	return found
}
