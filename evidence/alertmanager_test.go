package evidence

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// othersOf returns the item about other alerts, and the one that says what failed, if any.
func othersOf(t *testing.T, c *Collector, inc *incident.Incident) (item, failed incident.Evidence) {
	t.Helper()
	items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlerts)
	owed(t, items...)
	for _, e := range items {
		if e.Failed {
			failed = e
		} else {
			item = e
		}
	}
	return item, failed
}

// saying runs an HTTP server that answers each path with a body.
func saying(t *testing.T, bodies map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestStillFiringLabels asks a real Alertmanager by group labels of all kinds.
func TestStillFiringLabels(t *testing.T) {
	groups := map[string]map[string]string{
		"plain":     {"alertname": "X", "job": "api"},
		"quotes":    {"alertname": "X", "path": `a"b\c`},
		"a break":   {"alertname": "X", "path": "a\nb"},
		"matchers":  {"alertname": "X", "path": `{a="b",c=~"d"}`},
		"regexp":    {"alertname": "X", "path": ".*"},
		"Chinese":   {"alertname": "磁盘", "path": "磁盘"},
		"spaces":    {"alertname": "X", "path": " a b "},
		"percent":   {"alertname": "X", "path": "50%25&filter=x"},
		"backtick":  {"alertname": "X", "path": "a`b'c"},
		"long":      {"alertname": "X", "path": strings.Repeat("p", 1000)},
		"direction": {"alertname": "X", "path": "a\u202eb"},
		"control":   {"alertname": "X", "path": "a\tb\x01\r"},
	}
	var fires []map[string]string
	for name, labels := range groups {
		fires = append(fires, cloneWith(labels, "instance", name))
	}
	am := realAlertmanager(t, time.Now().Add(-time.Minute), fires...)
	c := collectorAt(t, "", time.Now(), func(o *Options) { o.Alertmanager = serverAt(t, am.URL) })
	for name, labels := range groups {
		t.Run(name, func(t *testing.T) {
			inc := firingIncident(time.Now(), "", "alertname=Gone")
			inc.Receiver, inc.GroupLabels = "alertscribe", labels
			still, err := c.StillFiring(t.Context(), inc)
			require.NoError(t, err)
			assert.True(t, still)
			inc.GroupLabels = cloneWith(labels, "path", labels["path"]+"?")
			still, err = c.StillFiring(t.Context(), inc)
			require.NoError(t, err)
			assert.False(t, still, "another group")
		})
	}
	for receiver, want := range map[string]bool{"alertscribe": true, "alertscrib": false, ".*": false, "alertscribe|x": false, "a+": false, `a"b`: false} {
		inc := firingIncident(time.Now(), "", "alertname=Gone")
		inc.Receiver, inc.GroupLabels = receiver, groups["plain"]
		still, err := c.StillFiring(t.Context(), inc)
		require.NoError(t, err, receiver)
		assert.Equal(t, want, still, "receiver %q", receiver)
	}
}

// TestStillFiringAnswers: what an Alertmanager may answer, and what does not count.
func TestStillFiringAnswers(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	alert := func(labels, endsAt, state string) string {
		return fmt.Sprintf(`{"fingerprint":%q,"labels":{%s},"endsAt":%q,"status":{"state":%q}}`,
			incident.Fingerprint(map[string]string{"alertname": "X"}), labels, endsAt, state)
	}
	const later, earlier = "2026-11-20T09:05:00Z", "2026-11-20T08:59:59Z"
	tests := []struct {
		name, body string
		want       bool
		err        error
	}{
		{"none", `[]`, false, nil},
		{"null", `null`, false, nil},
		{"one", "[" + alert(`"alertname":"X"`, later, "active") + "]", true, nil},
		{"silenced is firing", "[" + alert(`"alertname":"X"`, later, "suppressed") + "]", true, nil},
		{"over", "[" + alert(`"alertname":"X"`, earlier, "active") + "]", false, nil},
		{"over just now", "[" + alert(`"alertname":"X"`, "2026-11-20T09:00:00Z", "active") + "]", false, nil},
		{"one over, one not", "[" + alert(`"alertname":"X"`, earlier, "active") + "," + alert(`"alertname":"X"`, later, "active") + "]", true, nil},
		{"ours", "[" + alert(`"alertname":"X","`+incident.SelfAlertLabel+`":"true"`, later, "active") + "]", false, nil},
		{"no time", `[{"labels":{"alertname":"X"}}]`, false, nil},
		{"unknown fields", `[{"new":1,` + alert(`"alertname":"X"`, later, "active")[1:] + "]", true, nil},
		{"an object", `{}`, false, promapi.ErrUnavailable},
		{"a page", `<html>`, false, promapi.ErrUnavailable},
		{"nothing", ``, false, promapi.ErrUnavailable},
		{"half of it", `[{"labels":`, false, promapi.ErrUnavailable},
		{"a wrong time", `[{"endsAt":"yesterday"}]`, false, promapi.ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url := saying(t, map[string]string{"/api/v2/alerts": test.body})
			c := collectorAt(t, "", now, func(o *Options) { o.Alertmanager = serverAt(t, url) })
			inc := firingIncident(now, "", "alertname=X")
			still, err := c.StillFiring(t.Context(), inc)
			assert.Equal(t, test.want, still)
			require.ErrorIs(t, err, test.err)
			if test.err != nil {
				assert.Contains(t, err.Error(), "asking Alertmanager: ")
				assert.Contains(t, err.Error(), "not from Alertmanager")
			}
		})
	}
	t.Run("by status", func(t *testing.T) {
		for status, want := range map[int]string{401: "credentials", 403: "403", 404: "404", 500: "500", 503: "503"} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			c := collectorAt(t, "", now, func(o *Options) { o.Alertmanager = serverAt(t, s.URL) })
			_, err := c.StillFiring(t.Context(), firingIncident(now, "", "alertname=X"))
			require.ErrorContains(t, err, want)
			s.Close()
		}
	})
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := collectorAt(t, "", now, func(o *Options) { o.Alertmanager = serverAt(t, hanging(t)) })
		_, err := c.StillFiring(ctx, firingIncident(now, "", "alertname=X"))
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestMuted: who mutes the alert, in both languages, however much Alertmanager tells.
func TestMuted(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	own := map[string]string{"alertname": "X", "instance": "a"}
	tests := []struct {
		name, status, silence string
		en, zh                string
	}{
		{"not", `"state":"active"`, "", "", ""},
		{
			"silenced", `"silencedBy":["s1"]`, `{"createdBy":"kim","comment":"planned work","endsAt":"2026-11-20T10:00:00Z"}`,
			` This alert is silenced (kim: "planned work", until 2026-11-20 10:00:00 UTC).`,
			`本告警已被静默（kim：“planned work”，2026-11-20 10:00:00 UTC 到期）。`,
		},
		{"silenced, nobody knows why", `"silencedBy":["s2"]`, "", ` This alert is silenced.`, `本告警已被静默。`},
		{"silenced, in words that are none", `"silencedBy":["s1"]`, `[]`, ` This alert is silenced.`, `本告警已被静默。`},
		{"silenced without an end", `"silencedBy":["s1"]`, `{"createdBy":"","comment":""}`, ` This alert is silenced (: "", until ?).`, `（：“”，? 到期）`},
		{"inhibited", `"inhibitedBy":["f2"]`, "", ` This alert is inhibited by alertname="Root", instance="b".`, `本告警被以下告警抑制：alertname="Root", instance="b"。`},
		{
			"both", `"silencedBy":["s2"],"inhibitedBy":["f2","f3"]`, "",
			` This alert is silenced. This alert is inhibited by alertname="Root", instance="b".`, `本告警已被静默。本告警被以下告警抑制：alertname="Root", instance="b"。`,
		},
		{
			"hostile words", `"silencedBy":["s1"]`, fmt.Sprintf(`{"createdBy":%q,"comment":%q,"endsAt":"2026-11-20T10:00:00Z"}`, "a\nb\u202e"+strings.Repeat("x", 100), strings.Repeat("c\t", 200)),
			` until 2026-11-20 10:00:00 UTC).`, `2026-11-20 10:00:00 UTC 到期）。`,
		},
	}
	for _, test := range tests {
		for i, language := range []incident.Language{incident.English, incident.Chinese} {
			t.Run(test.name+" "+string(language), func(t *testing.T) {
				bodies := map[string]string{"/api/v2/alerts": fmt.Sprintf(
					`[{"fingerprint":%q,"labels":{"alertname":"X","instance":"a"},"status":{%s}},`+
						`{"fingerprint":"f2","labels":{"alertname":"Root","instance":"b"},"startsAt":"2026-11-20T08:50:00Z"}]`,
					incident.Fingerprint(own), test.status)}
				if test.silence != "" {
					bodies["/api/v2/silence/s1"] = test.silence
				}
				url := saying(t, bodies)
				c := collectorAt(t, "", now, func(o *Options) { o.Alertmanager, o.Language = serverAt(t, url), language })
				item, failed := othersOf(t, c, firingIncident(now.Add(-5*time.Minute), "", "alertname=X instance=a"))
				assert.Empty(t, failed.Summary, "what is not known of a silence is no failure")
				want := []string{test.en, test.zh}[i]
				assert.Contains(t, item.Summary, want)
				if want == "" {
					assert.NotRegexp(t, `silenced|inhibited|静默|抑制`, item.Summary)
				}
			})
		}
	}
}

// TestOtherAlertsTable lists alerts of all states that an Alertmanager tells, in both languages.
func TestOtherAlertsTable(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	fired := now.Add(-10 * time.Minute)
	one := func(name string, ago time.Duration, labels, status string) string {
		return fmt.Sprintf(`{"fingerprint":%q,"labels":{"alertname":%q%s},"startsAt":%q,"status":{%s}}`, name, name, labels, now.Add(-ago).Format(time.RFC3339), status)
	}
	collect := func(t *testing.T, language incident.Language, alerts ...string) incident.Evidence {
		t.Helper()
		url := saying(t, map[string]string{"/api/v2/alerts": "[" + strings.Join(alerts, ",") + "]"})
		c := collectorAt(t, "", now, func(o *Options) { o.Alertmanager, o.Language = serverAt(t, url), language })
		item, failed := othersOf(t, c, firingIncident(fired, "", "alertname=X instance=a namespace=shop"))
		require.Empty(t, failed.Summary)
		return item
	}
	tests := []struct {
		name   string
		alerts []string
		en, zh string
		rows   []string // name, state, and what they share
	}{
		{"none", nil, `No other alert fired in this window \(.*\)\.`, "窗口（.*）内没有其他告警触发。", nil},
		{"its own", []string{one("X", time.Minute, `,"instance":"a","namespace":"shop"`, "")}, `No other alert fired in this window \(.*\)\.`, "窗口（.*）内没有其他告警触发。", nil},
		{"one that fires by design", []string{one("Watchdog", time.Minute, "", ""), one("InfoInhibitor", time.Minute, "", ""), one("DeadMansSwitch", time.Minute, "", "")}, `No other alert fired in this window \(.*\)\.`, "没有其他告警", nil},
		{
			"before and after",
			[]string{one("B", 5*time.Minute, "", ""), one("A", 20*time.Minute, `,"instance":"a"`, "")},
			`^Other alerts in this window \(2026-11-20 07:50:00–09:00:00 UTC\): 2; before this one: 1; on the same target: 1; firing at its end: \d\. First in the window: A \{instance="a"\} at 2026-11-20 08:40:00 UTC\.$`,
			`^窗口（2026-11-20 07:50:00–09:00:00 UTC）内另有 2 条告警触发，其中早于本告警 1 条，同一目标 1 条，窗口结束时仍触发 2 条。其中最早触发的是 A \{instance="a"\}（2026-11-20 08:40:00 UTC）。$`,
			[]string{"A firing instance", "B firing "},
		},
		{
			"older than the window",
			[]string{one("Old", 30*time.Hour, "", ""), one("Older", 31*time.Hour, "", "")},
			`^No other alert fired in this window \(.*\)\. Already firing before it: 2 more\.$`, `^窗口（.*）内没有其他告警触发。另有 2 条在窗口开始前就已触发。$`,
			[]string{"Older firing ", "Old firing "},
		},
		{
			"muted",
			[]string{one("S", 3*time.Minute, "", `"silencedBy":["x"]`), one("I", 2*time.Minute, "", `"inhibitedBy":["x"]`), one("Both", time.Minute, "", `"silencedBy":["x"],"inhibitedBy":["y"]`)},
			`^Other alerts in this window \(2026-11-20 07:50:00–09:00:00 UTC\): 3; before this one: 0;`, `另有 3 条`,
			[]string{"S silenced ", "I inhibited ", "Both silenced "},
		},
		{
			"more than one label shared",
			[]string{one("A", time.Minute, `,"instance":"a","namespace":"shop","severity":"page"`, "")},
			`on the same target: 1; firing at its end: \d\. First in the window: A \{instance="a", namespace="shop", severity="page"\}`, `同一目标 1 条`,
			[]string{"A firing instance, namespace"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			item := collect(t, incident.English, test.alerts...)
			assert.Regexp(t, test.en, item.Summary)
			zh := collect(t, incident.Chinese, test.alerts...)
			assert.Regexp(t, test.zh, zh.Summary)
			if test.rows == nil {
				assert.Nil(t, item.Table)
				return
			}
			var rows []string
			for _, row := range item.Table.Rows {
				rows = append(rows, row[1]+" "+row[3]+" "+row[4])
			}
			assert.Equal(t, test.rows, rows)
			assert.Equal(t, []string{"since", "alert", "severity", "status", "same target", "labels"}, item.Table.Columns)
			assert.Equal(t, []string{"开始时间", "告警", "严重级别", "状态", "同一目标", "标签"}, zh.Table.Columns)
			assert.NotRegexp(t, `firing|silenced|inhibited`, fmt.Sprint(zh.Table.Rows))
		})
	}
	t.Run("too many: those on the target and near the onset stay", func(t *testing.T) {
		var alerts []string
		for i := range 40 {
			alerts = append(alerts, one(fmt.Sprintf("N%02d", i), time.Duration(i)*time.Minute, "", ""))
		}
		alerts = append(alerts, one("Same", 55*time.Minute, `,"instance":"a"`, ""), one("OldSame", 50*time.Hour, `,"instance":"a"`, ""))
		item := collect(t, incident.English, alerts...)
		require.Len(t, item.Table.Rows, maxRows+1)
		assert.Equal(t, "and 22 more", item.Table.Rows[maxRows][0])
		var names []string
		for _, row := range item.Table.Rows[:maxRows] {
			names = append(names, row[1])
		}
		assert.Equal(t, "Same", names[0], "the first in order of time")
		assert.Contains(t, names, "N10", "at the onset")
		assert.NotContains(t, names, "N39")
		assert.NotContains(t, names, "OldSame", "the older ones go first")
		assert.Contains(t, item.Summary, "Already firing before it: 1 more.")
		assert.Contains(t, item.Summary, "): 41;")
	})
}
