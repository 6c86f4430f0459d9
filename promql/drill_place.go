package promql

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// frame is what stands around a part of a value, from the inside out.
type frame struct{ layers []layer }

// layer is one operation around a part.
type layer struct {
	wrap   func(parser.Expr) parser.Expr
	labels bool // it changes labels alone
}

// around puts the layers around an expression: all of them, or those that change labels.
func (f frame) around(e parser.Expr, all bool) parser.Expr {
	for _, l := range slices.Backward(f.layers) {
		if all || l.labels {
			e = l.wrap(e)
		}
	}
	return e
}

func (f frame) with(l layer) frame { return frame{append(slices.Clone(f.layers), l)} }

// place is where in a value something stands.
type place struct {
	sign    int        // which way the value goes when it rises; 0 where that is not known
	frame   frame      // what is around it
	whole   bool       // the frame is all that is around it
	written LabelNames // labels that the frame writes

	numerator bool // of a quotient that is not broken down as one
}

// inside is a place below something that is not part of the frame.
func (at place) inside() place {
	at.frame, at.whole = frame{slices.DeleteFunc(slices.Clone(at.frame.layers), func(l layer) bool { return !l.labels })}, false
	return at
}

func (at place) signed(sign int) place {
	at.sign *= sign
	return at
}

// without leaves out the labels that are written over.
func (at place) without(list []string) []string {
	return slices.DeleteFunc(list, func(l string) bool { return at.written[l] })
}

func (p *planner) visit(e parser.Expr, at place) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		p.visit(e.Expr, at)
	case *parser.UnaryExpr:
		if e.Op == parser.SUB {
			at = at.signed(-1)
			at.frame = at.frame.with(layer{wrap: func(x parser.Expr) parser.Expr { return &parser.UnaryExpr{Op: e.Op, Expr: operand(x)} }})
		}
		p.visit(e.Expr, at)
	case *parser.SubqueryExpr:
		p.visit(e.Expr, at.inside())
	case *parser.BinaryExpr:
		switch {
		case e.Op.IsComparisonOperator() || e.Op.IsSetOperator():
			p.filtered(e, at)
		case e.VectorMatching == nil:
			p.withScalar(e, at)
		default:
			p.withVector(e, at)
		}
	case *parser.Call:
		p.call(e, at)
	case *parser.AggregateExpr:
		p.aggregate(e, at)
	}
}

// filtered visits what a comparison or a set operation leaves.
func (p *planner) filtered(b *parser.BinaryExpr, at place) {
	inner := at.inside()
	switch {
	case b.Op == parser.LOR:
		p.visit(b.LHS, inner)
		p.visit(b.RHS, inner)
	case b.Op.IsSetOperator():
		p.visit(b.LHS, at)
	case b.ReturnBool:
		if op := b.Op; op == parser.LSS || op == parser.LTE {
			inner = inner.signed(-1)
		} else if op != parser.GTR && op != parser.GTE {
			inner.sign = 0
		}
		p.visit(b.LHS, inner)
	case b.LHS.Type() == parser.ValueTypeScalar:
		p.visit(b.RHS, at)
	default:
		p.visit(b.LHS, at)
	}
}

// withScalar visits the vector of an operation on a vector and a number; the number, even a scalar(), is a reference.
func (p *planner) withScalar(b *parser.BinaryExpr, at place) {
	vector, other, left := b.LHS, b.RHS, true
	if b.LHS.Type() == parser.ValueTypeScalar {
		vector, other, left = b.RHS, b.LHS, false
	}
	factor, known := constant(other)
	sign := 0
	switch b.Op {
	case parser.ADD:
		sign = 1
	case parser.SUB:
		if sign = 1; !left {
			sign = -1
		}
	case parser.MUL, parser.DIV:
		if known && factor != 0 {
			if sign = 1; factor < 0 {
				sign = -1
			}
		}
		if b.Op == parser.DIV && !left {
			sign = -sign
		}
	}
	at = at.signed(sign)
	at.frame = at.frame.with(layer{wrap: func(x parser.Expr) parser.Expr {
		if left {
			return binary(b.Op, x, other, nil)
		}
		return binary(b.Op, other, x, nil)
	}})
	p.visit(vector, at)
}

// withVector visits the operands that can carry a change: not what only scales, adds labels, or is the same for many.
func (p *planner) withVector(b *parser.BinaryExpr, at place) {
	if b.Op == parser.DIV {
		if d, ok := p.quotient(b, at); ok {
			p.drills = append(p.drills, d)
			return
		}
		inner := at.inside()
		inner.numerator = true
		p.visit(b.LHS, inner)
		return
	}
	left, right := at.inside(), at.inside()
	switch b.Op {
	case parser.ADD, parser.MUL:
	case parser.SUB:
		right = right.signed(-1)
	default:
		left.sign, right.sign = 0, 0
	}
	infoL, infoR := isInfo(b.LHS), isInfo(b.RHS)
	many := b.VectorMatching.Card
	switch {
	case b.Op == parser.MUL && infoL && !infoR:
		p.visit(b.RHS, right)
	case b.Op == parser.MUL && infoR && !infoL, many == parser.CardManyToOne:
		p.visit(b.LHS, left)
	case many == parser.CardOneToMany:
		p.visit(b.RHS, right)
	default:
		p.visit(b.LHS, left)
		p.visit(b.RHS, right)
	}
}

// monotone functions keep the order of values.
var monotone = []string{"ceil", "floor", "round", "sqrt", "exp", "ln", "log2", "log10", "clamp", "clamp_min", "clamp_max", "sort", "sort_desc"}

// rising functions of a range rise with its values.
var rising = []string{
	"avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time", "first_over_time", "quantile_over_time", "increase", "rate",
}

func (p *planner) call(c *parser.Call, at place) {
	wrap := layer{wrap: func(x parser.Expr) parser.Expr { return withArg(c, 0, x) }}
	switch name := c.Func.Name; {
	case name == "scalar", name == "time", name == "absent", name == "absent_over_time", name == "info":
	case name == "histogram_quantile", name == "histogram_fraction":
		p.quantile(c, at)
	case name == "label_replace", name == "label_join":
		wrap.labels = true
		at.frame, at.written = at.frame.with(wrap), at.written.Union(NewLabelNames(literal(c.Args[1])))
		p.visit(c.Args[0], at)
	case slices.Contains(monotone, name):
		at.frame = at.frame.with(wrap)
		p.visit(c.Args[0], at)
	default:
		at = at.inside()
		if !slices.Contains(rising, name) {
			at.sign = 0
		}
		for _, arg := range c.Args {
			if arg.Type() != parser.ValueTypeScalar {
				p.visit(arg, at)
			}
		}
	}
}
