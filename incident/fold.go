package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Policy are the settings of the pure rules.
type Policy struct {
	ReopenWithin   time.Duration // firing again within this long of the resolve re-opens
	ReopenMaxAge   time.Duration // but not an incident that was opened longer ago than this
	StaleAfter     time.Duration // a firing incident not heard of for this long is stale
	AnalysisMaxAge time.Duration // no attempt at an analysis is scheduled later than this after opening
	Severities     []string      // highest first
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
		AnalysisMaxAge: 24 * time.Hour,
		Severities:     []string{"critical", "page", "error", "warning", "info"},
		Skip:           []labels.Matchers{skip},
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
	// OutcomeIgnored: recorded, but of no incident: resolved without one, or nothing but our own echoes.
	OutcomeIgnored Outcome = "ignored"
)

// Outcomes lists all outcomes, for metrics that start at zero.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeOpened, OutcomeUpdated, OutcomeResolved, OutcomeReopened, OutcomeRepeat, OutcomeLatePeer, OutcomeIgnored,
	}
}

// Fold says what a notification means for the newest incident of its receiver and group key (nil when there is none).
// It returns the incident as it is now (current changed, or a new one that follows it) and leaves current as it was; nil
// when the notification belongs to no incident. It compares with the incident's present state, never with history,
// since the same body can legitimately come again.
func (r *Policy) Fold(current *Incident, n *Notification) (*Incident, Outcome) {
	n.Normalize()
	firing := slices.ContainsFunc(n.Alerts, func(a Alert) bool { return a.Status == Firing })
	switch {
	case len(n.Alerts) == 0:
		return nil, OutcomeIgnored
	case current == nil && !firing:
		return nil, OutcomeIgnored
	case current == nil:
		return r.Open(n, ""), OutcomeOpened
	}
	inc := current.Clone()
	before := inc.firingNames()
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
	if !change.any() {
		return inc, inc.count(change, n)
	}
	outcome := inc.settle(change, n)
	inc.Severity = r.severity(inc)
	switch {
	case inc.needsAnalysis(r, before):
		inc.wantAnalysis(r, n.ReceivedAt)
	case outcome == OutcomeResolved:
		inc.Due.Evidence = n.ReceivedAt // once more, to show how it ended
	}
	return inc, outcome
}

// Open returns the incident that a notification opens, also for a notification in which nothing fires: the analyze
// command reports on those too. The notification must have at least one alert that is not our own echo.
func (r *Policy) Open(n *Notification, predecessor string) *Incident {
	n.Normalize()
	id := NewID()
	inc := &Incident{
		ID: id, Receiver: n.Receiver, GroupKey: n.GroupKey, Alertname: n.alertname(), GroupLabels: n.GroupLabels,
		Status: Firing, OpenedAt: n.ReceivedAt, Predecessor: predecessor, Scope: scopeOf(n.Alerts),
		ReportPath: reportPath(n.ReceivedAt, n.alertname(), id),
	}
	change := inc.apply(n)
	inc.hear(n)
	inc.Generation = 1
	inc.Severity = r.severity(inc)
	inc.closeIfOver(n)
	inc.addEvent(Event{At: n.ReceivedAt, Kind: EventOpened, Joined: change.joined, Ended: change.ended})
	inc.wantAnalysis(r, n.ReceivedAt)
	inc.touch(n.ReceivedAt)
	return inc
}

// change counts what a notification changed.
type change struct {
	joined, ended, left int  // alerts that began to fire, were resolved, were not named any more
	late                int  // firing alerts that the slower Alertmanager of a pair sent after the resolve
	truncated           bool // another number of alerts is hidden
	continued           bool // a stale incident was heard of again
}

func (c change) any() bool {
	return c.joined+c.ended+c.left > 0 || c.truncated || c.continued
}

// apply takes the alerts of a notification over into the incident and counts what differs from its present state.
func (inc *Incident) apply(n *Notification) change {
	var c change
	for _, a := range n.Alerts {
		at, known := slices.BinarySearchFunc(inc.Alerts, a.Fingerprint, byFingerprint)
		if !known {
			a.SeenAt = n.ReceivedAt
			a.note(n, a.Status)
			inc.Alerts = slices.Insert(inc.Alerts, at, a)
			c.countStatus(a.Status)
			continue
		}
		old := &inc.Alerts[at]
		if old.sentLate(a, n) {
			c.late++
			continue
		}
		if old.Status != a.Status || !old.StartsAt.Equal(a.StartsAt) {
			c.countStatus(a.Status)
			old.note(n, a.Status)
			old.StartsAt, old.EndsAt, old.GeneratorURL = a.StartsAt, a.EndsAt, a.GeneratorURL
		}
		old.Annotations = a.Annotations
	}
	switch {
	case n.Truncated == 0: // the whole group: what it does not name has left
		c.left = inc.endUnnamed(n, true)
	case n.Reason == reasonAllResolved: // nothing will follow, also for those that max_alerts hid
		c.ended += inc.endUnnamed(n, false)
	}
	c.truncated = inc.Truncated != n.Truncated
	inc.Truncated = n.Truncated
	return c
}

func (c *change) countStatus(s Status) {
	if s == Firing {
		c.joined++
	} else {
		c.ended++
	}
}

// note records the status that a notification brings for an alert.
func (a *Alert) note(n *Notification, s Status) {
	a.Status, a.Left = s, false
	a.ResolvedAt, a.ResolvedBy = time.Time{}, ""
	if s == Resolved {
		a.ResolvedAt, a.ResolvedBy = n.ReceivedAt, n.ExternalURL
	}
}

// sentLate reports whether the firing alert is one that is already resolved, sent by the slower Alertmanager of a pair:
// the same startsAt from another externalURL, soon after the resolve. From the same Alertmanager it is a re-fire, as
// happens when alerts time out while Prometheus is away.
func (a *Alert) sentLate(sent Alert, n *Notification) bool {
	return a.Status == Resolved && !a.Left && sent.Status == Firing && a.StartsAt.Equal(sent.StartsAt) &&
		a.ResolvedBy != n.ExternalURL && n.ReceivedAt.Sub(a.ResolvedAt) <= latePeerWindow
}

// endUnnamed ends the firing alerts that the body does not name, and returns how many.
func (inc *Incident) endUnnamed(n *Notification, left bool) int {
	ended := 0
	for i := range inc.Alerts {
		a := &inc.Alerts[i]
		if a.Status != Firing {
			continue
		}
		if _, named := slices.BinarySearchFunc(n.Alerts, a.Fingerprint, byFingerprint); !named {
			a.note(n, Resolved)
			a.Left = left
			ended++
		}
	}
	return ended
}

func byFingerprint(a Alert, fingerprint string) int {
	return strings.Compare(a.Fingerprint, fingerprint)
}

// hear records what every notification brings, a repeat too.
func (inc *Incident) hear(n *Notification) {
	inc.LastHeardAt = n.ReceivedAt
	inc.ExternalURL = n.ExternalURL
	for _, a := range inc.Alerts {
		if began := a.Began(); inc.StartedAt.IsZero() || began.Before(inc.StartedAt) {
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
	inc.addEvent(event)
	inc.touch(n.ReceivedAt)
	return outcome
}

// closeIfOver resolves a firing incident in which nothing fires any more, and reports whether it did. A truncated
// body is no proof of that, unless Alertmanager says that all alerts are resolved.
func (inc *Incident) closeIfOver(n *Notification) bool {
	over := len(inc.Firing()) == 0 && (n.Truncated == 0 || n.Reason == reasonAllResolved)
	if inc.Status != Firing || !over {
		return false
	}
	inc.Status, inc.ClosedAt = Resolved, n.ReceivedAt
	for _, a := range inc.Alerts {
		if a.EndsAt.After(inc.ResolvedAt) {
			inc.ResolvedAt = a.EndsAt
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
	for _, a := range inc.Alerts {
		if a.Status == Firing {
			names[a.Name()] = true
		}
	}
	return names
}

// needsAnalysis reports whether the incident has become another one than any analysis of it was asked for: it is more
// severe, twice as many alerts fire, or an alert name has joined, against those that fired before, that no verdict covers
// and that no pending analysis was asked for.
func (inc *Incident) needsAnalysis(r *Policy, before map[string]bool) bool {
	firing, a := len(inc.Firing()), inc.Analysis
	if firing > 0 && a.AskedSeverity != "" && r.Rank(inc.Severity) < r.Rank(a.AskedSeverity) {
		return true
	}
	if a.AskedFiring > 0 && firing >= 2*a.AskedFiring {
		return true
	}
	for name := range inc.firingNames() {
		if before[name] || slices.Contains(inc.Analysis.Covered, name) {
			continue
		}
		if inc.Analysis.State != Pending || !slices.Contains(inc.Analysis.Asked, name) {
			return true
		}
	}
	return false
}

// severity returns the highest severity label of the alerts that fire, or of all when none does; a label that the
// setting does not know, and a missing one, count as warning.
func (r *Policy) severity(inc *Incident) string {
	highest, rank := "", len(r.Severities)
	for _, a := range inc.principal() {
		severity := strings.ToLower(a.Labels["severity"])
		if !slices.Contains(r.Severities, severity) {
			severity = "warning"
		}
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
	alerts := inc.principal()
	for _, a := range alerts {
		set := labelSet(a.Labels)
		if !slices.ContainsFunc(r.Skip, func(m labels.Matchers) bool { return m.Matches(set) }) {
			return false
		}
	}
	return len(alerts) > 0
}
