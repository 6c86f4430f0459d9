package promql

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// ErrTooComplex says that an expression is beyond what anybody writes: reading it could hold up everything else.
var ErrTooComplex = errors.New("the expression is too complex")

// The bounds of an expression. Of some 2,000 public alerting rules the deepest has 15 levels, and the largest 59 nodes.
const (
	maxBytes  = 64 << 10
	maxTokens = 4000
	maxDepth  = 64   // of brackets in the text, and of nodes in the tree
	maxNodes  = 1000 // with label matchers and the labels of groupings
)

// grammar reads what any Prometheus might have in its rules.
var grammar = parser.NewParser(parser.Options{EnableExperimentalFunctions: true})

// Parse reads an expression, with the functions that are experimental too. What is out of bounds is ErrTooComplex, and
// is not given to the parser: some of its work grows with the square of the depth.
func Parse(expr string) (parser.Expr, error) {
	if err := boundText(expr); err != nil {
		return nil, err
	}
	e, err := grammar.ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	size := treeSize{}
	if size.measure(e, 1); size.depth > maxDepth {
		return nil, fmt.Errorf("%w: more than %d levels", ErrTooComplex, maxDepth)
	}
	if size.nodes > maxNodes {
		return nil, fmt.Errorf("%w: more than %d parts", ErrTooComplex, maxNodes)
	}
	return e, nil
}

// boundText bounds length, tokens, brackets and operators of a text, before it is parsed.
func boundText(expr string) error {
	if len(expr) > maxBytes {
		return fmt.Errorf("%w: more than %d bytes", ErrTooComplex, maxBytes)
	}
	lexer := parser.Lex(expr)
	depth, operators := 0, 0
	for tokens := 0; ; tokens++ {
		var item parser.Item
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF, item.Typ == parser.ERROR:
			return nil // the parser says what is wrong
		case item.Typ == parser.LEFT_PAREN, item.Typ == parser.LEFT_BRACE, item.Typ == parser.LEFT_BRACKET:
			depth++
		case item.Typ == parser.RIGHT_PAREN, item.Typ == parser.RIGHT_BRACE, item.Typ == parser.RIGHT_BRACKET:
			depth--
		case item.Typ.IsOperator():
			operators++
		}
		switch {
		case depth > maxDepth:
			return fmt.Errorf("%w: more than %d brackets within each other", ErrTooComplex, maxDepth)
		case tokens > maxTokens, operators > maxNodes:
			return fmt.Errorf("%w: more than %d parts", ErrTooComplex, maxNodes)
		}
	}
}

// treeSize is how deep and how large a tree is; it stops counting where it is out of bounds.
type treeSize struct{ depth, nodes int }

func (s *treeSize) measure(n parser.Node, depth int) {
	s.depth = max(s.depth, depth)
	s.nodes++
	if s.depth > maxDepth || s.nodes > maxNodes {
		return
	}
	switch n := n.(type) {
	case *parser.VectorSelector:
		s.nodes += len(n.LabelMatchers)
	case *parser.AggregateExpr:
		s.nodes += len(n.Grouping)
	case *parser.BinaryExpr:
		if m := n.VectorMatching; m != nil {
			s.nodes += len(m.MatchingLabels) + len(m.Include)
		}
	}
	for child := range parser.ChildrenIter(n) {
		s.measure(child, depth+1)
	}
}

// NamesMetrics reports whether every selector of an expression says which metric it is about. What is no PromQL, but reads
// like it, as a query of Loki can, does not.
func NamesMetrics(e parser.Expr) bool {
	all := Selectors(e)
	for _, v := range all {
		if !selectsByName(v) {
			return false
		}
	}
	return len(all) > 0
}

// selectsByName reports whether a selector says which metrics it is about.
func selectsByName(v *parser.VectorSelector) bool {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) && !m.Matches("") {
			return true
		}
	}
	return false
}

// Unparen takes the parentheses around an expression off.
func Unparen(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

// constant evaluates arithmetic on numbers.
func constant(e parser.Expr) (float64, bool) {
	switch e := Unparen(e).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		v, ok := constant(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		if e.VectorMatching != nil {
			return 0, false
		}
		l, okL := constant(e.LHS)
		if !okL {
			return 0, false
		}
		r, okR := constant(e.RHS)
		if !okR {
			return 0, false
		}
		return arithmetic(e.Op, l, r)
	}
	return 0, false
}

func arithmetic(op parser.ItemType, l, r float64) (float64, bool) {
	switch op {
	case parser.ADD:
		return l + r, true
	case parser.SUB:
		return l - r, true
	case parser.MUL:
		return l * r, true
	case parser.DIV:
		return l / r, true
	case parser.MOD:
		return math.Mod(l, r), true
	case parser.POW:
		return math.Pow(l, r), true
	}
	return 0, false
}

// LongestRange returns over how long a past the expression looks: its longest range, with those of the subqueries around it. An
// offset only says which past that is: a rule that compares with yesterday is looked at by the same window as any other.
func LongestRange(e parser.Expr) time.Duration {
	var longest time.Duration
	var look func(n parser.Node, around time.Duration)
	look = func(n parser.Node, around time.Duration) {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			around += n.Range
		case *parser.SubqueryExpr:
			around += n.Range
		}
		longest = max(longest, around)
		for child := range parser.ChildrenIter(n) {
			look(child, around)
		}
	}
	look(e, 0)
	return longest
}
