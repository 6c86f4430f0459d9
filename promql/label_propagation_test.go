package promql

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNarrow(t *testing.T) {
	k := SelectorLabels(func(v *parser.VectorSelector) LabelNames {
		return map[string]LabelNames{
			"a": NewLabelNames("job", "instance", "pod"), "b": NewLabelNames("job", "instance"), "info": NewLabelNames("instance", "version"),
		}[v.Name]
	})
	want := map[string]string{"instance": "i", "version": "v", "elsewhere": "e"}
	for expr, narrowed := range map[string]string{
		`a`:                               `a{instance="i"}`,
		`a{instance="x"}`:                 `a{instance="x"}`,
		`sum(a)`:                          `sum(a)`,
		`sum by (instance) (a)`:           `sum by (instance) (a{instance="i"})`,
		`sum without (pod) (rate(a[5m]))`: `sum without (pod) (rate(a{instance="i"}[5m]))`,
		`sum without (instance) (a)`:      `sum without (instance) (a)`,
		`topk(3, a)`:                      `topk(3, a)`,
		`topk by (instance) (3, a)`:       `topk by (instance) (3, a{instance="i"})`,
		`a / b`:                           `a{instance="i"} / b{instance="i"}`,
		`a / on (job) b`:                  `a / on (job) b`,
		`a * on (instance) group_left (version) info`: `a{instance="i"} * on (instance) group_left (version) info{instance="i"}`,
		`a * on (job) group_left () b`:                `a{instance="i"} * on (job) group_left () b`,
		`b * on (job) group_right () a`:               `b * on (job) group_right () a{instance="i"}`,
		`a and on (job) b`:                            `a{instance="i"} and on (job) b`,
		`a unless b`:                                  `a{instance="i"} unless b{instance="i"}`,
		`a or on (job) b`:                             `a or on (job) b`,
		`a or b`:                                      `a{instance="i"} or b{instance="i"}`,
		`a > scalar(sum(b))`:                          `a{instance="i"} > scalar(sum(b))`,
		`absent(a)`:                                   `absent(a)`,
		`label_replace(a, "instance", "x", "pod", ".*")`: `label_replace(a, "instance", "x", "pod", ".*")`,
		`count_values by (job) ("instance", a)`:          `count_values by (job) ("instance", a)`,
		`max_over_time((a)[5m:1m])`:                      `max_over_time((a{instance="i"})[5m:1m])`,
		`-a + 1`:                                         `-a{instance="i"} + 1`,
	} {
		e, err := Parse(expr)
		require.NoError(t, err)
		assert.Equal(t, narrowed, Narrow(e, want, k).String(), expr)
	}
}

func TestLabelNames(t *testing.T) {
	n := NewLabelNames("b", "a", "b")
	assert.Equal(t, []string{"a", "b"}, n.Sorted())
	assert.Equal(t, []string{"a"}, n.Intersect([]string{"a", "c"}).Sorted())
	assert.Equal(t, []string{"b"}, n.Without("a", "c").Sorted())
	assert.Equal(t, []string{"a", "b", "c"}, n.Union(NewLabelNames("c", "a")).Sorted())
	assert.Equal(t, []string{"a", "b"}, n.Sorted(), "none of them changes it")
	assert.Equal(t, []string{"c"}, LabelNames(nil).Union(NewLabelNames("c")).Sorted())
}

// TestOutput: which labels the value of an expression can have.
func TestOutput(t *testing.T) {
	for expr, want := range map[string]string{
		`a`: `code instance job`, `(a)`: `code instance job`, `-a`: `code instance job`, `rate(a[5m])`: `code instance job`,
		`max_over_time(a[1h:1m])`: `code instance job`, `clamp_max(a, 5)`: `code instance job`, `unknown`: ``, `vector(1)`: ``, `time()`: ``,
		`scalar(a)`: ``, `absent(a)`: ``, `1`: ``,
		`sum(a)`: ``, `sum by (job, elsewhere) (a)`: `job`, `sum without (job) (a)`: `code instance`,
		`topk(3, a)`: `code instance job`, `topk by (job) (3, a)`: `code instance job`, `limitk(3, a)`: `code instance job`,
		`count_values("v", a)`: `v`, `count_values by (job) ("v", a)`: `job v`, `count_values without (job) ("v", a)`: `code instance v`,
		`label_replace(a, "new", "x", "job", ".*")`: `code instance job new`, `label_join(b, "new", "-", "job")`: `instance job new`,
		`histogram_quantile(0.9, bucket)`: `instance job`, `histogram_quantile(0.9, sum by (le, job) (bucket))`: `job`,
		`a * 2`: `code instance job`, `2 * a`: `code instance job`, `a > 5`: `code instance job`,
		`a and b`: `code instance job`, `b unless a`: `instance job`, `b or a`: `code instance job`, `b or info`: `instance job version`,
		`a / on (job) b`: `job`, `a / ignoring (code) b`: `instance job`, `a / b`: `code instance job`,
		`b * on (instance) group_left (version) info`: `instance job version`, `info * on (instance) group_right (version) b`: `instance job version`,
	} {
		assert.Equal(t, want, strings.Join(storeLabels.Output(parsed(t, expr)).Sorted(), " "), expr)
	}
}

// TestLabelsOfSelectors: an answer stands for the selector that was asked about and for those made of it by more matchers; of
// several the one with the most matchers.
func TestLabelsOfSelectors(t *testing.T) {
	selector := func(expr string) *parser.VectorSelector { return Selectors(parsed(t, expr))[0] }
	known := LabelsOfSelectors(map[*parser.VectorSelector]LabelNames{
		selector(`x`): NewLabelNames("wide"), selector(`x{job="a"}`): NewLabelNames("narrow"),
	})
	for expr, want := range map[string][]string{
		`x`: {"wide"}, `x{job="b"}`: {"wide"}, `x{job="a"}`: {"narrow"}, `x{code="5",job="a"}`: {"narrow"}, `x{job!="a"}`: {"wide"}, `y`: nil,
	} {
		assert.Equal(t, want, known(selector(expr)).Sorted(), expr)
	}
}
