package notify

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

const (
	// withoutVerdict is the occurrence of an analysis that ended without, or that takes too long.
	withoutVerdict = "none"
	// changeGap is how long a changed incident waits after the last message of it, so that a growing group is one message.
	changeGap = time.Minute
)

// toldStale is the key under which it is recorded that an incident was told to be stale.
const toldStale = "stale"

// plan is what a channel has to be told of an incident; no event for nothing.
type plan struct {
	event      channel.Event
	occurrence string
	at         time.Time // when; zero for now
}

// occurrences returns which occurrence of each event the incident as it is stands for.
func (n *Notifier) occurrences(inc *incident.Incident) map[channel.Event]string {
	o := map[channel.Event]string{channel.Opened: strconv.Itoa(inc.Flaps)}
	a := inc.Analysis
	switch {
	case a.State == incident.Complete:
		o[channel.Analyzed] = "0"
		for _, e := range slices.Backward(inc.Timeline) {
			if e.Kind == incident.EventAnalyzed {
				o[channel.Analyzed] = strconv.FormatInt(e.At.UnixMicro(), 36)
				break
			}
		}
	case a.State == incident.EvidenceOnly && a.Reason != incident.Skipped, a.State == incident.Pending && n.overdue(inc):
		o[channel.Analyzed] = withoutVerdict
	}
	if inc.Generation > 1 {
		o[channel.Changed] = strconv.FormatInt(inc.Generation, 10)
	}
	if inc.Status == incident.Resolved {
		o[channel.Resolved] = strconv.FormatInt(inc.ClosedAt.UnixMicro(), 36)
	}
	return o
}

func (n *Notifier) overdue(inc *incident.Incident) bool {
	return n.opts.Now().Sub(inc.OpenedAt) >= n.opts.Patience
}

// skipped reports whether the incident is one that the setting analysis.skip excludes.
func skipped(inc *incident.Incident) bool {
	return inc.Analysis.State == incident.EvidenceOnly && inc.Analysis.Reason == incident.Skipped
}

// past is what a list of channels was told of an incident.
type past struct {
	told       map[string]string // the occurrence of each event
	at         time.Time         // of the last message; zero for none
	generation int64             // of the incident that changes count from
}

// pastOf returns what the channels of a list were told together: they stand in for each other.
func pastOf(rows map[string]incident.Delivery) past {
	p := past{told: map[string]string{}}
	last := map[string]string{}
	for _, d := range rows {
		for event, occurrence := range d.Told {
			if p.told[event] == "" || d.At.After(p.at) {
				p.told[event] = occurrence
			}
		}
		if d.At.After(p.at) {
			p.at, last = d.At, d.Told
		}
		p.generation = max(p.generation, d.Generation)
	}
	for _, status := range []string{string(channel.Resolved), toldStale} { // the last word counts
		p.told[status] = last[status]
	}
	return p
}

// ownPast returns what one channel was told.
func ownPast(d incident.Delivery) past { return pastOf(map[string]incident.Delivery{d.Channel: d}) }

// plan says what a channel has to be told, by what its list was told. What happened last stands for what went before it.
func (n *Notifier) plan(c *Channel, p past, inc *incident.Incident) plan {
	now := n.occurrences(inc)
	wants := func(e channel.Event) bool { return slices.Contains(c.Events, e) }
	untold := func(e channel.Event) bool { return now[e] != "" && now[e] != p.told[string(e)] }
	tell := func(e channel.Event) plan { return plan{event: e, occurrence: now[e]} }
	known := !p.at.IsZero()
	neverAnalyzed := wants(channel.Analyzed) && p.told[string(channel.Analyzed)] == ""
	waiting := neverAnalyzed && inc.Analysis.State == incident.Pending && !n.overdue(inc)
	patience := plan{at: inc.OpenedAt.Add(n.opts.Patience)}
	verdict := wants(channel.Analyzed) && untold(channel.Analyzed) && (now[channel.Analyzed] != withoutVerdict || neverAnalyzed)
	switch {
	case inc.Status == incident.Resolved:
		return n.planEnd(c, p, inc, plan{event: channel.Resolved, occurrence: now[channel.Resolved]}, waiting, verdict)
	case p.generation < inc.Generation && (p.told[string(channel.Resolved)] != "" ||
		p.told[toldStale] != "" && inc.Status == incident.Firing): // what was said is true no longer
		return tell(channel.Changed)
	case verdict:
		return tell(channel.Analyzed)
	case untold(channel.Changed) && p.generation < inc.Generation &&
		(wants(channel.Changed) || inc.Status == incident.Stale && known && closes(c)):
		changed := tell(channel.Changed)
		if known {
			changed.at = p.at.Add(changeGap)
		}
		return changed
	case wants(channel.Opened) && untold(channel.Opened):
		return tell(channel.Opened)
	case waiting:
		return patience
	}
	return plan{}
}

// planEnd is plan for an incident that is resolved. Who knows of it hears of its end at once; who does not hears of it with the
// analysis, where that is still to come.
func (n *Notifier) planEnd(c *Channel, p past, inc *incident.Incident, end plan, waiting, verdict bool) plan {
	known := !p.at.IsZero()
	wanted := slices.Contains(c.Events, channel.Resolved) || known && closes(c)
	switch {
	case p.told[string(channel.Resolved)] == end.occurrence || !wanted || !known && skipped(inc):
		if verdict && !skipped(inc) {
			return plan{event: channel.Analyzed, occurrence: n.occurrences(inc)[channel.Analyzed]}
		}
		if waiting {
			return plan{at: inc.OpenedAt.Add(n.opts.Patience)}
		}
		return plan{}
	case !known && waiting:
		return plan{at: inc.OpenedAt.Add(n.opts.Patience)}
	}
	return end
}

// closer is a sender whose service has something open until it is closed.
type closer interface{ Closes() }

func closes(c *Channel) bool {
	_, ok := c.Sender.(closer)
	return ok
}

// accepts reports whether a channel is told of an incident at all. Who was told once is told how it goes on.
func (n *Notifier) accepts(c *Channel, d incident.Delivery, inc *incident.Incident) bool {
	if !d.At.IsZero() {
		return true
	}
	if inc.OpenedAt.Before(n.since[c.Name]) {
		return false
	}
	if c.MinSeverity != "" && n.opts.Policy.Rank(inc.Severity) > n.opts.Policy.Rank(c.MinSeverity) {
		return false
	}
	if len(c.Match) == 0 {
		return true
	}
	return slices.ContainsFunc(inc.Alerts, func(a incident.Alert) bool {
		set := make(model.LabelSet, len(a.Labels))
		for name, value := range a.Labels {
			set[model.LabelName(name)] = model.LabelValue(value)
		}
		return c.Match.Matches(set)
	})
}

// messageID names the occurrence of an event, so that a message has the same id whenever it is sent.
func messageID(incidentID string, p plan) string {
	return incidentID + "-" + string(p.event) + "-" + p.occurrence
}
