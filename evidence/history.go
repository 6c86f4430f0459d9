package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// history is where past incidents are kept.
type history interface {
	// Past returns the incidents of an alert name that opened before a time, the newest first: the newest of all and the
	// newest of those that carry feedback.
	Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error)
}

// maxPast is the number of past incidents that are shown.
const maxPast = 5

var (
	msgNoPastIncidents = message{"No earlier incidents of this alert.", "本告警没有历史事件。"}
	msgPastIncidents   = message{
		"Earlier incidents: %[1]d, with the same labels: %[2]d; the last began at %[3]s and lasted %[4]s.",
		"本告警有 %[1]d 起历史事件，其中 %[2]d 起标签相同；最近一起始于 %[3]s，历时 %[4]s。",
	}
	msgPastGoing = message{
		"Earlier incidents: %[1]d, with the same labels: %[2]d; the last began at %[3]s and is %[4]s.",
		"本告警有 %[1]d 起历史事件，其中 %[2]d 起标签相同；最近一起始于 %[3]s，%[4]s。",
	}
	msgStillFiring  = message{"still firing", "尚未恢复"}
	msgWentStale    = message{"stale", "通知中断"}
	msgWordIncident = message{"incident", "事件"}
	msgWordLasted   = message{"lasted", "历时"}
	msgWordOther    = message{"other labels", "不同标签"}
)

// pastIncident is an earlier incident and how much it is like the one looked into.
type pastIncident struct {
	incident.PastRecord
	similarity float64           // share of labels that are the same, 0 to 1
	closest    map[string]string // the labels of its alert that are most like those of the alert looked at
}

// pastIncidentsItem shows earlier incidents of the alert, those with the same labels first. It shows facts alone: what was thought
// of them is a hypothesis, see PastIncidents.
func (c *Collector) pastIncidentsItem(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if c.options.History == nil {
		return nil, nil
	}
	records, err := c.readPast(ctx, inv.incident)
	if err != nil {
		return nil, err
	}
	c.recent.keep(inv.incident.ID, records) // for PastIncidents, which follows
	found := compareAll(inv.alert.Labels, records)
	item := incident.Evidence{Title: inv.say(msgTitleHistory), Summary: inv.say(msgNoPastIncidents)}
	if len(found) == 0 {
		item.Nothing = true
		return []incident.Evidence{item}, nil
	}
	slices.SortStableFunc(found, func(a, b pastIncident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	last, same := found[0], 0
	for _, p := range found {
		if p.similarity == 1 {
			same++
		}
	}
	phrase := msgPastIncidents
	if last.ResolvedAt.IsZero() {
		phrase = msgPastGoing
	}
	item.Summary = inv.say(phrase, len(found), same, formatTime(last.StartedAt), inv.lasted(last))
	slices.SortStableFunc(found, func(a, b pastIncident) int { return cmp.Compare(b.similarity, a.similarity) })
	item.Table = &incident.Table{Columns: []string{
		inv.say(msgWordSince), inv.say(msgWordLasted), inv.say(msgWordOther), inv.say(msgWordIncident),
	}}
	for _, p := range found[:min(len(found), maxPast)] {
		item.Table.Rows = append(item.Table.Rows, []string{
			formatTime(p.StartedAt), inv.lasted(p), labelText(differing(p.closest, inv.alert.Labels)), p.ID,
		})
	}
	return []incident.Evidence{item}, nil
}

// readPast returns the past incidents of the alert.
func (c *Collector) readPast(ctx context.Context, inc *incident.Incident) ([]incident.PastRecord, error) {
	records, err := c.options.History.Past(ctx, inc.Alertname, inc.OpenedAt)
	if err != nil {
		return nil, fmt.Errorf("reading past incidents: %w", err)
	}
	return records, nil
}

// compareAll compares the alert that is looked at with those of past incidents.
func compareAll(labels map[string]string, records []incident.PastRecord) []pastIncident {
	found := make([]pastIncident, len(records))
	for i, r := range records {
		found[i] = compare(labels, r)
	}
	return found
}

// compare says how like a past incident is: by that of its alerts that is most like the one looked at.
func compare(labels map[string]string, past incident.PastRecord) pastIncident {
	best := pastIncident{PastRecord: past, similarity: -1}
	for _, other := range past.Labels {
		if s := similarity(labels, other); s > best.similarity {
			best.similarity, best.closest = s, other
		}
	}
	return best
}

// similarity returns the share of label names that have the same value in both; -1 where there are no labels.
func similarity(a, b map[string]string) float64 {
	all, same := len(b), 0
	for name, value := range a {
		other, ok := b[name]
		if !ok {
			all++
		}
		if other == value {
			same++
		}
	}
	if all == 0 {
		return -1
	}
	return float64(same) / float64(all)
}

// differing returns the labels of a past alert that the one looked at has not, empty ones for those that only the latter has.
func differing(past, labels map[string]string) map[string]string {
	differ := map[string]string{}
	for name, value := range past {
		if labels[name] != value {
			differ[name] = value
		}
	}
	for name, value := range labels {
		if past[name] != value {
			differ[name] = past[name]
		}
	}
	return differ
}

// lasted formats how long an incident took, or that it isn't over.
func (inv *investigation) lasted(p pastIncident) string {
	switch {
	case !p.ResolvedAt.IsZero():
		return inv.duration(p.ResolvedAt.Sub(p.StartedAt).Round(time.Second))
	case p.Status == incident.Stale:
		return inv.say(msgWentStale)
	}
	return inv.say(msgStillFiring)
}

// recentPast keeps what was read last of past incidents: the evidence of an incident and what is recalled for its analysis
// come from the same records, one right after the other.
type recentPast struct {
	mu   sync.Mutex
	kept [8]keptPast // the newest last
}

type keptPast struct {
	incident string
	records  []incident.PastRecord
}

func (r *recentPast) keep(id string, records []incident.PastRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	copy(r.kept[:], r.kept[1:])
	r.kept[len(r.kept)-1] = keptPast{id, records}
}

// take returns what is kept for an incident, and forgets it.
func (r *recentPast) take(id string) ([]incident.PastRecord, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, k := range slices.Backward(r.kept[:]) {
		if k.incident == id && id != "" {
			r.kept[i] = keptPast{}
			return k.records, true
		}
	}
	return nil, false
}
