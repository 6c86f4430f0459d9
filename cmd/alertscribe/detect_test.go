package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// detectRules watch a queue each second.
const detectRules = `groups:
- name: shop
  interval: 1s
  rules:
  - alert: QueueUnusual
    expr: shop_queue_length
    for: 3s
    anomaly: {history: 2d}
    labels: {severity: warning}
    annotations: {description: 'the queue has {{ $value | humanize }}, expected {{ $lower | humanize }} to {{ $upper | humanize }}'}
`

// queue is a service whose queue length is scraped, with two days of history.
type queue struct {
	addr   string
	length atomic.Int64 // about which it fluctuates
	late   atomic.Int64 // the same, of another queue
}

// newQueue starts the service and returns it with the samples of its past.
func newQueue(t testing.TB) (q *queue, past *bytes.Buffer) {
	t.Helper()
	q = &queue{}
	q.length.Store(100)
	q.late.Store(100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, length := range map[string]*atomic.Int64{"shop_queue_length": &q.length, "shop_queue_length_late": &q.late} {
			fmt.Fprintf(w, "# TYPE %s gauge\n%s %g\n", name, name, float64(length.Load())*(1+.03*rand.NormFloat64()))
		}
	}))
	t.Cleanup(srv.Close)
	q.addr = strings.TrimPrefix(srv.URL, "http://")
	past = &bytes.Buffer{}
	r := rand.New(rand.NewPCG(1, 1))
	now := time.Now().Truncate(time.Minute)
	for _, name := range []string{"shop_queue_length", "shop_queue_length_late"} {
		fmt.Fprintf(past, "# TYPE %s gauge\n", name)
		for at := now.Add(-50 * time.Hour); at.Before(now); at = at.Add(time.Minute) {
			fmt.Fprintf(past, "%s{instance=%q,job=\"app\"} %g %d\n", name, q.addr, 100*(1+.03*r.NormFloat64()), at.Unix())
		}
	}
	fmt.Fprintln(past, "# EOF")
	return q, past
}

// detectionPair runs a Prometheus that knows the queue's past and scrapes it, and an Alertmanager.
func detectionPair(t testing.TB, webhook string, change ...func(*testbed.Options)) (*queue, *testbed.Pair) {
	t.Helper()
	q, past := newQueue(t)
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool, testbed.Alertmanager)
	require.NoError(t, testbed.Backfill(t.Context(), bins, past, filepath.Join(dir, "tsdb")))
	o := testbed.Options{
		Dir:          dir,
		Prometheus:   testbed.PrometheusConfig{Targets: []string{q.addr}},
		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: webhook},
	}
	for _, f := range change {
		f(&o)
	}
	return q, testbedtest.Start(t, o)
}

// withRules makes a configuration run rules.
func withRules(t testing.TB, text string) func(*config) {
	t.Helper()
	return func(c *config) {
		groups, err := watch.Parse("rules.yml", []byte(text))
		require.NoError(t, err)
		c.Detect.groups = groups
	}
}

// evaluated waits until the rules have read their history.
func (s *service) evaluated() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		for _, r := range s.app.detection.Status() {
			if r.Evaluated.IsZero() {
				return false
			}
		}
		return true
	}, soon, 20*time.Millisecond, "the history is not read")
}

func (s *service) incidentOf(name string) *incident.Incident {
	list, _, err := s.app.store.Incidents(s.t.Context(), incident.Query{Limit: 10, Alertname: name})
	require.NoError(s.t, err)
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// TestDetectionEndToEnd: a queue that no rule has a threshold for drops; a real Prometheus answers, a real Alertmanager is
// told and notifies the service, which reports, and says when it is over.
func TestDetectionEndToEnd(t *testing.T) {
	t.Parallel()
	var service *service
	relay := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.app.server.Handler.ServeHTTP(w, r)
	}))
	q, pair := detectionPair(t, "http://"+relay.Listener.Addr().String()+"/alert")
	m := newModel(t)
	service = startService(t, func(c *config) {
		withModel(m)(c)
		withRules(t, detectRules)(c)
		c.Prometheus.URL, c.Alertmanager.URL = pair.PromURL, pair.AMURL
	})
	relay.Start()
	t.Cleanup(relay.Close)
	service.evaluated()

	q.length.Store(5)
	begun := time.Now()
	require.Eventually(t, func() bool { return service.incidentOf("QueueUnusual") != nil }, time.Minute, 50*time.Millisecond, "no alert arrives")
	t.Logf("from the drop to the incident: %v, of which 3s are for", time.Since(begun).Round(100*time.Millisecond))
	inc := service.await(service.incidentOf("QueueUnusual").ID, soon, "complete while it fires", func(inc *incident.Incident) bool {
		return inc.Analysis.State == incident.Complete && current(inc)
	})
	require.Equal(t, incident.Firing, inc.Status)
	text := service.report(inc)
	assert.Regexp(t, `expected [\d.]+ to [\d.]+`, text)
	assert.Contains(t, text, "status: firing")
	_, found := service.incident(inc.ID)
	kinds := map[incident.EvidenceKind]int{}
	for _, e := range found.Evidence {
		kinds[e.Kind]++
		if e.Kind == incident.KindSignal {
			assert.False(t, e.Failed, e.Summary)
			assert.Contains(t, e.Query, "shop_queue_length")
			assert.NotNil(t, e.Chart)
		}
	}
	assert.Positive(t, kinds[incident.KindSignal], "the expression of the alert is asked for as any other rule's: %v", kinds)
	assertBand(t, service, inc, found, `Expected [\d.]+ to [\d.]+, (is|was) [\d.]+`)
	assert.Regexp(t, `Such a deviation comes (about|less than) once in \d+ (days|hours|years)`, m.Requests()[0].User(), "the model is told")

	code, metrics := get(t, service.url+"/metrics/anomalies")
	assert.Equal(t, http.StatusOK, code)
	assert.Regexp(t, `(?m)^alertscribe_anomaly_lower\{instance="[^"]+",job="app",rule="shop/QueueUnusual"\} \d`, metrics)
	code, status := get(t, service.url+"/api/v1/detection")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, status, `"firing":1`)
	_, own := get(t, service.url+"/metrics")
	assert.Contains(t, own, `alertscribe_detect_alerts_total{outcome="fired",rule="shop/QueueUnusual"} 1`)
	assert.NotContains(t, own, "alertscribe_anomaly_")

	q.length.Store(100)
	resolved := service.await(inc.ID, time.Minute, "resolved", func(inc *incident.Incident) bool {
		return inc.Status == incident.Resolved && current(inc)
	})
	assert.Contains(t, service.report(resolved), "status: resolved")
	assert.Len(t, reportsOnDisk(t, service.cfg.Reports.Dir)[inc.ID], 1)
}

// assertBand: the report has the series with its band, in words and as a chart, and what is told agrees with what is drawn.
func assertBand(t *testing.T, s *service, inc *incident.Incident, found incident.Findings, summary string) {
	t.Helper()
	at := slices.IndexFunc(found.Evidence, func(e incident.Evidence) bool { return e.Kind == incident.KindBand })
	require.GreaterOrEqual(t, at, 0, "the incident of a detection rule has the band")
	e := found.Evidence[at]
	require.False(t, e.Failed, e.Summary)
	assert.Regexp(t, summary, e.Summary)
	assert.Contains(t, e.Query, "shop_queue_length")
	require.Len(t, e.Ranking, 1)
	assert.Equal(t, "down", e.Ranking[0].Direction)
	assert.Less(t, e.Ranking[0].After, e.Ranking[0].Before)
	require.NotNil(t, e.Chart)
	require.NotNil(t, e.Chart.Band)
	below := 0
	for i, p := range e.Chart.Series[0].Points {
		if p.Value < e.Chart.Band.Lower[i].Value {
			below++
		}
	}
	assert.Positive(t, below, "the drop is drawn below the band")
	require.Eventually(t, func() bool {
		return regexp.MustCompile(`(?m)^### ` + e.ID + `:? ` + regexp.QuoteMeta(e.Title) + `$`).MatchString(s.report(inc))
	},
		soon, 50*time.Millisecond, "the report does not show it")
	code, svg := get(t, s.url+"/reports/"+inc.ID+"/"+e.ID+".svg")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, svg, `class="range"`)
}

// TestDetectionWithoutAlertmanager: incidents are opened and resolved by the same fold, and feedback lowers the rate.
func TestDetectionWithoutAlertmanager(t *testing.T) {
	t.Parallel()
	q, pair := detectionPair(t, "http://127.0.0.1:1/")
	s := startService(t, func(c *config) {
		withRules(t, detectRules)(c)
		c.Prometheus.URL, c.Reports.Language = pair.PromURL, incident.Chinese
	})
	s.evaluated()
	q.length.Store(5)
	require.Eventually(t, func() bool { return s.incidentOf("QueueUnusual") != nil }, time.Minute, 50*time.Millisecond)
	inc := s.incidentOf("QueueUnusual")
	assert.Equal(t, directReceiver, inc.Receiver)
	inc = s.await(inc.ID, soon, "evidence", func(inc *incident.Incident) bool { return inc.Analysis.Evidence > 0 })
	_, found := s.incident(inc.ID)
	assertBand(t, s, inc, found, `预期为 [\d.]+ 至 [\d.]+，`)
	assert.Equal(t, "warning", inc.Severity)
	time.Sleep(3 * time.Second) // evaluations that bring nothing new
	inc, _ = s.incident(inc.ID)
	assert.Zero(t, inc.Repeats)

	code, answer := do(t, http.DefaultClient, http.MethodPost, s.url+"/api/v1/incidents/"+inc.ID+"/feedback",
		[]byte(`{"kind":"correct","text":"Not a problem: the nightly import"}`), "Content-Type", "application/json")
	require.Equal(t, http.StatusOK, code, answer)
	require.Eventually(t, func() bool { return len(s.app.detection.Status()[0].Quiet) == 1 }, soon, 20*time.Millisecond)
	assert.Equal(t, "1/2", s.app.detection.Status()[0].Quiet[0].Rate)

	q.length.Store(100)
	s.await(inc.ID, time.Minute, "resolved", func(inc *incident.Incident) bool { return inc.Status == incident.Resolved && onDisk(inc) })
}

func TestNoProblem(t *testing.T) {
	say := func(said ...incident.Feedback) *incident.Incident { return &incident.Incident{Feedback: said} }
	correct := func(text string) incident.Feedback { return incident.Feedback{Kind: incident.Correct, Text: text} }
	confirm := incident.Feedback{Kind: incident.Confirm, Text: "it was no problem of ours"}
	assert.True(t, noProblem(say(correct("This was Not A Problem, the import ran"))))
	assert.True(t, noProblem(say(correct("误报"))))
	assert.True(t, noProblem(say(confirm, correct("false alarm"))))
	assert.False(t, noProblem(say()))
	assert.False(t, noProblem(say(confirm)))
	assert.False(t, noProblem(say(correct("the disk was full"))))
	assert.False(t, noProblem(say(correct("false alarm"), correct("sorry, the disk was full"))))
	assert.False(t, noProblem(say(correct("false alarm"), confirm)))
}

func TestDetectConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("rules/a.yml", detectRules)
	load := func(text string, env map[string]string) (*config, error) {
		return loadConfig(write("config.yml", text), func(name string) string { return env[name] }, "")
	}
	prom := map[string]string{"PROMETHEUS_URL": "http://prometheus:9090"}
	c, err := load("detect: {rule_files: [rules/*.yml]}", prom)
	require.NoError(t, err)
	assert.Equal(t, "1 rules in 1 groups; incidents are opened directly: no Alertmanager is set", c.detectionText())
	assert.EqualValues(t, 500*memoryPerSeries, c.detectionMemory())
	c, err = load("detect: {rule_files: [rules/*.yml], alertmanagers: [{url: 'http://a:9093'}, {url: 'http://b:9093'}]}", prom)
	require.NoError(t, err)
	assert.Equal(t, "1 rules in 1 groups; alerts go to 2 Alertmanager(s)", c.detectionText())
	_, err = load("detect: {rule_files: [rules/*.yml]}", nil)
	require.ErrorContains(t, err, "rules need a Prometheus; set prometheus.url (PROMETHEUS_URL)")
	_, err = load("detect: {alertmanagers: [{url: nowhere}], max_exported_series: -1}", nil)
	require.ErrorContains(t, err, `detect.alertmanagers[0].url: "nowhere" is not`)
	require.ErrorContains(t, err, "detect.max_exported_series: -1")
	write("rules/b.yml", "groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up\n    anomaly: {sensitivity: high}\n")
	_, err = load("detect: {rule_files: [rules/*.yml]}", prom)
	require.ErrorContains(t, err, filepath.Join(dir, "rules/b.yml")+`:6: unknown key "sensitivity" in an anomaly block`)
}

// acceptedOnce is a store that keeps what it is told.
type acceptedOnce struct {
	got []*incident.Notification
	err error
}

func (s *acceptedOnce) Accept(_ context.Context, n *incident.Notification) (incident.Receipt, error) {
	if s.err == nil {
		s.got = append(s.got, n)
	}
	return incident.Receipt{}, s.err
}

func TestDirectTellsNewsOnly(t *testing.T) {
	s := &acceptedOnce{}
	d := newDirect(s, promslog.NewNopLogger())
	r := &watch.Rule{Alert: "A", Group: "g"}
	alert := func(name string, ends time.Time) watch.Alert {
		return watch.Alert{Labels: map[string]string{"alertname": "A", "queue": name}, StartsAt: time.Now(), EndsAt: ends}
	}
	notify := func(alerts ...watch.Alert) int {
		before := len(s.got)
		d.Notify(t.Context(), r, time.Minute, alerts)
		return len(s.got) - before
	}
	assert.Zero(t, notify(), "nothing fires")
	assert.Equal(t, 1, notify(alert("a", time.Time{})))
	assert.Zero(t, notify(alert("a", time.Time{})))
	s.err = assert.AnError
	assert.Zero(t, notify(alert("a", time.Time{}), alert("b", time.Time{})))
	s.err = nil
	assert.Equal(t, 1, notify(alert("a", time.Time{}), alert("b", time.Time{})), "tried again")
	assert.Equal(t, 1, notify(alert("a", time.Now()), alert("b", time.Time{})))
	assert.Zero(t, notify(alert("b", time.Time{})), "what has resolved is told of no more")
	assert.Equal(t, 1, notify(alert("b", time.Now())))
	last := s.got[len(s.got)-1]
	assert.Equal(t, "detection/g/A", last.GroupKey)
	assert.Equal(t, incident.Resolved, last.Alerts[0].Status)
	assert.Contains(t, string(last.Body), `"status":"resolved"`)
}
