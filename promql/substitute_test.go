package promql

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSubstitute: in the place of a recorded series stands what it is made of, with the matchers where they belong; where that
// could mean another thing it says so.
func TestSubstitute(t *testing.T) {
	for _, test := range []struct {
		expr, recorded string
		labels         map[string]string
		want           string // "" for none
	}{
		{`rec > 5`, `sum by (job) (rate(x[5m]))`, nil, `sum by (job) (rate(x[5m])) > 5`},
		{`rec{job="a"} > 5`, `sum by (job) (rate(x[5m]))`, nil, `sum by (job) (rate(x{job="a"}[5m])) > 5`},
		{`rec * 100 > 5`, `sum(x) / sum(y)`, nil, `(sum(x) / sum(y)) * 100 > 5`},
		{`rec{job="a"}`, `sum by (job) (x) / sum by (job) (y)`, nil, `(sum by (job) (x{job="a"}) / sum by (job) (y{job="a"}))`},
		{`rec{pod="a"} > 5`, `sum by (job) (x)`, nil, ``},
		{`rec{slo="a"} > 5`, `sum(x)`, map[string]string{"slo": "a"}, `label_replace(sum(x), "slo", "a", "", "") > 5`},
		{`rec{slo="b"} > 5`, `sum(x)`, map[string]string{"slo": "a"}, ``},
		{`rec offset 1h > 5`, `sum(rate(x[5m] offset 5m))`, nil, `sum(rate(x[5m] offset 1h5m)) > 5`},
		{`rec offset 1h > 5`, `time() - x`, nil, ``},
		{`rec @ 5 > 5`, `sum(x)`, nil, ``},
		{`avg_over_time(rec[1h]) > 5`, `sum(x)`, nil, `avg_over_time((sum(x))[1h:]) > 5`},
		{`avg_over_time(rec[1h] offset 1d) > 5`, `sum(x)`, nil, `avg_over_time((sum(x))[1h:] offset 1d) > 5`},
		{`rec{zone="z"}`, `x * on (i) group_left (zone) y`, nil, `(x * on (i) group_left (zone) y{zone="z"})`},
		{`rec{new="z"}`, `label_replace(x, "new", "$1", "i", "(.*)")`, nil, ``},
		{`rec{le="1"}`, `histogram_quantile(0.9, x)`, nil, ``},
		{`rec{job="a"}`, `topk(3, x)`, nil, ``},
		{`other > 5`, `sum(x)`, nil, ``},
		{`max(rec > 5) and rec < 9`, `sum(x)`, nil, `max(sum(x) > 5) and sum(x) < 9`},
	} {
		t.Run(test.expr+" of "+test.recorded, func(t *testing.T) {
			e := parsed(t, test.expr)
			got, ok := Substitute(e, Recording{"rec", parsed(t, test.recorded), test.labels})
			assert.Equal(t, test.want != "", ok)
			if ok {
				assert.Equal(t, test.want, got.String())
				assert.Equal(t, test.want, parsed(t, got.String()).String())
			}
			assert.Equal(t, parsed(t, test.expr).String(), e.String(), "the expression stays as it is")
		})
	}
}

// TestSubstituteMeansTheSame: over real data the expression has the values that the recorded series would have.
func TestSubstituteMeansTheSame(t *testing.T) {
	r := record(30*time.Minute, 30*time.Second)
	for _, labels := range []string{`job="a",code="1"`, `job="a",code="2"`, `job="b",code="1"`} {
		r.add(`x_total{`+labels+`}`, func(s float64) float64 { return s * float64(len(labels)) })
	}
	r.add(`job:x:sum{job="a",slo="$1"}`, func(s float64) float64 { return 2 * s * float64(len(`job="a",code="1"`)) })
	q := querierAt(t, r.serve(t))
	rule := Recording{"job:x:sum", parsed(t, `sum by (job) (x_total{job="a"})`), map[string]string{"slo": "$1"}}
	for _, expr := range []string{
		`sum by (slo, job) (job:x:sum)`, `sum by (slo) (job:x:sum{slo="$1"} offset 5m)`, `max by (job) (avg_over_time(job:x:sum[5m]))`,
		`sum by (slo) (job:x:sum) / on (slo) sum by (slo) (job:x:sum offset 10m)`,
	} {
		made, ok := Substitute(parsed(t, expr), rule)
		require.True(t, ok, expr)
		want, err := q.Instant(t.Context(), expr, r.end())
		require.NoError(t, err)
		got, err := q.Instant(t.Context(), made.String(), r.end())
		require.NoError(t, err, made.String())
		require.Len(t, want, 1, expr)
		require.Len(t, got, 1, made.String())
		assert.Equal(t, want[0].Metric, got[0].Metric, made.String())
		assert.InEpsilon(t, float64(want[0].Value), float64(got[0].Value), .05, made.String())
	}
}
