package evidence

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/alertscribe/alertscribe/incident"
)

// The bounds of tables.
const (
	maxRows    = 20
	maxColumns = 6
)

var (
	sayAlerts = text{
		"Firing: %[1]d of %[2]d alerts of %[3]s, the first since %[4]s.",
		"%[3]s 共 %[2]d 条告警，其中 %[1]d 条正在触发；最早始于 %[4]s。",
	}
	sayAlertsOver = text{
		"No alert of %[2]s fires any more, of %[1]d; the first had begun at %[3]s.",
		"%[2]s 共 %[1]d 条告警，均已恢复；最早始于 %[3]s。",
	}
	sayHidden = text{
		" Alertmanager left %d more out of the notification.",
		" Alertmanager 的通知中另有 %d 条未列出。",
	}
	sayCommon  = text{" All have %s.", " 共同标签：%s。"}
	sayMore    = text{"and %d more", "另有 %d 条"}
	wordStatus = text{"status", "状态"}
	wordSince  = text{"since", "开始"}
	wordUntil  = text{"until", "结束"}
	wordFiring = text{"firing", "触发中"}
	wordEnded  = text{"resolved", "已恢复"}
)

// ownAlerts shows the incident's own alerts: what tells them apart as columns, what they share in the summary.
func ownAlerts(_ context.Context, q *inquiry) ([]incident.Evidence, error) {
	alerts := slices.Clone(q.incident.Alerts)
	slices.SortStableFunc(alerts, func(a, b incident.Alert) int { return a.Began().Compare(b.Began()) })
	shared, differ := splitLabels(alerts)
	if len(differ) > maxColumns {
		differ = differ[:maxColumns]
	}
	table := &incident.Table{Columns: append(slices.Clone(differ), q.say(wordStatus), q.say(wordSince), q.say(wordUntil))}
	for i, a := range alerts {
		if i == maxRows {
			row := make([]string, len(table.Columns))
			row[0] = q.say(sayMore, len(alerts)-maxRows)
			table.Rows = append(table.Rows, row)
			break
		}
		table.Rows = append(table.Rows, q.alertRow(a, differ))
	}
	summary := q.say(sayAlertsOver, len(alerts), q.incident.Alertname, clock(q.incident.StartedAt))
	if firing := len(q.incident.Firing()); firing > 0 {
		summary = q.say(sayAlerts, firing, len(alerts), q.incident.Alertname, clock(q.incident.StartedAt))
	}
	if q.incident.Truncated > 0 {
		summary += q.say(sayHidden, q.incident.Truncated)
	}
	if len(shared) > 0 {
		summary += q.say(sayCommon, labelText(shared))
	}
	return []incident.Evidence{{Title: q.say(titleAlert), Summary: summary, Table: table}}, nil
}

func (q *inquiry) alertRow(a incident.Alert, columns []string) []string {
	var row []string
	for _, name := range columns {
		row = append(row, cut(a.Labels[name], 80))
	}
	if a.Status == incident.Firing {
		return append(row, q.say(wordFiring), clock(a.Began()), "")
	}
	end := a.EndsAt
	if end.IsZero() {
		end = a.ResolvedAt
	}
	return append(row, q.say(wordEnded), clock(a.Began()), clock(end))
}

// splitLabels returns the labels that all alerts share, and the names of those in which they differ.
func splitLabels(alerts []incident.Alert) (shared map[string]string, differ []string) {
	values := map[string]map[string]int{}
	for _, a := range alerts {
		for name, value := range a.Labels {
			if values[name] == nil {
				values[name] = map[string]int{}
			}
			values[name][value]++
		}
	}
	shared = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for value, n := range values[name] {
			if n == len(alerts) {
				shared[name] = value
			}
		}
		if _, same := shared[name]; !same {
			differ = append(differ, name)
		}
	}
	return shared, differ
}

// labelText writes labels as PromQL does, without braces, at most a dozen, each value cut.
func labelText(labels map[string]string) string {
	out := ""
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			out += ", "
		}
		if i == 12 {
			return out + "…"
		}
		out += name + "=" + strconv.Quote(cut(labels[name], 80))
	}
	return out
}
