package evidence

import (
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
	alert    incident.Alert      // the one looked at: the main anchor
	second   *incident.Alert     // the other anchor, whose signal is shown as well; nil where there is one alone
	whose    string              // the labels by which the alert is told from the other anchor; "" without
	seen     []incident.Evidence // what earlier looks have brought
	rule     *rule               // the alert's rule; nil when it is not known
	ruleErr  error               // why it is not known

	// known asks, once, which labels the rule's selectors have; to be called with Prometheus alone.
	knownLabels func() (promql.SelectorLabels, error)

	// signal looks, once, at what the alert's expression compares; to be called through signalView.
	signal func() (*signalView, error)

	fired   time.Time // when the alert fired
	valueAt time.Time // when its signal had the value that is told; zero where that isn't known yet
	onset   time.Time // when its condition began, as far as the rule's "for" tells
	ended   time.Time // when the alert ended; zero while it fires
	now     time.Time // of the look
	until   time.Time // up to when it is looked at: now, or when the alert ended
	// judged is when a series must have met the condition to be the alert's: when that fired, or until where Prometheus has no
	// data of then.
	judged time.Time
	// misdated is set where the condition was not met when the alert says that it began: fired is another time then.
	misdated bool
	unknown  time.Duration // how long there were no data before the onset; 0 for none missing

	// The window of the onset, and the steps to look by: it starts well before the onset and ends at now or an hour after the
	// alert fired.
	start, end time.Time
	step       time.Duration
	// recent is the last hour, of an alert for which the window of the onset does not reach there.
	recent     timeWindow
	scrapeStep time.Duration // by which targets are looked at, in both windows: the same in each look
	dataFrom   time.Time     // Prometheus has data from here on at the latest; zero where it has them from the start
	noOnset    bool          // Prometheus has no data of the onset: the window is that of now
	untargeted bool          // Prometheus has no targets, then or now

	server     *promapi.Client  // Prometheus; nil without
	serverName string           // of several; "" where there is one
	pool       promapi.Pool     // that it is one of
	prom       *promapi.Querier // of that server; nil without Prometheus
	// shared have asked it for what several collectors use, and asksNothing is set for one that asks it nothing: see partial.
	shared       []*promapi.Querier
	asksNothing  bool
	alertmanager *alertmanagerAPI // nil without Alertmanager
	language     incident.Language
	zone         *time.Location // by whose clock days are compared
	log          *slog.Logger
}

// The window around an onset.
const (
	minLead      = time.Hour
	maxLead      = 24 * time.Hour
	maxTail      = time.Hour
	recentSpan   = time.Hour
	trimmedSteps = 60
	scrapeSteps  = 75  // so that a window of two hours and a little more is looked at by 2m
	windowSteps  = 240 // about as many points as a chart shows
)

// newInvestigation begins the investigation at the time now: the alert to look at, with no rule known yet.
func newInvestigation(inc *incident.Incident, now time.Time, seen ...incident.Evidence) *investigation {
	inv := &investigation{incident: inc, now: now, seen: seen, zone: time.UTC}
	main, second := anchorsOf(inc, seen)
	if inv.second = second; second != nil {
		inv.whose = toldApart(main, *second)
	}
	inv.setAlert(main)
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
	inv.until, inv.ended = inv.now, time.Time{}
	if inv.alert.Status != incident.Firing {
		if inv.ended = inv.alert.Ended(); inv.ended.After(inv.fired) && inv.ended.Before(inv.until) {
			inv.until = inv.ended
		}
	}
	inv.until = inv.until.Truncate(time.Second)
	inv.judged, inv.misdated, inv.unknown = inv.fired, false, 0
}

// findRule looks for the alert's rule and places the window by it.
func (inv *investigation) findRule(ctx context.Context) {
	inv.rule, inv.ruleErr = findRule(ctx, inv.prom, inv.alert)
	inv.setWindow()
	inv.trimWindow(ctx)
	inv.knownLabels = sync.OnceValues(func() (promql.SelectorLabels, error) { return discoverLabels(ctx, inv) })
	before := *inv // the signal is looked at before the onset is settled by it, maybe still while the rest goes on
	inv.signal = sync.OnceValues(func() (*signalView, error) { return before.lookAtSignal(ctx) })
	inv.settleOnset(ctx)
}

// forAlert returns an investigation of another alert of the incident, with the same budget.
func (inv *investigation) forAlert(ctx context.Context, a incident.Alert) *investigation {
	other := *inv
	other.second, other.noOnset = nil, false
	other.signal = nil
	other.setAlert(a)
	other.findRule(ctx)
	return &other
}

// maxOtherNames is how many other names of a group's alerts are looked at.
const maxOtherNames = 2

// otherNamedAlerts returns the first alert of each other name that fires in the incident, those of the anchors left out.
func (inv *investigation) otherNamedAlerts() []incident.Alert {
	var out []incident.Alert
	known := map[string]bool{inv.alert.Name(): true}
	if inv.second != nil {
		known[inv.second.Name()] = true
	}
	for _, a := range inv.incident.Firing() {
		if !known[a.Name()] && len(out) < maxOtherNames {
			known[a.Name()] = true
			out = append(out, a)
		}
	}
	return out
}

// setWindow places the windows by what is known of the rule.
func (inv *investigation) setWindow() {
	before := minLead
	inv.onset = inv.fired
	if inv.rule != nil {
		inv.onset = inv.fired.Add(-inv.rule.hold - inv.rule.lag)
		before = min(max(before, 4*(inv.rule.hold+inv.rule.reach)), max(maxLead, 2*inv.rule.reach))
	}
	inv.start = inv.onset.Add(-before).Truncate(time.Second)
	inv.end = inv.fired.Add(maxTail)
	if inv.end.After(inv.now) {
		inv.end = inv.now
	}
	inv.end = inv.end.Truncate(time.Second)
	inv.setSteps()
	inv.recent = timeWindow{}
	if inv.until.After(inv.end) {
		inv.recent = windowTo(inv.until, min(recentSpan, inv.until.Sub(inv.onset)), windowSteps)
	}
}

// setSteps sets the steps by the window. Those of targets stand in a query, which must not change while the window grows.
func (inv *investigation) setSteps() {
	inv.step = niceStep(inv.end.Sub(inv.start) / windowSteps)
	inv.scrapeStep = max(niceStep(inv.fullWindow()/scrapeSteps), minScrapeStep)
}

// fullWindow is how long the window of the onset is once the hour after the alert has passed.
func (inv *investigation) fullWindow() time.Duration { return inv.fired.Add(maxTail).Sub(inv.start) }

// trimWindow lets the window begin where Prometheus' data do: one that has run for minutes only is looked at by finer
// steps. It is asked by what every Prometheus has, since the alert's own series may be new for a reason. Where there are no data of the
// onset the window is that of now.
func (inv *investigation) trimWindow(ctx context.Context) {
	step := niceStep(inv.fullWindow() / trimmedSteps)
	m, err := inv.prom.Range(ctx, "count(up)", inv.start, inv.end, step)
	if err != nil {
		return
	}
	if len(m) == 0 || len(m[0].Values) == 0 {
		now, err := inv.prom.Instant(ctx, "count(up)", inv.until)
		if inv.noOnset = !inv.recent.isZero() && err == nil && len(now) > 0; inv.noOnset {
			inv.start, inv.end, inv.step = inv.recent.start, inv.recent.end, inv.recent.step
			inv.recent, inv.judged = timeWindow{}, inv.until
			return
		}
		inv.untargeted = err == nil && len(now) == 0 // what is fed otherwise has none at any time
		return
	}
	first := m[0].Values[0].Timestamp.Time()
	if first.Sub(inv.start) > step {
		inv.start, inv.dataFrom = first.Add(-step).UTC(), first
		inv.setSteps()
	}
	if first.After(inv.fired.Add(step)) {
		inv.judged = inv.until
	}
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

// sharedEarlier returns the labels that the alert shared with all of its name as one after the other joined, those of itself alone first.
func (inv *investigation) sharedEarlier() []map[string]string {
	labels := inv.targetLabels()
	out := []map[string]string{maps.Clone(labels)}
	others := inv.sameNameAlerts()[1:]
	slices.SortStableFunc(others, func(a, b incident.Alert) int { return a.Began().Compare(b.Began()) })
	for _, a := range others {
		before := len(labels)
		maps.DeleteFunc(labels, func(name, value string) bool { return a.Labels[name] != value })
		if len(labels) < before {
			out = append(out, maps.Clone(labels))
		}
	}
	return out
}

// link returns a URL that opens the query in Prometheus over the range; "" without Prometheus.
func (inv *investigation) link(query string, start, end time.Time) string {
	return inv.server.GraphURL(query, start, end)
}

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
