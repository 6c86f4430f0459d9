package promql

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// recording is data for a real Prometheus: per series a function of the seconds since its start.
type recording struct {
	start time.Time
	count int
	step  time.Duration
	lines map[string]func(second float64) float64 // by series in PromQL's notation
}

// record covers the duration up to now, one sample per step.
func record(duration, step time.Duration) *recording {
	return &recording{
		start: time.Now().Add(-duration).Truncate(time.Second), count: int(duration/step) + 1, step: step,
		lines: map[string]func(float64) float64{},
	}
}

func (r *recording) add(series string, value func(second float64) float64) { r.lines[series] = value }

func (r *recording) end() time.Time { return r.start.Add(time.Duration(r.count-1) * r.step) }

// openMetrics writes the recording, the series of one metric together.
func (r *recording) openMetrics() string {
	list := make([]string, 0, len(r.lines))
	for series := range r.lines {
		list = append(list, series)
	}
	slices.Sort(list)
	slices.SortStableFunc(list, func(a, b string) int {
		a, _, _ = strings.Cut(a, "{")
		b, _, _ = strings.Cut(b, "{")
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, series := range list {
		for i := range r.count {
			at := time.Duration(i) * r.step
			fmt.Fprintf(&b, "%s %g %d\n", series, r.lines[series](at.Seconds()), r.start.Add(at).Unix())
		}
	}
	return b.String() + "# EOF\n"
}

// serve starts a real Prometheus that holds the recording, and returns its URL.
func (r *recording) serve(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(r.openMetrics()), dir))
	return testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir}).URL
}

func querierAt(t *testing.T, prometheus string) *promapi.Querier {
	t.Helper()
	u, err := url.Parse(prometheus)
	require.NoError(t, err)
	c, err := promapi.Connect(promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}, "prometheus")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return promapi.NewQuerier(c, promapi.NewBudget(100_000, 8), nil)
}

// knownLabels asks a Prometheus which labels the series have that an expression selects.
func knownLabels(t *testing.T, q *promapi.Querier, e parser.Expr, r *recording) SelectorLabels {
	t.Helper()
	found := map[*parser.VectorSelector]LabelNames{}
	for _, v := range Selectors(e) {
		list, err := q.LabelNames(t.Context(), []string{BareSelector(v)}, r.start, r.end())
		require.NoError(t, err)
		found[v] = NewLabelNames(list...).Without(model.MetricNameLabel)
	}
	return LabelsOfSelectors(found)
}
