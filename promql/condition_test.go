package promql

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
		{"(x > 0) < 10", "x", "<", "10", 10, true, 0},
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
			c := Conditions(e)[0]
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
	assert.Len(t, Conditions(e), 3)
}

func TestConditionsOfAlternatives(t *testing.T) {
	for expr, want := range map[string][]string{
		"x > 1 or y < 2":                 {"x > 1", "y < 2"},
		"x > 1 or y < 2 or (z and w)":    {"x > 1", "y < 2", "z"},
		"(x or y) unless z":              {"x", "y"},
		"x > 1 and (y > 2 or z > 3)":     {"x > 1"},
		"1 < bool x":                     {"1 < bool x"},
		"x > on (a) group_left () y":     {"x > on (a) group_left () y"},
		"((x == 1) != 0) unless on () w": {"(x == 1) != 0"},
	} {
		var got []string
		for _, c := range Conditions(parsed(t, expr)) {
			got = append(got, c.Whole.String())
		}
		assert.Equal(t, want, got, expr)
	}
	c := Conditions(parsed(t, "x unless y"))[0]
	require.NotNil(t, c.Missing)
	assert.Equal(t, "y", c.Missing.String())
	assert.Nil(t, Conditions(parsed(t, "x > 1 unless y"))[0].Missing, "it is about x")
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
			c := Conditions(parsed(t, "x "+op+" 5"))[0]
			assert.Equal(t, []bool{want.below, want.at, want.above}, []bool{c.Met(4, 5), c.Met(5, 5), c.Met(6, 5)})
			up, known := c.Rises()
			assert.Equal(t, []bool{want.up, want.known}, []bool{up, known})
			mirror := Conditions(parsed(t, "5 "+parser.ItemTypeStr[mirrored(c.Op)]+" x"))[0]
			assert.Equal(t, []bool{want.below, want.at, want.above}, []bool{mirror.Met(4, 5), mirror.Met(5, 5), mirror.Met(6, 5)}, "the other way round")
		})
	}
	bare := Conditions(parsed(t, "x"))[0]
	assert.True(t, bare.Met(0, 5), "any value will do")
	assert.False(t, bare.Met(math.NaN(), 5))
	_, known := bare.Rises()
	assert.False(t, known)
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
