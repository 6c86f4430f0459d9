package evidence

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/score"
)

// toldOf is told, of an alert that is about a pod.
func toldOf(language incident.Language, tracks ...trackedSeries) incident.Evidence {
	inv := newInvestigation(firingIncident(scoredAt.Add(40*time.Minute), "", "alertname=X namespace=shop pod=api-1"), scoredAt.Add(time.Hour))
	inv.language = language
	g := score.NewGrid(scoredAt, scoredAt.Add(59*time.Minute), time.Minute)
	return inv.suspectsItem(rankTracks(tracks, g, 40))
}

// TestQuietTold: what did not change is told, and nothing of it that did, comes and goes, or has only just appeared.
func TestQuietTold(t *testing.T) {
	own := seriesOf("__name__=restarts_total job=api", steps(0, 30, 1, 45, 2))
	own.ownSignal = true
	saw := func(s float64) float64 { return 100 + 400*math.Mod(s, 20)/20 }
	tests := map[string]struct {
		tracks       []trackedSeries
		has, hasNone []string
	}{
		"names and counts": {
			[]trackedSeries{
				seriesOf("__name__=a job=api i=1", steps(7)), seriesOf("__name__=a job=api i=2", steps(8)),
				seriesOf("__name__=b job=db", steps(1)), seriesOf("__name__=c job=api i=1", steps(2, 40, 30)), seriesOf("__name__=c job=api i=2", steps(2)),
			},
			[]string{" Unchanged: a (2), b, c (1 of 2)."},
			[]string{"Limits", "New in", "Not steady"},
		},
		"its own signal, and what is zero but for some events": {
			[]trackedSeries{own, seriesOf("__name__=rare job=api", steps(0, 20, 1, 21, 0)), seriesOf("__name__=a job=api", steps(7))},
			[]string{" Unchanged: a."},
			[]string{"rare", "Unchanged: restarts_total"},
		},
		"limits": {
			[]trackedSeries{
				seriesOf("__name__=pool_connections_in_use job=api", steps(10, 40, 50)), seriesOf("__name__=pool_connections_max job=api", steps(50)),
				seriesOf("__name__=kube_pod_container_resource_limits job=k namespace=shop pod=api-1 resource=memory", steps(512<<20)),
				seriesOf("__name__=other_max job=web", steps(9)), seriesOf("__name__=pool_connections_size job=api", steps(50, 30, 60)),
			},
			[]string{`Limits: `, `pool_connections_max 50`, `kube_pod_container_resource_limits{resource="memory"} 536870912`, "Unchanged: other_max."},
			[]string{"pool_connections_size 60.", "other_max 9"},
		},
		"what appeared": {
			[]trackedSeries{
				seriesOf("__name__=up job=api", steps(1)), seriesOf("__name__=terminated job=api reason=OOMKilled", steps(nan, 45, 1)),
				seriesOf("__name__=up job=new", steps(nan, 45, 1)),
			},
			[]string{` New in this window: terminated{reason="OOMKilled"} since 2026-11-20 08:45:00 UTC.`, "Unchanged: up."},
			[]string{`job="new"`},
		},
		"what was never steady": {
			[]trackedSeries{seriesOf("__name__=memory job=api", saw), seriesOf("__name__=noise job=api", func(s float64) float64 { return 5 + 3*math.Sin(s*s) })},
			[]string{" Not steady before the onset either: memory (2026-11-20 08:00 UTC 100, 08:19 UTC 480, 08:20 UTC 100,"},
			[]string{"noise (", "Unchanged: memory"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			item := toldOf(incident.English, tc.tracks...)
			for _, part := range tc.has {
				assert.Contains(t, item.Summary, part)
			}
			for _, part := range tc.hasNone {
				assert.NotContains(t, item.Summary, part)
			}
			zh := toldOf(incident.Chinese, tc.tracks...)
			assert.NotRegexp(t, `Unchanged|Limits|New in|steady`, zh.Summary)
		})
	}
}

// TestSharedStem: a limit is known by the words that its name begins with.
func TestSharedStem(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"node_nf_conntrack_entries_limit", "node_nf_conntrack_entries", 4},
		{"node_filesystem_size_bytes", "node_filesystem_avail_bytes", 2},
		{"pg_settings_max_connections", "pg_stat_activity_count", 1},
		{"a_max", "b", 0},
		{"a_max", "a_max", 0},
	} {
		assert.Equal(t, tc.want, sharedStem(tc.a, tc.b), tc.a)
	}
}

func samplesOf(n int, value func(i int) float64) []model.SamplePair {
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	out := make([]model.SamplePair, n)
	for i := range out {
		out[i] = model.SamplePair{Timestamp: model.TimeFromUnixNano(start.Add(time.Duration(i) * time.Minute).UnixNano()), Value: model.SampleValue(value(i))}
	}
	return out
}

// TestDrift: a ramp and a clock drift, however small their way; a level, a step, and noise do not.
func TestDrift(t *testing.T) {
	noise := func(i int) float64 { return math.Sin(float64(i * i)) }
	for name, tc := range map[string]struct {
		n     int
		value func(i int) float64
		pace  float64 // per minute; 0 for none
	}{
		"a level":           {60, func(int) float64 { return 5 }, 0},
		"noise":             {60, noise, 0},
		"a ramp with noise": {60, func(i int) float64 { return 100 + 2*float64(i) + noise(i) }, 2},
		"a clock":           {60, func(i int) float64 { return 600_000 - 60*float64(i) }, -60},
		"up and down":       {60, func(i int) float64 { return math.Abs(float64(i - 30)) }, 0},
		"hardly a ramp":     {60, func(i int) float64 { return 1000 + .1*float64(i) + noise(i) }, 0},
		"too short":         {12, func(i int) float64 { return float64(i) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := driftOf(samplesOf(tc.n, tc.value))
			if tc.pace == 0 {
				assert.Nil(t, d)
				return
			}
			if assert.NotNil(t, d) {
				assert.InDelta(t, tc.pace, 60*d.pace, .1)
			}
		})
	}
	slow, fast := driftOf(samplesOf(60, func(i int) float64 { return float64(i) })), driftOf(samplesOf(60, func(i int) float64 { return 2 * float64(i) }))
	assert.True(t, slow.as(slow))
	assert.False(t, slow.as(fast))
	assert.False(t, slow.as(nil))
	assert.False(t, (*drift)(nil).as(slow))
}

// TestPace: what counts steadily is changed by another pace, and by nothing that its noise would do.
func TestPace(t *testing.T) {
	noise := func(i int) float64 { return math.Sin(float64(i * i)) }
	for name, tc := range map[string]struct {
		value          func(i int) float64
		known, changed bool
	}{
		"on and on":     {func(i int) float64 { return 100 + 3*float64(i) }, true, false},
		"it stops":      {func(i int) float64 { return 100 + 3*float64(min(i, 40)) }, true, true},
		"it turns":      {func(i int) float64 { return 100 - math.Abs(float64(i-40)) }, true, true},
		"noise":         {func(i int) float64 { return 100 + noise(i) }, false, false},
		"noise upon it": {func(i int) float64 { return 100 + 3*float64(i) + 5*noise(i) }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			samples := samplesOf(60, tc.value)
			p := paceOf(samples, samples[40].Timestamp.Time())
			assert.Equal(t, tc.known, p.known)
			assert.Equal(t, tc.changed, p.changed())
		})
	}
	few := samplesOf(42, func(i int) float64 { return float64(i) })
	assert.False(t, paceOf(few, few[40].Timestamp.Time()).known, "one value since tells no pace")
}

// TestMentions: a value is named where it stands by itself.
func TestMentions(t *testing.T) {
	for _, tc := range []struct {
		text, word string
		want       bool
	}{
		{"if eu fell", "eu", true},
		{"if europe fell", "eu", false},
		{`of region="eu".`, "eu", true},
		{"eu_west and eu", "eu", true},
		{"neu", "eu", false},
		{"", "eu", false},
	} {
		assert.Equal(t, tc.want, mentions(tc.text, tc.word), tc.text)
	}
}
