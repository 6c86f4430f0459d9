package promql

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// grammar reads what any Prometheus might have in its rules.
var grammar = parser.NewParser(parser.Options{EnableExperimentalFunctions: true})

// Parse reads an expression, with the functions that are experimental too.
func Parse(expr string) (parser.Expr, error) { return grammar.ParseExpr(expr) }

// Condition is one comparison of an alert's expression: value op threshold. The value is what PromQL returns as the
// value of the alert, the left side; what stands behind "and" and "unless" only guards it.
type Condition struct {
	Value     parser.Expr
	Op        parser.ItemType // 0 when nothing is compared: the alert fires while there is a value
	Threshold parser.Expr     // nil with no op
	Whole     parser.Expr     // the comparison as written
	Missing   parser.Expr     // what is behind an "unless" when nothing is compared: the alert is about its absence
}

// Conditions returns the alternatives of an expression: one, or several where they are joined by "or".
func Conditions(e parser.Expr) []Condition {
	e = Unparen(e)
	if b, ok := e.(*parser.BinaryExpr); ok && b.Op.IsSetOperator() {
		if b.Op == parser.LOR {
			return append(Conditions(b.LHS), Conditions(b.RHS)...)
		}
		list := Conditions(b.LHS)
		if b.Op == parser.LUNLESS && len(list) == 1 && list[0].Op == 0 {
			list[0].Missing = b.RHS
		}
		return list
	}
	return []Condition{comparison(e)}
}

// comparison takes the outermost comparisons off an expression; the outermost is the alert's.
func comparison(e parser.Expr) Condition {
	c := Condition{Value: Unparen(e), Whole: e}
	for {
		b, ok := c.Value.(*parser.BinaryExpr)
		if !ok || !b.Op.IsComparisonOperator() || b.ReturnBool {
			return c
		}
		value, op, threshold := Unparen(b.LHS), b.Op, Unparen(b.RHS)
		if value.Type() == parser.ValueTypeScalar && threshold.Type() != parser.ValueTypeScalar {
			value, op, threshold = threshold, mirrored(op), value
		}
		c.Value = value
		if c.Op == 0 {
			c.Op, c.Threshold = op, threshold
		}
	}
}

// Rises reports whether a higher value is what the alert is about; known is false where the condition doesn't say.
func (c Condition) Rises() (up, known bool) {
	switch c.Op {
	case parser.GTR, parser.GTE:
		return true, true
	case parser.LSS, parser.LTE:
		return false, true
	}
	return false, false
}

// Limit returns the threshold where it is a constant.
func (c Condition) Limit() (float64, bool) {
	if c.Threshold == nil {
		return 0, false
	}
	return constant(c.Threshold)
}

// Met reports whether a value meets the condition with that threshold.
func (c Condition) Met(v, threshold float64) bool {
	switch c.Op {
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

// Unparen takes the parentheses around an expression off.
func Unparen(e parser.Expr) parser.Expr {
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
	switch e := Unparen(e).(type) {
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

// LongestRange returns over how long a past the expression looks: its longest range, with those of the subqueries around it. An
// offset only says which past that is: a rule that compares with yesterday is looked at by the same window as any other.
func LongestRange(e parser.Expr) time.Duration {
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
