package evidence

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// collectFunc looks up one kind of evidence. It returns what it found with Kind, Title, Summary and so on set; ids are
// given later. No items and no error say that there is nothing to tell.
type collectFunc func(ctx context.Context, inv *investigation) ([]incident.Evidence, error)

// investigation is one incident being looked into: what all collectors share. Nothing in it changes once they run.
type investigation struct {
	incident *incident.Incident
	alert    incident.Alert // the one looked at: of the gravest, the first to fire
	rule     *rule          // the alert's rule; nil when it is not known
	ruleErr  error          // why it is not known

	// known asks, once, which labels the rule's selectors have; to be called with Prometheus alone.
	knownLabels func() (promql.SelectorLabels, error)

	// signal looks, once, at what the alert's expression compares; to be called through signalView.
	signal func() (*signalView, error)

	fired   time.Time // when the alert fired
	valueAt time.Time // when its signal had the value that is told; zero where that isn't known yet
	onset   time.Time // when its condition began, as far as the rule's "for" tells
	ended   time.Time // when the alert ended; zero while it fires
	now     time.Time

	// The window to look at, and the steps to look by: it starts well before the onset and ends at now or an hour
	// after the alert fired.
	start, end time.Time
	step       time.Duration

	server       *promapi.Client  // Prometheus; nil without
	prom         *promapi.Querier // of that server; nil without Prometheus
	alertmanager *alertmanagerAPI // nil without Alertmanager
	language     incident.Language
	log          *slog.Logger
}

// The window around an onset.
const (
	minLead      = time.Hour
	maxLead      = 24 * time.Hour
	maxTail      = time.Hour
	trimmedSteps = 60
	windowSteps  = 240 // about as many points as a chart shows
)

// newInvestigation begins the investigation at the time now: the alert to look at, with no rule known yet.
func newInvestigation(inc *incident.Incident, now time.Time) *investigation {
	inv := &investigation{incident: inc, now: now}
	inv.setAlert(primaryAlert(inc))
	inv.setWindow()
	return inv
}

// setAlert sets the alert to look at.
func (inv *investigation) setAlert(a incident.Alert) {
	inv.alert = a
	inv.fired = inv.alert.Began()
	if inv.fired.IsZero() || inv.fired.After(inv.now) {
		inv.fired = inv.now
	}
	inv.ended = time.Time{}
	if inv.alert.Status != incident.Firing {
		inv.ended = cmp.Or(inv.alert.EndsAt, inv.alert.ResolvedAt)
	}
}

// findRule looks for the alert's rule and places the window by it.
func (inv *investigation) findRule(ctx context.Context) {
	inv.rule, inv.ruleErr = findRule(ctx, inv.prom, inv.alert)
	inv.setWindow()
	inv.trimWindow(ctx)
	inv.knownLabels = sync.OnceValues(func() (promql.SelectorLabels, error) { return discoverLabels(ctx, inv) })
	inv.signal = sync.OnceValues(func() (*signalView, error) { return inv.lookAtSignal(ctx) })
}

// forAlert returns an investigation of another alert of the incident, with the same budget.
func (inv *investigation) forAlert(ctx context.Context, a incident.Alert) *investigation {
	other := *inv
	other.setAlert(a)
	other.findRule(ctx)
	return &other
}

// maxOtherNames is how many other names of a group's alerts are looked at.
const maxOtherNames = 2

// otherNamedAlerts returns the first alert of each other name that fires in the incident.
func (inv *investigation) otherNamedAlerts() []incident.Alert {
	var out []incident.Alert
	seen := promql.LabelNames{inv.alert.Name(): true}
	for _, a := range inv.incident.Firing() {
		if !seen[a.Name()] && len(out) < maxOtherNames {
			seen[a.Name()] = true
			out = append(out, a)
		}
	}
	return out
}

// setWindow places the window by what is known of the rule.
func (inv *investigation) setWindow() {
	before := minLead
	inv.onset = inv.fired
	if inv.rule != nil {
		inv.onset = inv.fired.Add(-inv.rule.hold)
		before = min(max(before, 4*(inv.rule.hold+inv.rule.reach)), max(maxLead, 2*inv.rule.reach))
	}
	inv.start = inv.onset.Add(-before)
	inv.end = inv.fired.Add(max(maxTail, min(before, maxTail*6)))
	if inv.end.After(inv.now) {
		inv.end = inv.now
	}
	inv.step = niceStep(inv.end.Sub(inv.start) / windowSteps)
	inv.start, inv.end = inv.start.Truncate(time.Second), inv.end.Truncate(time.Second)
}

// trimWindow lets the window begin where Prometheus' data do: one that has run for minutes only is looked at by finer
// steps. It is asked by what every Prometheus has, since the alert's own series may be new for a reason.
func (inv *investigation) trimWindow(ctx context.Context) {
	step := niceStep(inv.end.Sub(inv.start) / trimmedSteps)
	m, err := inv.prom.Range(ctx, "count(up)", inv.start, inv.end, step)
	if err != nil || len(m) == 0 || len(m[0].Values) == 0 {
		return
	}
	if first := m[0].Values[0].Timestamp.Time(); first.Sub(inv.start) > step {
		inv.start = first.Add(-step).UTC()
		inv.step = niceStep(inv.end.Sub(inv.start) / windowSteps)
	}
}

// primaryAlert returns the alert to look at: of those that fire, or else of all, the ones with the incident's severity
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

// sameNameAlerts returns the alerts of the incident that have the name of the one looked at, that one first.
func (inv *investigation) sameNameAlerts() []incident.Alert {
	out := []incident.Alert{inv.alert}
	for _, a := range inv.incident.Alerts {
		if a.Name() == inv.alert.Name() && a.Fingerprint != inv.alert.Fingerprint {
			out = append(out, a)
		}
	}
	return out
}

// targetLabels returns the alert's labels that can stand in series: all but its name and those that the rule sets.
func (inv *investigation) targetLabels() map[string]string {
	labels := maps.Clone(inv.alert.Labels)
	delete(labels, "alertname")
	if inv.rule != nil {
		for name := range inv.rule.labels {
			delete(labels, name)
		}
	}
	return labels
}

// sharedTargetLabels returns those of the identity's labels that all siblings share.
func (inv *investigation) sharedTargetLabels() map[string]string {
	shared, _ := splitLabels(inv.sameNameAlerts())
	out := inv.targetLabels()
	maps.DeleteFunc(out, func(name, _ string) bool {
		_, all := shared[name]
		return !all
	})
	return out
}

// link returns a URL that opens the query in Prometheus over the range; "" without Prometheus.
func (inv *investigation) link(query string, start, end time.Time) string {
	return inv.server.GraphURL(query, start, end)
}

// say returns the phrase in the report's language, with its verbs filled.
func (inv *investigation) say(t message, args ...any) string { return t.in(inv.language, args...) }

var niceSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
}

// niceStep rounds up to a step that people use.
func niceStep(d time.Duration) time.Duration {
	for _, s := range niceSteps {
		if d <= s {
			return s
		}
	}
	return d.Truncate(time.Hour) + time.Hour
}
