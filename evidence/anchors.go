package evidence

import (
	"cmp"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// anchorGap is how much later than the principal alert another one must have begun for all to be looked at around that one.
const anchorGap = time.Hour

// anchorsOf returns the alerts of an incident that evidence is about. While one fires, the main one is the principal, or the newest
// where that began an hour after the principal, which then is the second: one old alert does not take all to its own
// week. An anchor of an earlier look stays until one is an hour newer. Where none fires, the main one is that which ended last, and the
// second the one that was looked at so far.
func anchorsOf(inc *incident.Incident, seen []incident.Evidence) (main incident.Alert, second *incident.Alert) {
	principal := primaryAlert(inc)
	firing := inc.Firing()
	if len(firing) == 0 {
		main = lastEnded(inc.Alerts, principal)
		if was := anchorSeen(inc.Alerts, seen); was != nil && was.Fingerprint != main.Fingerprint {
			second = was
		}
		return main, second
	}
	main = slices.MaxFunc(firing, func(a, b incident.Alert) int {
		return cmp.Or(a.Began().Compare(b.Began()), cmp.Compare(b.Fingerprint, a.Fingerprint))
	})
	if was := anchorSeen(firing, seen); was != nil && main.Began().Sub(was.Began()) <= anchorGap {
		main = *was
	}
	if main.Began().Sub(principal.Began()) <= anchorGap {
		return principal, nil
	}
	return main, &principal
}

// primaryAlert returns the principal alert: of those that fire, or else of all, the ones with the incident's severity
// go first, then the earliest, then the smallest fingerprint.
func primaryAlert(inc *incident.Incident) incident.Alert {
	alerts := inc.Firing()
	if len(alerts) == 0 {
		alerts = inc.Alerts
	}
	if len(alerts) == 0 {
		return incident.Alert{Labels: map[string]string{"alertname": inc.Alertname}, SeenAt: inc.OpenedAt}
	}
	return slices.MinFunc(alerts, func(a, b incident.Alert) int {
		grave := func(a incident.Alert) int {
			if a.Labels["severity"] == inc.Severity {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(grave(a), grave(b)), a.Began().Compare(b.Began()), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
}

// lastEnded returns the alert that ended last, the principal one if it is one of these.
func lastEnded(alerts []incident.Alert, principal incident.Alert) incident.Alert {
	last := principal
	for _, a := range alerts {
		if a.Ended().After(last.Ended()) {
			last = a
		}
	}
	return last
}

// anchorSeen returns which of some alerts the first signal of earlier looks was about; nil for none of them.
func anchorSeen(alerts []incident.Alert, seen []incident.Evidence) *incident.Alert {
	at := slices.IndexFunc(seen, func(e incident.Evidence) bool {
		return e.Kind == incident.KindSignal && e.Figures != nil && !e.Earlier
	})
	if at < 0 {
		return nil
	}
	i := slices.IndexFunc(alerts, func(a incident.Alert) bool { return a.Fingerprint == seen[at].Figures.Anchor })
	if i < 0 {
		return nil
	}
	return &alerts[i]
}

// toldApart returns the labels of an alert that another one does not have.
func toldApart(a, other incident.Alert) string {
	_, differ := splitLabels([]incident.Alert{a, other})
	own := map[string]string{}
	for _, name := range differ {
		if value, there := a.Labels[name]; there {
			own[name] = value
		}
	}
	return labelText(own)
}
