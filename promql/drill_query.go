package promql

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// Parts are the queries for the parts of a drill by some labels.
type Parts struct {
	Form DrillForm  // a ratio whose denominator has not all of the labels is compared as a sum
	Num  []PartTerm // what adds up, or is compared
	Den  []PartTerm // the denominator of a ratio, which adds up likewise
}

// PartTerm is a query whose values count with a factor.
type PartTerm struct {
	Factor float64
	Query  string
}

// Parts returns the queries for the parts by some labels; by none those for the whole.
func (d Drill) Parts(by ...string) Parts {
	one := func(e parser.Expr) []PartTerm { return []PartTerm{{1, e.String()}} }
	switch {
	case d.quotient != nil:
		return d.partsOfQuotient(by)
	case d.Form == FormRatio: // an average
		sum, count := *d.parted[0], *d.parted[0]
		sum.Op, count.Op = parser.SUM, parser.COUNT
		return Parts{FormRatio, one(d.regrouped(&sum, by)), one(d.regrouped(&count, by))}
	case d.Form == FormSum:
		return Parts{FormSum, one(d.regrouped(d.counted(), by)), nil}
	}
	return Parts{FormRanked, one(regroup(d.framed, d.parted, by)), nil}
}

// counted returns the aggregation of a sum; what a filter leaves is counted by ones and zeros.
func (d Drill) counted() *parser.AggregateExpr {
	if a := d.parted[0]; a.Op == parser.COUNT && !d.sparse {
		if sum, ok := countWithZeros(a); ok {
			return sum
		}
	}
	return d.parted[0]
}

func (d Drill) regrouped(a *parser.AggregateExpr, by []string) parser.Expr {
	return d.frame.around(regroup(a, []*parser.AggregateExpr{a}, by), false)
}

func (d Drill) partsOfQuotient(by []string) Parts {
	q, form := d.quotient, FormSum
	if d.isLocal(by) {
		form = FormRatio
	}
	out := Parts{Form: form}
	for _, t := range q.num.terms {
		e := t.part(by)
		if form == FormSum {
			e = q.overWhole(e, by)
		}
		out.Num = append(out.Num, PartTerm{t.factor, d.frame.around(e, false).String()})
	}
	if form == FormSum {
		return out
	}
	for _, t := range q.den.terms {
		out.Den = append(out.Den, PartTerm{t.factor, d.frame.around(t.part(by), false).String()})
	}
	return out
}

// isLocal reports whether each part has a denominator of its own.
func (d Drill) isLocal(by []string) bool {
	return d.Form == FormRatio && len(d.InBase.Intersect(by)) == len(by)
}

// Query returns the one query that shows the parts: for a ratio, the local ratio of each.
func (d Drill) Query(by ...string) string {
	switch {
	case d.quotient != nil && d.isLocal(by):
		return d.frame.around(d.quotient.local(by), false).String()
	case d.quotient != nil:
		return d.frame.around(d.quotient.overWhole(d.quotient.num.regrouped(by), by), false).String()
	case d.Form == FormRanked:
		return regroup(d.framed, d.parted, by).String()
	case d.Form == FormSum:
		return d.regrouped(d.counted(), by).String()
	}
	return d.regrouped(d.parted[0], by).String()
}

// OverWhole returns the same drill with the parts of the numerator over the whole denominator: for where both sides have a
// label, but not the same values of it.
func (d Drill) OverWhole() Drill {
	if d.quotient != nil {
		d.Form, d.InBase = FormSum, LabelNames{}
	}
	return d
}

// Sparse returns the same drill without the parts of a filtered count that are 0: they may be very many.
func (d Drill) Sparse() Drill {
	d.sparse = true
	return d
}

// UnitIn returns the unit of the parts, as far as the threshold of a condition allows.
func (d Drill) UnitIn(c Condition) Unit {
	u := d.Unit()
	if u.Base == UnitRatio && UnitOf(c.Value).Base == UnitRatio {
		return c.Unit()
	}
	return u
}

// Unit returns the unit of the parts.
func (d Drill) Unit() Unit {
	switch {
	case d.quotient != nil:
		return d.quotient.unit()
	case d.Form == FormSum:
		return UnitOf(d.counted())
	}
	return UnitOf(d.Whole)
}

// regroup returns an expression in which some aggregations keep more labels; what joins them is matched by these as well.
func regroup(e parser.Expr, which []*parser.AggregateExpr, by []string) parser.Expr {
	return rewrite(e, func(n parser.Expr) (parser.Expr, bool) {
		switch n := n.(type) {
		case *parser.AggregateExpr:
			if !slices.Contains(which, n) {
				return nil, false
			}
			c := *n
			c.Grouping = slices.Clone(n.Grouping)
			group(&c, by)
			return &c, true
		case *parser.BinaryExpr:
			if n.VectorMatching == nil || !contains(n.LHS, which) || !contains(n.RHS, which) {
				return nil, false
			}
			c := *n
			c.LHS, c.RHS = regroup(n.LHS, which, by), regroup(n.RHS, which, by)
			c.VectorMatching = cloneMatching(n.VectorMatching)
			matchLocally(c.VectorMatching, by)
			return &c, true
		}
		return nil, false
	})
}

func contains(e parser.Expr, which []*parser.AggregateExpr) bool {
	found := false
	walk(e, func(n parser.Node) bool {
		a, ok := n.(*parser.AggregateExpr)
		found = found || ok && slices.Contains(which, a)
		return !found
	})
	return found
}

func group(a *parser.AggregateExpr, more []string) {
	for _, name := range more {
		switch {
		case a.Without:
			a.Grouping = slices.DeleteFunc(a.Grouping, func(g string) bool { return g == name })
		case !slices.Contains(a.Grouping, name):
			a.Grouping = append(a.Grouping, name)
		}
	}
}
