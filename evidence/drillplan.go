package evidence

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// drillForm says how the parts of an expression relate to the whole.
type drillForm string

// The forms.
const (
	formSum    drillForm = "sum"    // parts add up: sum, count
	formRatio  drillForm = "ratio"  // parts of a numerator and of a denominator, each adding up; avg is one as well
	formRanked drillForm = "ranked" // parts can be compared, and do not add up: max, min, quantiles
)

// drill is one thing that can be broken down: an aggregation, or a ratio of two.
type drill struct {
	form   drillForm
	whole  parser.Expr // *parser.AggregateExpr, or histogram_quantile() of one
	base   parser.Expr // the denominator of a ratio, else nil
	ratio  parser.Expr // the ratio as written, else nil
	node   parser.Expr // where it stands in the value
	direct bool        // it is the value, up to a factor: the condition tells its direction
	kept   names       // the labels that the whole has already
	labels []string    // by which it can be broken down, the likeliest first
	inBase names       // those of them that the denominator has too
	side   *parser.VectorMatching
}

// refusal says why an expression can't be broken down.
type refusal string

// The refusals.
const (
	refusedSeries   refusal = "series"   // each value is that of one series already
	refusedRecorded refusal = "recorded" // the same, and the series is recorded by a rule
	refusedLabels   refusal = "labels"   // what is aggregated has no further labels
	refusedConstant refusal = "constant" // there are no series in it
	refusedEmpty    refusal = "empty"    // none of its series is there
	refusedForm     refusal = "form"     // the parts of such an aggregation mean nothing
)

// planOf finds what of a value can be broken down, from the outside in, or why nothing can. It asks nothing: what it
// has to know of the series comes by known.
func planOf(value parser.Expr, k known) ([]drill, refusal) {
	p := planner{known: k}
	p.visit(value)
	for i := range p.drills {
		p.drills[i].direct = p.drills[i].node == core(value)
	}
	switch {
	case len(p.drills) > 0:
		return p.drills, ""
	case len(selectors(value)) == 0:
		return nil, refusedConstant
	}
	recorded, there := false, false
	for _, v := range selectors(value) {
		recorded = recorded || strings.Contains(v.Name, ":")
		there = there || len(k(v)) > 0
	}
	switch {
	case !there:
		return nil, refusedEmpty
	case p.refused != "":
		return nil, p.refused
	case recorded:
		return nil, refusedRecorded
	}
	return nil, refusedSeries
}

// core takes factors above zero and parentheses off a value: they change neither parts nor direction.
func core(e parser.Expr) parser.Expr {
	if factor, rest := factored(e); factor > 0 {
		return rest
	}
	return unparen(e)
}

type planner struct {
	known   known
	drills  []drill
	refused refusal
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
	d := drill{whole: a, node: a, kept: p.known.output(a)}
	switch a.Op {
	case parser.SUM, parser.COUNT:
		d.form = formSum
	case parser.AVG:
		d.form = formRatio
		sum, count := *a, *a
		sum.Op, count.Op = parser.SUM, parser.COUNT
		d.whole, d.base, d.ratio = &sum, &count, a
	case parser.MAX, parser.MIN, parser.QUANTILE, parser.STDDEV, parser.STDVAR:
		d.form = formRanked
	default:
		p.refused = refusedForm
		return
	}
	d.labels = p.candidates(a)
	d.inBase = namesOf(d.labels...)
	if len(d.labels) > 0 {
		p.drills = append(p.drills, d)
		return
	}
	if within := len(p.drills); hasAggregation(a.Expr) {
		if p.visit(a.Expr); len(p.drills) > within {
			return
		}
	}
	p.refused = refusedLabels
}

// quantile plans histogram_quantile() of an aggregation; that of single histograms is about single series.
func (p *planner) quantile(c *parser.Call) {
	a, ok := unparen(c.Args[1]).(*parser.AggregateExpr)
	if !ok || a.Op != parser.SUM {
		return
	}
	d := drill{form: formRanked, whole: c, node: c, kept: p.known.output(c)}
	d.labels = slices.DeleteFunc(p.candidates(a), func(l string) bool { return l == "le" })
	if len(d.labels) == 0 {
		p.refused = refusedLabels
		return
	}
	p.drills = append(p.drills, d)
}

// ratio plans the quotient of two aggregations whose parts add up.
func (p *planner) ratio(b *parser.BinaryExpr) (drill, bool) {
	if b.Op != parser.DIV || b.VectorMatching == nil {
		return drill{}, false
	}
	num, den := additive(b.LHS), additive(b.RHS)
	if num == nil || den == nil {
		return drill{}, false
	}
	d := drill{form: formRatio, whole: num, base: den, ratio: b, node: b, kept: p.known.output(b), side: b.VectorMatching}
	inDen := namesOf(p.candidates(den)...).plus(p.known.output(den))
	d.labels = p.candidates(num)
	d.inBase = inDen.without(selectedBy(num, den)...).and(d.labels)
	return d, len(d.labels) > 0
}

// selectedBy returns the labels by which the numerator selects its share of the denominator: a local ratio by one of
// them would be all or nothing.
func selectedBy(num, den parser.Expr) []string {
	matchers := names{}
	for _, v := range selectors(den) {
		for _, m := range v.LabelMatchers {
			matchers[m.String()] = true
		}
	}
	var list []string
	for _, v := range selectors(num) {
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
	out := p.known.output(a.Expr)
	gone := out.without(p.known.output(a).sorted()...)
	var list []string
	for _, name := range gone.sorted() {
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
	for _, v := range selectors(e) {
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

// by returns the queries for the parts of a drill by labels: of the whole, and of the base of a ratio by those of the
// labels that it has.
func (d drill) by(list ...string) (whole, base string) {
	whole = regrouped(d.whole, list)
	if d.base != nil {
		base = regrouped(d.base, d.inBase.and(list).sorted())
	}
	return whole, base
}

// regrouped returns an expression whose outermost aggregation keeps more labels.
func regrouped(e parser.Expr, more []string) string {
	c, err := parse(e.String())
	if err != nil {
		return e.String()
	}
	if call, ok := c.(*parser.Call); ok {
		group(unparen(call.Args[1]).(*parser.AggregateExpr), more)
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

// query returns the one query that shows the parts: for a ratio, the local ratio of each.
func (d drill) query(list ...string) string {
	whole, base := d.by(list...)
	switch {
	case d.base == nil:
		return whole
	case d.side == nil: // an average
		return regrouped(d.ratio, list)
	}
	m := *d.side
	m.MatchingLabels = slices.Clone(m.MatchingLabels)
	for _, name := range list {
		switch {
		case d.inBase[name] && m.On && !slices.Contains(m.MatchingLabels, name):
			m.MatchingLabels = append(m.MatchingLabels, name)
		case !d.inBase[name]:
			if m.Card == parser.CardOneToOne {
				m.Card = parser.CardManyToOne
			}
			if !m.On {
				m.MatchingLabels = append(m.MatchingLabels, name)
			}
		}
	}
	l, errL := parse(whole)
	r, errR := parse(base)
	if errL != nil || errR != nil {
		return whole
	}
	return (&parser.BinaryExpr{Op: parser.DIV, LHS: l, RHS: r, VectorMatching: &m}).String()
}
