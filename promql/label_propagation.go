package promql

import (
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// LabelNames is a set of label names.
type LabelNames map[string]bool

// NewLabelNames makes a set of names.
func NewLabelNames(list ...string) LabelNames {
	set := make(LabelNames, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

// Sorted lists the names in order.
func (n LabelNames) Sorted() []string { return slices.Sorted(maps.Keys(n)) }

// Intersect returns those of the list that are in the set.
func (n LabelNames) Intersect(list []string) LabelNames {
	out := LabelNames{}
	for _, name := range list {
		if n[name] {
			out[name] = true
		}
	}
	return out
}

// Without returns a copy of the set without the list.
func (n LabelNames) Without(list ...string) LabelNames {
	out := maps.Clone(n)
	for _, name := range list {
		delete(out, name)
	}
	return out
}

// Union returns the names that are in either set.
func (n LabelNames) Union(o LabelNames) LabelNames {
	out := LabelNames{}
	maps.Copy(out, n)
	maps.Copy(out, o)
	return out
}

// SelectorLabels tells which labels, the metric's name left out, the series of a selector have.
type SelectorLabels func(v *parser.VectorSelector) LabelNames

// Output returns the labels that the series of an expression's value can have.
func (k SelectorLabels) Output(e parser.Expr) LabelNames {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return k.Output(e.Expr)
	case *parser.UnaryExpr:
		return k.Output(e.Expr)
	case *parser.SubqueryExpr:
		return k.Output(e.Expr)
	case *parser.MatrixSelector:
		return k.Output(e.VectorSelector)
	case *parser.VectorSelector:
		return k(e)
	case *parser.Call:
		return k.outputOfCall(e)
	case *parser.AggregateExpr:
		switch in := k.Output(e.Expr); {
		case selects(e.Op):
			return in
		case e.Op == parser.COUNT_VALUES && e.Without:
			return in.Without(e.Grouping...).Union(NewLabelNames(literal(e.Param)))
		case e.Op == parser.COUNT_VALUES:
			return in.Intersect(e.Grouping).Union(NewLabelNames(literal(e.Param)))
		case e.Without:
			return in.Without(e.Grouping...)
		default:
			return in.Intersect(e.Grouping)
		}
	case *parser.BinaryExpr:
		return k.outputOfBinary(e)
	}
	return LabelNames{}
}

// selects reports whether an aggregation picks series and leaves them as they are.
func selects(op parser.ItemType) bool {
	return op == parser.TOPK || op == parser.BOTTOMK || op == parser.LIMITK || op == parser.LIMIT_RATIO
}

func (k SelectorLabels) outputOfCall(c *parser.Call) LabelNames {
	switch c.Func.Name {
	case "scalar", "vector", "time", "absent", "absent_over_time":
		return LabelNames{}
	case "label_replace", "label_join":
		return k.Output(c.Args[0]).Union(NewLabelNames(literal(c.Args[1])))
	case "histogram_quantile", "histogram_fraction":
		return k.Output(c.Args[len(c.Args)-1]).Without("le")
	}
	out := LabelNames{}
	for _, arg := range c.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			out = out.Union(k.Output(arg))
		}
	}
	return out
}

func (k SelectorLabels) outputOfBinary(b *parser.BinaryExpr) LabelNames {
	m := b.VectorMatching
	switch {
	case m == nil && b.LHS.Type() == parser.ValueTypeVector:
		return k.Output(b.LHS)
	case m == nil:
		return k.Output(b.RHS)
	case b.Op == parser.LOR:
		return k.Output(b.LHS).Union(k.Output(b.RHS))
	case b.Op.IsSetOperator(), m.Card == parser.CardManyToOne:
		return k.Output(b.LHS).Union(NewLabelNames(m.Include...))
	case m.Card == parser.CardOneToMany:
		return k.Output(b.RHS).Union(NewLabelNames(m.Include...))
	case m.On:
		return k.Output(b.LHS).Intersect(m.MatchingLabels)
	}
	return k.Output(b.LHS).Without(m.MatchingLabels...)
}

func literal(e parser.Expr) string {
	if s, ok := Unparen(e).(*parser.StringLiteral); ok {
		return s.Val
	}
	return ""
}

// Narrow returns a copy of an expression that computes only what has these labels in its output: they become matchers
// of the selectors that they certainly come from. Where that isn't certain the expression stays as it is, so that
// its output is never another one, only sometimes more than is needed.
func Narrow(e parser.Expr, want map[string]string, k SelectorLabels) parser.Expr {
	c, err := Parse(e.String()) // a deep copy
	if err != nil {
		return e
	}
	n := narrower{want, k}
	n.narrow(c, NewLabelNames(slices.Collect(maps.Keys(want))...))
	return c
}

type narrower struct {
	values map[string]string
	known  SelectorLabels
}

// narrow adds the matchers of the labels in want below e, in place.
func (n narrower) narrow(e parser.Expr, want LabelNames) {
	if len(want) == 0 {
		return
	}
	switch e := e.(type) {
	case *parser.ParenExpr:
		n.narrow(e.Expr, want)
	case *parser.UnaryExpr:
		n.narrow(e.Expr, want)
	case *parser.SubqueryExpr:
		n.narrow(e.Expr, want)
	case *parser.MatrixSelector:
		n.narrow(e.VectorSelector, want)
	case *parser.VectorSelector:
		n.match(e, want)
	case *parser.Call:
		n.call(e, want)
	case *parser.AggregateExpr:
		if e.Op == parser.COUNT_VALUES {
			want = want.Without(literal(e.Param)) // a label that it makes
		}
		if e.Without {
			n.narrow(e.Expr, want.Without(e.Grouping...))
		} else {
			n.narrow(e.Expr, want.Intersect(e.Grouping))
		}
	case *parser.BinaryExpr:
		n.binary(e, want)
	}
}

func (n narrower) match(v *parser.VectorSelector, want LabelNames) {
	have := n.known(v)
	for _, name := range want.Sorted() {
		if !have[name] {
			continue
		}
		m := labels.MustNewMatcher(labels.MatchEqual, name, n.values[name])
		if !slices.ContainsFunc(v.LabelMatchers, func(o *labels.Matcher) bool {
			return o.Name == name && o.Type == labels.MatchEqual
		}) {
			v.LabelMatchers = append(v.LabelMatchers, m)
		}
	}
}

func (n narrower) call(c *parser.Call, want LabelNames) {
	switch c.Func.Name {
	case "scalar", "absent", "absent_over_time", "info":
		return
	case "label_replace", "label_join":
		want = want.Without(literal(c.Args[1]))
	}
	for _, arg := range c.Args {
		n.narrow(arg, want)
	}
}

func (n narrower) binary(b *parser.BinaryExpr, want LabelNames) {
	m := b.VectorMatching
	if m == nil {
		n.narrow(b.LHS, want)
		n.narrow(b.RHS, want)
		return
	}
	matched := want.Without(m.MatchingLabels...)
	if m.On {
		matched = want.Intersect(m.MatchingLabels)
	}
	switch {
	case b.Op == parser.LOR:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, matched)
	case b.Op.IsSetOperator(), m.Card == parser.CardManyToOne:
		n.narrow(b.LHS, want.Without(m.Include...))
		n.narrow(b.RHS, matched)
	case m.Card == parser.CardOneToMany:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, want.Without(m.Include...))
	default:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, matched)
	}
}

// LabelsOfSelectors answers for selectors that were asked about, and for those that were made of them by more matchers.
func LabelsOfSelectors(found map[*parser.VectorSelector]LabelNames) SelectorLabels {
	return func(v *parser.VectorSelector) LabelNames {
		var best *parser.VectorSelector
		for asked := range found {
			if hasMatchersOf(asked, v) && (best == nil || len(asked.LabelMatchers) > len(best.LabelMatchers)) {
				best = asked
			}
		}
		return found[best]
	}
}

// hasMatchersOf reports whether all matchers of a are matchers of v.
func hasMatchersOf(a, v *parser.VectorSelector) bool {
	for _, m := range a.LabelMatchers {
		if !slices.ContainsFunc(v.LabelMatchers, func(o *labels.Matcher) bool { return o.String() == m.String() }) {
			return false
		}
	}
	return true
}
