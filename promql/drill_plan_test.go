package promql

import (
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
		expr   string
		want   []string // "form by labels: query by the first label", of each drill
		direct bool     // the first one is the value itself
	}{
		{`sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, true},
		{`2 * sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, true},
		{`-sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, false},
		{`1 - sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, false},
		{`sum by (job) (a)`, []string{`sum by code, instance: sum by (job, code) (a)`}, true},
		{`sum without (code, job) (a)`, []string{`sum by code, job: sum without (job) (a)`}, true},
		{`count(a{code="500"})`, []string{`sum by instance, job: count by (instance) (a{code="500"})`}, true},
		{`max(a)`, []string{`ranked by code, instance, job: max by (code) (a)`}, true},
		{`quantile(0.9, a)`, []string{`ranked by code, instance, job: quantile by (code) (0.9, a)`}, true},
		{`avg(a)`, []string{`ratio by code, instance, job: avg by (code) (a)`}, true},
		{`sum(dull)`, []string{`sum by zone, job, uid: sum by (zone) (dull)`}, true},
		{`topk(3, sum by (job) (b))`, []string{`sum by instance: sum by (job, instance) (b)`}, false},
		{`histogram_quantile(0.9, sum by (le) (rate(bucket[5m])))`, []string{`ranked by instance, job: histogram_quantile(0.9, sum by (le, instance) (rate(bucket[5m])))`}, true},
		{`max_over_time(sum(b)[1h:1m])`, []string{`sum by instance, job: sum by (instance) (b)`}, false},
		{`abs(sum(b))`, []string{`sum by instance, job: sum by (instance) (b)`}, false},

		{`sum(a) / sum(b)`, []string{`ratio by code, instance, job: sum by (code) (a) / ignoring (code) group_left () sum(b)`}, true},
		{`100 * sum by (job) (a) / sum by (job) (b)`, []string{`ratio by code, instance: sum by (job, code) (a) / ignoring (code) group_left () sum by (job) (b)`}, true},
		{`sum by (job) (b) / on (job) sum by (job) (b)`, []string{`ratio by instance: sum by (job, instance) (b) / on (job, instance) sum by (job, instance) (b)`}, true},
		{`sum(a{code="500"}) / sum(a)`, []string{`ratio by instance, job: sum by (instance) (a{code="500"}) / sum by (instance) (a)`}, true},
		{`sum(a{code=~"5.."}) / sum(a)`, []string{`ratio by code, instance, job: sum by (code) (a{code=~"5.."}) / ignoring (code) group_left () sum(a)`}, true},
		{`sum(a) / max(b)`, []string{`sum by code, instance, job: sum by (code) (a)`}, false},
		{`sum(a) / 5`, []string{`sum by code, instance, job: sum by (code) (a)`}, true},
		{`5 / sum(a)`, []string{`sum by code, instance, job: sum by (code) (a)`}, false},

		{`sum(a) and sum(b)`, []string{`sum by code, instance, job: sum by (code) (a)`}, false},
		{`sum(b) or max(b)`, []string{`sum by instance, job: sum by (instance) (b)`, `ranked by instance, job: max by (instance) (b)`}, false},
		{`sum(b) - max(b)`, []string{`sum by instance, job: sum by (instance) (b)`, `ranked by instance, job: max by (instance) (b)`}, false},
		{`sum by (instance) (b) * on (instance) group_left (version) info`, []string{`sum by job: sum by (instance, job) (b)`}, false},
		{`info * on (instance) group_right () sum by (instance) (b)`, []string{`sum by job: sum by (instance, job) (b)`}, false},
		{`sum(max by (job, instance) (b))`, []string{`sum by instance, job: sum by (instance) (max by (job, instance) (b))`}, true},
		{`sum by (job) (max by (job) (b))`, []string{`ranked by instance: max by (job, instance) (b)`}, false},
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
			assert.Equal(t, test.direct, drills[0].Direct)
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

// TestPartQueries: the parts of numerator and denominator, by those labels that each has.
func TestPartQueries(t *testing.T) {
	for _, test := range []struct {
		expr        string
		by          []string
		whole, base string
	}{
		{`sum(a)`, []string{"code", "job"}, `sum by (code, job) (a)`, ``},
		{`sum by (job) (a)`, []string{"job"}, `sum by (job) (a)`, ``},
		{`sum without (code, job) (a)`, []string{"code", "job"}, `sum without () (a)`, ``},
		{`avg(a)`, []string{"code"}, `sum by (code) (a)`, `count by (code) (a)`},
		{`sum(a) / sum(b)`, []string{"code", "job"}, `sum by (code, job) (a)`, `sum by (job) (b)`},
		{`sum(b) / sum(a)`, []string{"job"}, `sum by (job) (b)`, `sum by (job) (a)`},
	} {
		t.Run(test.expr, func(t *testing.T) {
			drills, refused := PlanDrills(parsed(t, test.expr), storeLabels)
			require.Empty(t, refused)
			whole, base := drills[0].PartQueries(test.by...)
			assert.Equal(t, []string{test.whole, test.base}, []string{whole, base})
			again, _ := drills[0].PartQueries(test.by...)
			assert.Equal(t, whole, again, "a plan is not changed by being asked")
		})
	}
}

func TestUnitOfParts(t *testing.T) {
	for _, test := range []struct {
		expr string
		form DrillForm // as it is compared: a ratio may have to be compared by its numerators
		want Unit
	}{
		{`sum(rate(a_total[5m]))`, FormSum, Unit{UnitCount, true}},
		{`avg(a_seconds)`, FormRatio, Unit{Base: UnitSeconds}},
		{`sum(rate(a_total[5m])) / sum(rate(b_total[5m]))`, FormRatio, Unit{Base: UnitRatio}},
		{`sum(rate(a_total[5m])) / sum(rate(b_total[5m]))`, FormSum, Unit{UnitCount, true}},
		{`sum(rate(a_seconds_sum[5m])) / sum(rate(a_seconds_count[5m]))`, FormRatio, Unit{Base: UnitSeconds}},
		{`max(a_bytes)`, FormRanked, Unit{Base: UnitBytes}},
	} {
		drills, refused := PlanDrills(parsed(t, test.expr), func(*parser.VectorSelector) LabelNames { return NewLabelNames("job") })
		require.Empty(t, refused, test.expr)
		assert.Equal(t, test.want, drills[0].Unit(test.form), test.expr)
	}
}
