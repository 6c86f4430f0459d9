package promql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAgainstPrometheus evaluates expressions in a real Prometheus, and holds Output and Narrow to what comes back: no label that
// Output does not know, and, of the series that have the labels asked for, the same values narrowed as not.
func TestAgainstPrometheus(t *testing.T) {
	r := record(10*time.Minute, 30*time.Second)
	for i := range 12 {
		slope := float64(i + 1)
		series := fmt.Sprintf(`{job="j%d",instance="i%d",code="%d"}`, i%2, i%3, 200+100*(i%4))
		r.add("a_total"+series, func(second float64) float64 { return slope * second })
		r.add(fmt.Sprintf(`b{job="j%d",instance="i%d"}`, i%2, i%3), func(float64) float64 { return slope })
		for j, le := range []string{"0.1", "1", "+Inf"} {
			r.add(fmt.Sprintf(`h_bucket{job="j%d",le="%s"}`, i%2, le), func(second float64) float64 { return float64(j+1) * second })
		}
	}
	for i := range 3 {
		r.add(fmt.Sprintf(`info{instance="i%d",version="v%d"}`, i, i%2), func(float64) float64 { return 1 })
	}
	q := querierAt(t, r.serve(t))
	want := map[string]string{"job": "j1", "instance": "i2", "elsewhere": "e"}
	for _, expr := range []string{
		`a_total`, `rate(a_total[5m])`, `sum(a_total)`, `sum by (job) (a_total)`, `sum without (code) (rate(a_total[5m]))`, `max by (instance, code) (a_total)`,
		`topk(3, a_total)`, `topk by (job) (1, a_total)`, `bottomk by (job, instance) (1, b)`, `count_values by (job) ("v", b)`, `quantile by (job) (0.5, b)`,
		`sum by (job) (a_total) / sum by (job) (b)`, `a_total / on (job, instance) group_left () b`, `a_total * on (instance) group_left (version) info`,
		`info * on (instance) group_right (version) b`, `b - b`, `b > 3`, `b > bool 3`, `2 * b`, `b and on (job) a_total`, `b unless on (instance) (info == 2)`, `b or info`,
		`sum by (job) (b) or sum by (instance) (b)`, `b and ignoring (job) (b > 5)`, `a_total > on (job, instance) group_left () b`,
		`label_replace(a_total, "job", "j1", "code", ".*")`, `label_replace(b, "zone", "z-$1", "job", "(.*)")`, `label_join(b, "both", "-", "job", "instance")`,
		`histogram_quantile(0.9, sum by (le, job) (rate(h_bucket[5m])))`, `absent(nowhere{job="j1"})`, `scalar(sum(b)) + b`, `vector(1)`,
		`max_over_time(sum by (job) (rate(a_total[2m]))[5m:1m])`, `avg_over_time(b[5m])`, `-b`, `clamp_max(b, 3)`, `sort_desc(b)`, `b > scalar(avg(b))`,
	} {
		t.Run(expr, func(t *testing.T) {
			e := parsed(t, expr)
			known := knownLabels(t, q, e, r)
			all, err := q.Instant(t.Context(), expr, r.end())
			require.NoError(t, err)
			require.True(t, len(all) > 0 || strings.Contains(expr, "== 2"), "it shows nothing")
			output := known.Output(e)
			for _, s := range all {
				for name := range s.Metric {
					assert.True(t, name == model.MetricNameLabel || output[string(name)] || strings.HasPrefix(expr, "absent"), "%s of %s", name, s.Metric)
				}
			}
			narrowed := Narrow(e, want, known).String()
			some, err := q.Instant(t.Context(), narrowed, r.end())
			require.NoError(t, err, narrowed)
			assert.Equal(t, having(all, want), having(some, want), narrowed)
			assert.LessOrEqual(t, len(some), len(all))
		})
	}
}

// having lists those samples, as text, whose labels do not contradict the ones asked for.
func having(v model.Vector, want map[string]string) []string {
	var out []string
	for _, s := range v {
		if !slices.ContainsFunc([]string{"job", "instance"}, func(name string) bool {
			value, there := s.Metric[model.LabelName(name)]
			return there && string(value) != want[name]
		}) {
			out = append(out, s.Metric.String()+" "+s.Value.String())
		}
	}
	slices.Sort(out)
	return out
}

// FuzzParseUntrusted: no query of a stranger makes it panic, and what it lets through reads named metrics within bounds.
func FuzzParseUntrusted(f *testing.F) {
	for _, seed := range []string{
		`up`, `rate(up[5m]) / 2`, `max_over_time(up[1h:1m] offset 1d)`, `absent(up{a="b"})`, `{__name__="up"} @ end()`, `label_replace(up, "a", "b", "", "")`,
		`max_over_time((up offset 290y)[1h:1m] offset 290y)`, `count_values("x", up)`, `info(up, {job=~".+"})`, `sum by (`, `"text"`, `-up ^ 2`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		e, why := ParseUntrusted(query)
		require.Equal(t, e == nil, why != "")
		if e == nil {
			return
		}
		require.LessOrEqual(t, LongestRange(e), maxUntrustedRange)
		for _, v := range Selectors(e) {
			require.True(t, slices.ContainsFunc(v.LabelMatchers, namesMetric), query)
			require.Nil(t, v.Timestamp, query)
			require.LessOrEqual(t, v.OriginalOffset.Abs(), maxUntrustedOffset)
		}
		_, err := Parse(e.String())
		require.NoError(t, err, "what is run can be read again")
	})
}
