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

// Drill is one thing that can be broken down: an aggregation, or a quotient.
type Drill struct {
	Form   DrillForm
	Whole  parser.Expr // what is broken down, as it can be asked for
	Kept   LabelNames  // the labels that the whole has already
	Labels []string    // by which it can be broken down, the likeliest first
	InBase LabelNames  // those of them that the denominator of a ratio has too

	// Sign says which way the value goes when the whole rises: 1 up, -1 down, 0 where that is not known.
	Sign int
	// Extreme says which part of a ranking is the whole: 1 the highest, -1 the lowest, 0 none.
	Extreme int
	// IsValue: the whole of a ranking is the value itself, so that the threshold holds for its parts.
	IsValue bool
	// OfThreshold: it is not the value that is broken down but the threshold, whose fall meets a condition as well.
	OfThreshold bool

	// OfNumerator: it is the numerator of a quotient that can't be broken down as one.
	OfNumerator bool

	parted   []*parser.AggregateExpr // what gets more labels
	quotient *quotient               // of a ratio, and of a sum that is divided by what can't be broken down
	framed   parser.Expr             // a ranking: all of what is asked for
	within   parser.Expr             // what the aggregation is over
	frame    frame
	sparse   bool // a filtered count is asked for as it is
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

// PlanCondition finds what of a condition can be broken down: its value first, then a threshold that moves. A
// threshold that many values share is a reference, not a cause.
func PlanCondition(c Condition, k SelectorLabels) ([]Drill, Refusal) {
	drills, refused := PlanDrills(c.Result, k)
	b, ok := Unparen(c.Whole).(*parser.BinaryExpr)
	if c.Threshold == nil || !ok || b.VectorMatching == nil || b.VectorMatching.Card != parser.CardOneToOne {
		return drills, refused
	}
	more, _ := PlanDrills(c.Threshold, k)
	for _, d := range more {
		d.OfThreshold, d.Sign = true, -d.Sign
		drills = append(drills, d)
	}
	if len(drills) > 0 {
		refused = ""
	}
	return drills, refused
}

// PlanDrills finds what of a value can be broken down, from the outside in, or why nothing can. It asks nothing: what it
// has to know of the series comes by known.
func PlanDrills(value parser.Expr, k SelectorLabels) ([]Drill, Refusal) {
	p := planner{known: k}
	p.visit(value, place{sign: 1, frame: frame{}, whole: true})
	switch {
	case len(p.drills) > 0:
		return p.drills, ""
	case len(Selectors(value)) == 0:
		return nil, RefusedConstant
	}
	there := false
	for _, v := range Selectors(value) {
		there = there || len(k(v)) > 0
	}
	switch {
	case !there:
		return nil, RefusedEmpty
	case p.refused != "":
		return nil, p.refused
	case len(Recorded(value)) > 0:
		return nil, RefusedRecorded
	}
	return nil, RefusedSeries
}

// Recorded returns the names of the recorded series that an expression reads: by convention they have a colon.
func Recorded(e parser.Expr) []string {
	var out []string
	for _, v := range Selectors(e) {
		if strings.Contains(v.Name, ":") && !slices.Contains(out, v.Name) {
			out = append(out, v.Name)
		}
	}
	return out
}

type planner struct {
	known   SelectorLabels
	drills  []Drill
	refused Refusal
}

// aggregate plans an aggregation: by the labels that it aggregates away, or else by those of what is within.
func (p *planner) aggregate(a *parser.AggregateExpr, at place) {
	if selects(a.Op) {
		p.visit(a.Expr, at) // the ranking is ours
		return
	}
	d := Drill{Whole: a, Kept: p.known.Output(a), Sign: at.sign, within: a.Expr, parted: []*parser.AggregateExpr{a}, frame: at.frame}
	switch a.Op {
	case parser.SUM, parser.COUNT:
		d.Form = FormSum
	case parser.AVG:
		d.Form = FormRatio
	case parser.MAX, parser.MIN, parser.QUANTILE:
		d.Form = FormRanked
	default:
		p.refused = RefusedForm
		return
	}
	d.Labels = at.without(p.candidates(a))
	d.InBase = NewLabelNames(d.Labels...)
	if len(d.Labels) > 0 {
		p.drills = append(p.drills, d.placed(at))
		return
	}
	inner := at.inside()
	if a.Op == parser.COUNT {
		inner.sign = 0
	}
	if planned := len(p.drills); hasAggregation(a.Expr) {
		if p.visit(a.Expr, inner); len(p.drills) > planned {
			return
		}
	}
	p.refused = RefusedLabels
}

// placed puts what stands around a drill around its whole: of a ranking all arithmetic, else what changes labels.
func (d Drill) placed(at place) Drill {
	d.OfNumerator = at.numerator
	switch a, _ := d.Whole.(*parser.AggregateExpr); {
	case a != nil && a.Op == parser.MAX:
		d.Extreme = 1
	case a != nil && a.Op == parser.MIN:
		d.Extreme = -1
	}
	if d.Form == FormRanked && at.whole && at.sign != 0 {
		d.Extreme, d.Sign = d.Extreme*at.sign, 1
		d.framed = at.frame.around(d.Whole, true)
		d.Whole, d.IsValue = d.framed, true
		return d
	}
	d.Whole = at.frame.around(d.Whole, false)
	d.framed = d.Whole
	return d
}

// Inward returns what is within one part of a drill, where that is an aggregation again: a highest of sums leads to the
// highest sum, and that to what it is the sum of.
func (d Drill) Inward(part map[string]string, k SelectorLabels) []Drill {
	if d.within == nil || !hasAggregation(d.within) {
		return nil
	}
	drills, _ := PlanDrills(Narrow(d.within, part, k), k)
	for i := range drills {
		drills[i].Sign *= d.Sign
		if a := d.parted[0]; a.Op == parser.COUNT {
			drills[i].Sign = 0
		}
	}
	return drills
}

// quantile plans histogram_quantile() of an aggregation; that of single histograms is about single series.
func (p *planner) quantile(c *parser.Call, at place) {
	_, inner := factored(c.Args[len(c.Args)-1])
	a, ok := inner.(*parser.AggregateExpr)
	if !ok {
		return
	}
	if a.Op != parser.SUM && a.Op != parser.AVG && a.Op != parser.MAX && a.Op != parser.MIN {
		p.refused = RefusedForm
		return
	}
	d := Drill{Form: FormRanked, Whole: c, Kept: p.known.Output(c), Sign: at.sign, parted: []*parser.AggregateExpr{a}, frame: at.frame}
	d.Labels = slices.DeleteFunc(at.without(p.candidates(a)), func(l string) bool { return l == "le" })
	if len(d.Labels) == 0 {
		p.refused = RefusedLabels
		return
	}
	p.drills = append(p.drills, d.placed(at))
}

// candidates returns the labels that an aggregation aggregates away and that can tell its parts apart.
func (p *planner) candidates(a *parser.AggregateExpr) []string {
	out := p.known.Output(a.Expr)
	gone := out.Without(p.known.Output(a).Sorted()...)
	var list []string
	for _, name := range gone.Sorted() {
		if !fixedLabels(a, name) {
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

// fixedLabels reports whether matchers leave a label a single value in all selectors.
func fixedLabels(e parser.Expr, name string) bool {
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
