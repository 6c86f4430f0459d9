package incident

import (
	"slices"
	"strings"
)

// severityLabels are where rules say how bad an alert is, the first that is there counts. Prometheus' own documents use the
// first; the others are those of other schools.
var severityLabels = []string{"severity", "Severity", "level", "priority"}

// SeverityLabel returns the label by which an alert says how bad it is, as it was sent; "" and "" for none.
func (a *Alert) SeverityLabel() (name, value string) {
	for _, name := range severityLabels {
		if value := strings.TrimSpace(a.Labels[name]); value != "" {
			return name, value
		}
	}
	return "", ""
}

// severityOf returns what an alert counts as: its own word where that is one of the Policy's Severities, else warning.
func (r *Policy) severityOf(a *Alert) string {
	_, value := a.SeverityLabel()
	if value = strings.ToLower(value); slices.Contains(r.Severities, value) {
		return value
	}
	return "warning"
}

// SaidSeverity returns how bad the incident is in the words of its alerts: known says that it is Severity itself. Else Severity
// is what it counts as, and said is what an alert says: "P1", or "level=4" for a label of another name, or "" where none says
// anything.
func (inc *Incident) SaidSeverity() (said string, known bool) {
	usual := DefaultPolicy().Severities
	for a := range inc.principal() {
		name, value := a.SeverityLabel()
		switch {
		case strings.EqualFold(value, inc.Severity):
			return inc.Severity, true
		case said != "" || value == "" || slices.Contains(usual, strings.ToLower(value)): // a lower one, which did not decide
		case strings.EqualFold(name, "severity"):
			said = value
		default:
			said = name + "=" + value
		}
	}
	return said, false
}
