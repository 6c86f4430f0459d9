package incident

import (
	"maps"
	"slices"
	"time"
)

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

// apply takes the alerts of a notification over into the incident and counts what differs from its present state. It
// merges two sorted lists. Where nothing differs the incident keeps the list it had.
func (inc *Incident) apply(n *Notification) change {
	m := merger{inc: inc, n: n, old: inc.Alerts}
	for i, j := 0, 0; i < len(m.old) || j < len(n.Alerts); {
		switch {
		case j == len(n.Alerts) || i < len(m.old) && m.old[i].Fingerprint < n.Alerts[j].Fingerprint:
			m.unnamed(i)
			i++
		case i == len(m.old) || n.Alerts[j].Fingerprint < m.old[i].Fingerprint:
			m.joins(i, n.Alerts[j])
			j++
		default:
			m.known(i, &n.Alerts[j])
			i++
			j++
		}
	}
	if m.changed {
		inc.Alerts = m.merged
		inc.dropEnded()
	}
	m.truncated = inc.Truncated != n.Truncated
	inc.Truncated = n.Truncated
	return m.change
}

// merger merges the alerts of a notification with those of an incident.
type merger struct {
	change

	inc         *Incident
	n           *Notification
	old, merged []Alert
	changed     bool // merged is what counts from now on
}

// fork begins a new list with the first n of the old one.
func (m *merger) fork(n int) {
	if !m.changed {
		m.changed = true
		m.merged = append(make([]Alert, 0, max(len(m.old), len(m.n.Alerts))+n/2), m.old[:n]...)
	}
}

func (m *merger) keep(i int) {
	if m.changed {
		m.merged = append(m.merged, m.old[i])
	}
}

// unnamed is an alert of the incident that the notification does not name. It has left a group that is shown whole. When
// all alerts are resolved nothing will follow, also for those that max_alerts hid.
func (m *merger) unnamed(i int) {
	left, over := m.n.Truncated == 0, m.n.Reason == reasonAllResolved
	if m.old[i].Status != Firing || !left && !over {
		m.keep(i)
		return
	}
	m.fork(i)
	a := m.old[i]
	a.note(m.n, Resolved)
	a.Left = left
	m.merged = append(m.merged, a)
	if left {
		m.left++
	} else {
		m.ended++
	}
}

// joins is an alert that the incident does not know. One that has ended may be one of those that were dropped.
func (m *merger) joins(i int, a Alert) {
	if a.Status != Firing && m.inc.EndedAlerts > 0 {
		return
	}
	m.fork(i)
	a.SeenAt = m.n.ReceivedAt
	a.note(m.n, a.Status)
	m.merged = append(m.merged, a)
	m.countStatus(a.Status)
}

func (m *merger) known(i int, sent *Alert) {
	old := &m.old[i]
	late := old.sentLate(*sent, m.n)
	moved := old.Status != sent.Status || !old.StartsAt.Equal(sent.StartsAt)
	if late {
		m.late++
	}
	if late || !moved && maps.Equal(old.Annotations, sent.Annotations) {
		m.keep(i)
		return
	}
	m.fork(i)
	a := *old
	a.Annotations, a.AnnotationOrder = sent.Annotations, sent.AnnotationOrder
	if moved {
		m.countStatus(sent.Status)
		a.note(m.n, sent.Status)
		if sent.Status == Firing { // anew
			a.SeenAt = m.n.ReceivedAt
		}
		a.StartsAt, a.EndsAt, a.GeneratorURL = sent.StartsAt, sent.EndsAt, sent.GeneratorURL
	}
	m.merged = append(m.merged, a)
}

// dropEnded drops the alerts that ended first where more than MaxEnded have ended. It may change Alerts in place.
func (inc *Incident) dropEnded() {
	over := len(inc.Alerts) - inc.FiringCount() - MaxEnded
	if over <= 0 {
		return
	}
	ended := make([]*Alert, 0, over+MaxEnded)
	for i := range inc.Alerts {
		if inc.Alerts[i].Status != Firing {
			ended = append(ended, &inc.Alerts[i])
		}
	}
	slices.SortStableFunc(ended, func(a, b *Alert) int { return a.ResolvedAt.Compare(b.ResolvedAt) })
	drop := make(map[string]bool, over)
	for _, a := range ended[:over] {
		drop[a.Fingerprint] = true
	}
	inc.Alerts = slices.DeleteFunc(inc.Alerts, func(a Alert) bool { return drop[a.Fingerprint] })
	inc.EndedAlerts += over
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
