package incident

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Policy are the settings of the pure rules.
type Policy struct {
	ReopenWithin   time.Duration // firing again within this long of the resolve re-opens
	ReopenMaxAge   time.Duration // but not an incident that was opened longer ago than this
	StaleAfter     time.Duration // a firing incident not heard of for this long is stale
	AnalysisMaxAge time.Duration // no attempt at an analysis is scheduled later than this after opening
	Settle         time.Duration // the first analysis waits for this long after opening, for what resolves at once
	// Refresh is when a firing incident is looked at again, after its last alert began to fire: growing, and then every last
	// one. Empty: only when a notification changes it.
	Refresh    []time.Duration
	Severities []string // highest first
	// Skip are sets of matchers; alerts that match one of the sets are not worth a model call.
	Skip []labels.Matchers
}

// DefaultPolicy returns the defaults of the settings.
func DefaultPolicy() *Policy {
	skip, err := labels.ParseMatchers(`alertname=~"Watchdog|InfoInhibitor"`)
	if err != nil {
		panic(err) // a constant
	}
	return &Policy{
		ReopenWithin: 30 * time.Minute, ReopenMaxAge: 24 * time.Hour, StaleAfter: 24 * time.Hour,
		AnalysisMaxAge: 24 * time.Hour, Settle: 5 * time.Second,
		Refresh:    []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour},
		Severities: []string{"critical", "page", "error", "warning", "info"},
		Skip:       []labels.Matchers{skip},
	}
}

// latePeerWindow is how long after a resolve the slower Alertmanager of a pair may still send the firing notification
// that went before it. Its wait is --cluster.peer-timeout (15 s) times its place in the cluster, and a flush.
const latePeerWindow = 5 * time.Minute

// Outcome says what a notification meant. The set is closed: it labels a metric.
type Outcome string

// The outcomes of folding.
const (
	OutcomeOpened   Outcome = "opened"
	OutcomeUpdated  Outcome = "updated"
	OutcomeResolved Outcome = "resolved"
	OutcomeReopened Outcome = "reopened"
	OutcomeRepeat   Outcome = "repeat"
	OutcomeLatePeer Outcome = "late_peer"
	// OutcomeIgnored: recorded, but of no incident: resolved without one.
	OutcomeIgnored Outcome = "ignored"
	// OutcomeOwnReport: recorded, but of no incident: nothing but reports that alertscribe sent to Alertmanager.
	OutcomeOwnReport Outcome = "own_report"
)

// Outcomes lists all outcomes, for metrics that start at zero.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeOpened, OutcomeUpdated, OutcomeResolved, OutcomeReopened, OutcomeRepeat, OutcomeLatePeer, OutcomeIgnored, OutcomeOwnReport,
	}
}

// Fold says what a notification means for the newest incident of its receiver and group key (nil when there is none).
// It returns the incident as it is now (current changed, or a new one that follows it) and leaves current as it was; nil
// when the notification belongs to no incident. It compares with the incident's present state, never with history,
// since the same body can legitimately come again. The notification must be normalized. It costs as much as there are
// alerts in both.
func (r *Policy) Fold(current *Incident, n *Notification) (*Incident, Outcome) {
	n.assertNormalized()
	firing := slices.ContainsFunc(n.Alerts, func(a Alert) bool { return a.Status == Firing })
	switch {
	case len(n.Alerts) == 0 && n.OwnReports > 0:
		return nil, OutcomeOwnReport
	case len(n.Alerts) == 0:
		return nil, OutcomeIgnored
	case current == nil && !firing:
		return nil, OutcomeIgnored
	case current == nil:
		return r.Open(n, ""), OutcomeOpened
	}
	inc := current.Clone()
	change := inc.apply(n)
	reopens := inc.Status == Resolved && change.joined > 0
	expired := n.ReceivedAt.Sub(inc.ClosedAt) > r.ReopenWithin
	switch {
	case reopens && (expired || n.ReceivedAt.Sub(inc.OpenedAt) > r.ReopenMaxAge):
		return r.Open(n, current.ID), OutcomeOpened
	case inc.Status == Resolved && !reopens && change.any() && expired:
		return nil, OutcomeIgnored // the end of something that we never saw begin
	}
	inc.hear(n)
	if change.late > 0 {
		inc.LatePeers++
	}
	if inc.Status == Stale {
		inc.Status = Firing
		change.continued = true
	}
	if !change.any() && (change.late > 0 || !inc.over(n)) {
		return inc, inc.count(change, n)
	}
	outcome := inc.settle(change, n)
	inc.Severity = r.severity(inc)
	switch {
	case inc.needsAnalysis(r, current.firingNames()):
		inc.wantAnalysis(r, inc.Analysis.next(n.ReceivedAt), n.ReceivedAt)
	default: // also once more at the end, to show how it was at its worst
		inc.wantRefresh(n.ReceivedAt)
	}
	if outcome == OutcomeResolved && inc.neverAnalyzed() && n.ReceivedAt.Before(inc.OpenedAt.Add(r.Settle)) {
		inc.Analysis.State, inc.Analysis.Reason = EvidenceOnly, OverAtOnce
		delete(inc.Due, WorkAnalysis)
	}
	return inc, outcome
}

// Open returns the incident that a notification opens, also for a notification in which nothing fires: the analyze
// command reports on those too. The notification must be normalized, with at least one alert left.
func (r *Policy) Open(n *Notification, predecessor string) *Incident {
	n.assertNormalized()
	id := NewID()
	inc := &Incident{
		Due: Due{},
		ID:  id, Receiver: n.Receiver, GroupKey: n.GroupKey, Alertname: n.alertname(), GroupLabels: n.GroupLabels,
		Status: Firing, OpenedAt: n.ReceivedAt, Predecessor: predecessor, Scope: scopeOf(n.Alerts),
		ReportPath: reportPath(n.ReceivedAt, n.alertname(), id),
	}
	change := inc.apply(n)
	inc.hear(n)
	inc.Generation = 1
	inc.Severity = r.severity(inc)
	inc.closeIfOver(n)
	inc.addEvent(Event{At: n.ReceivedAt, Kind: EventOpened, Joined: change.joined, Ended: change.ended})
	inc.wantAnalysis(r, n.ReceivedAt, n.ReceivedAt)
	inc.ChangedAt = n.ReceivedAt
	inc.touch(n.ReceivedAt)
	return inc
}

// hear records what every notification brings, a repeat too.
func (inc *Incident) hear(n *Notification) {
	inc.LastHeardAt = n.ReceivedAt
	inc.ExternalURL = n.ExternalURL
	for i := range inc.Alerts {
		if began := inc.Alerts[i].Began(); inc.StartedAt.IsZero() || began.Before(inc.StartedAt) {
			inc.StartedAt = began
		}
	}
}

// count records a notification that changes nothing.
func (inc *Incident) count(c change, n *Notification) Outcome {
	if c.late > 0 {
		return OutcomeLatePeer
	}
	inc.Repeats++
	if last := &inc.Timeline[len(inc.Timeline)-1]; last.Kind == EventRepeated {
		last.Count++
		last.Until = n.ReceivedAt
	} else {
		inc.addEvent(Event{At: n.ReceivedAt, Kind: EventRepeated, Count: 1, Until: n.ReceivedAt})
	}
	return OutcomeRepeat
}

// settle draws the conclusions of a notification that changed something.
func (inc *Incident) settle(c change, n *Notification) Outcome {
	inc.Generation++
	event := Event{At: n.ReceivedAt, Kind: EventUpdated, Joined: c.joined, Ended: c.ended, Left: c.left}
	outcome := OutcomeUpdated
	switch {
	case inc.Status == Resolved && c.joined > 0:
		inc.Status, inc.ResolvedAt, inc.ClosedAt = Firing, time.Time{}, time.Time{}
		inc.Flaps++
		event.Kind, outcome = EventReopened, OutcomeReopened
	case c.continued:
		event.Kind = EventContinued
	}
	if inc.closeIfOver(n) {
		event.Kind, outcome = EventResolved, OutcomeResolved
	}
	if c.joined > 0 {
		inc.ChangedAt = n.ReceivedAt
	}
	inc.addEvent(event)
	inc.touch(n.ReceivedAt)
	return outcome
}

// over reports whether a notification ends a firing incident: nothing fires anymore. A truncated body is no proof of that, unless
// Alertmanager says that all alerts are resolved; it may say so of alerts whose end is known already.
func (inc *Incident) over(n *Notification) bool {
	return inc.Status == Firing && inc.FiringCount() == 0 && (n.Truncated == 0 || n.Reason == reasonAllResolved)
}

// closeIfOver resolves a firing incident that is over, and reports whether it did.
func (inc *Incident) closeIfOver(n *Notification) bool {
	if !inc.over(n) {
		return false
	}
	inc.Status, inc.ClosedAt = Resolved, n.ReceivedAt
	for i := range inc.Alerts {
		if ends := inc.Alerts[i].EndsAt; ends.After(inc.ResolvedAt) {
			inc.ResolvedAt = ends
		}
	}
	if inc.ResolvedAt.Before(inc.StartedAt) || inc.ResolvedAt.After(n.ReceivedAt) {
		inc.ResolvedAt = n.ReceivedAt // no endsAt, or not a credible one
	}
	return true
}

// firingNames returns the names of the alerts that fire.
func (inc *Incident) firingNames() map[string]bool {
	names := map[string]bool{}
	for i := range inc.Alerts {
		if a := &inc.Alerts[i]; a.Status == Firing {
			names[a.Name()] = true
		}
	}
	return names
}

// moreAlerts is how many more alerts have to fire, besides twice as many: from one to two is no other incident.
const moreAlerts = 4

// needsAnalysis reports whether the incident has become another one than any analysis of it was asked for: it is more
// severe, twice as many alerts fire and moreAlerts more, or an alert name has joined, against those that fired before, that no verdict covers
// and that no pending analysis was asked for.
func (inc *Incident) needsAnalysis(r *Policy, before map[string]bool) bool {
	firing, a := inc.FiringCount(), inc.Analysis
	if firing > 0 && a.AskedSeverity != "" && r.Rank(inc.Severity) < r.Rank(a.AskedSeverity) {
		return true
	}
	if a.AskedFiring > 0 && firing >= 2*a.AskedFiring && firing >= a.AskedFiring+moreAlerts {
		return true
	}
	for name := range inc.firingNames() {
		if before[name] || contains(a.Covered, name) {
			continue
		}
		if a.State != Pending && !a.Later || !contains(a.Asked, name) {
			return true
		}
	}
	return false
}

// neverAnalyzed reports whether the first analysis has not begun.
func (inc *Incident) neverAnalyzed() bool {
	a := inc.Analysis
	return a.State == Pending && a.Attempts == 0 && len(a.Answers) == 0
}

// contains looks for a name in a sorted list.
func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// severity returns the highest severity label of the alerts that fire, or of all when none does; a label that the
// setting does not know, and a missing one, count as warning.
func (r *Policy) severity(inc *Incident) string {
	highest, rank, last := "", len(r.Severities), ""
	for a := range inc.principal() {
		_, label := a.SeverityLabel()
		if highest != "" && label == last {
			continue // as most of a large group
		}
		last = label
		severity := r.severityOf(a)
		if at := r.Rank(severity); highest == "" || at < rank {
			highest, rank = severity, at
		}
	}
	return highest
}

// Rank returns the place of a severity, 0 for the highest: what is more severe is worked on first.
func (r *Policy) Rank(severity string) int {
	if at := slices.Index(r.Severities, severity); at >= 0 {
		return at
	}
	if at := slices.Index(r.Severities, "warning"); at >= 0 {
		return at
	}
	return len(r.Severities)
}

// skips reports whether every alert that fires (every alert, when none does) matches a set of the skip setting.
func (r *Policy) skips(inc *Incident) bool {
	for a := range inc.principal() {
		set := labelSet(a.Labels)
		if !slices.ContainsFunc(r.Skip, func(m labels.Matchers) bool { return m.Matches(set) }) {
			return false
		}
	}
	return len(inc.Alerts) > 0
}
