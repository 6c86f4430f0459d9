package watch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePoints(t *testing.T) {
	for expr, wrong := range map[string]string{
		`orders`: "", `orders{region="eu", site!~"a|b"} >= 5`: "", `orders < -5`: "", `(orders) == 0`: "", `{"order.failure.rate"} != 1`: "",
		``: "is empty", `{region="eu"}`: "no name", `rate(orders[5m])`: "no PromQL", `orders > bool 5`: "compared with a number",
		`5 < orders`: "compared with a number", `orders > limit`: "compared with a number", `orders offset 5m`: "no PromQL", `orders @ 5`: "no PromQL",
		`sum(orders) > 5`: "no PromQL", `orders >`: "parse error", `orders + 5`: "compared with a number", `orders > NaN`: "compared with a number",
	} {
		t.Run(expr, func(t *testing.T) {
			p, fault := parsePoints(expr)
			if wrong == "" {
				require.Empty(t, fault)
				assert.NotEmpty(t, p.name)
				return
			}
			assert.Contains(t, fault, wrong)
		})
	}
}

func TestSourceRuleFaults(t *testing.T) {
	for name, c := range map[string]struct{ rule, wrong string }{
		"neither":        {`{alert: A, source: orders, expr: x}`, "has a threshold, as in x > 5, or an anomaly block"},
		"both":           {`{alert: A, source: orders, expr: x > 1, anomaly: {}}`, "leave one of them out"},
		"history":        {`{alert: A, source: orders, expr: x, anomaly: {history: 2d}}`, "no history"},
		"options":        {`{alert: A, source: orders, expr: x, anomaly: {direction: sideways}}`, "direction"},
		"label":          {`{alert: A, source: orders, expr: x > 1, labels: {v: '{{ $value }}'}}`, "holds a value"},
		"no source":      {`{alert: A, expr: x > 1}`, "or name a source"},
		"several faults": {`{alert: A, source: orders, expr: 'rate(x[5m])', labels: {v: '{{ $value }}'}}`, "rules.yml:4: alert A: label v"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("rules.yml", []byte("groups:\n- name: g\n  rules:\n  - "+c.rule+"\n"))
			require.ErrorContains(t, err, c.wrong)
		})
	}
}

func TestThresholdOperators(t *testing.T) {
	for expr, met := range map[string][3]bool{ // at 4, 5, 6
		"x > 5": {false, false, true}, "x >= 5": {false, true, true}, "x < 5": {true, false, false}, "x <= 5": {true, true, false},
		"x == 5": {false, true, false}, "x != 5": {true, false, true},
	} {
		p, fault := parsePoints(expr)
		require.Empty(t, fault)
		for i, want := range met {
			assert.Equal(t, want, p.threshold.judge(float64(4+i)).Anomalous, "%s at %d", expr, 4+i)
		}
	}
}
