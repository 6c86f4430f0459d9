package promql

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// quotient is a division whose numerator is made of aggregations that add up.
type quotient struct {
	node     *parser.BinaryExpr
	num, den linear // den has no terms where the denominator can't be told apart
}

// linear is a sum of aggregations, each with a factor.
type linear struct {
	expr  parser.Expr // without what guards it: bounds, filters, and numbers added to a denominator
	terms []term
	exact bool // nothing but factors and signs is around the terms
}

// term is an aggregation that adds up, and by what it counts.
type term struct {
	factor float64
	of     *parser.AggregateExpr
}

// quotient plans a division of aggregations whose parts add up.
func (p *planner) quotient(b *parser.BinaryExpr, at place) (Drill, bool) {
	num, ok := linearOf(b.LHS, false)
	if !ok {
		return Drill{}, false
	}
	q := &quotient{node: b, num: num.bare()}
	d := Drill{
		Form: FormSum, Whole: at.frame.around(b, false), Kept: p.known.Output(b), Sign: at.sign, quotient: q, frame: at.frame,
		InBase: LabelNames{},
	}
	if !num.exact {
		d.Sign = 0
	}
	for i, t := range num.terms {
		list := at.without(p.candidates(t.of))
		if i == 0 {
			d.Labels = list
		} else {
			d.Labels = slices.DeleteFunc(d.Labels, func(l string) bool { return !slices.Contains(list, l) })
		}
	}
	if len(d.Labels) == 0 {
		return Drill{}, false
	}
	if den, ok := linearOf(b.RHS, true); ok {
		q.den, d.Form = den.bare(), FormRatio
		d.InBase = NewLabelNames(d.Labels...).Without(selectedBy(q.num, q.den)...)
		for _, t := range den.terms {
			d.InBase = d.InBase.Intersect(NewLabelNames(p.candidates(t.of)...).Union(p.known.Output(t.of)).Sorted())
		}
	}
	if b.VectorMatching.Card == parser.CardOneToMany && len(d.InBase) == 0 {
		return Drill{}, false // there is more than one denominator for each numerator
	}
	return d, true
}

// linearOf reads a sum of aggregations; ok is false for anything else. In a denominator numbers that are added guard
// against a division by zero.
func linearOf(e parser.Expr, guarded bool) (linear, bool) {
	switch e := Unparen(e).(type) {
	case *parser.UnaryExpr:
		l, ok := linearOf(e.Expr, guarded)
		if e.Op == parser.SUB {
			l = l.scaled(-1)
			l.expr = &parser.UnaryExpr{Op: e.Op, Expr: operand(l.expr)}
		}
		return l, ok
	case *parser.AggregateExpr:
		ok := e.Op == parser.SUM || e.Op == parser.COUNT || e.Op == parser.AVG
		return linear{e, []term{{1, e}}, true}, ok
	case *parser.Call:
		switch e.Func.Name {
		case "clamp_min", "clamp_max", "clamp":
			return linearOf(e.Args[0], guarded)
		case "abs":
			l, ok := linearOf(e.Args[0], guarded)
			l.exact = false
			return l, ok
		}
	case *parser.BinaryExpr:
		if e.VectorMatching == nil {
			return linearWithScalar(e, guarded)
		}
		return linearWithVector(e, guarded)
	}
	return linear{}, false
}

func linearWithScalar(b *parser.BinaryExpr, guarded bool) (linear, bool) {
	vector, other, left := b.LHS, b.RHS, true
	if b.LHS.Type() == parser.ValueTypeScalar {
		vector, other, left = b.RHS, b.LHS, false
	}
	l, ok := linearOf(vector, guarded)
	if !ok {
		return l, false
	}
	factor, known := constant(other)
	switch {
	case b.Op.IsComparisonOperator() && !b.ReturnBool:
		return l, true
	case !known:
		return l, false
	case b.Op == parser.MUL && factor != 0:
		l = l.scaled(factor)
	case b.Op == parser.DIV && left && factor != 0:
		l = l.scaled(1 / factor)
	case b.Op == parser.ADD && guarded, b.Op == parser.SUB && left && guarded:
		return l, true
	default:
		return l, false
	}
	l.expr = binary(b.Op, l.expr, other, nil)
	if !left {
		l.expr = binary(b.Op, other, l.expr.(*parser.BinaryExpr).LHS, nil)
	}
	return l, true
}

func linearWithVector(b *parser.BinaryExpr, guarded bool) (linear, bool) {
	switch {
	case b.Op == parser.LAND, b.Op == parser.LUNLESS:
		return linearOf(b.LHS, guarded)
	case b.Op == parser.LOR:
		if isZero(b.RHS) {
			return linearOf(b.LHS, guarded)
		}
		return linear{}, false
	case b.Op != parser.ADD && b.Op != parser.SUB, b.VectorMatching.Card != parser.CardOneToOne:
		return linear{}, false
	}
	l, okL := linearOf(b.LHS, guarded)
	if !okL {
		return l, false
	}
	r, okR := linearOf(b.RHS, guarded)
	if !okR {
		return l, false
	}
	both := linear{binary(b.Op, l.expr, r.expr, b.VectorMatching), l.terms, l.exact && r.exact}
	if b.Op == parser.SUB {
		r = r.scaled(-1)
	}
	both.terms = append(slices.Clone(l.terms), r.terms...)
	return both, true
}

// isZero reports whether an expression only fills gaps: a number, or nothing times something.
func isZero(e parser.Expr) bool {
	switch e := Unparen(e).(type) {
	case *parser.Call:
		return e.Func.Name == "vector"
	case *parser.BinaryExpr:
		l, okL := constant(e.LHS)
		r, okR := constant(e.RHS)
		return e.Op == parser.MUL && (okL && l == 0 || okR && r == 0)
	}
	return false
}

func (l linear) scaled(factor float64) linear {
	l.terms = slices.Clone(l.terms)
	for i := range l.terms {
		l.terms[i].factor *= factor
	}
	return l
}

// bare takes the factor above zero off a single term: shares are the same without.
func (l linear) bare() linear {
	if len(l.terms) == 1 && l.terms[0].factor > 0 {
		of := l.terms[0].of
		return linear{of, []term{{1, of}}, l.exact}
	}
	return l
}

// selectors returns those of all terms.
func (l linear) selectors() []*parser.VectorSelector {
	var out []*parser.VectorSelector
	for _, t := range l.terms {
		out = append(out, Selectors(t.of)...)
	}
	return out
}

// selectedBy returns the labels by which the numerator selects its share of the denominator: a local ratio by one of
// them would be all or nothing.
func selectedBy(num, den linear) []string {
	matchers := LabelNames{}
	for _, v := range den.selectors() {
		for _, m := range v.LabelMatchers {
			matchers[m.String()] = true
		}
	}
	var list []string
	for _, v := range num.selectors() {
		for _, m := range v.LabelMatchers {
			if !matchers[m.String()] {
				list = append(list, m.Name)
			}
		}
	}
	return list
}

// regrouped returns the sum with more labels in each of its terms.
func (l linear) regrouped(by []string) parser.Expr {
	aggregations := make([]*parser.AggregateExpr, len(l.terms))
	for i, t := range l.terms {
		aggregations[i] = t.of
	}
	return regroup(l.expr, aggregations, by)
}

// part returns a term's parts. Those of an average are each part's sum over the count of all.
func (t term) part(by []string) parser.Expr {
	if t.of.Op != parser.AVG || len(by) == 0 {
		return regroup(t.of, []*parser.AggregateExpr{t.of}, by)
	}
	sum, count := *t.of, *t.of
	sum.Op, count.Op = parser.SUM, parser.COUNT
	parts := regroup(&sum, []*parser.AggregateExpr{&sum}, by)
	return binary(parser.DIV, parts, &count, &parser.VectorMatching{Card: parser.CardManyToOne, MatchingLabels: by})
}

// overWhole divides a numerator's parts by the whole denominator.
func (q *quotient) overWhole(num parser.Expr, by []string) parser.Expr {
	if len(by) == 0 {
		return binary(parser.DIV, num, q.node.RHS, q.node.VectorMatching)
	}
	m := cloneMatching(q.node.VectorMatching)
	if m.Card == parser.CardOneToMany {
		return num
	}
	m.Card = parser.CardManyToOne
	own(m, by)
	if !m.On {
		matchBy(m, by)
	}
	return binary(parser.DIV, num, q.node.RHS, m)
}

// unit returns that of the parts.
func (q *quotient) unit() Unit {
	den := q.node.RHS
	if len(q.den.terms) > 0 {
		den = q.den.expr
	}
	return UnitOf(binary(parser.DIV, q.num.expr, den, q.node.VectorMatching))
}

// local divides each part of the numerator by that of the denominator.
func (q *quotient) local(by []string) parser.Expr {
	m := cloneMatching(q.node.VectorMatching)
	own(m, by)
	matchLocally(m, by)
	return binary(parser.DIV, q.num.regrouped(by), q.den.regrouped(by), m)
}

// matchLocally lets both sides be matched by labels that both have.
func matchLocally(m *parser.VectorMatching, by []string) {
	if m.On {
		matchBy(m, by)
		return
	}
	m.MatchingLabels = slices.DeleteFunc(m.MatchingLabels, func(l string) bool { return slices.Contains(by, l) })
}

// matchBy adds labels to those of a matching.
func matchBy(m *parser.VectorMatching, by []string) {
	for _, name := range by {
		if !slices.Contains(m.MatchingLabels, name) {
			m.MatchingLabels = append(m.MatchingLabels, name)
		}
	}
}

// own keeps labels from being taken from the other side.
func own(m *parser.VectorMatching, by []string) {
	m.Include = slices.DeleteFunc(m.Include, func(l string) bool { return slices.Contains(by, l) })
}
