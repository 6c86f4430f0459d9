package promql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storeLabels are the labels of a few metrics, as a server would tell.
var storeLabels = SelectorLabels(func(v *parser.VectorSelector) LabelNames {
	return map[string]LabelNames{
		"a": NewLabelNames("job", "instance", "code"), "b": NewLabelNames("job", "instance"), "info": NewLabelNames("instance", "version"),
		"bucket": NewLabelNames("job", "instance", "le"), "dull": NewLabelNames("job", "zone", "uid"), "rec:sum": NewLabelNames("job"),
		"single": {},
	}[v.Name]
})

func parsed(t *testing.T, expr string) parser.Expr {
	t.Helper()
	e, err := Parse(expr)
	require.NoError(t, err, expr)
	return e
}

// TestPlanDrills: what of an expression can be broken down, by which labels, and by which query.
func TestPlanDrills(t *testing.T) {
	for _, test := range []struct {
		expr string
		want []string // "form by labels: query by the first label", of each drill
		sign int      // which way the value goes with the first one
	}{
		{`sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, 1},
		{`2 * sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, 1},
		{`-sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, -1},
		{`1 - sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, -1},
		{`sum by (job) (a)`, []string{`sum by code, instance: sum by (job, code) (a)`}, 1},
		{`sum without (code, job) (a)`, []string{`sum by code, job: sum without (job) (a)`}, 1},
		{`count(a{code="500"})`, []string{`sum by instance, job: count by (instance) (a{code="500"})`}, 1},
		{`max(a)`, []string{`ranked by code, instance, job: max by (code) (a)`}, 1},
		{`quantile(0.9, a)`, []string{`ranked by code, instance, job: quantile by (code) (0.9, a)`}, 1},
		{`avg(a)`, []string{`ratio by code, instance, job: avg by (code) (a)`}, 1},
		{`sum(dull)`, []string{`sum by zone, job, uid: sum by (zone) (dull)`}, 1},
		{`topk(3, sum by (job) (b))`, []string{`sum by instance: sum by (job, instance) (b)`}, 1},
		{`histogram_quantile(0.9, sum by (le) (rate(bucket[5m])))`, []string{`ranked by instance, job: histogram_quantile(0.9, sum by (le, instance) (rate(bucket[5m])))`}, 1},
		{`max_over_time(sum(b)[1h:1m])`, []string{`sum by instance, job: sum by (instance) (b)`}, 1},
		{`abs(sum(b))`, []string{`sum by instance, job: sum by (instance) (b)`}, 0},

		{`sum(a) / sum(b)`, []string{`ratio by code, instance, job: sum by (code) (a) / ignoring (code) group_left () sum(b)`}, 1},
		{`100 * sum by (job) (a) / sum by (job) (b)`, []string{`ratio by code, instance: sum by (job, code) (a) / ignoring (code) group_left () sum by (job) (b)`}, 1},
		{`sum by (job) (b) / on (job) sum by (job) (b)`, []string{`ratio by instance: sum by (job, instance) (b) / on (job, instance) sum by (job, instance) (b)`}, 1},
		{`sum(a{code="500"}) / sum(a)`, []string{`ratio by instance, job: sum by (instance) (a{code="500"}) / sum by (instance) (a)`}, 1},
		{`sum(a{code=~"5.."}) / sum(a)`, []string{`ratio by code, instance, job: sum by (code) (a{code=~"5.."}) / ignoring (code) group_left () sum(a)`}, 1},
		{`sum(a) / max(b)`, []string{`sum by code, instance, job: sum by (code) (a) / ignoring (code) group_left () max(b)`}, 1},
		{`sum(a) / 5`, []string{`sum by code, instance, job: sum by (code) (a)`}, 1},
		{`5 / sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, -1},

		{`sum(a) and sum(b)`, []string{`sum by code, instance, job: sum by (code) (a)`}, 1},
		{`sum(b) or max(b)`, []string{`sum by instance, job: sum by (instance) (b)`, `ranked by instance, job: max by (instance) (b)`}, 1},
		{`sum(b) - max(b)`, []string{`sum by instance, job: sum by (instance) (b)`, `ranked by instance, job: max by (instance) (b)`}, 1},
		{`sum by (instance) (b) * on (instance) group_left (version) info`, []string{`sum by job: sum by (instance, job) (b)`}, 1},
		{`info * on (instance) group_right () sum by (instance) (b)`, []string{`sum by job: sum by (instance, job) (b)`}, 1},
		{`sum(max by (job, instance) (b))`, []string{`sum by instance, job: sum by (instance) (max by (job, instance) (b))`}, 1},
		{`sum by (job) (max by (job) (b))`, []string{`ranked by instance: max by (job, instance) (b)`}, 1},
	} {
		t.Run(test.expr, func(t *testing.T) {
			drills, refused := PlanDrills(parsed(t, test.expr), storeLabels)
			require.Empty(t, refused)
			var got []string
			for _, d := range drills {
				query := d.Query(d.Labels[0])
				_, err := Parse(query)
				require.NoError(t, err)
				got = append(got, string(d.Form)+" by "+strings.Join(d.Labels, ", ")+": "+query)
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.sign, drills[0].Sign)
		})
	}
}

func TestRefusals(t *testing.T) {
	for expr, want := range map[string]Refusal{
		`a`: RefusedSeries, `rate(a[5m]) > 1`: RefusedSeries, `a / b`: RefusedSeries, `topk(3, a)`: RefusedSeries,
		`rec:sum`: RefusedRecorded, `rec:sum * 100`: RefusedRecorded,
		`sum by (job, instance) (b)`: RefusedLabels, `sum without () (b)`: RefusedLabels, `sum(a{code="5",job="x",instance="i"})`: RefusedLabels,
		`histogram_quantile(0.9, sum by (le, job, instance) (bucket))`: RefusedLabels,
		`histogram_quantile(0.9, bucket)`:                              RefusedSeries,
		`vector(1)`:                                                    RefusedConstant, `time()`: RefusedConstant,
		`sum(nowhere)`: RefusedEmpty, `nowhere`: RefusedEmpty, `sum(single)`: RefusedEmpty,
		`count_values("v", a)`: RefusedForm, `group(a)`: RefusedForm,
	} {
		t.Run(expr, func(t *testing.T) {
			drills, refused := PlanDrills(parsed(t, expr), storeLabels)
			assert.Empty(t, drills)
			assert.Equal(t, want, refused)
		})
	}
}

// TestParts: the parts of numerator and denominator; a numerator without a denominator of the same labels stands over the whole.
func TestParts(t *testing.T) {
	for _, test := range []struct {
		expr string
		by   []string
		form DrillForm
		want []string // numerators, "/", denominators
	}{
		{`sum(a)`, []string{"code", "job"}, FormSum, []string{`sum by (code, job) (a)`, `/`}},
		{`sum by (job) (a)`, []string{"job"}, FormSum, []string{`sum by (job) (a)`, `/`}},
		{`sum without (code, job) (a)`, []string{"code", "job"}, FormSum, []string{`sum without () (a)`, `/`}},
		{`count(a > 5)`, []string{"code"}, FormSum, []string{`sum by (code) (a > bool 5)`, `/`}},
		{`avg(a)`, []string{"code"}, FormRatio, []string{`sum by (code) (a)`, `/`, `count by (code) (a)`}},
		{`sum(a) / sum(b)`, []string{"code", "job"}, FormSum, []string{`sum by (code, job) (a) / ignoring (code, job) group_left () sum(b)`, `/`}},
		{`sum(a) / sum(b)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `/`, `sum by (job) (b)`}},
		{`sum(a) / max(b)`, []string{"job"}, FormSum, []string{`sum by (job) (a) / ignoring (job) group_left () max(b)`, `/`}},
		{`sum by (job) (a) / on (job) group_left () b`, []string{"code"}, FormSum, []string{`sum by (job, code) (a) / on (job) group_left () b`, `/`}},
		{`sum(b) / (sum(a) + sum(b))`, []string{"job"}, FormRatio, []string{`sum by (job) (b)`, `/`, `sum by (job) (a)`, `sum by (job) (b)`}},
		{`(sum(a) - 2 * sum(b)) / sum(a)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `-2*sum by (job) (b)`, `/`, `sum by (job) (a)`}},
		{`sum(a) / clamp_min(sum(b), 1)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `/`, `sum by (job) (b)`}},
		{`sum(a) / (sum(b) > 0)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `/`, `sum by (job) (b)`}},
		{`sum(a) / (sum(b) + 1)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `/`, `sum by (job) (b)`}},
		{`(sum(a) or vector(0)) / sum(b)`, []string{"job"}, FormRatio, []string{`sum by (job) (a)`, `/`, `sum by (job) (b)`}},
		{
			`avg(a) / avg(b)`,
			[]string{"job"},
			FormRatio,
			[]string{`sum by (job) (a) / ignoring (job) group_left () count(a)`, `/`, `sum by (job) (b) / ignoring (job) group_left () count(b)`},
		},
	} {
		t.Run(test.expr, func(t *testing.T) {
			drills, refused := PlanDrills(parsed(t, test.expr), storeLabels)
			require.Empty(t, refused)
			parts := drills[0].Parts(test.by...)
			var got []string
			for i, term := range slices.Concat(parts.Num, []PartTerm{{1, "/"}}, parts.Den) {
				if text := term.Query; term.Factor != 1 && i != len(parts.Num) {
					got = append(got, FormatNumber(term.Factor)+"*"+text)
				} else {
					got = append(got, text)
				}
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.form, parts.Form)
			assert.Equal(t, parts, drills[0].Parts(test.by...), "a plan is not changed by being asked")
		})
	}
}

// TestPlanCondition: a threshold of its own series is broken down too, one that many share is not.
func TestPlanCondition(t *testing.T) {
	for expr, want := range map[string][]string{
		`max by (job) (a) > count by (job) (b)`:              {"max by (job, code) (a) +1", "count by (job, instance) (b) -1 threshold"},
		`a > on (job) group_left () 2 * avg by (job) (b)`:    {},
		`b > on (job) sum by (job) (a)`:                      {"sum by (job, code) (a) -1 threshold"},
		`sum(a) > 5`:                                         {"sum by (code) (a) +1"},
		`sum by (job) (a > 5)`:                               {"sum by (job, code) (a > 5) +1"},
		`count(a > 5) > 0`:                                   {"sum by (code) (a > bool 5) +1"},
		`(sum by (instance) (a) > 5) * on (instance) info`:   {"sum by (instance, code) (a) +1"},
		`max without (code, job) (a > 5) and sum(b) > 3`:     {"max without (job) (a) +1", "sum by (instance) (b) +1"},
		`abs(b - on (job) group_left avg by (job) (b)) > .3`: {},
	} {
		t.Run(expr, func(t *testing.T) {
			got := []string{}
			for _, c := range conditionsOf(parsed(t, expr)) {
				drills, _ := PlanCondition(c, storeLabels)
				for _, d := range drills {
					text := fmt.Sprintf("%s %+d", d.Query(d.Labels[0]), d.Sign)
					if d.OfThreshold {
						text += " threshold"
					}
					got = append(got, text)
				}
			}
			assert.Equal(t, want, got)
		})
	}
}

// TestInward: behind the part of an aggregation of aggregations there are its own parts.
func TestInward(t *testing.T) {
	for expr, want := range map[string]string{
		`max by (job) (sum by (job, instance) (a))`: `sum by (job, instance, code) (a{instance="i1"}) +1`,
		`sum(sum by (job, instance) (a))`:           `sum by (job, instance, code) (a{instance="i1"}) +1`,
		`count(sum by (job, instance) (a))`:         `sum by (job, instance, code) (a{instance="i1"}) +0`,
		`sum(a)`:                                    ``,
	} {
		drills, refused := PlanDrills(parsed(t, expr), storeLabels)
		require.Empty(t, refused, expr)
		got := ""
		for _, d := range drills[0].Inward(map[string]string{"instance": "i1"}, storeLabels) {
			got += fmt.Sprintf("%s %+d", d.Query(d.Labels[0]), d.Sign)
		}
		assert.Equal(t, want, got, expr)
	}
}

func TestUnitOfParts(t *testing.T) {
	for expr, want := range map[string]Unit{
		`sum(rate(a_total[5m]))`: {UnitCount, true}, `avg(a_seconds)`: {Base: UnitSeconds}, `max(a_bytes)`: {Base: UnitBytes},
		`sum(rate(a_total[5m])) / sum(rate(b_total[5m]))`: {Base: UnitRatio}, `time() - max(a_timestamp_seconds)`: {Base: UnitSeconds},
		`sum(rate(a_seconds_sum[5m])) / sum(rate(a_seconds_count[5m]))`: {Base: UnitSeconds}, `count(a_bytes > 5)`: {Base: UnitCount},
	} {
		drills, refused := PlanDrills(parsed(t, expr), func(*parser.VectorSelector) LabelNames { return NewLabelNames("job") })
		require.Empty(t, refused, expr)
		assert.Equal(t, want, drills[0].Unit(), expr)
	}
}
