package promql

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// conditionsOf returns the conditions of all alternatives.
func conditionsOf(e parser.Expr) []Condition { return slices.Concat(Alternatives(e)...) }

func TestConditions(t *testing.T) {
	tests := []struct {
		expr, value, op, threshold string
		limit                      float64
		constant                   bool
		reach                      time.Duration
	}{
		{"x > 5", "x", ">", "5", 5, true, 0},
		{"0.2 < x", "x", ">", "0.2", .2, true, 0},
		{"(x) <= -(2 * 1024 ^ 2)", "x", "<=", "-(2 * 1024 ^ 2)", -2 * 1024 * 1024, true, 0},
		{"x < 5 and y > 1", "x", "<", "5", 5, true, 0},
		{"x > bool 5", "x > bool 5", "", "", 0, false, 0},
		{"x > on (a) y", "x", ">", "y", 0, false, 0},
		{"time() - x > 60", "time() - x", ">", "60", 60, true, 0},
		{"rate(x[5m] offset 1h) > 0", "rate(x[5m] offset 1h)", ">", "0", 0, true, 5 * time.Minute},
		{"max_over_time(sum(rate(x[5m]))[1h:1m]) > 0", "max_over_time(sum(rate(x[5m]))[1h:1m])", ">", "0", 0, true, 65 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			e, err := Parse(test.expr)
			require.NoError(t, err)
			c := conditionsOf(e)[0]
			assert.Equal(t, test.value, c.Value.String())
			assert.Equal(t, test.op, parser.ItemTypeStr[c.Op])
			if c.Threshold != nil {
				assert.Equal(t, test.threshold, c.Threshold.String())
			}
			limit, isConstant := c.Limit()
			assert.Equal(t, test.constant, isConstant)
			assert.InDelta(t, test.limit, limit, 1e-9)
			assert.Equal(t, test.reach, LongestRange(e))
		})
	}
	e, err := Parse("x > 1 or y < 2 or (z and w)")
	require.NoError(t, err)
	assert.Len(t, conditionsOf(e), 3)
}

func TestConditionsOfAlternatives(t *testing.T) {
	for expr, want := range map[string][]string{
		"x > 1 or y < 2":                 {"x > 1", "y < 2"},
		"x > 1 or y < 2 or (z and w)":    {"x > 1", "y < 2", "z"},
		"(x or y) unless z":              {"x", "y"},
		"x > 1 and (y > 2 or z > 3)":     {"x > 1", "y > 2", "x > 1", "z > 3"},
		"1 < bool x":                     {"1 < bool x"},
		"x > on (a) group_left () y":     {"x > on (a) group_left () y"},
		"((x == 1) != 0) unless on () w": {"x == 1", "x != 0"},
	} {
		var got []string
		for _, c := range conditionsOf(parsed(t, expr)) {
			got = append(got, c.Whole.String())
		}
		assert.Equal(t, want, got, expr)
	}
	c := conditionsOf(parsed(t, "x unless y"))[0]
	require.NotNil(t, c.Missing)
	assert.Equal(t, "y", c.Missing.String())
	assert.Nil(t, conditionsOf(parsed(t, "x > 1 unless y"))[0].Missing, "it is about x")
}

// TestMet: of every operator the value below, at and above the threshold; and which way the condition points.
func TestMet(t *testing.T) {
	for op, want := range map[string]struct {
		below, at, above bool
		up, known        bool
	}{
		">": {false, false, true, true, true}, ">=": {false, true, true, true, true},
		"<": {true, false, false, false, true}, "<=": {true, true, false, false, true},
		"==": {false, true, false, false, false}, "!=": {true, false, true, false, false},
	} {
		t.Run(op, func(t *testing.T) {
			c := conditionsOf(parsed(t, "x "+op+" 5"))[0]
			assert.Equal(t, []bool{want.below, want.at, want.above}, []bool{c.Met(4, 5), c.Met(5, 5), c.Met(6, 5)})
			up, known := c.Rises()
			assert.Equal(t, []bool{want.up, want.known}, []bool{up, known})
			mirror := conditionsOf(parsed(t, "5 "+parser.ItemTypeStr[mirrored(c.Op)]+" x"))[0]
			assert.Equal(t, []bool{want.below, want.at, want.above}, []bool{mirror.Met(4, 5), mirror.Met(5, 5), mirror.Met(6, 5)}, "the other way round")
		})
	}
	bare := conditionsOf(parsed(t, "x"))[0]
	assert.True(t, bare.Met(0, 5), "any value will do")
	assert.False(t, bare.Met(math.NaN(), 5))
	_, known := bare.Rises()
	assert.False(t, known)
}

// TestSignals: the value of a condition is what there is while all is well, and its whole is where it is met.
func TestSignals(t *testing.T) {
	for expr, want := range map[string][]string{ // value, whole, result, and the aggregation around
		`x > 5`:                       {`x`, `x > 5`, `x`, ``},
		`count(q > 100) > 0`:          {`sum(q > bool 100)`, `count(q > 100) > 0`, `count(q > 100)`, ``},
		`count(q > 100 and r) > 0`:    {`sum((q > bool 100) and r)`, `count(q > 100 and r) > 0`, `count(q > 100 and r)`, ``},
		`count(q > 9 < 100) > 0`:      {`count(q > 9 < 100)`, `count(q > 9 < 100) > 0`, `count(q > 9 < 100)`, ``},
		`sum by (s) (q > 100)`:        {`q`, `q > 100`, `sum by (s) (q > 100)`, `sum by (s) (q > 100)`},
		`sum(max by (s) (q > 100))`:   {`max by (s) (q)`, `max by (s) (q > 100)`, `sum(max by (s) (q > 100))`, `sum(max by (s) (q > 100))`},
		`max without (w) (slo > .01)`: {`max without (w) (slo)`, `max without (w) (slo > 0.01)`, `max without (w) (slo)`, ``},
		`max(q > on () r)`:            {`q`, `q > on () r`, `max(q > on () r)`, `max(q > on () r)`},
		`min(q > 5)`:                  {`q`, `q > 5`, `min(q > 5)`, `min(q > 5)`},
		`(rate(x[5m]) > 50) * on (i) group_left (n) host_info`: {
			`rate(x[5m]) * on (i) group_left (n) host_info`, `(rate(x[5m]) > 50) * on (i) group_left (n) host_info`,
			`rate(x[5m]) * on (i) group_left (n) host_info`, ``,
		},
		`(x > 50) * on (i) y`:                     {`x`, `x > 50`, `x`, ``},
		`label_replace(x > 5, "a", "b", "c", "")`: {`label_replace(x, "a", "b", "c", "")`, `label_replace(x > 5, "a", "b", "c", "")`, `label_replace(x, "a", "b", "c", "")`, ``},
		`round(x > 5)`:                            {`x`, `x > 5`, `x`, ``},
		`5 < x`:                                   {`x`, `5 < x`, `x`, ``},
		`(sum(x > 5) / sum(y))`:                   {`x`, `x > 5`, `sum(x > 5) / sum(y)`, `sum(x > 5)`},
	} {
		t.Run(expr, func(t *testing.T) {
			c := conditionsOf(parsed(t, expr))[0]
			inside := ""
			if c.Inside != nil {
				inside = c.Inside.String()
			}
			assert.Equal(t, want, []string{c.Value.String(), c.Whole.String(), c.Result.String(), inside})
		})
	}
	band := conditionsOf(parsed(t, `0 <= u / h < 0.9`))
	require.Len(t, band, 2)
	assert.Equal(t, []string{`u / h`, `0 <= u / h`}, []string{band[0].Value.String(), band[0].Whole.String()})
	assert.Equal(t, []string{`u / h`, `(u / h) < 0.9`}, []string{band[1].Value.String(), band[1].Whole.String()})
}

func TestConstants(t *testing.T) {
	for expr, want := range map[string]float64{
		"5": 5, "-5": -5, "+5": 5, "(5)": 5, "2 + 3 * 4": 14, "10 - 4": 6, "7 / 2": 3.5, "7 % 4": 3, "2 ^ 10": 1024, "-(2 * 1024)": -2048,
	} {
		got, ok := constant(parsed(t, expr))
		assert.True(t, ok, expr)
		assert.InDelta(t, want, got, 1e-9, expr)
	}
	for _, expr := range []string{"x", "2 * x", "time()", "scalar(x)", "1 > bool 2", "-x"} {
		_, ok := constant(parsed(t, expr))
		assert.False(t, ok, expr)
	}
}

func TestLongestRange(t *testing.T) {
	for expr, want := range map[string]time.Duration{
		"x": 0, "x offset 1d": 0, "rate(x[5m])": 5 * time.Minute, "rate(x[5m]) / rate(y[1h])": time.Hour,
		"max_over_time(rate(x[5m])[1h:1m])": 65 * time.Minute, "max_over_time(max_over_time(x[1h:1m])[2h:1m])": 3 * time.Hour,
	} {
		assert.Equal(t, want, LongestRange(parsed(t, expr)), expr)
	}
}
