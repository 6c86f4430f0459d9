package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	maxAlertRows  = 20
	maxAlertTexts = 3
	maxCellLabels = 8
)

// alerts writes the alert section: what the alerts have in common, what they say, and a table of all of them.
func (p *page) alerts() {
	inc := p.inc
	p.alertTexts()
	alerts := slices.Clone(inc.Alerts)
	slices.SortStableFunc(alerts, func(a, b incident.Alert) int {
		if c := cmp.Compare(a.Status, b.Status); c != 0 { // "firing" < "resolved"
			return c
		}
		return a.Began().Compare(b.Began())
	})
	common := commonLabels(alerts)
	rows := make([][]string, 0, min(len(alerts), maxAlertRows))
	for _, a := range alerts[:min(len(alerts), maxAlertRows)] {
		rows = append(rows, p.alertRow(a, common))
	}
	p.table([]string{p.w.StatusCol, p.w.NameCol, p.w.SeverityCol, p.w.LabelsCol, p.w.StartCol, p.w.DurationCol, p.w.LinksCol}, rows)
	if more := inc.TotalAlerts() - maxAlertRows; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreAlerts, more, max(len(inc.Firing())-maxAlertRows, 0)))
	}
	if inc.Truncated > 0 {
		p.para("**" + fmt.Sprintf(p.w.Hidden, inc.Truncated) + "**")
	}
}

func (p *page) alertRow(a incident.Alert, common map[string]string) []string {
	status := named(p.w.Statuses, a.Status)
	end := p.now
	if a.Status == incident.Firing {
		status = "**" + status + "**"
	} else {
		end = a.Ended()
	}
	if a.Left {
		status = p.w.LeftGroup
	}
	hide := common
	if len(p.inc.Alerts) == 1 {
		hide = nil
	}
	return []string{
		status, cell(escaped(a.Name(), labelRunes)), cell(severityCell(a)), cell(labelCells(a.Labels, hide)),
		at(a.Began()), p.w.duration(end.Sub(a.Began())), cell(strings.Join(p.alertLinks(a), " · ")),
	}
}

// commonLabels returns the labels that all alerts share with the same value.
func commonLabels(alerts []incident.Alert) map[string]string {
	common := map[string]string{}
	for i, a := range alerts {
		if i == 0 {
			maps.Copy(common, a.Labels)
		}
		for k, v := range common {
			if got, ok := a.Labels[k]; !ok || got != v {
				delete(common, k)
			}
		}
	}
	return common
}

// labelCells shows labels as code, without those that have a column of their own or are to be hidden.
func labelCells(labels, hide map[string]string) string {
	var cells []string
	more := 0
	for _, name := range sortedKeys(labels) {
		if _, hidden := hide[name]; hidden || name == "alertname" || name == "severity" {
			continue
		}
		if len(cells) == maxCellLabels {
			more++
			continue
		}
		cells = append(cells, code(name+"="+labels[name], labelRunes))
	}
	if more > 0 {
		cells = append(cells, fmt.Sprintf("+%d", more))
	}
	return strings.Join(cells, " ")
}

// cell fills an empty cell.
func cell(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
