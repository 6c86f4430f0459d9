package promql

import (
	"slices"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzPlan: whatever expression an alert's URL holds, planning it neither panics nor makes a query that can't be read.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"sum by (a) (rate(x[5m])) / sum by (a) (y) > 1", "absent(up == 1)", "a or b unless c", "-x < 2", "topk(1, x)",
		"histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "count_values without (a) (\"v\", x)", "time() > 1",
		"max_over_time(x[5m:1m] offset 1h) > bool 1", "avg(x) / on (a) group_left (b) avg by (a, b) (y) * 100", "1 > 2", "\"s\"",
		"{__name__=~\"a|b\"} @ start()", "label_replace(x, \"a\", \"b\", \"c\", \"d\") == 1", "vector(1)", "sum(a) > sum(b)",
	} {
		f.Add(seed)
	}
	k := SelectorLabels(func(*parser.VectorSelector) LabelNames { return NewLabelNames("a", "b", "le") })
	f.Fuzz(func(t *testing.T, expr string) {
		e, err := Parse(expr)
		if err != nil || len(expr) > 16<<10 {
			return
		}
		for _, c := range conditionsOf(e) {
			_, _ = c.Limit()
			_ = c.Unit()
			_ = Vanishing(c)
			_ = NamesMetrics(e)
			narrowed := c.Narrow(map[string]string{"a": "1"}, k)
			for _, part := range []parser.Expr{narrowed.Value, narrowed.Whole, narrowed.Result} {
				_, err := grammar.ParseExpr(part.String())
				require.NoError(t, err, part.String())
			}
			drills, refused := PlanCondition(narrowed, k)
			assert.NotEqual(t, len(drills) > 0, refused != "")
			for _, d := range drills {
				for _, l := range d.Labels {
					parts := d.Parts(l)
					for _, q := range slices.Concat(parts.Num, parts.Den, []PartTerm{{1, d.Query(l)}, {1, d.OverWhole().Query(l)}}) {
						_, err := grammar.ParseExpr(q.Query)
						require.NoError(t, err, q.Query)
					}
				}
				_ = d.Inward(map[string]string{"a": "1"}, k)
			}
		}
	})
}
