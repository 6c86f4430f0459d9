package evidence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// ownAlerts returns the item about the incident's own alerts.
func ownAlerts(t *testing.T, inc *incident.Incident, language incident.Language) incident.Evidence {
	t.Helper()
	c := collectorAt(t, "", inc.OpenedAt.Add(time.Hour), func(o *Options) { o.Language = language })
	items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlert)
	require.Len(t, items, 1)
	owed(t, items...)
	assert.False(t, items[0].Failed)
	return items[0]
}

func TestOwnAlertsSummary(t *testing.T) {
	since := time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)
	const at = "2026-11-20 08:30:05 UTC"
	tests := []struct {
		name      string
		alerts    []string
		resolved  int // the last ones
		truncated uint64
		en, zh    string
	}{
		{
			"one",
			[]string{"alertname=X"},
			0, 0,
			`1 of 1 X alerts firing, the first since ` + at + `. All have alertname="X".`,
			`X：共 1 条告警，1 条触发中，最早 ` + at + ` 开始。共同标签：alertname="X"。`,
		},
		{
			"all over",
			[]string{"alertname=X a=1", "alertname=X a=2"},
			2, 0,
			`0 of 2 X alerts firing; the first began at ` + at + `. All have alertname="X".`,
			`X：共 2 条告警，均已结束，最早 ` + at + ` 开始。共同标签：alertname="X"。`,
		},
		{
			"some over, more not told",
			[]string{"alertname=X a=1", "alertname=X a=2", "alertname=X a=3"},
			1, 7,
			`2 of 3 X alerts firing, the first since ` + at + `. Alertmanager omitted 7 more. All have alertname="X".`,
			`X：共 3 条告警，2 条触发中，最早 ` + at + ` 开始。另有 7 条被 Alertmanager 截断。共同标签：alertname="X"。`,
		},
		{
			"nothing in common",
			[]string{"alertname=X", "alertname=Y"},
			0, 0,
			`2 of 2 %s alerts firing, the first since ` + at + `.`,
			`%s：共 2 条告警，2 条触发中，最早 ` + at + ` 开始。`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := firingIncident(since, "", test.alerts...)
			inc.Truncated = test.truncated
			for i := range test.resolved {
				a := &inc.Alerts[len(inc.Alerts)-1-i]
				a.Status, a.EndsAt = incident.Resolved, since.Add(time.Minute)
			}
			for language, want := range map[incident.Language]string{"en": test.en, "zh": test.zh} {
				item := ownAlerts(t, inc, language)
				assert.Equal(t, strings.ReplaceAll(want, "%s", inc.Alertname), item.Summary)
				assert.Len(t, item.Table.Rows, len(test.alerts))
			}
		})
	}
}

func TestOwnAlertsTable(t *testing.T) {
	since := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	many := func(n int, labels string) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(labels, i))
		}
		return out
	}
	tests := []struct {
		name    string
		alerts  []string
		change  func(i int, a *incident.Alert)
		columns []string
		rows    int
		first   []string // row
		last    string   // its first cell
	}{
		{"nothing tells them apart", []string{"alertname=X"}, nil, []string{"status", "since", "until"}, 1, []string{"firing", "2026-11-20 08:00:00 UTC", ""}, "firing"},
		{
			"by one label", many(2, "alertname=X i=%d"), func(_ int, a *incident.Alert) {
				a.StartsAt = since.Add(map[string]time.Duration{"1": 0, "0": time.Minute}[a.Labels["i"]])
				a.SeenAt = a.StartsAt
			},
			[]string{"i", "status", "since", "until"},
			2,
			[]string{"1", "firing", "2026-11-20 08:00:00 UTC", ""},
			"0",
		},
		{
			"resolved by Alertmanager's time", many(1, "alertname=X i=%d"),
			func(_ int, a *incident.Alert) {
				a.Status, a.EndsAt, a.ResolvedAt = incident.Resolved, since.Add(time.Minute), since.Add(time.Hour)
			},
			[]string{"status", "since", "until"},
			1,
			[]string{"resolved", "2026-11-20 08:00:00 UTC", "2026-11-20 08:01:00 UTC"},
			"resolved",
		},
		{
			"resolved without a time", many(1, "alertname=X i=%d"),
			func(_ int, a *incident.Alert) { a.Status, a.ResolvedAt = incident.Resolved, since.Add(time.Hour) },
			[]string{"status", "since", "until"},
			1,
			[]string{"resolved", "2026-11-20 08:00:00 UTC", "2026-11-20 09:00:00 UTC"},
			"resolved",
		},
		{
			"no time at all", many(1, "alertname=X i=%d"),
			func(_ int, a *incident.Alert) {
				a.Status, a.StartsAt, a.SeenAt = incident.Resolved, time.Time{}, time.Time{}
			},
			[]string{"status", "since", "until"},
			1,
			[]string{"resolved", "?", "?"},
			"resolved",
		},
		{
			"it began when it was heard of", many(1, "alertname=X i=%d"),
			func(_ int, a *incident.Alert) { a.StartsAt, a.SeenAt = time.Time{}, since.Add(time.Second) },
			[]string{"status", "since", "until"},
			1,
			[]string{"firing", "2026-11-20 08:00:01 UTC", ""},
			"firing",
		},
		{"twenty", many(20, "alertname=X i=%02d"), nil, []string{"i", "status", "since", "until"}, 20, nil, ""},
		{"one more", many(21, "alertname=X i=%02d"), nil, []string{"i", "status", "since", "until"}, 21, nil, "and 1 more"},
		{"hundreds", many(300, "alertname=X i=%02d"), nil, []string{"i", "status", "since", "until"}, 21, nil, "and 280 more"},
		{
			"six labels at most", many(2, "alertname=X a=%[1]d b=%[1]d c=%[1]d d=%[1]d e=%[1]d f=%[1]d g=%[1]d"), nil,
			[]string{"a", "b", "c", "d", "e", "f", "status", "since", "until"},
			2, nil, "",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := firingIncident(since, "", test.alerts...)
			for i := range inc.Alerts {
				if test.change != nil {
					test.change(i, &inc.Alerts[i])
				}
			}
			table := ownAlerts(t, inc, incident.English).Table
			assert.Equal(t, test.columns, table.Columns)
			require.Len(t, table.Rows, test.rows)
			if test.first != nil {
				assert.Equal(t, test.first, table.Rows[0])
			}
			if test.last != "" {
				assert.Equal(t, test.last, table.Rows[len(table.Rows)-1][0])
			}
			since := len(table.Columns) - 2
			for i := 1; i < min(len(table.Rows), maxRows); i++ {
				assert.LessOrEqual(t, table.Rows[i-1][since], table.Rows[i][since], "in order of time")
			}
			zh := ownAlerts(t, inc, incident.Chinese).Table
			assert.Equal(t, []string{"状态", "开始时间", "结束时间"}, zh.Columns[len(zh.Columns)-3:])
			assert.NotRegexp(t, `firing|resolved|more`, fmt.Sprint(zh.Rows))
		})
	}
}
