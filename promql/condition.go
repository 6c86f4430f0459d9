package promql

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// Condition is one comparison of an alert's expression: value op threshold. An expression can hold several: bounds of a
// band, guards, alternatives, filters within an aggregation. Which of them the alert is about, data tell: the one that
// began to be met last.
type Condition struct {
	Value     parser.Expr     // what is compared, without the filters: it has values also while all is well
	Op        parser.ItemType // 0 when nothing is compared: the alert fires while there is a value
	Threshold parser.Expr     // nil with no op
	Whole     parser.Expr     // the comparison by itself: it is met where this has values
	Result    parser.Expr     // what there is to break down: Value, or the aggregation around a filter
	Inside    parser.Expr     // the outermost aggregation around the comparison, whose labels survive; nil for none
	Missing   parser.Expr     // what is behind an "unless" when nothing is compared: the alert is about its absence
	Negated   bool            // it stands behind an "unless": the alert fires where it is not met

	direct bool // Value is what the expression looked at would be without its filters
}

// Alternative is one way in which an expression has a value: all of its conditions are met, and none that is negated.
type Alternative []Condition

// What "or", "and" and "unless" within each other multiply to is bounded.
const (
	maxAlternatives = 8
	maxConditions   = 16 // of an alternative
)

// Alternatives returns the ways in which an expression has a value: one, or several where they are joined by "or". Each has
// at least one condition that is not negated. The first are written first, the inner ones before the outer ones.
func Alternatives(e parser.Expr) []Alternative {
	list := alternatives(e)
	for i, a := range list {
		list[i] = a.compared()
	}
	return list
}

// compared leaves out what is compared with nothing, unless that is all there is, or an absence.
func (a Alternative) compared() Alternative {
	var with Alternative
	compares := false
	for _, c := range a {
		if c.Op != 0 || absence(c.Value) != nil {
			with, compares = append(with, c), compares || !c.Negated
		}
	}
	if compares {
		return with
	}
	return append(Alternative{a[0]}, with...)
}

func alternatives(e parser.Expr) []Alternative {
	e = Unparen(e)
	b, ok := e.(*parser.BinaryExpr)
	if !ok || !b.Op.IsSetOperator() {
		return []Alternative{comparisons(e)}
	}
	left := alternatives(b.LHS)
	switch b.Op {
	case parser.LOR:
		left = append(left, alternatives(b.RHS)...)
	case parser.LAND:
		var both []Alternative
		right := alternatives(b.RHS)
		for _, l := range left {
			for _, r := range right {
				both = append(both, append(append(Alternative{}, l...), r...))
			}
		}
		left = both
	case parser.LUNLESS:
		not := negated(b.RHS)
		for i, l := range left {
			if len(l) == 1 && l[0].Op == 0 {
				l[0].Missing = b.RHS
			}
			left[i] = append(l, not...)
		}
	}
	for i, l := range left {
		left[i] = l[:min(len(l), maxConditions)]
	}
	return left[:min(len(left), maxAlternatives)]
}

// negated returns the comparisons of what must not be.
func negated(e parser.Expr) []Condition {
	var out []Condition
	for _, a := range alternatives(e) {
		for _, c := range a {
			if c.Op != 0 && len(out) < maxConditions {
				c.Negated = !c.Negated
				out = append(out, c)
			}
		}
	}
	return out
}

// comparisons returns the conditions of an expression that is no set operation: the comparisons around its value, or
// those that filter within it, or else the expression as it is.
func comparisons(e parser.Expr) Alternative {
	e = Unparen(e)
	if b, ok := comparison(e); ok {
		return compare(b)
	}
	if found := filters(e); len(found) > 0 {
		return found
	}
	return Alternative{{Value: withZeros(e), Whole: e, Result: e, direct: true}}
}

// comparison returns a comparison that filters.
func comparison(e parser.Expr) (*parser.BinaryExpr, bool) {
	b, ok := Unparen(e).(*parser.BinaryExpr)
	return b, ok && b.Op.IsComparisonOperator() && !b.ReturnBool
}

// compare returns the conditions of a comparison; in a chain of them each compares the innermost value.
func compare(b *parser.BinaryExpr) Alternative {
	value, op, threshold := Unparen(b.LHS), b.Op, Unparen(b.RHS)
	mirror := value.Type() == parser.ValueTypeScalar && threshold.Type() != parser.ValueTypeScalar
	if mirror {
		value, op, threshold = threshold, mirrored(op), value
	}
	var chain Alternative
	c := Condition{Value: withZeros(value), Op: op, Threshold: threshold, Whole: b, Result: value, direct: true}
	switch inner := value.(type) {
	case *parser.BinaryExpr:
		if inner.Op.IsComparisonOperator() && !inner.ReturnBool {
			chain = compare(inner)
			c.Value, c.Result = chain[0].Value, chain[0].Result
			alone := *b
			if alone.LHS = operand(c.Result); mirror {
				alone.LHS, alone.RHS = b.LHS, operand(c.Result)
			}
			c.Whole = &alone
		} else if inner.Op == parser.LAND || inner.Op == parser.LUNLESS {
			chain = guards(inner)
		}
	}
	return append(chain, c)
}

// guards returns the comparisons behind the "and" and "unless" within a value.
func guards(b *parser.BinaryExpr) Alternative {
	var out Alternative
	if l, ok := Unparen(b.LHS).(*parser.BinaryExpr); ok && (l.Op == parser.LAND || l.Op == parser.LUNLESS) {
		out = guards(l)
	}
	return append(out, guard(b)...)
}

// guard returns the comparisons on the right side of an "and" or "unless".
func guard(b *parser.BinaryExpr) Alternative {
	if b.Op == parser.LUNLESS {
		return negated(b.RHS)
	}
	var out Alternative
	for _, c := range comparisons(b.RHS) {
		if c.Op != 0 {
			out = append(out, c)
		}
	}
	return out
}

// Rises reports whether a higher value is what the alert is about; known is false where the condition doesn't say.
func (c Condition) Rises() (up, known bool) {
	switch c.Op {
	case parser.GTR, parser.GTE:
		return !c.Negated, true
	case parser.LSS, parser.LTE:
		return c.Negated, true
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

// Narrow returns the condition of those series alone that have these labels, as Narrow does for expressions.
func (c Condition) Narrow(want map[string]string, k SelectorLabels) Condition {
	for _, e := range []*parser.Expr{&c.Value, &c.Threshold, &c.Whole, &c.Result, &c.Inside, &c.Missing} {
		if *e != nil {
			*e = Narrow(*e, want, k)
		}
	}
	return c
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
