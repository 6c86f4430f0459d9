package evidence

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var nan = math.NaN()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recording is data for a real Prometheus: per series a function of the seconds since its start; NaN leaves a gap.
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

func (r *recording) add(series string, value func(second float64) float64) *recording {
	r.lines[series] = value
	return r
}

// counter makes a rate into a counter that starts at zero.
func (r *recording) counter(series string, rate func(second float64) float64) *recording {
	sums := make([]float64, r.count)
	for i := 1; i < r.count; i++ {
		sums[i] = sums[i-1] + rate(float64(i)*r.step.Seconds())*r.step.Seconds()
	}
	return r.add(series, func(second float64) float64 { return sums[int(math.Round(second/r.step.Seconds()))] })
}

func (r *recording) at(second float64) time.Time {
	return r.start.Add(time.Duration(second * float64(time.Second)))
}

func (r *recording) end() time.Time { return r.at(float64(r.count-1) * r.step.Seconds()) }

// openMetrics writes the recording, the series of one metric together.
func (r *recording) openMetrics() string {
	byMetric := map[string][]string{}
	for series := range r.lines {
		name, _, _ := strings.Cut(series, "{")
		byMetric[name] = append(byMetric[name], series)
	}
	var b strings.Builder
	for _, list := range byMetric {
		for _, series := range list {
			for i := range r.count {
				second := float64(i) * r.step.Seconds()
				if v := r.lines[series](second); !math.IsNaN(v) {
					fmt.Fprintf(&b, "%s %g %d\n", series, v, r.at(second).Unix())
				}
			}
		}
	}
	return b.String() + "# EOF\n"
}

// serve starts a real Prometheus that holds the recording and, if given, evaluates the rules.
func (r *recording) serve(t *testing.T, rules string) *testbed.Server {
	t.Helper()
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(r.openMetrics()), dir))
	return testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir, Rules: rules})
}

func serverAt(t *testing.T, raw string) promapi.Server {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}
}

// collectorAt makes a Collector whose clock stands still.
func collectorAt(t *testing.T, prometheus string, now time.Time, change ...func(*Options)) *Collector {
	t.Helper()
	o := Options{Now: func() time.Time { return now }}
	if prometheus != "" {
		o.Prometheus = serverAt(t, prometheus)
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// querierAt asks a Prometheus without a Collector around.
func querierAt(t *testing.T, prometheus string, budget int) *promapi.Querier {
	t.Helper()
	c, err := promapi.Connect(serverAt(t, prometheus), "prometheus")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return promapi.NewQuerier(c, promapi.NewBudget(budget, 8), nil)
}

// firingIncident makes an incident of alerts that fire since a time; labels are "name=value" pairs with spaces between, and
// their generatorURL holds the expression.
func firingIncident(since time.Time, expr string, alerts ...string) *incident.Incident {
	n := &incident.Notification{Receiver: "test", ReceivedAt: since}
	for _, pairs := range alerts {
		labels := map[string]string{}
		for pair := range strings.FieldsSeq(pairs) {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		n.Alerts = append(n.Alerts, incident.Alert{
			Status: incident.Firing, Labels: labels, StartsAt: since, SeenAt: since,
			GeneratorURL: "http://prometheus.invalid/graph?" + url.Values{"g0.expr": {expr}, "g0.tab": {"1"}}.Encode(),
		})
	}
	n.Normalize()
	inc := &incident.Incident{
		ID: incident.NewID(), Receiver: n.Receiver, GroupKey: n.GroupKey, Status: incident.Firing, Alerts: n.Alerts,
		OpenedAt: since, StartedAt: since, LastHeardAt: since,
	}
	if len(n.Alerts) > 0 {
		inc.Alertname, inc.Severity = n.Alerts[0].Name(), n.Alerts[0].Labels["severity"]
		inc.GroupLabels = map[string]string{"alertname": inc.Alertname}
	}
	return inc
}

func ofKind(items []incident.Evidence, kind incident.EvidenceKind) []incident.Evidence {
	var out []incident.Evidence
	for _, item := range items {
		if item.Kind == kind {
			out = append(out, item)
		}
	}
	return out
}

// testPrometheusWithLimit serves the recording by a Prometheus that loads so many samples for a query at most.
func testPrometheusWithLimit(t *testing.T, r *recording, samples string) string {
	t.Helper()
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(r.openMetrics()), dir))
	return testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir, Flags: []string{"--query.max-samples=" + samples}}).URL
}

// hanging is a server that never answers.
func hanging(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(s.Close)
	return s.URL
}

// countedQuestions returns a registry, and how many questions were answered or tried by its count.
func countedQuestions(t *testing.T) (*prometheus.Registry, func() float64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	return registry, func() float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		n := 0.
		for _, family := range families {
			for _, m := range family.GetMetric() {
				for _, label := range m.GetLabel() {
					if label.GetName() == "result" && label.GetValue() != "no_budget" {
						n += m.GetCounter().GetValue()
					}
				}
			}
		}
		return n
	}
}

func spike(when bool, height float64) float64 {
	if when {
		return height
	}
	return 0
}
