package watch

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// breakable is the tests' Prometheus, behind a proxy that can refuse the queries of one expression.
type breakable struct {
	url    string
	refuse atomic.Bool
	status int
	asked  atomic.Int64 // queries of the expression
}

func newBreakable(t *testing.T, expr string, status int) *breakable {
	t.Helper()
	client(t)
	target, err := url.Parse(pastServer.url)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	b := &breakable{status: status}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.URL.RawQuery
		if r.Method == http.MethodPost {
			form, err := readForm(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = form
		}
		if strings.Contains(body, url.QueryEscape(expr)) {
			b.asked.Add(1)
			if b.refuse.Load() {
				http.Error(w, `{"status":"error","errorType":"execution","error":"refused"}`, b.status)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

// readForm reads the form of a request, and leaves it there.
func readForm(r *http.Request) (string, error) {
	b, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return string(b), err
}

// plainMetric returns the labels of a value without the name of its metric.
func plainMetric(v value) model.Metric {
	labels := v.labels.Clone()
	delete(labels, model.MetricNameLabel)
	return labels
}

// TestFailingFeature: while a feature can't be asked for, alerts stay as they are; what was missed is evaluated afterward.
func TestFailingFeature(t *testing.T) {
	for name, status := range map[string]int{"down": http.StatusServiceUnavailable, "refused": http.StatusUnprocessableEntity} {
		t.Run(name, func(t *testing.T) {
			b := newBreakable(t, "queue / 50", status)
			groups, err := Parse(filepath.Join(modelDir(t), "rules.yml"), []byte(ruleFile(modelRule)))
			require.NoError(t, err)
			w := startGroups(t, connect(t, b.url), groups, nil)
			whole := startGroups(t, client(t), groups, nil)
			w.evaluateTo(drops.Add(-5*time.Minute), drops.Add(10*time.Minute))
			require.Contains(t, firing(w.told.of("g/QueueUnusual")), "a")
			b.refuse.Store(true)
			w.evaluateTo(w.at.Add(time.Minute), drops.Add(70*time.Minute))
			assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a", "nobody knows better")
			assert.NotEmpty(t, w.Status()[0].Error)
			assert.Positive(t, testutil.ToFloat64(w.metrics.errors.WithLabelValues(errorQuery)))
			b.refuse.Store(false)
			w.evaluateTo(w.at.Add(time.Minute), drops.Add(90*time.Minute))
			whole.evaluateTo(drops.Add(-5*time.Minute), drops.Add(90*time.Minute))
			assert.Empty(t, firing(w.told.of("g/QueueUnusual")))
			assert.Empty(t, w.Status()[0].Error)
			assert.Equal(t, states(whole), states(w))
			for id, s := range whole.rules["g/QueueUnusual"].series {
				assert.True(t, s.alert.ResolvedAt.Equal(w.rules["g/QueueUnusual"].series[id].alert.ResolvedAt), s.labels)
			}
		})
	}
}

// TestHistoryNeedsNoFeatures: what is learned is the series alone; its features are asked for where rows are judged.
func TestHistoryNeedsNoFeatures(t *testing.T) {
	b := newBreakable(t, "queue / 50", http.StatusServiceUnavailable)
	groups, err := Parse(filepath.Join(modelDir(t), "rules.yml"), []byte(ruleFile(modelRule)))
	require.NoError(t, err)
	w := startGroups(t, connect(t, b.url), groups, nil)
	w.evaluateTo(drops.Add(-5*time.Minute), drops.Add(-5*time.Minute))
	assert.Empty(t, w.Status()[0].Error)
	assert.LessOrEqual(t, b.asked.Load(), int64(3), "now, and for the hour that is evaluated as if it were now")
	before := b.asked.Load()
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(5*time.Minute))
	assert.Equal(t, int64(5), b.asked.Load()-before, "once in each evaluation")
}

// TestLagAndOffset: a lag is counted from the time that the group asks for, which its query_offset moves.
func TestLagAndOffset(t *testing.T) {
	text := strings.Replace(ruleFile(modelRule), "- name: g\n", "- name: g\n  query_offset: 2m\n", 1)
	groups, err := Parse(filepath.Join(modelDir(t), "rules.yml"), []byte(text))
	require.NoError(t, err)
	r := groups[0].Rules[0]
	s := newSource(client(t), r.Expr, groups[0].QueryOffset).withFeatures(r)
	at := drops.Add(-time.Hour)
	values, err := s.now(t.Context(), at)
	require.NoError(t, err)
	require.Len(t, values, 3)
	plainSource := newSource(client(t), "queue", 0)
	for _, v := range values {
		for column, ago := range map[int]time.Duration{0: 2 * time.Minute, 1: 12 * time.Minute} {
			then, err := plainSource.now(t.Context(), at.Add(-ago))
			require.NoError(t, err)
			for _, x := range then {
				if x.id == v.id {
					assert.InDelta(t, x.v, v.row[column], 1e-9, "%s, %s ago", x.labels, ago)
				}
			}
		}
	}
}

// TestJoinedFeature: a feature with fewer labels belongs to all series that have them, one with others to none.
func TestJoinedFeature(t *testing.T) {
	for name, tc := range map[string]struct {
		expr string
		want map[string]float64 // by queue, as a multiple of the first feature of "c"; missing: none
	}{
		"of all":            {`scalar(queue{queue="c"}) * group(queue)`, map[string]float64{"a": 1, "b": 1, "c": 1}},
		"of a site":         {`sum by (site) (queue{queue="c"})`, map[string]float64{"a": 1, "b": 1, "c": 1}},
		"of another site":   {`label_replace(sum by (site) (queue{queue="c"}), "site", "y", "", "")`, map[string]float64{}},
		"of one queue":      {`queue{queue="c"}`, map[string]float64{"c": 1}},
		"with another name": {`label_replace(queue{queue="c"}, "pod", "1", "", "")`, map[string]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Rule{Expr: "queue", features: []Feature{{Name: "x"}, {Name: "y", Expr: tc.expr}}}
			s := newSource(client(t), r.Expr, 0).withFeatures(r)
			at := drops.Add(-time.Hour)
			values, err := s.now(t.Context(), at)
			require.NoError(t, err)
			c := 0.
			for _, v := range values {
				if v.labels["queue"] == "c" {
					c = v.v
				}
			}
			check := func(v value) {
				want, there := tc.want[string(v.labels["queue"])]
				if !there {
					assert.True(t, math.IsNaN(v.row[1]), v.labels)
					return
				}
				assert.InDelta(t, want*c, v.row[1], 1e-9, v.labels)
			}
			for _, v := range values {
				check(v)
			}
			n := 0
			err = s.eachChunk(t.Context(), at, at, time.Minute, 3, func(x *chunk) {
				s.frames(x, time.Minute, func(_ time.Time, values []value) {
					for _, v := range values {
						n++
						check(value{labels: plainMetric(v), row: v.row})
					}
				})
			})
			require.NoError(t, err)
			assert.Equal(t, 3, n, "a range is joined as an instant is")
		})
	}
}

// TestRowsEnd: the export ends with the first error of its reader, and tells how far it is.
func TestRowsEnd(t *testing.T) {
	groups, err := Parse("rules.yml", []byte(ruleFile(queueRule)))
	require.NoError(t, err)
	r := groups[0].Rules[0]
	full := errors.New("the disk is full")
	n := 0
	err = r.Rows(t.Context(), client(t), groups[0], drops.Add(-2*time.Hour), drops, time.Minute, func(map[string]string, time.Time, []float64) error {
		n++
		return full
	}, nil)
	require.ErrorIs(t, err, full)
	assert.Equal(t, 1, n)
	var done []float64
	err = r.Rows(t.Context(), client(t), groups[0], drops.Add(-2*time.Hour), drops, time.Minute, func(_ map[string]string, _ time.Time, row []float64) error {
		require.Len(t, row, 1, "the value alone")
		return nil
	}, func(d float64) { done = append(done, d) })
	require.NoError(t, err)
	require.NotEmpty(t, done)
	assert.InDelta(t, 1, done[len(done)-1], .02)
	err = r.Rows(t.Context(), connect(t, "http://127.0.0.1:1"), groups[0], drops.Add(-time.Hour), drops, time.Minute,
		func(map[string]string, time.Time, []float64) error { return nil }, nil)
	require.Error(t, err)
}

// TestSourceWithoutModel: a rule without a model asks nothing more and has no rows.
func TestSourceWithoutModel(t *testing.T) {
	s := newSource(client(t), "queue", 0)
	assert.Same(t, s, s.withFeatures(&Rule{}))
	assert.Nil(t, s.row(1))
	values, err := s.now(t.Context(), drops)
	require.NoError(t, err)
	for _, v := range values {
		assert.Nil(t, v.row)
	}
	var none *source
	assert.Nil(t, none.withFeatures(&Rule{features: []Feature{{Name: "x"}}}), "a rule that asks nobody")
	x := detect.Result{View: "hour"}
	w := &series{now: x, peak: x}
	w.byModels(&Rule{}, true)
	assert.Equal(t, "hour", w.now.View)
	assert.Empty(t, (&watched{Rule: &Rule{}}).modelCondition(w))
}
