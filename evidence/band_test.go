package evidence

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// knownBands answers with what a test says, for the alerts of one name.
type knownBands struct {
	alertname string
	band      func(labels map[string]string, from, to time.Time) (*Band, error)
}

func (k knownBands) Band(_ context.Context, labels map[string]string, from, to time.Time) (*Band, error) {
	if labels["alertname"] != k.alertname {
		return nil, nil
	}
	return k.band(labels, from, to)
}

// bandOf evaluates a value each minute; expected are 40 to 55, about 50. It is anomalous while it is outside of that, from the third
// minute of it on, or where the value says so by being odd.
func bandOf(from, to time.Time, value func(at time.Time) float64) *Band {
	b := &Band{Query: `queue{queue="a"}`, Interval: time.Minute}
	var since time.Time
	for at := from.Truncate(time.Minute); !at.After(to); at = at.Add(time.Minute) {
		v := value(at)
		p := BandPoint{At: at, Value: v, Expected: 50, Lower: 40, Upper: 55, Score: math.Abs(v-50) / 10, OnceIn: 400 * 24 * time.Hour}
		if v < 40 || v > 55 || math.IsNaN(v) {
			if since.IsZero() {
				since = at
			}
			p.Since = since
		} else {
			since = time.Time{}
		}
		if math.IsNaN(v) {
			p.Expected, p.Lower, p.Upper, p.Score = nan, nan, nan, 3
		}
		b.Points = append(b.Points, p)
	}
	return b
}

// bandItems looks at an incident whose alert fired at a time, with a band of the values.
func bandItems(t *testing.T, inc *incident.Incident, now time.Time, language incident.Language, value func(at time.Time) float64) []incident.Evidence {
	t.Helper()
	known := knownBands{"QueueUnusual", func(_ map[string]string, from, to time.Time) (*Band, error) { return bandOf(from, to, value), nil }}
	c := collectorAt(t, "http://127.0.0.1:1", now, func(o *Options) { o.Bands, o.Language = known, language })
	found := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindBand)
	owed(t, found...)
	return found
}

func TestBandIsTold(t *testing.T) {
	fired := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	began := fired.Add(-6 * time.Minute)
	drop := func(until time.Time, to func(at time.Time) float64) func(time.Time) float64 {
		return func(at time.Time) float64 {
			if at.Before(began) || !at.Before(until) {
				return 50
			}
			return to(at)
		}
	}
	flat := func(v float64) func(time.Time) float64 { return func(time.Time) float64 { return v } }
	never := fired.Add(100 * time.Hour)
	deepest := func(at time.Time) float64 {
		if at.Equal(fired) {
			return 3
		}
		return 12
	}
	for name, tc := range map[string]struct {
		value   func(time.Time) float64
		ended   time.Time
		want    string
		chinese string
		towards string
	}{
		"below": {
			value: drop(never, flat(12)), towards: "down",
			want:    "Expected 40 to 55, is 12, since 2026-03-01 10:04:00 UTC. Such a deviation comes about once in 400 days.",
			chinese: "预期为 40 至 55，现为 12，自 2026-03-01 10:04:00 UTC 起异常。这样的偏离大约每 400 天出现一次。",
		},
		"above": {
			value: drop(never, flat(99)), towards: "up",
			want:    "Expected 40 to 55, is 99, since 2026-03-01 10:04:00 UTC. Such a deviation comes about once in 400 days.",
			chinese: "预期为 40 至 55，现为 99，自 2026-03-01 10:04:00 UTC 起异常。这样的偏离大约每 400 天出现一次。",
		},
		"was further": {
			value: drop(never, deepest), towards: "down",
			want:    "Expected 40 to 55, is 12, since 2026-03-01 10:04:00 UTC. Furthest: 3 at 2026-03-01 10:10:00 UTC. Such a deviation comes about once in 400 days.",
			chinese: "预期为 40 至 55，现为 12，自 2026-03-01 10:04:00 UTC 起异常。偏离最大时为 3（2026-03-01 10:10:00 UTC）。这样的偏离大约每 400 天出现一次。",
		},
		"back, and fires still": {
			value: drop(fired.Add(5*time.Minute), flat(12)), towards: "down",
			want:    "Expected 40 to 55, was 12 at 2026-03-01 10:04:00 UTC, anomalous since 2026-03-01 10:04:00 UTC; last: 50 at 2026-03-01 10:30:00 UTC. Such a deviation comes about once in 400 days.",
			chinese: "预期为 40 至 55，2026-03-01 10:04:00 UTC 时为 12，自 2026-03-01 10:04:00 UTC 起异常；最新值为 50（2026-03-01 10:30:00 UTC）。这样的偏离大约每 400 天出现一次。",
		},
		"ended": {
			value: drop(fired.Add(5*time.Minute), flat(12)), ended: fired.Add(8 * time.Minute), towards: "down",
			want:    "Expected 40 to 55, was 12 at 2026-03-01 10:04:00 UTC, anomalous from 2026-03-01 10:04:00 UTC to 2026-03-01 10:15:00 UTC. Such a deviation comes about once in 400 days.",
			chinese: "预期为 40 至 55，2026-03-01 10:04:00 UTC 时为 12，异常时段为 2026-03-01 10:04:00 UTC 至 2026-03-01 10:15:00 UTC。这样的偏离大约每 400 天出现一次。",
		},
		"missing": {
			value:   drop(never, flat(nan)),
			want:    "No samples since 2026-03-01 10:04:00 UTC. Expected 40 to 55 before.",
			chinese: "自 2026-03-01 10:04:00 UTC 起没有数据。此前预期为 40 至 55。",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inc := firingIncident(fired, `(queue) < 40`, "alertname=QueueUnusual queue=a")
			if !tc.ended.IsZero() {
				inc.Status, inc.Alerts[0].Status, inc.Alerts[0].EndsAt = incident.Resolved, incident.Resolved, tc.ended
			}
			for language, want := range map[incident.Language]string{incident.English: tc.want, incident.Chinese: tc.chinese} {
				items := bandItems(t, inc, fired.Add(20*time.Minute), language, tc.value)
				require.Len(t, items, 1)
				assert.Equal(t, want, items[0].Summary)
			}
			e := bandItems(t, inc, fired.Add(20*time.Minute), incident.English, tc.value)[0]
			assert.Equal(t, `queue{queue="a"}`, e.Query)
			require.NotNil(t, e.Chart.Band)
			assert.Len(t, e.Chart.Band.Lower, len(e.Chart.Series[0].Points))
			assert.Equal(t, fired, e.Chart.Firing.Start)
			if tc.towards == "" {
				assert.Empty(t, e.Ranking)
				return
			}
			require.Len(t, e.Ranking, 1)
			assert.Equal(t, tc.towards, e.Ranking[0].Direction)
		})
	}
}

// TestBandKeepsItsSide: after a long drop the way back is far above what is expected by then. The drop is what is told.
func TestBandKeepsItsSide(t *testing.T) {
	low, back, gone := BandPoint{Value: 5, Expected: 100, Score: 2}, BandPoint{Value: 100, Expected: 5, Score: 9}, BandPoint{Value: nan, Expected: nan, Score: 20}
	assert.Equal(t, low, peakOf([]BandPoint{low, back}, true))
	assert.Equal(t, back, peakOf([]BandPoint{back, low}, true))
	assert.Equal(t, back, peakOf([]BandPoint{low, back}, false), "where nothing was anomalous, there is no side")
	assert.Equal(t, low, peakOf([]BandPoint{gone, low, gone}, true))
	assert.True(t, math.IsNaN(peakOf([]BandPoint{gone, gone}, true).Value))
}

// TestBandOneSided: a bound that does not exist is not told of, and neither is one that the value does not cross.
func TestBandOneSided(t *testing.T) {
	inf := math.Inf(1)
	for want, p := range map[string]BandPoint{
		"Expected at least 40": {Value: 12, Expected: 50, Lower: 40, Upper: inf},
		"Expected at most 55":  {Value: 99, Expected: 50, Lower: -inf, Upper: 55},
		"Expected 40 to 55":    {Value: 99, Expected: 50, Lower: 40, Upper: 55},
		"Expected about 50":    {Value: 45, Expected: 50, Lower: 40, Upper: 55},
		"Expected about 49.1":  {Value: 45, Expected: 49.123, Lower: -inf, Upper: inf},
	} {
		inv := &investigation{language: incident.English}
		assert.Equal(t, want, inv.expectedText(deviation{peak: p}))
	}
}

func TestBandOnce(t *testing.T) {
	inv := &investigation{language: incident.English}
	for d, want := range map[time.Duration]string{
		0: "", 10 * time.Minute: "once in 1 hours", 47 * time.Hour: "once in 47 hours", 48 * time.Hour: "once in 2 days",
		3649 * dayLong: "once in 3649 days", 3650 * dayLong: "less than once in 10 years",
	} {
		assert.Contains(t, inv.onceText(d), want)
		assert.Equal(t, want == "", inv.onceText(d) == "")
	}
}

// TestBandLooksOverTime: the item keeps its id, is looked at again at refreshes, and never shows one time in its words and another in
// its chart.
func TestBandLooksOverTime(t *testing.T) {
	fired := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	inc := firingIncident(fired, `(queue) < 40`, "alertname=QueueUnusual queue=a")
	value := func(at time.Time) float64 {
		if at.Before(fired) {
			return 50
		}
		return 30 - at.Sub(fired).Hours()
	}
	var found incident.Findings
	ids := map[string]bool{}
	for _, after := range []time.Duration{time.Minute, 20 * time.Minute, 3 * time.Hour, 23 * time.Hour} {
		now := fired.Add(after)
		known := knownBands{"QueueUnusual", func(_ map[string]string, from, to time.Time) (*Band, error) { return bandOf(from, to, value), nil }}
		c := collectorAt(t, "http://127.0.0.1:1", now, func(o *Options) { o.Bands = known })
		if after == time.Minute {
			found.See(c.Collect(t.Context(), inc, nil))
		} else {
			found.See(c.Refresh(t.Context(), inc, found.Evidence))
		}
		items := ofKind(found.Evidence, incident.KindBand)
		require.Len(t, items, 1)
		e := items[0]
		ids[e.ID] = true
		assert.Equal(t, now, e.At)
		points := e.Chart.Series[0].Points
		assert.LessOrEqual(t, len(points), maxBandPoints)
		assert.WithinDuration(t, now, points[len(points)-1].At, e.Chart.Series[0].Step)
		assert.Contains(t, e.Summary, "since 2026-03-01 10:10:00 UTC")
		assert.Contains(t, e.Summary, "is "+promql.FormatNumber(value(now))+", since", "the newest value")
	}
	assert.Len(t, ids, 1)
}

// TestBandOfThinnedPoints: the most unusual sample of thousands is drawn.
func TestBandOfThinnedPoints(t *testing.T) {
	fired := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	spike := fired.Add(5*time.Hour + time.Minute)
	items := bandItems(t, firingIncident(fired, `(queue) > 55`, "alertname=QueueUnusual"), fired.Add(40*time.Hour), incident.English, func(at time.Time) float64 {
		switch {
		case at.Before(fired):
			return 50
		case at.Equal(spike):
			return 977
		}
		return 60
	})
	require.Len(t, items, 1)
	most := 0.
	for _, p := range items[0].Chart.Series[0].Points {
		most = max(most, p.Value)
	}
	assert.InDelta(t, 977, most, 0)
	assert.Contains(t, items[0].Summary, "Furthest: 977 at 2026-03-01 15:11:00 UTC")
}

// TestBandOfWhichAlerts: each anchor and each other name has a band of its own; what no detection rule is behind has none, and a
// failure is told once and does not hide the others.
func TestBandOfWhichAlerts(t *testing.T) {
	fired := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	now := fired.Add(5 * time.Hour)
	look := func(inc *incident.Incident, b bands) []incident.Evidence {
		c := collectorAt(t, "http://127.0.0.1:1", now, func(o *Options) { o.Bands = b })
		return ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindBand)
	}
	asked := knownBands{"QueueUnusual", func(labels map[string]string, from, to time.Time) (*Band, error) {
		if labels["queue"] == "broken" {
			return nil, fmt.Errorf("%w: connection refused", promapi.ErrUnavailable)
		}
		if labels["queue"] == "empty" {
			return &Band{Query: "queue"}, nil
		}
		b := bandOf(from, to, func(time.Time) float64 { return 12 })
		b.Query = fmt.Sprintf("queue{queue=%q}", labels["queue"])
		return b, nil
	}}
	inc := firingIncident(fired, `(queue) < 40`, "alertname=QueueUnusual queue=a", "alertname=QueueUnusual queue=b", "alertname=Other")
	alertOf := func(queue string) *incident.Alert {
		return &inc.Alerts[slices.IndexFunc(inc.Alerts, func(a incident.Alert) bool { return a.Labels["queue"] == queue })]
	}
	alertOf("b").StartsAt, alertOf("b").SeenAt = now.Add(-time.Minute), now.Add(-time.Minute)
	items := look(inc, asked)
	require.Len(t, items, 2, "the newest, and the principal one")
	assert.Equal(t, `queue{queue="b"}`, items[0].Query)
	assert.Equal(t, `queue{queue="a"}`, items[1].Query)
	assert.Contains(t, items[0].Title, `queue="b"`)

	assert.Empty(t, look(inc, nil))
	assert.Empty(t, look(firingIncident(fired, "up == 0", "alertname=Other"), asked))
	assert.Empty(t, look(firingIncident(fired, "queue", "alertname=QueueUnusual queue=empty"), asked))
	other := look(firingIncident(fired, "up == 0", "alertname=Other", "alertname=QueueUnusual queue=a"), asked)
	require.Len(t, other, 1)
	assert.Equal(t, `queue{queue="a"}`, other[0].Query)

	alertOf("b").Labels["queue"] = "broken"
	items = look(inc, asked)
	require.Len(t, items, 2)
	assert.False(t, items[0].Failed)
	assert.True(t, items[1].Failed)
	assert.Contains(t, items[1].Summary, "connection refused")
}
