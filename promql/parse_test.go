package promql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNamesMetrics: what names no metric is no PromQL of an alerting rule, though it may read like it.
func TestNamesMetrics(t *testing.T) {
	for expr, want := range map[string]bool{
		`up`: true, `sum by (app) (rate({app="web"}[5m])) > 5`: false, `count_over_time({namespace="shop"}[1m])`: false,
		`{__name__="up"}`: true, `{__name__=~"up|down"}`: true, `{__name__!="up",job="a"}`: false,
		`up / {job="a"}`: false, `up + down > 5`: true, `vector(1)`: false, `time() > bool 5`: false, `absent(up)`: true,
	} {
		assert.Equal(t, want, NamesMetrics(parsed(t, expr)), expr)
	}
}

func TestParseRefusesOtherLanguages(t *testing.T) {
	for _, expr := range []string{
		`sum by (app) (rate({app="web"} |= "error" [5m])) > 5`, `rate(x) > 1`, `x default 0 > 1`, `sum(x) keep_metric_names`, `x[5m] > 1`, ``,
	} {
		_, err := Parse(expr)
		require.Error(t, err, expr)
		assert.NotErrorIs(t, err, ErrTooComplex)
	}
}
