package watch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// TestClockIsSetBack: what was evaluated by a clock that was ahead does not keep the rule from being evaluated now.
func TestClockIsSetBack(t *testing.T) {
	ahead := drops.Add(2 * time.Hour)
	check := func(t *testing.T, w *running) {
		t.Helper()
		w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
		assert.Contains(t, firing(w.told.of("g/QueueUnusual")), "a")
		for _, s := range w.rules["g/QueueUnusual"].series {
			assert.False(t, s.seen.After(w.at) || s.stepped.After(w.at) || s.alert.AnomalousAt.After(w.at), s.labels)
		}
	}
	t.Run("while it runs", func(t *testing.T) {
		w := start(t, client(t), ruleFile(queueRule), nil)
		w.evaluateTo(ahead, ahead)
		check(t, w)
	})
	t.Run("before a restart", func(t *testing.T) {
		state := &memory{}
		former := start(t, client(t), ruleFile(queueRule), state)
		former.evaluateTo(ahead, ahead)
		w := start(t, client(t), ruleFile(queueRule), state)
		w.resumeAt(drops.Add(-2 * time.Minute))
		check(t, w)
	})
}

// TestClockIsPutRight: a clock that goes back by seconds, or a copy's that is ahead by them, is waited for.
func TestClockIsPutRight(t *testing.T) {
	w, r := nobody(t, "max_series: 10", nil)
	for _, tc := range []struct {
		back   time.Duration
		waited bool
	}{{0, true}, {time.Minute, true}, {5 * time.Minute, true}, {6 * time.Minute, false}, {365 * 24 * time.Hour, false}} {
		clear(r.series)
		r.evaluated = time.Time{}
		r.step(pastEnds, []value{valueOf(1, "pod", "a")})
		at := pastEnds.Add(-tc.back)
		r.setBack(at)
		assert.Equal(t, tc.waited, r.evaluated.Equal(pastEnds), tc.back)
		for _, s := range r.series {
			assert.Equal(t, !tc.waited, s.relearn, tc.back)
		}
	}
	g := w.groups[0].Group
	slot := g.slot(pastEnds)
	for after, want := range map[time.Duration]time.Time{
		0:                           slot.Add(time.Minute),
		time.Second:                 slot.Add(time.Minute),
		-30 * time.Second:           slot, // the slot before has gone on
		-time.Hour:                  slot.Add(-59 * time.Minute),
		-366 * 24 * time.Hour:       slot.Add(-366*24*time.Hour + time.Minute),
		59*time.Second + 999999*1e3: slot.Add(time.Minute),
	} {
		assert.Equal(t, want, g.after(slot.Add(time.Minute), slot.Add(after)), after)
	}
}

// TestNoNumberIsNoSample: what divides by zero is missing, whatever it is that Prometheus answers.
func TestNoNumberIsNoSample(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for missing, want := range map[detect.Missing]detect.State{detect.AlertMissing: detect.Firing, detect.IgnoreMissing: detect.Inactive} {
			t.Run(fmt.Sprint(v, " ", missing), func(t *testing.T) {
				r := &Rule{Alert: "Odd", For: 3 * time.Minute, Detection: detect.Options{Interval: time.Minute, Missing: missing}}
				s, random := newSeries(r, nil), rand.New(rand.NewPCG(1, 2))
				at := pastEnds
				for range 26 * 60 {
					at = at.Add(time.Minute)
					s.step(r, at, 100+random.NormFloat64(), true)
				}
				last, known := s.seen, s.detector.Counts().Samples
				for range 10 {
					at = at.Add(time.Minute)
					s.step(r, at, v, true)
				}
				assert.Equal(t, want, s.alert.State)
				assert.Equal(t, last, s.seen)
				assert.Equal(t, known, s.detector.Counts().Samples, "it is not learned")
				assert.EqualValues(t, 10, s.detector.Counts().Invalid)
				at = at.Add(time.Minute)
				s.step(r, at, 100, true)
				assert.Equal(t, detect.Inactive, s.alert.State)
			})
		}
	}
}

// TestTwoNames: of series that differ in the name of the metric alone, one counts, and always the same.
func TestTwoNames(t *testing.T) {
	const row = `{"metric":{"__name__":"%s","pod":"a"},%s}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/query") {
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s,%s]}}`,
				fmt.Sprintf(row, "new", `"value":[1768392000,"2"]`), fmt.Sprintf(row, "former", `"value":[1768392000,"1"]`))
			return
		}
		var values []string
		for i := range 500 {
			values = append(values, fmt.Sprintf(`[%d,"%%[1]s"]`, 1768000000+600*i))
		}
		all := `"values":[` + strings.Join(values, ",") + `]`
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s,%s]}}`,
			fmt.Sprintf(row, "new", fmt.Sprintf(all, "2")), fmt.Sprintf(row, "former", fmt.Sprintf(all, "1")))
	}))
	t.Cleanup(srv.Close)
	src := newSource(connect(t, srv.URL), `{__name__=~"new|former"}`, 0)
	values, err := src.now(t.Context(), pastEnds)
	require.NoError(t, err)
	require.Len(t, values, 2)
	assert.InDelta(t, 1, values[0].v, 0, "the first counts")
	_, r := nobody(t, "history: 1d", nil)
	s := newSeries(r.Rule, values[0].labels)
	for range 20 { // more than one reader at a time would disturb each other now and then
		s.forgetPast(r.Rule, pastEnds)
		r.series[s.id] = s
		require.NoError(t, r.warm(t.Context(), src, r.series, pastEnds))
		assert.EqualValues(t, 500, s.detector.Counts().Samples)
		assert.EqualValues(t, 500, s.detector.Counts().Late, "the other one")
	}
}
