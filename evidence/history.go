package evidence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// history is where past incidents are kept.
type history interface {
	// Incidents lists incidents, firing ones first, then newest first.
	Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error)
	// Incident returns one with what was found out about it.
	Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error)
}

// The bounds of history.
const (
	maxPastAsked = 100
	maxPast      = 5
)

var (
	msgNoPastIncidents = message{"There is no earlier incident of this alert.", "该告警没有历史事件。"}
	msgPastIncidents   = message{
		"Earlier incidents of this alert: %[1]d, with the same labels: %[2]d; the last began at %[3]s and lasted %[4]s.",
		"该告警有 %[1]d 次历史事件，其中 %[2]d 次标签相同；最近一次始于 %[3]s，持续 %[4]s。",
	}
	msgWordIncident = message{"incident", "事件"}
	msgWordLasted   = message{"lasted", "持续"}
	msgWordOther    = message{"other labels", "不同的标签"}
)

// pastIncident is an earlier incident and how much it is like the one looked into.
type pastIncident struct {
	*incident.Incident
	likeness float64 // share of labels that are the same, 0 to 1
	differ   map[string]string
}

// pastIncidentsItem shows earlier incidents of the alert, those with the same labels first. It shows facts alone: what was thought
// of them is a hypothesis, see Recall.
func (c *Collector) pastIncidentsItem(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if c.options.History == nil {
		return nil, nil
	}
	found, err := c.earlier(ctx, inv.incident, inv.alert)
	if err != nil {
		return nil, err
	}
	item := incident.Evidence{Title: inv.say(msgTitleHistory), Summary: inv.say(msgNoPastIncidents)}
	if len(found) == 0 {
		return []incident.Evidence{item}, nil
	}
	slices.SortStableFunc(found, func(a, b pastIncident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	last, same := found[0], 0
	for _, p := range found {
		if p.likeness == 1 {
			same++
		}
	}
	item.Summary = inv.say(msgPastIncidents, len(found), same, formatTime(last.StartedAt), inv.lasted(last.Incident))
	slices.SortStableFunc(found, func(a, b pastIncident) int { return cmp.Compare(b.likeness, a.likeness) })
	item.Table = &incident.Table{Columns: []string{
		inv.say(msgWordSince), inv.say(msgWordLasted), inv.say(msgWordOther), inv.say(msgWordIncident),
	}}
	for _, p := range found[:min(len(found), maxPast)] {
		item.Table.Rows = append(item.Table.Rows, []string{
			formatTime(p.StartedAt), inv.lasted(p.Incident), labelText(p.differ), p.ID,
		})
	}
	return []incident.Evidence{item}, nil
}

// earlier lists the incidents of the same alert that opened before inc, each compared with the alert looked at.
func (c *Collector) earlier(ctx context.Context, inc *incident.Incident, alert incident.Alert) ([]pastIncident, error) {
	list, _, err := c.options.History.Incidents(ctx, incident.Query{Limit: maxPastAsked, Alertname: inc.Alertname})
	if err != nil {
		return nil, fmt.Errorf("reading past incidents: %w", err)
	}
	var found []pastIncident
	for _, past := range list {
		if past.ID != inc.ID && past.OpenedAt.Before(inc.OpenedAt) {
			found = append(found, compare(alert, past))
		}
	}
	return found, nil
}

// compare says how like a past incident is: by that of its alerts that is most like the one looked at.
func compare(alert incident.Alert, inc *incident.Incident) pastIncident {
	best := pastIncident{Incident: inc, likeness: -1}
	for _, a := range inc.Alerts {
		all, same, differ := 0., 0., map[string]string{}
		for name := range promql.NewLabelNames(append(slices.Collect(maps.Keys(a.Labels)), slices.Collect(maps.Keys(alert.Labels))...)...) {
			if all++; a.Labels[name] == alert.Labels[name] {
				same++
			} else {
				differ[name] = a.Labels[name]
			}
		}
		if all > 0 && same/all > best.likeness {
			best.likeness, best.differ = same/all, differ
		}
	}
	return best
}

// lasted formats how long an incident took, or that it isn't over.
func (inv *investigation) lasted(inc *incident.Incident) string {
	if inc.ResolvedAt.IsZero() {
		return string(inc.Status)
	}
	return promql.FormatDuration(inc.ResolvedAt.Sub(inc.StartedAt).Round(time.Second))
}
