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
	maxAlertRows  = 50
	maxAlertTexts = 3
	maxCellLabels = 8
)

// alerts writes the alert section: what the alerts have in common, what they say, and a table of all of them.
func (p *page) alerts() {
	inc := p.inc
	p.heading(p.w.Alert)
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
	if shown := labelCells(common, nil); len(alerts) > 1 && shown != "" {
		p.para(p.w.CommonLabels + p.w.Colon + shown)
	}
	p.table([]string{p.w.StatusCol, p.w.NameCol, p.w.SeverityCol, p.w.LabelsCol, p.w.StartCol, p.w.DurationCol, p.w.LinksCol}, rows)
	if more := inc.TotalAlerts() - maxAlertRows; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreAlerts, more, max(len(inc.Firing())-maxAlertRows, 0)))
	}
	p.stormRest()
	if inc.Truncated > 0 {
		p.para("**" + fmt.Sprintf(p.w.Hidden, inc.Truncated) + "**")
	}
	var links []string
	if url := alertsURL(inc); url != "" {
		links = append(links, p.link(p.w.Alertmanager, url), p.link(p.w.Silence, silenceURL(inc.ExternalURL, inc.GroupLabels)))
	}
	if url := p.runbook(); url != "" {
		links = append(links, p.link(p.w.Runbook, url))
	}
	if len(links) > 0 {
		p.para(p.w.GroupLinks + p.w.Colon + strings.Join(links, " · "))
	}
}

func (p *page) alertRow(a incident.Alert, common map[string]string) []string {
	status := named(p.w.Statuses, a.Status)
	end := p.now
	if a.Status == incident.Firing {
		status = "**" + status + "**"
	} else {
		end = a.ResolvedAt
		if a.EndsAt.After(a.Began()) && (end.IsZero() || a.EndsAt.Before(end)) {
			end = a.EndsAt
		}
	}
	if a.Left {
		status = p.w.LeftGroup
	}
	hide := common
	if len(p.inc.Alerts) == 1 {
		hide = nil
	}
	var links []string
	if safeURL(a.GeneratorURL) != "" {
		links = append(links, p.link(p.w.Graph, a.GeneratorURL))
	}
	if url := silenceURL(p.inc.ExternalURL, a.Labels); url != "" && a.Status == incident.Firing {
		links = append(links, p.link(p.w.Silence, url))
	}
	switch runbook := a.Annotations["runbook_url"]; {
	case safeURL(runbook) != "":
		links = append(links, p.link(p.w.Runbook, runbook))
	case oneLine(runbook, labelRunes) != "": // not a link that we would offer, but the reader may know what it is
		links = append(links, p.w.Runbook+" "+code(runbook, labelRunes))
	}
	return []string{
		status, cell(escaped(a.Name(), labelRunes)), cell(escaped(a.Labels["severity"], labelRunes)), cell(labelCells(a.Labels, hide)),
		at(a.Began()), p.w.duration(end.Sub(a.Began())), cell(strings.Join(links, " · ")),
	}
}

// alertTexts writes what the alerts say of themselves, each text once.
func (p *page) alertTexts() {
	var said [][2]string
	for _, a := range append(p.inc.Firing(), p.inc.Alerts...) {
		t := [2]string{a.Annotations["summary"], a.Annotations["description"]}
		if t != [2]string{} && !slices.Contains(said, t) {
			said = append(said, t)
		}
	}
	for _, t := range said[:min(len(said), maxAlertTexts)] {
		var items []string
		if summary := escaped(t[0], lineRunes); summary != "" {
			items = append(items, "**"+p.w.Summary+"**"+p.w.Colon+summary)
		}
		if description := escaped(t[1], longRunes); description != "" {
			items = append(items, "**"+p.w.Description+"**"+p.w.Colon+description)
		}
		p.list(items)
	}
	if more := len(said) - maxAlertTexts; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreTexts, more))
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
