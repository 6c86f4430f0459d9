package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxAnnotations     = 40 // of an alert
	maxAnnotationLines = 60
)

// The names under which rules carry what we link to: the first that is a URL counts.
var (
	runbookNames   = []string{"runbook_url", "runbook", "runbook_link", "runbookURL", "playbook_url", "playbook"}
	dashboardNames = []string{"dashboard_url", "dashboard", "dashboardURL", "dashboard_link", "grafana_url"}
	panelNames     = []string{"panelURL", "panel_url"}
)

// leadNames come first where the order of the body says nothing: they are what the rule's author meant to be read first.
var leadNames = []string{"summary", "description", "message"}

// silenceAnnotation holds Grafana's own form for a silence, which stands among the links.
const silenceAnnotation = "silenceURL"

// annotationNames returns the names of an alert's annotations that are not empty: as the body has them, else the lead ones
// and then the alphabet.
func annotationNames(a incident.Alert) []string {
	names := a.AnnotationOrder
	if len(names) != len(a.Annotations) {
		lead := slices.DeleteFunc(slices.Clone(leadNames), func(name string) bool { _, ok := a.Annotations[name]; return !ok })
		rest := slices.DeleteFunc(sortedKeys(a.Annotations), func(name string) bool { return slices.Contains(lead, name) })
		names = append(lead, rest...)
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return text.OneLine(a.Annotations[name]) == "" })
}

// annotationSet is what alerts say of themselves in the same words.
type annotationSet struct {
	alert incident.Alert // the first that says it
	names []string       // of its annotations, without those that all alerts share
}

// alertTexts writes the annotations of the alerts, those of the firing ones first: what all share once, then each set that
// differs, by the labels of the first alert that has it.
func (p *page) alertTexts() {
	alerts := append(p.inc.Firing(), p.inc.Alerts...)
	if len(alerts) == 0 {
		return
	}
	common := maps.Clone(alerts[0].Annotations)
	for _, a := range alerts[1:] {
		maps.DeleteFunc(common, func(name, value string) bool { return a.Annotations[name] != value })
	}
	p.list(p.annotationItems(alerts[0], func(name string) bool { _, ok := common[name]; return ok }))
	sets := p.differing(alerts, common)
	labels := commonLabels(p.inc.Alerts)
	for _, s := range sets[:min(len(sets), maxAlertTexts)] {
		items := p.annotationItems(s.alert, func(name string) bool { return slices.Contains(s.names, name) })
		if shown := labelCells(s.alert.Labels, labels); shown != "" && len(sets) > 1 && len(items) > 0 {
			p.para(shown + p.w.Colon)
		}
		p.list(items)
	}
	if more := len(sets) - maxAlertTexts; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreTexts, more))
	}
}

// differing returns each set of annotations that is not common to all alerts, once.
func (p *page) differing(alerts []incident.Alert, common map[string]string) []annotationSet {
	var sets []annotationSet
	seen := map[string]bool{}
	for _, a := range alerts {
		names := slices.DeleteFunc(annotationNames(a), func(name string) bool {
			_, ok := common[name]
			return ok || name == silenceAnnotation && p.ownSilence(a) != "" || linkedByRow(name, a.Annotations[name])
		})
		var key strings.Builder
		for _, name := range names {
			fmt.Fprintf(&key, "%q=%q", name, a.Annotations[name])
		}
		if len(names) > 0 && !seen[key.String()] {
			seen[key.String()] = true
			sets = append(sets, annotationSet{a, names})
		}
	}
	return sets
}

// linkedByRow reports whether an annotation is a link in the table of alerts.
func linkedByRow(name, value string) bool {
	return slices.Contains(runbookNames, name) && safeURL(value) != ""
}

// annotationItems returns the annotations of an alert that are wanted as items of a list, without those that are links of the
// section already.
func (p *page) annotationItems(a incident.Alert, wanted func(name string) bool) []string {
	var items []string
	for _, name := range annotationNames(a) {
		value := a.Annotations[name]
		if !wanted(name) || linkedByRow(name, value) || name == silenceAnnotation && p.ownSilence(a) != "" {
			continue
		}
		if len(items) == maxAnnotations {
			return append(items, fmt.Sprintf(p.w.MoreRows, len(a.Annotations)-maxAnnotations))
		}
		items = append(items, "**"+p.annotationName(name)+"**"+p.w.Colon+p.annotationText(value))
	}
	return items
}

// annotationName returns the name of an annotation: in the report's language where it is a usual one.
func (p *page) annotationName(name string) string {
	switch name {
	case "summary":
		return p.w.Summary
	case "description":
		return p.w.Description
	case "runbook":
		return p.w.Runbook
	}
	return escaped(name, labelRunes)
}

// annotationText shows the text of an annotation within an item of a list: its lines stay lines, and a line that is nothing but a
// URL is a link.
func (p *page) annotationText(value string) string {
	var shown []string
	for _, line := range cleanLines(value, longRunes) {
		line = text.OneLine(line)
		switch url := safeURL(line); {
		case url != "" && !strings.ContainsAny(line, " \t"):
			shown = append(shown, p.link(code(line, titleRunes), url))
		default:
			shown = append(shown, escaped(line, longRunes))
		}
	}
	if more := len(shown) - maxAnnotationLines; more > 0 {
		shown = append(shown[:maxAnnotationLines], fmt.Sprintf(p.w.MoreRows, more))
	}
	var b strings.Builder
	for i, line := range shown {
		switch {
		case line == "":
			continue
		case i > 0 && shown[i-1] == "":
			b.WriteString("\n\n  ") // another paragraph of the item
		case i > 0:
			b.WriteString("\\\n  ") // another line
		}
		b.WriteString(line)
	}
	return b.String()
}

// linkOf returns the first annotation of those names, of the firing alerts first, that can be linked to; "" for none.
func (p *page) linkOf(names []string) string {
	for _, a := range append(p.inc.Firing(), p.inc.Alerts...) {
		if url := urlOf(a, names); url != "" {
			return url
		}
	}
	return ""
}

func urlOf(a incident.Alert, names []string) string {
	for _, name := range names {
		if url := safeURL(a.Annotations[name]); url != "" {
			return url
		}
	}
	return ""
}

// runbook returns the first runbook of the alerts that can be linked to.
func (p *page) runbook() string { return p.linkOf(runbookNames) }

// runbookText returns the first runbook of the alerts that is text rather than a link.
func (p *page) runbookText() string {
	for _, a := range append(p.inc.Firing(), p.inc.Alerts...) {
		for _, name := range runbookNames {
			if value := a.Annotations[name]; safeURL(value) == "" && text.OneLine(value) != "" {
				return value
			}
		}
	}
	return ""
}
