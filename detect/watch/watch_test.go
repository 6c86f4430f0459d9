package watch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

const queueRule = `  - alert: QueueUnusual
    expr: queue
    for: 3m
    anomaly: {history: 5d}
    labels: {severity: warning, where: '{{ $labels.queue }}'}
    annotations: {description: '{{ $labels.queue }} has {{ $value | humanize }}, expected {{ $lower | humanize }} to {{ $upper | humanize }}'}
`

// firing returns the alerts that fire, by the queue that they are about.
func firing(alerts []Alert) map[string]Alert {
	out := map[string]Alert{}
	for _, a := range alerts {
		if a.Firing() {
			out[a.Labels["queue"]] = a
		}
	}
	return out
}

func TestAnomalyFiresAndResolves(t *testing.T) {
	w := start(t, client(t), ruleFile(queueRule), nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(-time.Minute))
	assert.Empty(t, w.told.of("g/QueueUnusual"), "what is as usual")
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(5*time.Minute+59*time.Second))
	fired := firing(w.told.of("g/QueueUnusual"))
	require.Contains(t, fired, "a", "within for and two intervals")
	require.Len(t, fired, 1)
	a := fired["a"]
	assert.Equal(t, map[string]string{"alertname": "QueueUnusual", "queue": "a", "site": "x", "severity": "warning", "where": "a"}, a.Labels)
	assert.WithinDuration(t, drops.Add(3*time.Minute), a.StartsAt, 2*time.Minute)
	for name, want := range map[string]string{
		"summary": `^expected [\d.]+ to [\d.]+, is [\d.]+, since \d\d:\d\d; (about|less than) once in [\d]+ (days|years|hours)$`, "value": `^[\d.]+$`, "expected": `^1?\d\d`,
		"lower": `^\d+`, "upper": `^\d+`, "since": `^20.*Z$`, "once_in": `^\d+[dh]$`, "description": `^a has [\d.]+, expected [\d.]+ to [\d.]+$`,
	} {
		assert.Regexp(t, want, a.Annotations[name], name)
	}
	assertCondition(t, a)

	w.evaluateTo(w.at.Add(time.Minute), drops.Add(59*time.Minute))
	assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a", "while it lasts")
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(90*time.Minute))
	assert.NotContains(t, firing(w.told.of("g/QueueUnusual")), "a")
	ended := w.told.of("g/QueueUnusual")
	assert.Empty(t, ended, "told of for 15 minutes")
	assert.InEpsilon(t, 1., testutil.ToFloat64(w.metrics.alerts.WithLabelValues("g/QueueUnusual", outcomeResolved)), 0)
}

// assertCondition: the alert's URL asks for what a rule with a threshold would have asked, and that is met.
func assertCondition(t *testing.T, a Alert) {
	t.Helper()
	u, err := url.Parse(a.GeneratorURL)
	require.NoError(t, err)
	expr := u.Query().Get("g0.expr")
	assert.Regexp(t, `^\(queue\) < [\d.]+$`, expr)
	e, err := promql.Parse(expr)
	require.NoError(t, err)
	c := promql.Alternatives(e)[0][0]
	assert.Equal(t, "queue", promql.Unparen(c.Value).String())
	found, err := newSource(client(t), expr, 0).now(t.Context(), drops.Add(5*time.Minute))
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "a", string(found[0].labels["queue"]))
}

// TestCopiesAgree: two copies that started at different times send the same alert.
func TestCopiesAgree(t *testing.T) {
	one, two := start(t, client(t), ruleFile(queueRule), nil), start(t, client(t), ruleFile(queueRule), nil)
	one.evaluateTo(drops.Add(-30*time.Minute), drops.Add(20*time.Minute))
	two.evaluateTo(drops.Add(15*time.Minute), drops.Add(20*time.Minute))
	x, y := firing(one.told.of("g/QueueUnusual"))["a"], firing(two.told.of("g/QueueUnusual"))["a"]
	require.NotEmpty(t, x.Labels)
	assert.Equal(t, x.Labels, y.Labels)
	assert.WithinDuration(t, x.StartsAt, y.StartsAt, time.Minute, "what was is evaluated as if it were now")
}

// TestRestart: whenever a Watcher ends, the next one has the alert with the same start, says so before it has asked
// anything, and goes on as if nothing had been.
func TestRestart(t *testing.T) {
	whole := start(t, client(t), ruleFile(queueRule), nil)
	var want []string
	for at := drops.Add(-5 * time.Minute); at.Before(drops.Add(80 * time.Minute)); at = at.Add(time.Minute) {
		whole.evaluateTo(at, at)
		want = append(want, states(whole))
	}
	state := &memory{}
	var got []string
	w := start(t, client(t), ruleFile(queueRule), state)
	for i, at := 0, drops.Add(-5*time.Minute); at.Before(drops.Add(80 * time.Minute)); i, at = i+1, at.Add(time.Minute) {
		if i%7 == 6 {
			before := firing(w.told.of("g/QueueUnusual"))
			w = start(t, client(t), ruleFile(queueRule), state)
			w.resumeAt(at)
			after := firing(w.told.of("g/QueueUnusual"))
			require.Len(t, after, len(before), "told of at once")
			assert.True(t, before["a"].StartsAt.Equal(after["a"].StartsAt))
			assert.Equal(t, before["a"].Labels, after["a"].Labels)
			assert.Equal(t, before["a"].Annotations[AnnotationSince], after["a"].Annotations[AnnotationSince])
		}
		w.evaluateTo(at, at)
		got = append(got, states(w))
	}
	assert.Equal(t, want, got)
	assert.Contains(t, strings.Join(want, " "), "a:firing")
}

// states writes the alerts that there are, with their starts.
func states(w *running) string {
	var out []string
	r := w.rules["g/QueueUnusual"]
	for _, s := range r.firing() {
		out = append(out, string(s.labels["queue"])+":firing "+s.alert.FiredAt.Format(time.TimeOnly))
	}
	return strings.Join(out, " ")
}

// TestMissedEvaluations: what was not evaluated in time is evaluated afterward, in its order.
func TestMissedEvaluations(t *testing.T) {
	whole, gaps := start(t, client(t), ruleFile(queueRule), nil), start(t, client(t), ruleFile(queueRule), nil)
	whole.evaluateTo(drops.Add(-10*time.Minute), drops.Add(40*time.Minute+59*time.Second))
	for _, at := range []time.Duration{-10, -9, 2, 15, 39, 40} {
		gaps.evaluateTo(drops.Add(at*time.Minute), drops.Add(at*time.Minute+59*time.Second))
	}
	assert.NotEmpty(t, states(whole))
	sameKnown(t, whole, gaps)
}

func TestFailingQueryLeavesAlertsAsTheyAre(t *testing.T) {
	w := start(t, client(t), ruleFile(queueRule), nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	before := w.told.of("g/QueueUnusual")
	require.NotEmpty(t, before)
	r := w.rules["g/QueueUnusual"]
	good := r.source
	r.source = newSource(connect(t, "http://127.0.0.1:1"), "queue", 0)
	w.told.alerts = nil
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(70*time.Minute))
	assert.Equal(t, before[0].StartsAt, w.told.of("g/QueueUnusual")[0].StartsAt, "nobody knows better")
	assert.True(t, w.told.of("g/QueueUnusual")[0].Firing())
	assert.Contains(t, w.Status()[0].Error, promapi.ErrUnavailable.Error())
	assert.Positive(t, testutil.ToFloat64(w.metrics.errors.WithLabelValues(errorQuery)))
	r.source = good
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(80*time.Minute))
	assert.Empty(t, firing(w.told.of("g/QueueUnusual")))
	assert.Empty(t, w.Status()[0].Error)
}

func TestAbsence(t *testing.T) {
	w := start(t, client(t), ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, missing: alert}", 1)), nil)
	w.evaluateTo(vanishes.Add(-5*time.Minute), vanishes.Add(15*time.Minute))
	fired := firing(w.told.of("g/QueueUnusual"))
	require.Contains(t, fired, "b")
	assert.WithinDuration(t, vanishes.Add(5*time.Minute+3*time.Minute), fired["b"].StartsAt, 3*time.Minute, "Prometheus looks back for five minutes")
	assert.Regexp(t, `^no samples, since \d\d:\d\d$`, fired["b"].Annotations["summary"])
	u, err := url.Parse(fired["b"].GeneratorURL)
	require.NoError(t, err)
	assert.Equal(t, `absent(queue{queue="b",site="x"})`, u.Query().Get("g0.expr"))

	ignoring := start(t, client(t), ruleFile(queueRule), nil)
	ignoring.evaluateTo(vanishes.Add(-5*time.Minute), vanishes.Add(15*time.Minute))
	assert.NotContains(t, firing(ignoring.told.of("g/QueueUnusual")), "b")
}

func TestMissingSeriesAreForgotten(t *testing.T) {
	state := &memory{}
	w := start(t, client(t), ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, missing: alert, adapt_after: 1h}", 1)), state)
	w.evaluateTo(vanishes.Add(-5*time.Minute), vanishes.Add(50*time.Minute))
	require.Contains(t, firing(w.told.of("g/QueueUnusual")), "b")
	require.Len(t, state.rows["g/QueueUnusual"], 3)
	w.evaluateTo(w.at.Add(time.Minute), vanishes.Add(70*time.Minute))
	assert.NotContains(t, firing(w.told.of("g/QueueUnusual")), "b", "what lasts is normal")
	assert.Len(t, w.told.of("g/QueueUnusual"), 1, "its end is told")
	w.evaluateTo(w.at.Add(time.Minute), vanishes.Add(90*time.Minute))
	assert.Equal(t, 2, w.rules["g/QueueUnusual"].count())
	assert.Len(t, state.rows["g/QueueUnusual"], 2)
}

func TestWidespread(t *testing.T) {
	// One expression with five series that all drop at once.
	expr := `label_replace(queue{queue="a"}, "n", "1", "", "") or label_replace(queue{queue="a"}, "n", "2", "", "") or label_replace(queue{queue="a"}, "n", "3", "", "")`
	rule := strings.Replace(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, max_alerts: 2}", 1), "expr: queue", "expr: '"+expr+"'", 1)
	w := start(t, client(t), ruleFile(rule), nil)
	w.evaluateTo(drops.Add(-5*time.Minute), drops.Add(10*time.Minute))
	names := map[string]int{}
	var wide Alert
	for _, a := range w.told.of("g/QueueUnusual") {
		names[a.Labels["alertname"]]++
		if a.Labels["alertname"] == "QueueUnusualWidespread" {
			wide = a
		}
	}
	assert.Equal(t, map[string]int{"QueueUnusual": 2, "QueueUnusualWidespread": 1}, names)
	assert.Equal(t, map[string]string{"alertname": "QueueUnusualWidespread", "severity": "warning"}, wide.Labels)
	assert.Equal(t, "3 of 3 series are unusual; the first 2 have alerts of their own", wide.Annotations["summary"])
	assert.True(t, wide.Firing())
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(70*time.Minute))
	ended := 0
	for _, a := range w.told.of("g/QueueUnusual") {
		assert.False(t, a.Firing(), a.Labels)
		if a.Labels["alertname"] == "QueueUnusualWidespread" {
			ended++
		}
	}
	assert.Equal(t, 1, ended)
}

func TestMaxSeries(t *testing.T) {
	w := start(t, client(t), ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, max_series: 2}", 1)), nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(-time.Minute))
	assert.Equal(t, 2, w.rules["g/QueueUnusual"].count())
	assert.Positive(t, testutil.ToFloat64(w.metrics.dropped.WithLabelValues(droppedMaxSeries)))
}

func TestStateIsSavedOrSaidNotToBe(t *testing.T) {
	state := &memory{fail: errors.New("disk full")}
	w := start(t, client(t), ruleFile(queueRule), state)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	assert.Len(t, firing(w.told.of("g/QueueUnusual")), 1, "alerts are sent all the same")
	assert.Positive(t, testutil.ToFloat64(w.metrics.errors.WithLabelValues(errorState)))
	state.fail = nil
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	assert.Len(t, state.rows["g/QueueUnusual"], 3)
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(10*time.Minute))
	assert.Equal(t, 3, state.n, "nothing is written while no alert changes")

	state.rows["g/QueueUnusual"]["broken"] = []byte{200, 1, 'x'}
	again := start(t, client(t), ruleFile(queueRule), state)
	again.resumeAt(w.at.Add(time.Minute))
	assert.Len(t, firing(again.told.of("g/QueueUnusual")), 1)
	assert.InEpsilon(t, 1., testutil.ToFloat64(again.metrics.errors.WithLabelValues(errorState)), 0)
}

// TestChangedRule: a rule whose method is another one now keeps its alerts and reads the history anew.
func TestChangedRule(t *testing.T) {
	state := &memory{}
	w := start(t, client(t), ruleFile(queueRule), state)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	before := firing(w.told.of("g/QueueUnusual"))["a"]
	again := start(t, client(t), ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, method: seasonal}", 1)), state)
	again.resumeAt(w.at.Add(time.Minute))
	again.evaluateTo(w.at.Add(time.Minute), w.at.Add(3*time.Minute))
	after := firing(again.told.of("g/QueueUnusual"))["a"]
	assert.True(t, before.StartsAt.Equal(after.StartsAt), "%v, then %v", before.StartsAt, after.StartsAt)
	assert.Empty(t, again.Status()[0].Series[learning])
}

func TestSlots(t *testing.T) {
	offsets := map[time.Duration]bool{}
	for _, name := range []string{"a", "b", "c", "shop", "hosts"} {
		g := &Group{Name: name, Interval: time.Minute}
		now := time.Date(2026, 3, 1, 10, 0, 30, 123456789, time.UTC)
		slot := g.slot(now)
		assert.False(t, slot.After(now))
		assert.Less(t, now.Sub(slot), time.Minute+time.Millisecond)
		assert.Equal(t, slot, g.slot(slot), "the same slot")
		assert.Equal(t, slot, g.slot(slot.Add(59*time.Second)), "the same slot")
		assert.Equal(t, slot.Add(time.Minute), g.slot(slot.Add(time.Minute+time.Millisecond)))
		offsets[slot.Sub(slot.Truncate(time.Minute))] = true
	}
	assert.Len(t, offsets, 5, "groups are spread")
}

// TestLateSeries: one that was not there at the start has its history read when it appears.
func TestLateSeries(t *testing.T) {
	w := start(t, client(t), ruleFile(queueRule), nil)
	r := w.rules["g/QueueUnusual"]
	whole := r.source
	r.source = newSource(client(t), `queue{queue="c"}`, 0)
	w.evaluateTo(drops.Add(-20*time.Minute), drops.Add(-10*time.Minute))
	require.Equal(t, 1, r.count())
	r.source = whole
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	assert.Equal(t, 3, r.count())
	assert.Zero(t, w.Status()[0].Series[learning])
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(10*time.Minute))
	assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a")
}

// TestInterruptedStart: a history that breaks off is read again from its beginning, and teaches nothing twice.
func TestInterruptedStart(t *testing.T) {
	client(t)
	target, err := url.Parse(pastServer.url)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	var ranges int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/query_range") {
			if ranges++; ranges == 0 {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	for name, fails := range map[string]int{"at once": 1, "while it learns": 4, "while it evaluates": 9} {
		t.Run(name, func(t *testing.T) {
			ranges = -fails
			w, whole := start(t, connect(t, srv.URL), ruleFile(queueRule), nil), start(t, client(t), ruleFile(queueRule), nil)
			w.rules["g/QueueUnusual"].source.points = 100 // eight answers of history, and one
			w.evaluateTo(drops.Add(-5*time.Minute), drops.Add(-5*time.Minute))
			assert.NotEmpty(t, w.Status()[0].Error)
			w.evaluateTo(w.at.Add(time.Minute), drops.Add(10*time.Minute))
			whole.evaluateTo(w.at.Add(-9*time.Minute), w.at)
			assert.Zero(t, w.Status()[0].Series[learning])
			assert.Empty(t, w.Status()[0].Error)
			assert.Equal(t, states(whole), states(w))
			for _, s := range w.rules["g/QueueUnusual"].series {
				assert.Zero(t, s.detector.Counts().Late, "%s was taught twice", s.labels)
			}
		})
	}
}

// TestGroupComesBack: a copy that evaluated a group, lost it to another one, and has it again goes on from what that one saved.
func TestGroupComesBack(t *testing.T) {
	state := &memory{}
	one, two := start(t, client(t), ruleFile(queueRule), state), start(t, client(t), ruleFile(queueRule), state)
	one.evaluateTo(drops.Add(-30*time.Minute), drops.Add(-10*time.Minute))
	assert.Empty(t, firing(one.told.of("g/QueueUnusual")))
	two.resumeAt(drops.Add(-9 * time.Minute))
	two.evaluateTo(drops.Add(-9*time.Minute), drops.Add(20*time.Minute))
	want := firing(two.told.of("g/QueueUnusual"))["a"]
	require.NotEmpty(t, want.Labels)
	one.resumeAt(drops.Add(21 * time.Minute))
	assert.Equal(t, want.StartsAt, firing(one.told.of("g/QueueUnusual"))["a"].StartsAt, "told of before anything is asked")
	one.evaluateTo(drops.Add(21*time.Minute), drops.Add(30*time.Minute))
	assert.Equal(t, want.StartsAt, firing(one.told.of("g/QueueUnusual"))["a"].StartsAt)
}

// TestGroupIsEvaluatedWhereItsDutyIs: without the duty nothing is evaluated.
func TestGroupIsEvaluatedWhereItsDutyIs(t *testing.T) {
	w := start(t, client(t), ruleFile(queueRule), nil)
	w.at = drops
	var duty string
	w.opts.Lead = func(_ context.Context, name string, _ func(context.Context)) { duty = name }
	w.Run(t.Context())
	assert.Equal(t, "detection of g", duty)
	assert.Nil(t, w.told.of("g/QueueUnusual"))
}
