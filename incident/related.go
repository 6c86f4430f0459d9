package incident

import (
	"slices"
	"time"
)

// RelatedIncident leads to another incident.
type RelatedIncident struct {
	ID         string    `json:"id"`
	Alertname  string    `json:"alertname"`
	Severity   string    `json:"severity"` // when the link was made
	OpenedAt   time.Time `json:"opened_at"`
	ReportPath string    `json:"report_path"`
}

const (
	// StormWindow is how close to each other incidents of one scope open to be linked.
	StormWindow = 5 * time.Minute
	// linkDelay is how long the file waits for further links: they come in bursts, when the facts of others come first.
	// Where evidence is on its way the file waits for that, and for linkMaxDelay at most.
	linkDelay    = time.Second
	linkMaxDelay = 30 * time.Second
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

// Relates reports whether the incident is to be linked to another one: of its scope, of another group, opened within
// StormWindow of it, and not linked yet. Where there are MaxRelated links, only what is more severe than one of them takes its
// place: a storm's first warnings must lead to the database that went down a minute later.
func (inc *Incident) Relates(other *Incident, rules *Policy) bool {
	return inc.placeFor(other, rules) >= 0
}

// Relate links the incident to another one to which it Relates, and reports whether that changed anything. What is
// written of a storm is bounded by MaxRelated and the number of severities.
func (inc *Incident) Relate(other *Incident, rules *Policy, now time.Time) bool {
	at := inc.placeFor(other, rules)
	if at < 0 {
		return false
	}
	link := RelatedIncident{
		ID: other.ID, Alertname: other.Alertname, Severity: other.Severity, OpenedAt: other.OpenedAt, ReportPath: other.ReportPath,
	}
	inc.Related = slices.Clone(inc.Related)
	if at == len(inc.Related) {
		inc.Related = append(inc.Related, link)
	} else {
		inc.Related[at] = link
	}
	was, due := inc.Due[WorkFile]
	inc.touch(now)
	later := now.Add(linkDelay)
	if _, collecting := inc.Due[WorkEvidence]; collecting {
		later = now.Add(linkMaxDelay)
	}
	if !due || later.Before(was) {
		inc.schedule(WorkFile, later)
	} else {
		inc.schedule(WorkFile, was) // for more than this link
	}
	return true
}

// placeFor returns the place of a link to another incident; -1 for none.
func (inc *Incident) placeFor(other *Incident, rules *Policy) int {
	sameGroup := inc.Receiver == other.Receiver && inc.GroupKey == other.GroupKey
	near := inc.OpenedAt.Sub(other.OpenedAt).Abs() <= StormWindow
	known := slices.ContainsFunc(inc.Related, func(l RelatedIncident) bool { return l.ID == other.ID })
	switch {
	case sameGroup || inc.Scope == "" || inc.Scope != other.Scope || !near || known:
		return -1
	case len(inc.Related) < MaxRelated:
		return len(inc.Related)
	}
	least := 0 // the last of those that are least severe
	for i, l := range inc.Related {
		if rules.Rank(l.Severity) >= rules.Rank(inc.Related[least].Severity) {
			least = i
		}
	}
	if rules.Rank(other.Severity) < rules.Rank(inc.Related[least].Severity) {
		return least
	}
	return -1
}
