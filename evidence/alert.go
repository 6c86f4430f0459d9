package evidence

import (
	"context"
	"slices"

	"github.com/alertscribe/alertscribe/incident"
)

// The bounds of tables.
const (
	maxRows    = 20
	maxColumns = 6
)

var (
	msgAlerts = message{
		"%[1]d of %[2]d %[3]s alerts firing, the first since %[4]s.",
		"%[3]s：共 %[2]d 条告警，%[1]d 条触发中，最早 %[4]s 开始。",
	}
	msgAlertsOver = message{
		"0 of %[1]d %[2]s alerts firing; the first began at %[3]s.",
		"%[2]s：共 %[1]d 条告警，均已结束，最早 %[3]s 开始。",
	}
	msgHidden = message{
		" Alertmanager omitted %d more.",
		"另有 %d 条被 Alertmanager 截断。",
	}
	msgCommon     = message{" All have %s.", "共同标签：%s。"}
	msgMore       = message{"and %d more", "另有 %d 项未列出"}
	msgWordStatus = message{"status", "状态"}
	msgWordSince  = message{"since", "开始时间"}
	msgWordUntil  = message{"until", "结束时间"}
	msgWordFiring = message{"firing", "触发中"}
	msgWordEnded  = message{"resolved", "已恢复"}
)

// collectOwnAlerts shows the incident's own alerts: what tells them apart as columns, what they share in the summary.
func collectOwnAlerts(_ context.Context, inv *investigation) ([]incident.Evidence, error) {
	alerts := slices.Clone(inv.incident.Alerts)
	slices.SortStableFunc(alerts, func(a, b incident.Alert) int { return a.Began().Compare(b.Began()) })
	shared, differ := splitLabels(alerts)
	if len(differ) > maxColumns {
		differ = differ[:maxColumns]
	}
	var columns []string
	for _, name := range differ {
		columns = append(columns, boundedLine(name))
	}
	table := &incident.Table{Columns: append(columns, inv.say(msgWordStatus), inv.say(msgWordSince), inv.say(msgWordUntil))}
	for i, a := range alerts {
		if i == maxRows {
			row := make([]string, len(table.Columns))
			row[0] = inv.say(msgMore, len(alerts)-maxRows)
			table.Rows = append(table.Rows, row)
			break
		}
		table.Rows = append(table.Rows, inv.alertRow(a, differ))
	}
	name := boundedLine(inv.incident.Alertname)
	summary := inv.say(msgAlertsOver, len(alerts), name, formatTime(inv.incident.StartedAt))
	if firing := inv.incident.Firing(); len(firing) > 0 { // which others may have begun before
		first := slices.MinFunc(firing, func(a, b incident.Alert) int { return a.Began().Compare(b.Began()) })
		summary = inv.say(msgAlerts, len(firing), len(alerts), name, formatTime(first.Began()))
	}
	if inv.incident.Truncated > 0 {
		summary += inv.say(msgHidden, inv.incident.Truncated)
	}
	if len(shared) > 0 {
		summary += inv.say(msgCommon, labelText(shared))
	}
	if n := inv.elsewhere(); n > 0 && inv.server != nil {
		summary += inv.say(msgElsewhere, inv.serverName, n)
	}
	return []incident.Evidence{{Title: inv.say(msgTitleAlert), Summary: summary, Table: table}}, nil
}

func (inv *investigation) alertRow(a incident.Alert, columns []string) []string {
	var row []string
	for _, name := range columns {
		row = append(row, boundedLine(a.Labels[name]))
	}
	if a.Status == incident.Firing {
		return append(row, inv.say(msgWordFiring), formatTime(a.Began()), "")
	}
	return append(row, inv.say(msgWordEnded), formatTime(a.Began()), formatTime(a.Ended()))
}
