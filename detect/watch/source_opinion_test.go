package watch

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

const judgedPoints = `groups:
- name: shop
  judge: every 15m
  rules:
  - {alert: Failing, source: orders, expr: 'order_failure_rate{region!="test"} > 5', for: 2m, labels: {team: shop}}
`

// judgedPointsEnv has a Judge, a part that is read, and takes a point of each queue a minute.
type judgedPointsEnv struct {
	*pointsEnv
	judge  *fakeJudge
	stream *Stream
	values map[string]float64 // the next ones, by queue
}

func newJudgedPoints(t *testing.T, rules string, j *fakeJudge) *judgedPointsEnv {
	t.Helper()
	e := &judgedPointsEnv{pointsEnv: newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), rules), judge: j}
	e.w.opinions.judge = j
	e.stream = e.open(0)
	e.values = map[string]float64{"a": 1, "b": 2, "c": 3}
	return e
}

// minutes takes points, and then does what the slot of a minute does.
func (e *judgedPointsEnv) minutes(n int) {
	e.t.Helper()
	for range n {
		e.now = e.now.Add(time.Minute)
		var points []Point
		for queue, v := range e.values {
			points = append(points, at("order_failure_rate", e.now, v, "queue", queue))
		}
		_, err := e.stream.Take(e.t.Context(), points, e.stream.position+1)
		require.NoError(e.t, err)
		e.slot()
	}
}

func (e *judgedPointsEnv) slot() {
	e.w.secondOpinions(e.t.Context(), &e.w.groups[0].streamed, e.now)
	e.w.opinions.running.Wait()
	e.stream.Tell(e.t.Context())
}

func (e *judgedPointsEnv) warned() map[string]Alert {
	out := map[string]Alert{}
	for _, a := range e.alerts("shop/Failing") {
		if a.Labels["alertname"] == "FailingSecondOpinion" && a.Firing() {
			out[a.Labels["queue"]] = a
		}
	}
	return out
}

// TestJudgeSource: all series of a source are judged every 15 minutes, with their past; what is said becomes a warning that says where
// it comes from, goes on while it is repeated, and ends when it is not.
func TestJudgeSource(t *testing.T) {
	j := &fakeJudge{says: about("c")}
	e := newJudgedPoints(t, judgedPoints, j)
	e.minutes(1)
	require.Equal(t, 1, j.questions())
	assert.Equal(t, "group shop, metrics from orders, as they are at 2026-03-01 12:01 UTC", j.sources[0])
	require.Len(t, j.asked[0], 3)
	e.minutes(1)
	told := e.warned()
	require.Len(t, told, 1)
	a := told["c"]
	assert.Equal(t, map[string]string{"alertname": "FailingSecondOpinion", "queue": "c", "severity": "warning", "team": "shop"}, a.Labels)
	assert.Equal(t, "orders", a.Annotations[AnnotationQueue])
	assert.Equal(t, "It is odd.", a.Annotations[AnnotationOpinion])
	assert.Empty(t, a.GeneratorURL, "Prometheus does not have it")

	e.values["c"] = 4
	e.minutes(14)
	require.Equal(t, 2, j.questions(), "after a quarter of an hour")
	for _, s := range j.asked[1] {
		assert.Equal(t, "shop/Failing", s.Rule)
		assert.Equal(t, "order_failure_rate", s.Metric)
		assert.InDelta(t, 5, s.Upper, 0)
		assert.True(t, math.IsNaN(s.Expected), "a threshold expects nothing")
		require.Len(t, s.Past, judgedPast)
		assert.Equal(t, time.Minute, s.Step)
		if s.Labels["queue"] == "c" {
			assert.InDelta(t, 4, s.Value, 0)
			assert.InDelta(t, 4, s.Past[judgedPast-1], 0)
		}
	}
	j.says = nil
	e.minutes(15)
	assert.Equal(t, 3, j.questions())
	e.minutes(4)
	require.Len(t, e.warned(), 1)
	assert.True(t, a.StartsAt.Equal(e.warned()["c"].StartsAt), "one that is repeated goes on")
	e.minutes(2)
	assert.Empty(t, e.warned())
}

// TestJudgeSourceLeavesOut: what is read late, or not anymore, is no news of now, and costs nothing.
func TestJudgeSourceLeavesOut(t *testing.T) {
	j := &fakeJudge{}
	e := newJudgedPoints(t, judgedPoints, j)
	e.slot()
	assert.Zero(t, j.questions(), "there is nothing yet")
	e.minutes(1)
	require.Equal(t, 1, j.questions())
	e.now = e.now.Add(16 * time.Minute)
	e.slot()
	assert.Equal(t, 1, j.questions(), "no point stands for so long")
	_, err := e.stream.Take(t.Context(), []Point{at("order_failure_rate", e.now.Add(-6*time.Minute), 9, "queue", "a")}, e.stream.position+1)
	require.NoError(t, err)
	e.slot()
	assert.Equal(t, 1, j.questions(), "reading has not caught up")
	delete(e.values, "b")
	e.minutes(1)
	require.Equal(t, 2, j.questions(), "it is due as soon as there is something")
	assert.Len(t, j.asked[1], 2, "without what is silent")
	e.stream.Close()
	e.now = e.now.Add(16 * time.Minute)
	e.slot()
	assert.Equal(t, 2, j.questions(), "another copy reads it")
}

// TestJudgeNeverRemovesOfSource: whatever a Judge says, fails to say, or does not get to say, the rule's own alerts are the same.
func TestJudgeNeverRemovesOfSource(t *testing.T) {
	for name, j := range map[string]*fakeJudge{
		"nothing is unusual": {},
		"it fails":           {err: fmt.Errorf("no balance")},
		"all is unusual":     {says: about("a")},
		"out of bounds": {says: func([]JudgedSeries) []Opinion {
			return []Opinion{{Index: 99, Severity: "warning"}, {Index: -1, Severity: "x"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newJudgedPoints(t, judgedPoints, j)
			e.values["a"] = 9
			e.minutes(5)
			own := 0
			for _, a := range e.alerts("shop/Failing") {
				if a.Labels["alertname"] == "Failing" && a.Firing() {
					own++
					assert.Equal(t, "a", a.Labels["queue"])
				}
			}
			assert.Equal(t, 1, own)
			assert.Positive(t, j.questions())
		})
	}
}

// TestBorderlineOfSource: series of a source that are half way to an alert are asked about, too.
func TestBorderlineOfSource(t *testing.T) {
	j := &fakeJudge{}
	rules := strings.Replace(judgedPoints, "  judge: every 15m\n", "", 1) +
		"  - {alert: Unusual, source: orders, expr: order_failure_rate, anomaly: {second_opinion: true, method: {sigma: {k: 4, window: 1h}}}}\n"
	e := newJudgedPoints(t, rules, j)
	e.minutes(1)
	assert.Zero(t, j.questions())
	r := e.w.rules["shop/Unusual"]
	r.mu.Lock()
	for _, s := range r.series {
		s.now = detect.Result{Status: detect.Judged, Value: 7, Score: .1}
		if s.labels["queue"] == "b" {
			s.now.Score = .7
		}
	}
	r.mu.Unlock()
	e.slot()
	require.Equal(t, 1, j.questions())
	require.Len(t, j.asked[0], 3)
	assert.Equal(t, "b", j.asked[0][0].Labels["queue"])
	assert.True(t, j.asked[0][1].Peer)
	e.slot()
	assert.Equal(t, 1, j.questions(), "once in 15 minutes")
}

// TestRunJudgesSources: a Watcher that runs asks about sources, and about Prometheus' series of the same group apart from them.
func TestRunJudgesSources(t *testing.T) {
	j := &fakeJudge{}
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), strings.Replace(judgedPoints, "  judge:", "  interval: 5s\n  judge:", 1))
	groups, err := Parse("rules.yml", []byte(e.rules))
	require.NoError(t, err)
	w, err := New(Options{Groups: groups, Parts: e.parts, Notifier: e.told, Judge: j})
	require.NoError(t, err)
	s, err := w.OpenStream(t.Context(), detect.Part{Source: "orders"}, false)
	require.NoError(t, err)
	_, err = s.Take(t.Context(), []Point{at("order_failure_rate", time.Now(), 1)}, 1)
	require.NoError(t, err)
	endsWhileAsking(t, w.Run, j)
}

// TestPanels: what Prometheus answers and what comes from queues are questions of their own, with one clock each.
func TestPanels(t *testing.T) {
	groups, err := Parse("rules.yml", []byte(judgedPoints+"  - {alert: Asked, expr: up, anomaly: {}}\n  - {alert: Other, source: jobs, expr: x > 1}\n"))
	require.NoError(t, err)
	w, err := New(Options{Groups: groups, Prometheus: client(t), Parts: openParts(t, filepath.Join(t.TempDir(), "a.db"))})
	require.NoError(t, err)
	g := w.groups[0]
	require.Len(t, g.asked.rules, 1)
	require.Len(t, g.streamed.rules, 2)
	assert.Equal(t, "group shop, evaluated at 2026-03-01 12:00 UTC", g.asked.source(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	assert.Equal(t, "group shop, metrics from orders, jobs, as they are at 2026-03-01 12:00 UTC", g.streamed.source(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	assert.True(t, g.streamed.wanted())
	g.JudgeEvery = 0
	assert.False(t, g.streamed.wanted())
	assert.False(t, (&panel{Group: &Group{JudgeEvery: time.Minute}}).wanted(), "of no rules")
	for i, r := range w.Status() {
		assert.Equal(t, []string{"shop/Failing", "shop/Asked", "shop/Other"}[i], r.Rule, "in the order of the file")
	}
}

// TestTicksAreNoPoints: the clock, which ticks each second, does not push the points out that are kept for charts and questions.
func TestTicksAreNoPoints(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	s := e.open(0)
	e.take(s, 1, 2, 3)
	for range 2 * recentMost {
		e.now = e.now.Add(100 * time.Millisecond)
		require.NoError(t, s.Tick(t.Context()))
	}
	band, err := e.w.Band(t.Context(), map[string]string{"alertname": "Failing", "region": "eu", "team": "shop"}, time.Time{}, e.now)
	require.NoError(t, err)
	require.Len(t, band.Points, 3)
	for i, p := range band.Points {
		assert.InDelta(t, i+1, p.Value, 0)
	}
}
