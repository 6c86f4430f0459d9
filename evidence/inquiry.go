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

// collect looks up one kind of evidence. It returns what it found with Kind, Title, Summary and so on set; ids are
// given later. No items and no error say that there is nothing to tell.
type collect func(ctx context.Context, q *inquiry) ([]incident.Evidence, error)

// inquiry is one incident being looked into: what all collectors share. Nothing in it changes once they run.
type inquiry struct {
	incident *incident.Incident
	alert    incident.Alert // the one looked at: of the gravest, the first to fire
	rule     *rule          // the alert's rule; nil when it is not known
	ruleErr  error          // why it is not known

	// known asks, once, which labels the rule's selectors have; to be called with Prometheus alone.
	known func() (promql.SelectorLabels, error)

	fired time.Time // when the alert fired
	onset time.Time // when its condition began, as far as the rule's "for" tells
	ended time.Time // when the alert ended; zero while it fires
	now   time.Time

	// The window to look at, and the steps to look by: it starts well before the onset and ends at now or an hour
	// after the alert fired.
	start, end time.Time
	step       time.Duration

	server       *promapi.Client  // Prometheus; nil without
	prom         *promapi.Querier // of that server; nil without Prometheus
	alertmanager *alertmanager    // nil without Alertmanager
	language     incident.Language
	log          *slog.Logger
}

// The window around an onset.
const (
	leastBefore = time.Hour
	mostBefore  = 24 * time.Hour
	lookAfter   = time.Hour
	trimSteps   = 60
	steps       = 240 // about as many points as a chart shows
)

// newInquiry begins the inquiry at the time now: the alert to look at, with no rule known yet.
func newInquiry(inc *incident.Incident, now time.Time) *inquiry {
	q := &inquiry{incident: inc, now: now}
	q.lookAt(principal(inc))
	q.setWindow()
	return q
}

// lookAt sets the alert to look at.
func (q *inquiry) lookAt(a incident.Alert) {
	q.alert = a
	q.fired = q.alert.Began()
	if q.fired.IsZero() || q.fired.After(q.now) {
		q.fired = q.now
	}
	q.ended = time.Time{}
	if q.alert.Status != incident.Firing {
		q.ended = cmp.Or(q.alert.EndsAt, q.alert.ResolvedAt)
	}
}

// findRule looks for the alert's rule and places the window by it.
func (q *inquiry) findRule(ctx context.Context) {
	q.rule, q.ruleErr = findRule(ctx, q.prom, q.alert)
	q.setWindow()
	q.trimWindow(ctx)
	q.known = sync.OnceValues(func() (promql.SelectorLabels, error) { return askLabels(ctx, q) })
}

// turnedTo returns an inquiry into another alert of the incident, with the same budget.
func (q *inquiry) turnedTo(ctx context.Context, a incident.Alert) *inquiry {
	other := *q
	other.lookAt(a)
	other.findRule(ctx)
	return &other
}

// maxOthers is how many other names of a group's alerts are looked at.
const maxOthers = 2

// others returns the first alert of each other name that fires in the incident.
func (q *inquiry) others() []incident.Alert {
	var out []incident.Alert
	seen := promql.LabelNames{q.alert.Name(): true}
	for _, a := range q.incident.Firing() {
		if !seen[a.Name()] && len(out) < maxOthers {
			seen[a.Name()] = true
			out = append(out, a)
		}
	}
	return out
}

// setWindow places the window by what is known of the rule.
func (q *inquiry) setWindow() {
	before := leastBefore
	q.onset = q.fired
	if q.rule != nil {
		q.onset = q.fired.Add(-q.rule.hold)
		before = min(max(before, 4*(q.rule.hold+q.rule.reach)), max(mostBefore, 2*q.rule.reach))
	}
	q.start = q.onset.Add(-before)
	q.end = q.fired.Add(max(lookAfter, min(before, lookAfter*6)))
	if q.end.After(q.now) {
		q.end = q.now
	}
	q.step = niceStep(q.end.Sub(q.start) / steps)
	q.start, q.end = q.start.Truncate(time.Second), q.end.Truncate(time.Second)
}

// trimWindow lets the window begin where Prometheus' data do: one that has run for minutes only is looked at by finer
// steps. It is asked by what every Prometheus has, since the alert's own series may be new for a reason.
func (q *inquiry) trimWindow(ctx context.Context) {
	step := niceStep(q.end.Sub(q.start) / trimSteps)
	m, err := q.prom.Range(ctx, "count(up)", q.start, q.end, step)
	if err != nil || len(m) == 0 || len(m[0].Values) == 0 {
		return
	}
	if first := m[0].Values[0].Timestamp.Time(); first.Sub(q.start) > step {
		q.start = first.Add(-step).UTC()
		q.step = niceStep(q.end.Sub(q.start) / steps)
	}
}

// principal returns the alert to look at: of those that fire, or else of all, the ones with the incident's severity
// go first, then the earliest, then the smallest fingerprint.
func principal(inc *incident.Incident) incident.Alert {
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

// siblings returns the alerts of the incident that have the name of the one looked at, that one first.
func (q *inquiry) siblings() []incident.Alert {
	out := []incident.Alert{q.alert}
	for _, a := range q.incident.Alerts {
		if a.Name() == q.alert.Name() && a.Fingerprint != q.alert.Fingerprint {
			out = append(out, a)
		}
	}
	return out
}

// identity returns the alert's labels that can stand in series: all but its name and those that the rule sets.
func (q *inquiry) identity() map[string]string {
	labels := maps.Clone(q.alert.Labels)
	delete(labels, "alertname")
	if q.rule != nil {
		for name := range q.rule.labels {
			delete(labels, name)
		}
	}
	return labels
}

// common returns those of the identity's labels that all siblings share.
func (q *inquiry) common() map[string]string {
	shared, _ := splitLabels(q.siblings())
	out := q.identity()
	maps.DeleteFunc(out, func(name, _ string) bool {
		_, all := shared[name]
		return !all
	})
	return out
}

// link returns a URL that opens the query in Prometheus over the range; "" without Prometheus.
func (q *inquiry) link(query string, start, end time.Time) string {
	return q.server.GraphURL(query, start, end)
}

// say returns the phrase in the report's language, with its verbs filled.
func (q *inquiry) say(t text, args ...any) string { return t.in(q.language, args...) }

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
