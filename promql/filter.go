package promql

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// filters returns the comparisons that stand within an expression.
func filters(e parser.Expr) Alternative {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return filters(e.Expr)
	case *parser.UnaryExpr:
		return apart(filters(e.Expr))
	case *parser.SubqueryExpr:
		return apart(filters(e.Expr))
	case *parser.BinaryExpr:
		return filtersOfBinary(e)
	case *parser.Call:
		return filtersOfCall(e)
	case *parser.AggregateExpr:
		return filtersOfAggregate(e)
	}
	return nil
}

// apart says that the conditions' values are not what is around them without its filters.
func apart(list Alternative) Alternative {
	for i := range list {
		list[i].direct = false
	}
	return list
}

func filtersOfBinary(b *parser.BinaryExpr) Alternative {
	switch {
	case b.Op == parser.LOR, b.ReturnBool:
		return nil
	case b.Op.IsComparisonOperator():
		return compare(b)
	case b.Op.IsSetOperator():
		return append(filters(b.LHS), apart(guard(b))...)
	case b.Op == parser.DIV:
		return within(b, apart(filters(b.LHS))) // what the denominator is held to only guards the division
	}
	left, right := filters(b.LHS), filters(b.RHS)
	join := b.Op == parser.MUL && b.VectorMatching != nil
	switch {
	case join && isInfo(b.RHS) && !isInfo(b.LHS):
		return rewrapped(left, func(inner parser.Expr) parser.Expr {
			return binary(b.Op, inner, b.RHS, b.VectorMatching)
		})
	case join && isInfo(b.LHS) && !isInfo(b.RHS):
		return rewrapped(right, func(inner parser.Expr) parser.Expr {
			return binary(b.Op, b.LHS, inner, b.VectorMatching)
		})
	}
	return within(b, apart(append(left, right...)))
}

// within lets what is broken down be the arithmetic on aggregations, not one of them.
func within(b *parser.BinaryExpr, list Alternative) Alternative {
	for i, c := range list {
		if c.Inside != nil && b.VectorMatching != nil {
			list[i].Result = b
		}
	}
	return list
}

// rewrapped puts what is around conditions around their values.
func rewrapped(list Alternative, wrap func(parser.Expr) parser.Expr) Alternative {
	for i, c := range list {
		if c.direct {
			list[i].Value, list[i].Whole, list[i].Result = wrap(c.Value), wrap(c.Whole), wrap(c.Result)
		}
	}
	return list
}

func filtersOfCall(c *parser.Call) Alternative {
	switch c.Func.Name {
	case "scalar", "absent", "absent_over_time", "vector":
		return nil
	case "label_replace", "label_join", "sort", "sort_desc":
		return rewrapped(filters(c.Args[0]), func(inner parser.Expr) parser.Expr { return withArg(c, 0, inner) })
	}
	var all Alternative
	for _, arg := range c.Args {
		all = append(all, apart(filters(arg))...)
	}
	return all
}

// withArg returns a call with another argument.
func withArg(c *parser.Call, i int, arg parser.Expr) *parser.Call {
	other := *c
	other.Args = append(parser.Expressions{}, c.Args...)
	other.Args[i] = arg
	return &other
}

func filtersOfAggregate(a *parser.AggregateExpr) Alternative {
	list := filters(a.Expr)
	if selects(a.Op) {
		return list
	}
	for i, c := range list {
		up, known := c.Rises()
		_, fixed := c.Limit()
		if c.direct && known && fixed && (a.Op == parser.MAX && up || a.Op == parser.MIN && !up) {
			// the highest of those above a threshold is the highest of all, if that is above it
			list[i] = rewrapped(Alternative{c}, func(inner parser.Expr) parser.Expr {
				other := *a
				other.Expr = inner
				return &other
			})[0]
			continue
		}
		list[i].direct, list[i].Result, list[i].Inside = false, a, a
	}
	return list
}

// withZeros counts what a filter leaves by adding up the comparison itself: nothing is then 0, not a gap.
func withZeros(e parser.Expr) parser.Expr {
	return rewrite(e, func(n parser.Expr) (parser.Expr, bool) {
		a, ok := n.(*parser.AggregateExpr)
		if !ok || a.Op != parser.COUNT {
			return nil, false
		}
		return countWithZeros(a)
	})
}

func countWithZeros(a *parser.AggregateExpr) (*parser.AggregateExpr, bool) {
	inner, ok := asBool(a.Expr)
	if !ok {
		return nil, false
	}
	sum := *a
	sum.Op, sum.Expr = parser.SUM, inner
	return &sum, true
}

// asBool makes a filter say 1 or 0.
func asBool(e parser.Expr) (parser.Expr, bool) {
	b, ok := Unparen(e).(*parser.BinaryExpr)
	if !ok {
		return nil, false
	}
	other := *b
	switch {
	case b.Op.IsComparisonOperator() && !b.ReturnBool:
		if _, chain := comparison(b.LHS); chain {
			return nil, false
		}
		other.ReturnBool = true
		return &other, true
	case b.Op == parser.LAND || b.Op == parser.LUNLESS:
		inner, ok := asBool(b.LHS)
		if !ok {
			return nil, false
		}
		other.LHS = operand(inner)
		return &other, true
	}
	return nil, false
}
