package promql

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Recording is a recording rule: what a recorded series is made of.
type Recording struct {
	Name   string
	Expr   parser.Expr
	Labels map[string]string // those that the rule sets
}

// Substitute puts the expression of a recording rule in the place of its series. ok is false where that could mean
// another thing: where a matcher contradicts the rule's labels, or can't be carried to the series that the rule reads.
func Substitute(e parser.Expr, r Recording) (out parser.Expr, ok bool) {
	ok, found := true, false
	inner := func(v *parser.VectorSelector, offset bool) parser.Expr {
		found = true
		made, fits := r.series(v, offset)
		ok = ok && fits
		return made
	}
	out = rewrite(e, func(n parser.Expr) (parser.Expr, bool) {
		switch n := n.(type) {
		case *parser.VectorSelector:
			if n.Name == r.Name {
				return inner(n, true), true
			}
		case *parser.MatrixSelector:
			if v, is := n.VectorSelector.(*parser.VectorSelector); is && v.Name == r.Name {
				return &parser.SubqueryExpr{
					Expr: &parser.ParenExpr{Expr: inner(v, false)}, Range: n.Range, OriginalOffset: v.OriginalOffset,
				}, true
			}
		}
		return nil, false
	})
	var s treeSize
	if s.measure(out, 1); s.depth > maxDepth || s.nodes > maxNodes {
		ok = false
	}
	return out, ok && found
}

// series makes what a selector of recorded series selects.
func (r Recording) series(v *parser.VectorSelector, offset bool) (parser.Expr, bool) {
	e := clone(r.Expr)
	ok := v.Timestamp == nil && v.StartOrEnd == 0
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			continue
		}
		if value, set := r.Labels[m.Name]; set {
			ok = ok && m.Matches(value)
		} else {
			ok = ok && carry(e, m)
		}
	}
	if offset && v.OriginalOffset != 0 {
		ok = ok && shift(e, v.OriginalOffset)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		text := func(s string) parser.Expr { return &parser.StringLiteral{Val: s} }
		e = &parser.Call{Func: parser.Functions["label_replace"], Args: parser.Expressions{
			e, text(name), text(strings.ReplaceAll(r.Labels[name], "$", "$$")), text(""), text(""),
		}}
	}
	return operand(e), ok
}

// carry adds a matcher of the output's labels to the selectors that the label certainly comes from, in place.
func carry(e parser.Expr, m *labels.Matcher) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return carry(e.Expr, m)
	case *parser.UnaryExpr:
		return carry(e.Expr, m)
	case *parser.SubqueryExpr:
		return carry(e.Expr, m)
	case *parser.MatrixSelector:
		return carry(e.VectorSelector, m)
	case *parser.VectorSelector:
		e.LabelMatchers = append(e.LabelMatchers, m)
		return true
	case *parser.Call:
		return carryToArgs(e, m)
	case *parser.AggregateExpr:
		kept := slices.Contains(e.Grouping, m.Name) != e.Without
		if e.Op == parser.COUNT_VALUES && literal(e.Param) == m.Name {
			kept = false
		}
		return kept && carry(e.Expr, m)
	case *parser.BinaryExpr:
		return carryToOperands(e, m)
	}
	return false
}

func carryToArgs(c *parser.Call, m *labels.Matcher) bool {
	switch c.Func.Name {
	case "scalar", "absent", "absent_over_time", "info", "vector":
		return false
	case "label_replace", "label_join":
		return literal(c.Args[1]) != m.Name && carry(c.Args[0], m)
	case "histogram_quantile", "histogram_fraction":
		return m.Name != "le" && carry(c.Args[len(c.Args)-1], m)
	}
	carried := false
	for _, arg := range c.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			if carried = carry(arg, m); !carried {
				return false
			}
		}
	}
	return carried
}

func carryToOperands(b *parser.BinaryExpr, m *labels.Matcher) bool {
	by := b.VectorMatching
	if by == nil {
		if b.LHS.Type() == parser.ValueTypeScalar {
			return carry(b.RHS, m)
		}
		return carry(b.LHS, m)
	}
	matched := slices.Contains(by.MatchingLabels, m.Name) == by.On
	switch {
	case b.Op == parser.LAND || b.Op == parser.LUNLESS:
		return carry(b.LHS, m)
	case b.Op != parser.LOR && by.Card == parser.CardManyToOne:
		if slices.Contains(by.Include, m.Name) {
			return carry(b.RHS, m)
		}
		return carry(b.LHS, m)
	case b.Op != parser.LOR && by.Card == parser.CardOneToMany:
		if slices.Contains(by.Include, m.Name) {
			return carry(b.LHS, m)
		}
		return carry(b.RHS, m)
	}
	return matched && carry(b.LHS, m) && carry(b.RHS, m)
}

// shift lets an expression look further back, in place; what asks for the time can't be shifted.
func shift(e parser.Expr, by time.Duration) bool {
	ok := true
	walk(e, func(n parser.Node) bool {
		switch n := n.(type) {
		case *parser.Call:
			ok = ok && n.Func.Name != "time" && n.Func.Name != "timestamp" && len(n.Args) > 0
		case *parser.SubqueryExpr:
			n.OriginalOffset += by
			ok = ok && n.Timestamp == nil && n.StartOrEnd == 0
			return false
		case *parser.VectorSelector:
			n.OriginalOffset += by
			ok = ok && n.Timestamp == nil && n.StartOrEnd == 0
		}
		return true
	})
	return ok
}
