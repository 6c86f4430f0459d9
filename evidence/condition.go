package evidence

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// grammar reads what any Prometheus might have in its rules.
var grammar = parser.NewParser(parser.Options{EnableExperimentalFunctions: true})

func parse(expr string) (parser.Expr, error) { return grammar.ParseExpr(expr) }

// condition is one comparison of an alert's expression: value op threshold. The value is what PromQL returns as the
// value of the alert, the left side; what stands behind "and" and "unless" only guards it.
type condition struct {
	value     parser.Expr
	op        parser.ItemType // 0 when nothing is compared: the alert fires while there is a value
	threshold parser.Expr     // nil with no op
	whole     parser.Expr     // the comparison as written
	missing   parser.Expr     // what is behind an "unless" when nothing is compared: the alert is about its absence
}

// conditionsOf returns the alternatives of an expression: one, or several where they are joined by "or".
func conditionsOf(e parser.Expr) []condition {
	e = unparen(e)
	if b, ok := e.(*parser.BinaryExpr); ok && b.Op.IsSetOperator() {
		if b.Op == parser.LOR {
			return append(conditionsOf(b.LHS), conditionsOf(b.RHS)...)
		}
		list := conditionsOf(b.LHS)
		if b.Op == parser.LUNLESS && len(list) == 1 && list[0].op == 0 {
			list[0].missing = b.RHS
		}
		return list
	}
	return []condition{comparison(e)}
}

// comparison takes the outermost comparisons off an expression; the outermost is the alert's.
func comparison(e parser.Expr) condition {
	c := condition{value: unparen(e), whole: e}
	for {
		b, ok := c.value.(*parser.BinaryExpr)
		if !ok || !b.Op.IsComparisonOperator() || b.ReturnBool {
			return c
		}
		value, op, threshold := unparen(b.LHS), b.Op, unparen(b.RHS)
		if value.Type() == parser.ValueTypeScalar && threshold.Type() != parser.ValueTypeScalar {
			value, op, threshold = threshold, mirrored(op), value
		}
		c.value = value
		if c.op == 0 {
			c.op, c.threshold = op, threshold
		}
	}
}

// rises reports whether a higher value is what the alert is about; known is false where the condition doesn't say.
func (c condition) rises() (up, known bool) {
	switch c.op {
	case parser.GTR, parser.GTE:
		return true, true
	case parser.LSS, parser.LTE:
		return false, true
	}
	return false, false
}

// limit returns the threshold where it is a constant.
func (c condition) limit() (float64, bool) {
	if c.threshold == nil {
		return 0, false
	}
	return constant(c.threshold)
}

// met reports whether a value meets the condition with that threshold.
func (c condition) met(v, threshold float64) bool {
	switch c.op {
	case parser.GTR:
		return v > threshold
	case parser.GTE:
		return v >= threshold
	case parser.LSS:
		return v < threshold
	case parser.LTE:
		return v <= threshold
	case parser.EQLC:
		return v == threshold
	case parser.NEQ:
		return v != threshold
	}
	return !math.IsNaN(v)
}

func mirrored(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LSS
	case parser.LSS:
		return parser.GTR
	case parser.GTE:
		return parser.LTE
	case parser.LTE:
		return parser.GTE
	}
	return op
}

func unparen(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

// constant evaluates arithmetic on numbers.
func constant(e parser.Expr) (float64, bool) {
	switch e := unparen(e).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		v, ok := constant(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		l, okL := constant(e.LHS)
		r, okR := constant(e.RHS)
		if !okL || !okR {
			return 0, false
		}
		return arithmetic(e.Op, l, r)
	}
	return 0, false
}

func arithmetic(op parser.ItemType, l, r float64) (float64, bool) {
	switch op {
	case parser.ADD:
		return l + r, true
	case parser.SUB:
		return l - r, true
	case parser.MUL:
		return l * r, true
	case parser.DIV:
		return l / r, true
	case parser.MOD:
		return math.Mod(l, r), true
	case parser.POW:
		return math.Pow(l, r), true
	}
	return 0, false
}

// reach returns over how long a past the expression looks: its longest range, with those of the subqueries around it. An
// offset only says which past that is: a rule that compares with yesterday is looked at by the same window as any other.
func reach(e parser.Expr) time.Duration {
	var longest time.Duration
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		var own time.Duration
		switch n := n.(type) {
		case *parser.MatrixSelector:
			own = n.Range
		case *parser.SubqueryExpr:
			own = n.Range
		}
		for _, above := range path {
			if s, ok := above.(*parser.SubqueryExpr); ok {
				own += s.Range
			}
		}
		longest = max(longest, own)
		return nil
	})
	return longest
}
