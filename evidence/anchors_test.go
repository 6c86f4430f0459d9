package evidence

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// oneOf makes an alert that fires since so long before a time, or that ended so long before it.
func oneOf(id, severity string, now time.Time, began, ended time.Duration) incident.Alert {
	a := incident.Alert{
		Fingerprint: id, Status: incident.Firing, StartsAt: now.Add(-began), SeenAt: now.Add(-began),
		Labels: map[string]string{"alertname": "X", "severity": severity, "instance": id},
	}
	if ended > 0 {
		a.Status, a.EndsAt = incident.Resolved, now.Add(-ended)
	}
	return a
}

func TestAnchors(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	one := func(id, severity string, began, ended time.Duration) incident.Alert {
		return oneOf(id, severity, now, began, ended)
	}
	day := 24 * time.Hour
	tests := []struct {
		name         string
		alerts       []incident.Alert
		seen         string // the anchor of an earlier look
		main, second string
	}{
		{"one", []incident.Alert{one("a", "critical", day, 0)}, "", "a", ""},
		{"another within the hour", []incident.Alert{one("a", "critical", time.Hour, 0), one("b", "critical", time.Minute, 0)}, "", "a", ""},
		{"a newer one", []incident.Alert{one("a", "critical", 20*day, 0), one("b", "critical", 5*time.Minute, 0)}, "", "b", "a"},
		{"a newer one of less weight", []incident.Alert{one("a", "critical", 20*day, 0), one("b", "info", 5*time.Minute, 0)}, "", "b", "a"},
		{"the newest of several", []incident.Alert{one("a", "critical", day, 0), one("b", "critical", time.Hour, 0), one("c", "critical", time.Minute, 0)}, "", "c", "a"},
		{"the one looked at so far", []incident.Alert{one("a", "critical", day, 0), one("b", "critical", time.Hour, 0), one("c", "critical", time.Minute, 0)}, "b", "b", "a"},
		{"not for ever", []incident.Alert{one("a", "critical", day, 0), one("b", "critical", 2*time.Hour, 0), one("c", "critical", time.Minute, 0)}, "b", "c", "a"},
		{"the principal one looked at so far", []incident.Alert{one("a", "critical", day, 0), one("b", "critical", time.Minute, 0)}, "a", "b", "a"},
		{"a grave one is newer", []incident.Alert{one("a", "info", day, 0), one("b", "critical", time.Minute, 0)}, "", "b", ""},
		{"one that ended", []incident.Alert{one("a", "critical", day, time.Hour), one("b", "critical", 3*time.Hour, 0)}, "a", "b", ""},
		{"none fires: the last", []incident.Alert{one("a", "critical", day, 10*time.Minute), one("b", "critical", 2*day, 5*time.Minute)}, "", "b", ""},
		{"none fires: all at once", []incident.Alert{one("b", "critical", time.Hour, time.Minute), one("a", "critical", day, time.Minute)}, "a", "a", ""},
		{"none fires: the one looked at so far, too", []incident.Alert{one("a", "critical", day, 10*time.Minute), one("b", "critical", day, 5*time.Minute)}, "a", "b", "a"},
		{"none at all", nil, "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := &incident.Incident{Alertname: "X", Severity: "critical", Alerts: test.alerts, OpenedAt: now}
			var seen []incident.Evidence
			if test.seen != "" {
				seen = []incident.Evidence{
					{Kind: incident.KindSignal},
					{Kind: incident.KindSignal, Earlier: true, Figures: &incident.Figures{Anchor: "c"}},
					{Kind: incident.KindSignal, Figures: &incident.Figures{Anchor: test.seen}},
				}
			}
			main, second := anchorsOf(inc, seen)
			assert.Equal(t, test.main, main.Fingerprint)
			if test.second == "" {
				assert.Nil(t, second)
			} else if assert.NotNil(t, second) {
				assert.Equal(t, test.second, second.Fingerprint)
			}
		})
	}
}

// TestTwoAnchors: an alert that joins an old one is what all is looked at around, and the old one keeps a signal of its own, with its id.
func TestTwoAnchors(t *testing.T) {
	const day = 24 * 3600
	r := record(2*24*time.Hour, time.Minute)
	end := float64((r.count - 1) * 60)
	for i, since := range []float64{day, end - 600, 1e9} {
		labels := fmt.Sprintf(`{job="api",instance="i%d"}`, i+1)
		r.add("load"+labels, func(s float64) float64 { return 1 + float64(i)/10 + spike(s >= since, 10*float64(i+1)) + s/1e6 })
		r.add("up"+labels, func(s float64) float64 { return 1 - spike(i == 2 && s > end-1800, 1) })
	}
	url := r.serve(t, "").URL
	inc := firingIncident(r.at(day+60), "load > 5", "alertname=Load job=api instance=i1 severity=critical")
	old := inc.Alerts[0]
	var found incident.Findings
	look := func(at time.Time) []incident.Evidence {
		c := collectorAt(t, url, at)
		if found.Evidence == nil {
			found.See(c.Collect(t.Context(), inc, nil))
		} else {
			found.See(c.Refresh(t.Context(), inc, found.Evidence))
		}
		return found.Evidence
	}
	first := ofKind(look(r.at(day+120)), incident.KindSignal)
	require.Len(t, first, 1)
	assert.Equal(t, "Alert signal", first[0].Title)

	joined := firingIncident(r.at(end-540), "load > 5", "alertname=Load job=api instance=i2 severity=critical").Alerts[0]
	inc.Alerts = append(inc.Alerts, joined)
	items := look(r.end())
	signals := ofKind(items, incident.KindSignal)
	require.Len(t, signals, 2)
	for i, want := range []struct {
		alert       incident.Alert
		title       string
		value, then float64
	}{{joined, `Alert signal: instance="i2"`, 21.1, 21.1}, {old, `Alert signal: instance="i1"`, 11, 11}} {
		s := signals[i]
		t.Log(s.ID, s.Title, s.Query, s.Summary)
		assert.Equal(t, want.title, s.Title)
		require.NotNil(t, s.Figures)
		assert.Equal(t, want.alert.Fingerprint, s.Figures.Anchor)
		assert.InDelta(t, want.value+end/1e6, s.Figures.Value.Value, .01)
		assert.InDelta(t, want.then, s.Figures.Fired.Value, .2)
		assert.Contains(t, s.Summary, "at "+formatTime(r.end()))
	}
	assert.Equal(t, first[0].ID, signals[1].ID, "it is the same item")
	assert.NotEqual(t, first[0].ID, signals[0].ID)
	targets := ofKind(items, incident.KindNeighbors)
	require.NotEmpty(t, targets)
	assert.Equal(t, `Targets and peers: instance="i2"`, targets[0].Title)
	assert.Regexp(t, `^1 of 3 targets with job="api" were not always up .* At the end: 1 down`, targets[0].Summary)

	again := ofKind(look(r.end().Add(time.Minute)), incident.KindSignal)
	require.Len(t, again, 2)
	assert.Equal(t, []string{signals[0].ID, signals[1].ID}, []string{again[0].ID, again[1].ID})
	inc.Alerts[1].Status, inc.Alerts[1].EndsAt = incident.Resolved, r.end()
	again = ofKind(look(r.end().Add(2*time.Minute)), incident.KindSignal)
	require.Len(t, again, 1)
	assert.Equal(t, first[0].ID, again[0].ID)
	assert.Equal(t, "Alert signal", again[0].Title)
}

// TestNoDataOfTheOnset: where Prometheus has no data of the time at which an alert fired, the item says that, and tells of now.
func TestNoDataOfTheOnset(t *testing.T) {
	r := record(3*time.Hour, 15*time.Second)
	r.add(`load{job="api",instance="i1"}`, func(s float64) float64 { return 20 + s/1000 })
	r.add(`load{job="api",instance="i2"}`, func(float64) float64 { return 1 })
	r.add(`up{job="api",instance="i1"}`, func(float64) float64 { return 1 })
	p := r.serve(t, "")
	for language, want := range map[incident.Language][]string{
		incident.English: {`^Prometheus has no data from when the alert fired \(.*\); last: 30\.8 at `, `^Prometheus has no data of targets from when the alert fired \(.*\)\. All targets with job="api" \(1\) were up throughout`},
		incident.Chinese: {`^Prometheus 没有告警触发时（.*）的数据，最新值 30\.8（`, `^Prometheus 没有告警触发时（.*）的采集目标数据。|job="api" 的 1 个采集目标在窗口（.*）内始终正常`},
	} {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = language })
		items := c.Collect(t.Context(), firingIncident(r.end().Add(-20*24*time.Hour), "load > 5", "alertname=Load job=api instance=i1"), nil).Items
		for _, item := range items {
			t.Log(item.Kind, item.Summary)
			assert.False(t, item.Failed)
			assert.NotContains(t, item.Summary, "no scrape targets")
		}
		signal := ofKind(items, incident.KindSignal)
		require.Len(t, signal, 1)
		assert.Regexp(t, want[0], signal[0].Summary)
		assert.Nil(t, signal[0].Figures.Fired)
		assert.Zero(t, signal[0].Figures.Since, "nobody knows")
		assert.Regexp(t, want[1], ofKind(items, incident.KindNeighbors)[0].Summary)
	}
}

// TestOddTimes: a start in the future is none, and a server without targets may still have data of the onset.
func TestOddTimes(t *testing.T) {
	r := record(5*time.Hour, 15*time.Second)
	r.add(`load{instance="i1"}`, func(s float64) float64 { return 1 + spike(s >= 3600, 20) + s/1000 })
	p := r.serve(t, "")
	signal := func(fired time.Time) incident.Evidence {
		items := ofKind(collectorAt(t, p.URL, r.end()).Collect(t.Context(), firingIncident(fired, "load > 5", "alertname=Load instance=i1"), nil).Items, incident.KindSignal)
		require.Len(t, items, 1)
		t.Log(items[0].Summary)
		return items[0]
	}
	future := signal(r.end().Add(time.Hour))
	assert.Regexp(t, `^Last value: 39 at .* The alert says that it began at .*, which is in the future`, future.Summary)
	assert.Nil(t, future.Figures.Fired)
	assert.Regexp(t, `^Value when the alert fired: 24\.7; last: 39 at `, signal(r.at(3660)).Summary)
}

// TestWindowsMeet: where the last hour reaches the window of the onset, they are one, and nothing in both is told twice.
func TestWindowsMeet(t *testing.T) {
	r := record(5*time.Hour, 15*time.Second)
	r.add(`load{job="api",instance="i1"}`, func(s float64) float64 { return 1 + spike(s >= 3600, 20) })
	r.add(`up{job="api",instance="i1"}`, func(float64) float64 { return 1 })
	started := r.at(6300)
	r.add(`process_start_time_seconds{job="api",instance="i1"}`, func(s float64) float64 { return float64(r.start.Unix()) + spike(s >= 6310, 6300) })
	p := r.serve(t, "")
	inc := firingIncident(r.at(3660), "load > 5", "alertname=Load job=api instance=i1")
	for after, windows := range map[time.Duration]string{
		90 * time.Minute: `^All targets with job="api" \(1\) were up throughout [^.]* UTC\. Not seen`,
		3 * time.Hour:    `^All targets with job="api" \(1\) were up throughout [^.]* UTC\. All targets with job="api" \(1\) were up throughout [^.]* UTC\. Not seen`,
	} {
		items := ofKind(collectorAt(t, p.URL, r.at(3660).Add(after)).Collect(t.Context(), inc, nil).Items, incident.KindNeighbors)
		require.Len(t, items, 2)
		assert.Regexp(t, windows, items[0].Summary)
		assert.Regexp(t, `^1 during .* all after the onset .*; the first: process started .* at `+formatTime(started), items[1].Summary)
		assert.Len(t, items[1].Table.Rows, 1)
	}
}
