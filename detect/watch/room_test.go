package watch

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// nobody is a rule whose Prometheus does not answer: tests give it its values.
func nobody(t *testing.T, options string, state *memory) (*running, *watched) {
	t.Helper()
	w := start(t, connect(t, "http://127.0.0.1:1"), ruleFile("  - {alert: Odd, expr: queue, labels: {severity: warning}, anomaly: {"+options+"}}\n"), state)
	return w, w.rules["g/Odd"]
}

func valueOf(v float64, pairs ...string) value {
	m := model.Metric{}
	for i := 0; i < len(pairs); i += 2 {
		m[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
	}
	return value{labels: m, id: m.Fingerprint(), v: v}
}

func pods(w *watched) []string {
	var names []string
	for _, s := range w.series {
		names = append(names, string(s.labels["pod"]))
	}
	return slices.Sorted(slices.Values(names))
}

// TestInstancesComeAndGo: those that are gone do not keep the ones that are there from being watched.
func TestInstancesComeAndGo(t *testing.T) {
	state := &memory{}
	w, r := nobody(t, "max_series: 2", state)
	begin := pastEnds
	step := func(after time.Duration, pods ...string) {
		var values []value
		for _, p := range pods {
			values = append(values, valueOf(1, "pod", p))
		}
		r.step(begin.Add(after), values)
		w.save(t.Context(), r, begin.Add(after))
	}
	step(0, "a", "b")
	step(10*time.Minute, "b", "c")
	assert.Equal(t, []string{"a", "b"}, pods(r), "a may be late only")
	step(15*time.Minute, "b", "c", "d")
	assert.Equal(t, []string{"b", "c"}, pods(r), "b is there, so there is no room for d")
	assert.Len(t, state.rows["g/Odd"], 2, "nothing is kept of a")
	for _, s := range r.series {
		if s.labels["pod"] == "b" {
			s.alert = detect.Alert{State: detect.Firing, FiredAt: begin}
		}
	}
	step(40*time.Minute, "d", "e")
	assert.Equal(t, []string{"b", "d"}, pods(r), "what fires stays until it has resolved")
}

// crowd makes n series, of which one fires and one is pending.
func crowd(w *watched, n int) (fires, pends model.Fingerprint) {
	for i := range n {
		v := valueOf(1, "pod", fmt.Sprint(i))
		s := newSeries(w.Rule, v.labels)
		switch i {
		case n / 2:
			fires, s.alert = s.id, detect.Alert{State: detect.Firing, ActiveAt: pastEnds, FiredAt: pastEnds}
		case n / 3:
			pends, s.alert = s.id, detect.Alert{State: detect.Pending, ActiveAt: pastEnds}
		}
		w.series[s.id] = s
	}
	return fires, pends
}

// TestFewerSeriesAllowed: where max_series is lowered, those with alerts stay, after a reload and after a restart.
func TestFewerSeriesAllowed(t *testing.T) {
	former, old := nobody(t, "max_series: 100", &memory{})
	fires, pends := crowd(old, 100)
	former.at = pastEnds
	saved := map[string][]byte{}
	for id, s := range old.series {
		row, err := s.encode(old.Rule)
		require.NoError(t, err)
		saved[id.String()] = row
	}
	check := func(t *testing.T, r *watched) {
		t.Helper()
		ids := slices.Collect(maps.Keys(r.series))
		require.Len(t, ids, 3)
		assert.Contains(t, ids, fires)
		assert.Contains(t, ids, pends)
	}
	t.Run("restart", func(t *testing.T) {
		_, r := nobody(t, "max_series: 3", nil)
		r.restore(saved)
		check(t, r)
	})
	t.Run("reload", func(t *testing.T) {
		w, r := nobody(t, "max_series: 3", nil)
		w.at = pastEnds
		w.GoOnFrom(t.Context(), former.Watcher)
		check(t, r)
		assert.Empty(t, w.told.of("g/Odd"), "nothing resolves")
	})
}

// TestLabelsOfTheRuleHideSeries: series that have the labels of one alert are one, or Alertmanager would hear of its end and of its
// beginning in turn.
func TestLabelsOfTheRuleHideSeries(t *testing.T) {
	w, r := nobody(t, "max_series: 100", nil)
	r.Labels = map[string]string{"pod": "any"}
	for i, a := range []detect.Alert{
		{State: detect.Inactive, FiredAt: pastEnds.Add(-time.Hour), ResolvedAt: pastEnds.Add(-2 * time.Minute)},
		{State: detect.Firing, FiredAt: pastEnds.Add(-30 * time.Minute)},
		{State: detect.Firing, FiredAt: pastEnds.Add(-20 * time.Minute)},
		{State: detect.Inactive, FiredAt: pastEnds.Add(-time.Hour), ResolvedAt: pastEnds.Add(-time.Minute)},
	} {
		s := newSeries(r.Rule, valueOf(1, "pod", fmt.Sprint(i)).labels)
		s.alert = a
		r.series[s.id] = s
	}
	out := r.alerts(w.opts.Prometheus, pastEnds)
	require.Len(t, out, 1)
	assert.True(t, out[0].Firing())
	assert.Equal(t, pastEnds.Add(-30*time.Minute), out[0].StartsAt, "since the first")
	for range 10 {
		assert.Equal(t, detect.Firing, r.find(out[0].Labels).alert.State, "feedback is about what fires")
	}
	for _, s := range r.series {
		if s.alert.State == detect.Firing {
			s.alert.State, s.alert.ResolvedAt = detect.Inactive, pastEnds.Add(-3*time.Minute)
		}
	}
	out = r.alerts(w.opts.Prometheus, pastEnds)
	require.Len(t, out, 1)
	assert.Equal(t, pastEnds.Add(-time.Minute), out[0].EndsAt, "it ended with the last")
}
