package promql

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
)

// corpusExpr is a line of testdata/expressions.txt.
type corpusExpr struct{ expr, conditions string }

func corpus(t *testing.T) []corpusExpr {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "expressions.txt"))
	require.NoError(t, err)
	var out []corpusExpr
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		expr, conditions, found := strings.Cut(line, "\t")
		require.True(t, found, line)
		out = append(out, corpusExpr{expr, strings.TrimSpace(conditions)})
	}
	return out
}

// conditionsText writes the conditions of an expression as the corpus has them.
func conditionsText(e parser.Expr) string {
	var alternatives []string
	for _, a := range Alternatives(e) {
		var all []string
		for _, c := range a {
			if c.Op == 0 {
				all = append(all, "-")
				continue
			}
			text := parser.ItemTypeStr[c.Op] + " " + c.Threshold.String()
			switch up, known := c.Rises(); {
			case !known:
				text += " ?"
			case up:
				text += " up"
			default:
				text += " down"
			}
			if c.Negated {
				text = "! " + text
			}
			all = append(all, text)
		}
		alternatives = append(alternatives, strings.Join(all, " & "))
	}
	return strings.Join(alternatives, " | ")
}

// TestCorpus: the conditions of every expression are what is written beside it, reading it takes no time, and what is made of
// it can be read again.
func TestCorpus(t *testing.T) {
	list := corpus(t)
	assert.GreaterOrEqual(t, len(list), 300)
	k := SelectorLabels(func(*parser.VectorSelector) LabelNames { return NewLabelNames("a", "b", "instance", "job", "le") })
	for _, line := range list {
		t.Run(line.expr, func(t *testing.T) {
			e := parsed(t, line.expr)
			assert.Equal(t, line.conditions, conditionsText(e))
			for _, c := range conditionsOf(e) {
				for _, part := range []parser.Expr{c.Value, c.Whole, c.Result} {
					assert.Equal(t, part.String(), parsed(t, part.String()).String())
				}
			}
			assertQuick(t, line.expr, k)
		})
	}
}

// TestCorpusOverData has a real Prometheus evaluate what is made of every expression over data that all of their selectors
// match: it refuses nothing where it accepts the expression, and parts make the whole.
func TestCorpusOverData(t *testing.T) {
	list := corpus(t)
	exprs := make([]parser.Expr, len(list))
	for i, line := range list {
		exprs[i] = parsed(t, line.expr)
	}
	r := record(30*time.Minute, time.Minute)
	inventory(exprs).fill(r)
	q := querierAt(t, r.serve(t))
	at := r.end()
	original, queries, sums, drilled := 0, 0, 0, 0
	for _, e := range exprs {
		if _, err := q.Instant(t.Context(), e.String(), at); err != nil {
			t.Logf("refused as it is: %s: %v", e, err)
			continue
		}
		original++
		n, added, drills := checkConditions(t, q, e, r)
		queries, sums, drilled = queries+n, sums+added, drilled+drills
	}
	t.Logf("%d expressions accepted, %d things to break down; %d queries accepted, %d comparisons with the whole", original, drilled, queries, sums)
	assert.GreaterOrEqual(t, original, len(exprs)-5)
}

func checkConditions(t *testing.T, q *promapi.Querier, e parser.Expr, r *recording) (queries, sums, drilled int) {
	t.Helper()
	k := knownLabels(t, q, e, r)
	want := map[string]string{"instance": "v1", "job": "v1"}
	for _, c := range conditionsOf(e) {
		for _, part := range []Condition{c, c.Narrow(want, k)} {
			for _, e := range []parser.Expr{part.Value, part.Whole, part.Result} {
				_, err := q.Instant(t.Context(), e.String(), r.end())
				require.NoError(t, err, e.String())
				queries++
			}
		}
		whole, err := q.Instant(t.Context(), c.Whole.String(), r.end())
		require.NoError(t, err)
		for _, s := range whole {
			assert.NotContains(t, s.Metric, model.LabelName(""), c.Whole.String())
		}
		drills, _ := PlanCondition(c, k)
		for _, d := range drills {
			drilled++
			n, added := checkDrill(t, q, d, r.end())
			queries, sums = queries+n, sums+added
		}
	}
	return queries, sums, drilled
}

// TestPlansOfCorpus: what of every expression is broken down, which way it drives the value, and by which query.
func TestPlansOfCorpus(t *testing.T) {
	list := corpus(t)
	exprs := make([]parser.Expr, len(list))
	for i, line := range list {
		exprs[i] = parsed(t, line.expr)
	}
	stock := inventory(exprs)
	k := SelectorLabels(func(v *parser.VectorSelector) LabelNames { return stock.labels[metricName(v)] })
	var b strings.Builder
	for i, e := range exprs {
		fmt.Fprintf(&b, "# %s\n", list[i].expr)
		for _, c := range conditionsOf(e) {
			writePlan(&b, c, k)
		}
	}
	path := filepath.Join("testdata", "expressions.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}
