package promql

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// walk calls f for every node of an expression, from left to right; what is below a node is left out where f says false.
func walk(n parser.Node, f func(n parser.Node) bool) {
	if !f(n) {
		return
	}
	for child := range parser.ChildrenIter(n) {
		walk(child, f)
	}
}

// Selectors returns the selectors of an expression, from left to right.
func Selectors(e parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	walk(e, func(n parser.Node) bool {
		if v, ok := n.(*parser.VectorSelector); ok {
			out = append(out, v)
		}
		return true
	})
	return out
}

func hasAggregation(e parser.Expr) bool {
	found := false
	walk(e, func(n parser.Node) bool {
		_, is := n.(*parser.AggregateExpr)
		found = found || is
		return !found
	})
	return found
}

// clone copies an expression, so that it can be changed.
func clone(e parser.Expr) parser.Expr {
	return rewrite(e, func(parser.Expr) (parser.Expr, bool) { return nil, false })
}

// rewrite copies an expression. Where f has something else for a node, that stands in its place, and nothing below it
// is looked at.
func rewrite(e parser.Expr, f func(parser.Expr) (parser.Expr, bool)) parser.Expr {
	if e == nil {
		return nil
	}
	if other, ok := f(e); ok {
		return other
	}
	switch e := e.(type) {
	case *parser.ParenExpr:
		c := *e
		c.Expr = rewrite(e.Expr, f)
		return &c
	case *parser.UnaryExpr:
		c := *e
		c.Expr = rewrite(e.Expr, f)
		return &c
	case *parser.SubqueryExpr:
		c := *e
		c.Expr = rewrite(e.Expr, f)
		return &c
	case *parser.MatrixSelector:
		c := *e
		c.VectorSelector = rewrite(e.VectorSelector, f)
		return &c
	case *parser.VectorSelector:
		c := *e
		c.LabelMatchers = slices.Clone(e.LabelMatchers)
		return &c
	case *parser.Call:
		c := *e
		c.Args = make(parser.Expressions, len(e.Args))
		for i, arg := range e.Args {
			c.Args[i] = rewrite(arg, f)
		}
		return &c
	case *parser.AggregateExpr:
		c := *e
		c.Expr, c.Grouping = rewrite(e.Expr, f), slices.Clone(e.Grouping)
		if e.Param != nil {
			c.Param = rewrite(e.Param, f)
		}
		return &c
	case *parser.BinaryExpr:
		c := *e
		c.LHS, c.RHS = rewrite(e.LHS, f), rewrite(e.RHS, f)
		c.VectorMatching = cloneMatching(e.VectorMatching)
		return &c
	}
	return e // literals are never changed
}

func cloneMatching(m *parser.VectorMatching) *parser.VectorMatching {
	if m == nil {
		return nil
	}
	c := *m
	c.MatchingLabels, c.Include = slices.Clone(m.MatchingLabels), slices.Clone(m.Include)
	return &c
}

// operand puts an expression in parentheses where an operator stands next to it and would bind to a part of it.
func operand(e parser.Expr) parser.Expr {
	switch e.(type) {
	case *parser.BinaryExpr, *parser.UnaryExpr:
		return &parser.ParenExpr{Expr: e}
	}
	return e
}

// binary makes an operation on two expressions.
func binary(op parser.ItemType, l, r parser.Expr, m *parser.VectorMatching) *parser.BinaryExpr {
	return &parser.BinaryExpr{Op: op, LHS: operand(l), RHS: operand(r), VectorMatching: m}
}
