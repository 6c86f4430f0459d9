package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/store"
)

// openParts opens a store that a test closes when it ends.
func openParts(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pointsEnv is a watcher of rules with a source, whose clock the test has.
type pointsEnv struct {
	t     testing.TB
	parts Parts
	rules string
	now   time.Time
	told  *told
	w     *Watcher
}

func newPointsEnv(t testing.TB, parts Parts, rules string) *pointsEnv {
	t.Helper()
	e := &pointsEnv{t: t, parts: parts, rules: rules, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	e.start()
	return e
}

// start makes a watcher, as a start of the service does.
func (e *pointsEnv) start() {
	groups, err := Parse("rules.yml", []byte(e.rules))
	require.NoError(e.t, err)
	e.told = &told{alerts: map[string][]Alert{}}
	e.w, err = New(Options{Groups: groups, Parts: e.parts, Notifier: e.told, Now: func() time.Time { return e.now }})
	require.NoError(e.t, err)
}

func (e *pointsEnv) open(part int32) *Stream {
	e.t.Helper()
	s, err := e.w.OpenStream(e.t.Context(), detect.Part{Source: "orders", Number: part}, true)
	require.NoError(e.t, err)
	return s
}

func at(name string, when time.Time, v float64, labels ...string) Point {
	m := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
	for i := 0; i < len(labels); i += 2 {
		m[model.LabelName(labels[i])] = model.LabelValue(labels[i+1])
	}
	return Point{Metric: m, At: when, Value: v}
}

const thresholdRule = `groups:
- name: shop
  rules:
  - {alert: Failing, source: orders, expr: 'order_failure_rate{region!="test"} > 5', for: 2m, labels: {team: shop}}
`

func (e *pointsEnv) alerts(key string) []Alert {
	e.told.mu.Lock()
	defer e.told.mu.Unlock()
	return e.told.alerts[key]
}

// take gives a point per minute to a stream, from the clock on, which it moves.
func (e *pointsEnv) take(s *Stream, values ...float64) {
	e.t.Helper()
	for _, v := range values {
		e.now = e.now.Add(time.Minute)
		_, err := s.Take(e.t.Context(), []Point{at("order_failure_rate", e.now, v, "region", "eu")}, s.position+1)
		require.NoError(e.t, err)
	}
}

func eventsOf(t testing.TB, parts Parts, part int32) (kinds []string, events []Event) {
	t.Helper()
	rows, err := parts.(*store.Store).Events(t.Context(), detect.Part{Source: "orders", Number: part})
	require.NoError(t, err)
	for _, row := range rows {
		var e Event
		require.NoError(t, json.Unmarshal(row.Body, &e))
		assert.Equal(t, row.ID, e.ID)
		assert.Equal(t, EventVersion, e.Version)
		kinds, events = append(kinds, e.Event), append(events, e)
	}
	return kinds, events
}

// TestThreshold: a threshold that is held for its time fires by the times of the points, and resolves.
func TestThreshold(t *testing.T) {
	parts := openParts(t, filepath.Join(t.TempDir(), "a.db"))
	e := newPointsEnv(t, parts, thresholdRule)
	s := e.open(3)
	defer s.Close()
	e.take(s, 1, 6, 7, 4, 6, 7)
	assert.Empty(t, e.alerts("shop/Failing"), "not for two minutes")
	began := e.now.Add(-time.Minute)
	e.take(s, 8, 20)
	alerts := e.alerts("shop/Failing")
	require.Len(t, alerts, 1)
	a := alerts[0]
	assert.Equal(t, map[string]string{"alertname": "Failing", "region": "eu", "team": "shop"}, a.Labels)
	assert.True(t, a.Firing())
	assert.True(t, a.StartsAt.Equal(began.Add(2*time.Minute)), "by the time of its point")
	assert.Empty(t, a.GeneratorURL, "Prometheus does not know the metric")
	assert.Equal(t, "orders", a.Annotations[AnnotationQueue])
	assert.Equal(t, fmt.Sprintf("expected at most 5, is 20, since %s", began.Format("15:04")), a.Annotations[AnnotationSummary])
	e.take(s, 5)
	e.now = e.now.Add(toldEvery)
	require.NoError(t, s.Tick(t.Context()))
	require.Len(t, e.alerts("shop/Failing"), 1)
	assert.False(t, e.alerts("shop/Failing")[0].Firing())

	kinds, events := eventsOf(t, parts, 3)
	assert.Equal(t, []string{EventOpened, EventChanged, EventResolved}, kinds)
	for _, x := range events {
		assert.Equal(t, events[0].Anomaly, x.Anomaly)
		assert.Equal(t, "shop/Failing", x.Rule)
		assert.InDelta(t, 5, *x.Upper, 0)
		assert.Nil(t, x.Lower)
	}
	assert.InDelta(t, 20, *events[1].Value, 0)
	assert.NotEqual(t, events[0].ID, events[1].ID)
}

// TestPointsStop: when points stop, what is pending fires while the newest one stands, and then resolves.
func TestPointsStop(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	s := e.open(0)
	defer func() { s.Close() }()
	tick := func(d time.Duration) {
		e.now = e.now.Add(d)
		require.NoError(t, s.Tick(t.Context()))
	}
	e.take(s, 9)
	tick(time.Minute)
	assert.Empty(t, e.alerts("shop/Failing"))
	tick(61 * time.Second)
	require.Len(t, e.alerts("shop/Failing"), 1, "the time is over, and no point says otherwise")
	s.Close()
	e.start() // the tick is in the journal
	s = e.open(0)
	require.Len(t, e.alerts("shop/Failing"), 1)
	assert.True(t, e.alerts("shop/Failing")[0].Firing())
	tick(2 * time.Minute)
	assert.True(t, e.alerts("shop/Failing")[0].Firing())
	tick(2 * time.Minute)
	assert.False(t, e.alerts("shop/Failing")[0].Firing(), "a point stands for five minutes")
	tick(25 * time.Hour)
	assert.Empty(t, e.w.rules["shop/Failing"].series, "and its series is forgotten")
	assert.Empty(t, s.feeds)
}

func TestOutcomes(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	s, other := e.open(0), e.open(1)
	defer s.Close()
	take := func(s *Stream, points ...Point) map[string]int {
		outcomes, err := s.Take(t.Context(), points, s.position+1)
		require.NoError(t, err)
		return outcomes
	}
	p := at("order_failure_rate", e.now, 1, "region", "eu")
	old := at("order_failure_rate", e.now.Add(-time.Second), 1, "region", "eu")
	assert.Equal(t, map[string]int{PointLearned: 1, PointLate: 2}, take(s, p, p, old))
	assert.Equal(t, map[string]int{PointLate: 1}, take(s, p), "repeated later")
	assert.Equal(t, map[string]int{PointFuture: 1}, take(s, at("order_failure_rate", e.now.Add(maxAhead+time.Second), 1, "region", "eu")))
	assert.Equal(t, map[string]int{PointLearned: 1}, take(s, at("order_failure_rate", e.now.Add(maxAhead), 1, "region", "us")))
	assert.Equal(t, map[string]int{PointUnmatched: 2}, take(s, at("other", e.now, 1), at("order_failure_rate", e.now, 1, "region", "test")))
	assert.Equal(t, map[string]int{PointSplit: 1}, take(other, at("order_failure_rate", e.now.Add(time.Minute), 1, "region", "eu")))
	e.w.rules["shop/Failing"].MaxSeries = 2
	assert.Equal(t, map[string]int{PointDropped: 1}, take(s, at("order_failure_rate", e.now, 1, "region", "cn")))

	e.now = e.now.Add(movedAfter + time.Minute) // the partitions of the topic have become more
	moved := at("order_failure_rate", e.now, 1, "region", "eu")
	assert.Equal(t, map[string]int{PointLearned: 1}, take(other, moved))
	moved.At = moved.At.Add(time.Second)
	assert.Equal(t, map[string]int{PointSplit: 1}, take(s, moved))
	assert.Len(t, e.w.rules["shop/Failing"].series, 2)
	other.Close()
	assert.Len(t, e.w.rules["shop/Failing"].series, 1, "that of the other part")
}

// TestHistoryMovesNoAlert: what is read late is learned, and nobody is told.
func TestHistoryMovesNoAlert(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	s := e.open(0)
	defer s.Close()
	for i := range 60 {
		_, err := s.Take(t.Context(), []Point{at("order_failure_rate", e.now.Add(time.Duration(i-121)*time.Minute), 9)}, 0)
		require.NoError(t, err)
	}
	assert.Empty(t, e.alerts("shop/Failing"))
	assert.EqualValues(t, 60, e.w.Status()[0].Points)
}

// TestMoved: a copy that has lost a part without knowing stores nothing of it any more.
func TestMoved(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	first := e.open(0)
	e.take(first, 1, 2)
	e.start()
	second := e.open(0)
	e.take(second, 3)
	_, err := first.Take(t.Context(), []Point{at("order_failure_rate", e.now, 4, "region", "eu")}, 9)
	require.ErrorIs(t, err, detect.ErrMoved)
	position, known := second.Position()
	assert.True(t, known)
	assert.EqualValues(t, 3, position)
	assert.EqualValues(t, 3, e.w.Status()[0].Points)
}

// TestStoreFails: while the store fails nothing is lost, and nothing counts twice.
func TestStoreFails(t *testing.T) {
	parts := &fullDisk{Store: openParts(t, filepath.Join(t.TempDir(), "a.db"))}
	e := newPointsEnv(t, parts, thresholdRule)
	s := e.open(0)
	parts.left.Store(2)
	e.take(s, 1)
	assert.EqualValues(t, 1, e.w.Status()[0].Points)
	parts.left.Store(1 << 30)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Take(ctx, []Point{at("order_failure_rate", e.now.Add(time.Second), 1, "region", "eu")}, 2)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	s.Close()
	parts.left.Store(0)
	e.start()
	assert.EqualValues(t, 1, e.open(0).Points(), "what was not stored is delivered again")
}

// Points counts the points that were taken of the series that are known.
func (s *Stream) Points() (n int64) {
	for _, x := range s.order {
		n += x.origin.points
	}
	return n
}

type fullDisk struct {
	*store.Store

	left atomic.Int64
}

func (f *fullDisk) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	if f.left.Add(-1) >= 0 {
		return errors.New("disk full")
	}
	return f.Store.SavePart(ctx, p, c)
}

// TestFeedbackIsSaved: what is said of a series is not in the journal, and survives all the same.
func TestFeedbackIsSaved(t *testing.T) {
	parts := openParts(t, filepath.Join(t.TempDir(), "a.db"))
	e := newPointsEnv(t, parts, learnedRules)
	s := e.open(0)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 50 {
		e.now = e.now.Add(time.Minute)
		_, err := s.Take(t.Context(), minute(r, e.now, i), int64(i))
		require.NoError(t, err)
	}
	require.True(t, e.w.Quieten(map[string]string{"alertname": "Rate", "site": "1"}, "incident"))
	require.NoError(t, s.Tick(t.Context()))
	want := stateOf(t, e.w)
	e.start()
	e.open(0)
	assert.Equal(t, want, stateOf(t, e.w))
	assert.Len(t, e.w.Status()[0].Quiet, 1)
}

// TestRuleIsAdded: a rule that is new begins with what the journal has, and goes on.
func TestRuleIsAdded(t *testing.T) {
	parts := openParts(t, filepath.Join(t.TempDir(), "a.db"))
	e := newPointsEnv(t, parts, thresholdRule)
	e.w.journal = 1 // all series are saved
	s := e.open(0)
	e.take(s, 1, 2, 3)
	e.rules += "  - {alert: New, source: orders, expr: order_failure_rate < 0}\n"
	for round := range 3 {
		e.start()
		s = e.open(0)
		e.take(s, 4)
		assert.EqualValues(t, 4+round, e.w.Status()[0].Points)
		assert.EqualValues(t, 1+round, e.w.Status()[1].Points, "round %d", round)
	}
}

// TestRuleChanges: a threshold that changes keeps the alert; series that a rule takes no more are forgotten.
func TestRuleChanges(t *testing.T) {
	parts := openParts(t, filepath.Join(t.TempDir(), "a.db"))
	e := newPointsEnv(t, parts, thresholdRule)
	e.w.journal = 1
	s := e.open(0)
	e.take(s, 9, 9, 9, 9)
	require.Len(t, e.alerts("shop/Failing"), 1)
	started := e.alerts("shop/Failing")[0].StartsAt
	again := func(from, to string) {
		e.rules = strings.Replace(e.rules, from, to, 1)
		e.start()
		s = e.open(0)
		s.w.journal = 1
		e.take(s, 9)
	}
	again("> 5", "> 6")
	require.Len(t, e.alerts("shop/Failing"), 1)
	assert.Equal(t, started, e.alerts("shop/Failing")[0].StartsAt)
	assert.EqualValues(t, 5, s.Points())
	again(`region!="test"`, `region="us"`)
	assert.Empty(t, e.w.rules["shop/Failing"].series)
	saved := 0
	require.NoError(t, parts.EachSeries(t.Context(), s.part, func(detect.SavedSeries) error { saved++; return nil }))
	assert.Zero(t, saved, "nor are they saved")
	again(`order_failure_rate{region="us"}`, "another")
	assert.Empty(t, e.w.rules["shop/Failing"].series)
	again("another", "order_failure_rate")
	assert.EqualValues(t, 1, s.Points(), "what is new")
}

// TestBandOfSource: the newest points are kept for a chart, also over a restart, as far as the journal has them.
func TestBandOfSource(t *testing.T) {
	e := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), thresholdRule)
	s := e.open(0)
	for range 3 * recentFewest {
		e.take(s, 9)
	}
	labels := map[string]string{"alertname": "Failing", "region": "eu", "team": "shop"}
	for _, when := range []string{"live", "restarted"} {
		band, err := e.w.Band(t.Context(), labels, e.now.Add(-10*time.Minute), e.now.Add(-time.Minute))
		require.NoError(t, err)
		points := band.Points
		require.Len(t, points, 10, when)
		assert.InDelta(t, 5, points[0].Upper, 0)
		all, err := e.w.Band(t.Context(), labels, time.Time{}, e.now)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(all.Points), recentFewest)
		assert.LessOrEqual(t, len(all.Points), recentMost)
		e.start()
		e.open(0)
	}
	_, err := e.w.Band(t.Context(), map[string]string{"alertname": "Failing", "region": "us"}, time.Time{}, e.now)
	require.ErrorIs(t, err, ErrUnknownAlert)
}

// TestDamagedJournal: an entry that can't be read loses its points, and no more.
func TestDamagedJournal(t *testing.T) {
	parts := openParts(t, filepath.Join(t.TempDir(), "a.db"))
	e := newPointsEnv(t, parts, thresholdRule)
	s := e.open(0)
	e.take(s, 1)
	whole := newEntry()
	p := at("order_failure_rate", e.now.Add(time.Second), 1, "region", "eu")
	whole.point(p.Metric.Fingerprint(), &p, false, true)
	for i := range whole.bytes() {
		require.NoError(t, parts.SavePart(t.Context(), s.part, detect.Commit{Seq: s.seq + 1 + int64(i), Position: 1, Entry: whole.bytes()[:i+1]}))
	}
	require.NoError(t, parts.SavePart(t.Context(), s.part, detect.Commit{
		Seq: s.seq + 1 + int64(len(whole.bytes())), Position: 7, Entry: []byte{99}, Series: []detect.SavedSeries{{Rule: "shop/Failing", Series: "x", State: []byte{1, 200}}},
	}))
	e.start()
	s = e.open(0)
	assert.EqualValues(t, 2, s.Points(), "that of the first, and that of the whole one")
	position, _ := s.Position()
	assert.EqualValues(t, 7, position)
	e.take(s, 1, 1)
	assert.EqualValues(t, 4, s.Points())
}
