package evidence

import (
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// names is a set of label names.
type names map[string]bool

func namesOf(list ...string) names {
	set := make(names, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

func (n names) sorted() []string { return slices.Sorted(maps.Keys(n)) }

func (n names) and(list []string) names {
	out := names{}
	for _, name := range list {
		if n[name] {
			out[name] = true
		}
	}
	return out
}

func (n names) without(list ...string) names {
	out := maps.Clone(n)
	for _, name := range list {
		delete(out, name)
	}
	return out
}

func (n names) plus(o names) names {
	out := names{}
	maps.Copy(out, n)
	maps.Copy(out, o)
	return out
}

// known tells which labels, the metric's name left out, the series of a selector have.
type known func(v *parser.VectorSelector) names

// output returns the labels that the series of an expression's value can have.
func (k known) output(e parser.Expr) names {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return k.output(e.Expr)
	case *parser.UnaryExpr:
		return k.output(e.Expr)
	case *parser.SubqueryExpr:
		return k.output(e.Expr)
	case *parser.MatrixSelector:
		return k.output(e.VectorSelector)
	case *parser.VectorSelector:
		return k(e)
	case *parser.Call:
		return k.outputOfCall(e)
	case *parser.AggregateExpr:
		switch in := k.output(e.Expr); {
		case selects(e.Op):
			return in
		case e.Op == parser.COUNT_VALUES && e.Without:
			return in.without(e.Grouping...).plus(namesOf(literal(e.Param)))
		case e.Op == parser.COUNT_VALUES:
			return in.and(e.Grouping).plus(namesOf(literal(e.Param)))
		case e.Without:
			return in.without(e.Grouping...)
		default:
			return in.and(e.Grouping)
		}
	case *parser.BinaryExpr:
		return k.outputOfBinary(e)
	}
	return names{}
}

// selects reports whether an aggregation picks series and leaves them as they are.
func selects(op parser.ItemType) bool {
	return op == parser.TOPK || op == parser.BOTTOMK || op == parser.LIMITK || op == parser.LIMIT_RATIO
}

func (k known) outputOfCall(c *parser.Call) names {
	switch c.Func.Name {
	case "scalar", "vector", "time", "absent", "absent_over_time":
		return names{}
	case "label_replace", "label_join":
		return k.output(c.Args[0]).plus(namesOf(literal(c.Args[1])))
	case "histogram_quantile", "histogram_fraction":
		return k.output(c.Args[len(c.Args)-1]).without("le")
	}
	out := names{}
	for _, arg := range c.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			out = out.plus(k.output(arg))
		}
	}
	return out
}

func (k known) outputOfBinary(b *parser.BinaryExpr) names {
	m := b.VectorMatching
	switch {
	case m == nil && b.LHS.Type() == parser.ValueTypeVector:
		return k.output(b.LHS)
	case m == nil:
		return k.output(b.RHS)
	case b.Op == parser.LOR:
		return k.output(b.LHS).plus(k.output(b.RHS))
	case b.Op.IsSetOperator(), m.Card == parser.CardManyToOne:
		return k.output(b.LHS).plus(namesOf(m.Include...))
	case m.Card == parser.CardOneToMany:
		return k.output(b.RHS).plus(namesOf(m.Include...))
	case m.On:
		return k.output(b.LHS).and(m.MatchingLabels)
	}
	return k.output(b.LHS).without(m.MatchingLabels...)
}

func literal(e parser.Expr) string {
	if s, ok := unparen(e).(*parser.StringLiteral); ok {
		return s.Val
	}
	return ""
}

// narrow returns a copy of an expression that computes only what has these labels in its output: they become matchers
// of the selectors that they certainly come from. Where that isn't certain the expression stays as it is, so that
// its output is never another one, only sometimes more than is needed.
func narrow(e parser.Expr, want map[string]string, k known) parser.Expr {
	c, err := parse(e.String()) // a deep copy
	if err != nil {
		return e
	}
	n := narrower{want, k}
	n.narrow(c, namesOf(slices.Collect(maps.Keys(want))...))
	return c
}

type narrower struct {
	values map[string]string
	known  known
}

// narrow adds the matchers of the labels in want below e, in place.
func (n narrower) narrow(e parser.Expr, want names) {
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
			want = want.without(literal(e.Param)) // a label that it makes
		}
		if e.Without {
			n.narrow(e.Expr, want.without(e.Grouping...))
		} else {
			n.narrow(e.Expr, want.and(e.Grouping))
		}
	case *parser.BinaryExpr:
		n.binary(e, want)
	}
}

func (n narrower) match(v *parser.VectorSelector, want names) {
	have := n.known(v)
	for _, name := range want.sorted() {
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

func (n narrower) call(c *parser.Call, want names) {
	switch c.Func.Name {
	case "scalar", "absent", "absent_over_time", "info":
		return
	case "label_replace", "label_join":
		want = want.without(literal(c.Args[1]))
	}
	for _, arg := range c.Args {
		n.narrow(arg, want)
	}
}

func (n narrower) binary(b *parser.BinaryExpr, want names) {
	m := b.VectorMatching
	if m == nil {
		n.narrow(b.LHS, want)
		n.narrow(b.RHS, want)
		return
	}
	matched := want.without(m.MatchingLabels...)
	if m.On {
		matched = want.and(m.MatchingLabels)
	}
	switch {
	case b.Op == parser.LOR:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, matched)
	case b.Op.IsSetOperator(), m.Card == parser.CardManyToOne:
		n.narrow(b.LHS, want.without(m.Include...))
		n.narrow(b.RHS, matched)
	case m.Card == parser.CardOneToMany:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, want.without(m.Include...))
	default:
		n.narrow(b.LHS, matched)
		n.narrow(b.RHS, matched)
	}
}
