package promql

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// DrillForm says how the parts of an expression relate to the whole.
type DrillForm string

// The forms.
const (
	FormSum    DrillForm = "sum"    // parts add up: sum, count
	FormRatio  DrillForm = "ratio"  // parts of a numerator and of a denominator, each adding up; avg is one as well
	FormRanked DrillForm = "ranked" // parts can be compared, and do not add up: max, min, quantiles
)

// Drill is one thing that can be broken down: an aggregation, or a ratio of two.
type Drill struct {
	Form   DrillForm
	Whole  parser.Expr // *parser.AggregateExpr, or histogram_quantile() of one
	Base   parser.Expr // the denominator of a ratio, else nil
	ratio  parser.Expr // the ratio as written, else nil
	node   parser.Expr // where it stands in the value
	Direct bool        // it is the value, up to a factor: the condition tells its direction
	Kept   LabelNames  // the labels that the whole has already
	Labels []string    // by which it can be broken down, the likeliest first
	InBase LabelNames  // those of them that the denominator has too
	side   *parser.VectorMatching
}

// Refusal says why an expression can't be broken down.
type Refusal string

// The refusals.
const (
	RefusedSeries   Refusal = "series"   // each value is that of one series already
	RefusedRecorded Refusal = "recorded" // the same, and the series is recorded by a rule
	RefusedLabels   Refusal = "labels"   // what is aggregated has no further labels
	RefusedConstant Refusal = "constant" // there are no series in it
	RefusedEmpty    Refusal = "empty"    // none of its series is there
	RefusedForm     Refusal = "form"     // the parts of such an aggregation mean nothing
)

// PlanDrills finds what of a value can be broken down, from the outside in, or why nothing can. It asks nothing: what it
// has to know of the series comes by known.
func PlanDrills(value parser.Expr, k SelectorLabels) ([]Drill, Refusal) {
	p := planner{known: k}
	p.visit(value)
	for i := range p.drills {
		p.drills[i].Direct = p.drills[i].node == core(value)
	}
	switch {
	case len(p.drills) > 0:
		return p.drills, ""
	case len(Selectors(value)) == 0:
		return nil, RefusedConstant
	}
	recorded, there := false, false
	for _, v := range Selectors(value) {
		recorded = recorded || strings.Contains(v.Name, ":")
		there = there || len(k(v)) > 0
	}
	switch {
	case !there:
		return nil, RefusedEmpty
	case p.refused != "":
		return nil, p.refused
	case recorded:
		return nil, RefusedRecorded
	}
	return nil, RefusedSeries
}

// core takes factors above zero and parentheses off a value: they change neither parts nor direction.
func core(e parser.Expr) parser.Expr {
	if factor, rest := factored(e); factor > 0 {
		return rest
	}
	return Unparen(e)
}

type planner struct {
	known   SelectorLabels
	drills  []Drill
	refused Refusal
}

func (p *planner) visit(e parser.Expr) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		p.visit(e.Expr)
	case *parser.UnaryExpr:
		p.visit(e.Expr)
	case *parser.SubqueryExpr:
		p.visit(e.Expr)
	case *parser.BinaryExpr:
		if d, ok := p.ratio(e); ok {
			p.drills = append(p.drills, d)
			return
		}
		for _, side := range telling(e) {
			p.visit(side)
		}
	case *parser.Call:
		if e.Func.Name == "histogram_quantile" {
			p.quantile(e)
			return
		}
		for _, arg := range e.Args {
			p.visit(arg)
		}
	case *parser.AggregateExpr:
		p.aggregate(e)
	}
}

// telling returns the operands that can carry a change: not what only guards, scales, or adds labels.
func telling(b *parser.BinaryExpr) []parser.Expr {
	scalar := b.LHS.Type() == parser.ValueTypeScalar
	switch m := b.VectorMatching; {
	case b.Op.IsSetOperator() && b.Op != parser.LOR, b.Op.IsComparisonOperator() && !scalar, b.Op == parser.DIV && !scalar:
		return []parser.Expr{b.LHS}
	case b.Op == parser.MUL && m != nil && m.Card == parser.CardManyToOne:
		return []parser.Expr{b.LHS}
	case b.Op == parser.MUL && m != nil && m.Card == parser.CardOneToMany:
		return []parser.Expr{b.RHS}
	}
	return []parser.Expr{b.LHS, b.RHS}
}

// aggregate plans an aggregation: by the labels that it aggregates away, or else by those of what is within.
func (p *planner) aggregate(a *parser.AggregateExpr) {
	if selects(a.Op) {
		p.visit(a.Expr) // the ranking is ours
		return
	}
	d := Drill{Whole: a, node: a, Kept: p.known.Output(a)}
	switch a.Op {
	case parser.SUM, parser.COUNT:
		d.Form = FormSum
	case parser.AVG:
		d.Form = FormRatio
		sum, count := *a, *a
		sum.Op, count.Op = parser.SUM, parser.COUNT
		d.Whole, d.Base, d.ratio = &sum, &count, a
	case parser.MAX, parser.MIN, parser.QUANTILE, parser.STDDEV, parser.STDVAR:
		d.Form = FormRanked
	default:
		p.refused = RefusedForm
		return
	}
	d.Labels = p.candidates(a)
	d.InBase = NewLabelNames(d.Labels...)
	if len(d.Labels) > 0 {
		p.drills = append(p.drills, d)
		return
	}
	if within := len(p.drills); hasAggregation(a.Expr) {
		if p.visit(a.Expr); len(p.drills) > within {
			return
		}
	}
	p.refused = RefusedLabels
}

// quantile plans histogram_quantile() of an aggregation; that of single histograms is about single series.
func (p *planner) quantile(c *parser.Call) {
	a, ok := Unparen(c.Args[1]).(*parser.AggregateExpr)
	if !ok || a.Op != parser.SUM {
		return
	}
	d := Drill{Form: FormRanked, Whole: c, node: c, Kept: p.known.Output(c)}
	d.Labels = slices.DeleteFunc(p.candidates(a), func(l string) bool { return l == "le" })
	if len(d.Labels) == 0 {
		p.refused = RefusedLabels
		return
	}
	p.drills = append(p.drills, d)
}

// ratio plans the quotient of two aggregations whose parts add up.
func (p *planner) ratio(b *parser.BinaryExpr) (Drill, bool) {
	if b.Op != parser.DIV || b.VectorMatching == nil {
		return Drill{}, false
	}
	num, den := additive(b.LHS), additive(b.RHS)
	if num == nil || den == nil {
		return Drill{}, false
	}
	d := Drill{Form: FormRatio, Whole: num, Base: den, ratio: b, node: b, Kept: p.known.Output(b), side: b.VectorMatching}
	inDen := NewLabelNames(p.candidates(den)...).Union(p.known.Output(den))
	d.Labels = p.candidates(num)
	d.InBase = inDen.Without(selectedBy(num, den)...).Intersect(d.Labels)
	return d, len(d.Labels) > 0
}

// selectedBy returns the labels by which the numerator selects its share of the denominator: a local ratio by one of
// them would be all or nothing.
func selectedBy(num, den parser.Expr) []string {
	matchers := LabelNames{}
	for _, v := range Selectors(den) {
		for _, m := range v.LabelMatchers {
			matchers[m.String()] = true
		}
	}
	var list []string
	for _, v := range Selectors(num) {
		for _, m := range v.LabelMatchers {
			if !matchers[m.String()] {
				list = append(list, m.Name)
			}
		}
	}
	return list
}

// additive returns the aggregation that an operand is, where its parts add up.
func additive(e parser.Expr) *parser.AggregateExpr {
	a, ok := core(e).(*parser.AggregateExpr)
	if !ok || a.Op != parser.SUM && a.Op != parser.COUNT {
		return nil
	}
	return a
}

// candidates returns the labels that an aggregation aggregates away and that can tell its parts apart.
func (p *planner) candidates(a *parser.AggregateExpr) []string {
	out := p.known.Output(a.Expr)
	gone := out.Without(p.known.Output(a).Sorted()...)
	var list []string
	for _, name := range gone.Sorted() {
		if !fixed(a, name) {
			list = append(list, name)
		}
	}
	slices.SortStableFunc(list, func(x, y string) int { return dull[x] - dull[y] })
	return list
}

// dull are labels that seldom say anything: they are asked about last.
var dull = map[string]int{
	"endpoint": 1, "prometheus": 1, "prometheus_replica": 1, "replica": 1, "service": 1, "job": 1,
	"uid": 2, "id": 2, "image": 2, "image_id": 2, "container_id": 2, "name": 2, "metrics_path": 2, "le": 2,
}

// fixed reports whether matchers leave a label a single value in all selectors.
func fixed(e parser.Expr, name string) bool {
	for _, v := range Selectors(e) {
		has := false
		for _, m := range v.LabelMatchers {
			has = has || m.Name == name && m.Type == labels.MatchEqual
		}
		if !has {
			return false
		}
	}
	return true
}

func hasAggregation(e parser.Expr) bool {
	found := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if _, ok := n.(*parser.AggregateExpr); ok {
			found = true
		}
		return nil
	})
	return found
}

// PartQueries returns the queries for the parts of a drill by labels: of the whole, and of the base of a ratio by those of the
// labels that it has.
func (d Drill) PartQueries(list ...string) (whole, base string) {
	whole = regrouped(d.Whole, list)
	if d.Base != nil {
		base = regrouped(d.Base, d.InBase.Intersect(list).Sorted())
	}
	return whole, base
}

// regrouped returns an expression whose outermost aggregation keeps more labels.
func regrouped(e parser.Expr, more []string) string {
	c, err := Parse(e.String())
	if err != nil {
		return e.String()
	}
	if call, ok := c.(*parser.Call); ok {
		group(Unparen(call.Args[1]).(*parser.AggregateExpr), more)
	} else if a, ok := c.(*parser.AggregateExpr); ok {
		group(a, more)
	}
	return c.String()
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

// Query returns the one query that shows the parts: for a ratio, the local ratio of each.
func (d Drill) Query(list ...string) string {
	whole, base := d.PartQueries(list...)
	switch {
	case d.Base == nil:
		return whole
	case d.side == nil: // an average
		return regrouped(d.ratio, list)
	}
	m := *d.side
	m.MatchingLabels = slices.Clone(m.MatchingLabels)
	for _, name := range list {
		switch {
		case d.InBase[name] && m.On && !slices.Contains(m.MatchingLabels, name):
			m.MatchingLabels = append(m.MatchingLabels, name)
		case !d.InBase[name]:
			if m.Card == parser.CardOneToOne {
				m.Card = parser.CardManyToOne
			}
			if !m.On {
				m.MatchingLabels = append(m.MatchingLabels, name)
			}
		}
	}
	l, errL := Parse(whole)
	r, errR := Parse(base)
	if errL != nil || errR != nil {
		return whole
	}
	return (&parser.BinaryExpr{Op: parser.DIV, LHS: l, RHS: r, VectorMatching: &m}).String()
}

// Unit returns the unit of the parts.
func (d Drill) Unit(form DrillForm) Unit {
	switch {
	case form != FormRatio:
		return UnitOf(d.Whole)
	case d.side == nil:
		return UnitOf(d.ratio) // an average
	}
	return unitOfQuotient(UnitOf(d.Whole), UnitOf(d.Base), sameMetric(d.Whole, d.Base))
}
