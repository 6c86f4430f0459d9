package promql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// readAll does with an expression what is done with an alert's.
func readAll(expr string, k SelectorLabels) {
	e, err := Parse(expr)
	if err != nil {
		return
	}
	_, _ = NamesMetrics(e), LongestRange(e)
	for _, c := range conditionsOf(e) {
		_, _ = c.Unit(), Vanishing(c)
		narrowed := c.Narrow(map[string]string{"a": "1", "b": "2"}, k)
		drills, _ := PlanCondition(narrowed, k)
		for _, d := range drills {
			for _, l := range d.Labels {
				_, _ = d.Parts(l), d.Query(l)
			}
			_, _ = d.Unit(), d.Inward(map[string]string{"a": "1"}, k)
		}
	}
}

// assertQuick fails for what hangs, which takes minutes. It is 50 ms at most, some ten times as long with the race detector.
func assertQuick(t *testing.T, expr string, k SelectorLabels) {
	t.Helper()
	took := testbedtest.CPU(func() { readAll(expr, k) })
	t.Log(took)
	assert.Less(t, took, 2*time.Second)
}

// chain joins n operands.
func chain(n int, operand, operator string) string {
	return strings.Repeat(operand+operator, n-1) + operand
}

// nested puts n of one thing around another.
func nested(n int, before, inner, behind string) string {
	return strings.Repeat(before, n) + inner + strings.Repeat(behind, n)
}

// TestGiants: whoever may post an alert may send any expression; none takes longer than a page of them may.
func TestGiants(t *testing.T) {
	k := SelectorLabels(func(*parser.VectorSelector) LabelNames { return NewLabelNames("a", "b", "c", "le") })
	branches := make([]string, 7000)
	matchers, grouping := make([]string, 2000), make([]string, 3000)
	for i := range branches {
		branches[i] = fmt.Sprint("v", i)
	}
	for i := range matchers {
		matchers[i] = fmt.Sprintf(`l%d="v"`, i)
	}
	for i := range grouping {
		grouping[i] = fmt.Sprint("l", i)
	}
	for name, test := range map[string]struct {
		expr  string
		giant bool // it is refused
	}{
		"quotients":              {chain(26, "x", "/") + " > 1", false},
		"more quotients":         {chain(60, "x", "/") + " > 1", false},
		"many quotients":         {chain(3000, "x", "/") + " > 1", true},
		"quotients to the right": {nested(60, "x/(", "x", ")"), true},
		"products of factors":    {chain(60, "2", "*") + "*x > 1", false},
		"many factors":           {chain(5000, "2", "*") + "*x", true},
		"quotients of sums":      {chain(60, "sum by (a) (x)", "/") + " > 1", false},
		"sums within each other": {nested(60, "sum(", "x", ")"), false},
		"many sums":              {nested(3000, "sum(", "x", ")"), true},
		"sums by a label":        {nested(60, "sum by (a) (", "x", ")"), false},
		"many sums by a label":   {nested(1000, "sum by (a) (", "x", ")"), true},
		"sums without":           {nested(60, "sum without (b) (", "x", ")"), false},
		"additions":              {chain(5000, "x", "+"), true},
		"some additions":         {chain(60, "sum(x)", "+") + " > 1", false},
		"brackets":               {nested(8000, "(", "x", ")"), true},
		"some brackets":          {nested(60, "(", "x", ")"), false},
		"signs":                  {strings.Repeat("-", 8000) + "x", true},
		"or":                     {chain(3000, "x", " or "), true},
		"some or":                {chain(60, "x > 1", " or "), false},
		"and":                    {chain(60, "x > 1", " and "), false},
		"or and and":             {nested(20, "(x > 1 or y > 2) and (", "z > 3", ")"), false},
		"unless":                 {nested(20, "(x or y) unless (", "z > 3", ")"), false},
		"comparisons":            {chain(60, "x", " > "), false},
		"label_replace":          {nested(60, "label_replace(", "x", `, "d", "$1", "a", "(.*)")`), false},
		"joins":                  {chain(60, "x", " * on (a) group_left (b) "), false},
		"quantiles":              {nested(30, "histogram_quantile(0.9, sum by (le) (", "x", "))"), false},
		"a regexp":               {`x{a=~"` + strings.Join(branches, "|") + `"} > 1`, false},
		"matchers":               {"sum(x{" + strings.Join(matchers, ",") + "})", true},
		"a grouping":             {"sum by (" + strings.Join(grouping, ",") + ") (x)", true},
		"subqueries":             {nested(60, "max_over_time(", "x", "[1h:1m])"), true},
		"some subqueries":        {nested(20, "max_over_time(", "x", "[1h:1m])"), false},
		"a text":                 {`label_replace(x, "a", "` + strings.Repeat("v", 100_000) + `", "", "")`, true},
		"no end":                 {strings.Repeat("sum(", 5000), true},
		"wide":                   {"sum(" + chain(60, `x{a="1"}`, " + ") + ") / sum(" + chain(60, `y{b="2"}`, " + ") + ") > 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.expr)
			if test.giant {
				require.ErrorIs(t, err, ErrTooComplex)
			} else {
				require.NoError(t, err)
			}
			assertQuick(t, test.expr, k)
		})
	}
}
