package incident

import (
	"slices"
	"time"
)

// Link leads to another incident.
type Link struct {
	ID         string    `json:"id"`
	Alertname  string    `json:"alertname"`
	Severity   string    `json:"severity"` // when the link was made
	OpenedAt   time.Time `json:"opened_at"`
	ReportPath string    `json:"report_path"`
}

const (
	// StormWindow is how close to each other incidents of one scope open to be linked.
	StormWindow = 5 * time.Minute
	// MaxRelated bounds the links of one incident: a storm of a thousand must not cost a million writes.
	MaxRelated = 10
)

// scopeOf returns what the alerts have in common that a storm would hit as a whole: their namespace, or else their job;
// "" when they share neither.
func scopeOf(alerts []Alert) string {
	for _, label := range []string{"namespace", "job"} {
		if len(alerts) == 0 || alerts[0].Labels[label] == "" {
			continue
		}
		value := alerts[0].Labels[label]
		if !slices.ContainsFunc(alerts, func(a Alert) bool { return a.Labels[label] != value }) {
			return label + "=" + value
		}
	}
	return ""
}

// Relate links the incident to another one of its scope that opened within StormWindow of it, and reports whether that
// changed anything. Links are never taken back, and no more than MaxRelated are made.
func (inc *Incident) Relate(other *Incident, now time.Time) bool {
	near := inc.OpenedAt.Sub(other.OpenedAt).Abs() <= StormWindow
	known := slices.ContainsFunc(inc.Related, func(l Link) bool { return l.ID == other.ID })
	if inc.ID == other.ID || inc.Scope == "" || inc.Scope != other.Scope || !near || known || len(inc.Related) >= MaxRelated {
		return false
	}
	inc.Related = append(slices.Clone(inc.Related), Link{
		ID: other.ID, Alertname: other.Alertname, Severity: other.Severity, OpenedAt: other.OpenedAt, ReportPath: other.ReportPath,
	})
	inc.touch(now)
	return true
}
