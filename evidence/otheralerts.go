package evidence

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
)

var (
	sayNoOthers = text{"No other alert fired in this window.", "该时间范围内没有其他告警触发。"}
	sayOthers   = text{
		"Other alerts that fired in this window: %[1]d, before this one: %[2]d, on the same target: %[3]d.",
		"该时间范围内另有 %[1]d 条告警触发，其中 %[2]d 条早于本告警，%[3]d 条在同一目标上。",
	}
	sayFirstOther = text{" The first after the window's start: %[1]s at %[2]s.", " 该时间范围内最早触发：%[1]s（%[2]s）。"}
	sayOlder      = text{" Firing since before the window: %d more.", " 另有 %d 条在此之前就已触发。"}
	saySilenced   = text{" This alert is silenced%s.", " 本告警已被静默%s。"}
	sayInhibited  = text{" This alert is inhibited by %s.", " 本告警被 %s 抑制。"}
	sayByComment  = text{" (%[1]s: %[2]q, until %[3]s)", "（%[1]s：%[2]q，至 %[3]s）"}

	wordAlert     = text{"alert", "告警"}
	wordLabelsOf  = text{"labels", "标签"}
	wordSame      = text{"same target", "同一目标"}
	wordSilenced  = text{"silenced", "已静默"}
	wordInhibited = text{"inhibited", "被抑制"}
)

// otherAlert is an alert beside the incident's own.
type otherAlert struct {
	labels     map[string]string
	start, end time.Time // end is zero while it fires
	older      bool      // it began before the window
	state      text
	related    []string // labels that it shares with the alert looked at, those that name a target
}

// uninteresting alerts fire by design.
var uninteresting = []string{"Watchdog", "InfoInhibitor", "DeadMansSwitch"}

// otherAlerts lists what else fires or has just fired, in the order of onset, from both who evaluate rules and who
// notify: Prometheus remembers those that are over, Alertmanager knows of other Prometheus servers and of silences.
func otherAlerts(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	if q.prom == nil && q.alertmanager == nil {
		return nil, nil
	}
	var others []otherAlert
	var muted string
	item := incident.Evidence{Title: q.say(titleOthers), Start: q.start, End: q.end}
	var failed error
	if q.prom != nil {
		item.Query = `ALERTS{alertstate="firing"}`
		item.Link = q.link(item.Query, q.start, q.end)
		found, err := q.alertsSeries(ctx, item.Query)
		others, failed = found, err
	}
	if q.alertmanager != nil {
		known, err := q.alertmanager.alerts(ctx, url.Values{})
		failed = errors.Join(failed, err)
		if err == nil {
			others = q.merge(others, known)
			muted = q.muted(ctx, known)
		}
	}
	if len(others) == 0 && failed != nil {
		return nil, failed
	}
	slices.SortStableFunc(others, func(a, b otherAlert) int {
		return cmp.Or(a.start.Compare(b.start), strings.Compare(labelText(a.labels), labelText(b.labels)))
	})
	item.Summary = q.tellOthers(others) + muted
	item.Table = q.othersTable(others)
	return []incident.Evidence{item}, failed
}

// alertsSeries reads the alerts that Prometheus itself remembers.
func (q *inquiry) alertsSeries(ctx context.Context, query string) ([]otherAlert, error) {
	start, times, step := q.grid()
	m, err := q.prom.Range(ctx, query, start, q.end, step)
	if err != nil {
		return nil, err
	}
	var out []otherAlert
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		labels := texted(s.Metric)
		delete(labels, model.MetricNameLabel)
		delete(labels, "alertstate")
		a := otherAlert{labels: labels, start: s.Values[0].Timestamp.Time(), state: wordFiring}
		a.older = a.start.Sub(start) < step
		if last := s.Values[len(s.Values)-1].Timestamp.Time(); times[len(times)-1].Sub(last) >= step {
			a.end, a.state = last, wordEnded
		}
		if !q.ours(labels) {
			a.related = q.related(labels)
			out = append(out, a)
		}
	}
	return out, nil
}

// ours reports whether labels are those of an alert of the incident, or of one that is not worth a line.
func (q *inquiry) ours(labels map[string]string) bool {
	if slices.Contains(uninteresting, labels["alertname"]) || labels[incident.SelfAlertLabel] == "true" {
		return true
	}
	for _, a := range q.incident.Alerts {
		if agrees(labels, a.Labels) {
			return true
		}
	}
	return false
}

// agrees reports whether all labels of a series stand in an alert, which may have more: those that were added on the
// way to Alertmanager.
func agrees(series, alert map[string]string) bool {
	for name, value := range series {
		if alert[name] != value {
			return false
		}
	}
	return len(series) > 0
}

// related returns the labels that name a target and that an alert shares with the one looked at.
func (q *inquiry) related(labels map[string]string) []string {
	var shared []string
	for _, k := range kin {
		if value := labels[k.label]; value != "" && q.alert.Labels[k.label] == value {
			shared = append(shared, k.label)
		}
	}
	return shared
}

// merge adds what Alertmanager knows: exact times, and alerts of other servers.
func (q *inquiry) merge(others []otherAlert, known []knownAlert) []otherAlert {
	for _, k := range known {
		if q.ours(k.Labels) {
			continue
		}
		state := wordFiring
		switch {
		case len(k.Status.SilencedBy) > 0:
			state = wordSilenced
		case len(k.Status.InhibitedBy) > 0:
			state = wordInhibited
		}
		i := slices.IndexFunc(others, func(o otherAlert) bool { return o.end.IsZero() && agrees(o.labels, k.Labels) })
		if i < 0 {
			i = len(others)
			others = append(others, otherAlert{labels: k.Labels, related: q.related(k.Labels)})
		}
		others[i].state, others[i].start = state, k.StartsAt
		others[i].older = k.StartsAt.Before(q.start)
	}
	return others
}

// muted says whether the alert looked at is silenced or inhibited, and by what.
func (q *inquiry) muted(ctx context.Context, known []knownAlert) string {
	byFingerprint := map[string]knownAlert{}
	for _, k := range known {
		byFingerprint[k.Fingerprint] = k
	}
	own, ok := byFingerprint[q.alert.Fingerprint]
	if !ok {
		return ""
	}
	out := ""
	if ids := own.Status.SilencedBy; len(ids) > 0 {
		out += q.say(saySilenced, q.silence(ctx, ids[0]))
	}
	if by := own.Status.InhibitedBy; len(by) > 0 {
		out += q.say(sayInhibited, labelText(byFingerprint[by[0]].Labels))
	}
	return out
}

// silence tells who silenced, why, and until when; "" when that can't be looked up.
func (q *inquiry) silence(ctx context.Context, id string) string {
	type silence struct {
		CreatedBy string    `json:"createdBy"`
		Comment   string    `json:"comment"`
		EndsAt    time.Time `json:"endsAt"`
	}
	s, err := amGet[silence](ctx, q.alertmanager, "/api/v2/silence/"+url.PathEscape(id), nil)
	if err != nil {
		q.log.WarnContext(ctx, "a silence could not be looked up", "err", err)
		return ""
	}
	return q.say(sayByComment, cut(s.CreatedBy, 60), cut(s.Comment, 120), clock(s.EndsAt))
}

// tellOthers sums the alerts up.
func (q *inquiry) tellOthers(others []otherAlert) string {
	inWindow, before, same, older := 0, 0, 0, 0
	var first *otherAlert
	for i, o := range others {
		if o.older {
			older++
			continue
		}
		if inWindow++; o.start.Before(q.fired) {
			before++
		}
		if len(o.related) > 0 {
			same++
		}
		if first == nil {
			first = &others[i]
		}
	}
	out := q.say(sayNoOthers)
	if inWindow > 0 {
		out = q.say(sayOthers, inWindow, before, same) +
			q.say(sayFirstOther, q.describeOther(*first), clock(first.start))
	}
	if older > 0 {
		out += q.say(sayOlder, older)
	}
	return out
}

func (q *inquiry) describeOther(o otherAlert) string {
	rest := maps.Clone(o.labels)
	delete(rest, "alertname")
	return cut(o.labels["alertname"], 80) + " {" + labelText(rest) + "}"
}

// othersTable shows the alerts in order of onset; of too many, those that share a target and those nearest to the
// onset stay.
func (q *inquiry) othersTable(others []otherAlert) *incident.Table {
	if len(others) == 0 {
		return nil
	}
	shown := slices.Clone(others)
	if len(shown) > maxRows {
		slices.SortStableFunc(shown, func(a, b otherAlert) int {
			return cmp.Or(cmp.Compare(zeroOne(a.older), zeroOne(b.older)), cmp.Compare(zeroOne(len(a.related) == 0), zeroOne(len(b.related) == 0)),
				cmp.Compare(a.start.Sub(q.onset).Abs(), b.start.Sub(q.onset).Abs()))
		})
		shown = shown[:maxRows]
		slices.SortStableFunc(shown, func(a, b otherAlert) int { return a.start.Compare(b.start) })
	}
	t := &incident.Table{Columns: []string{
		q.say(wordSince), q.say(wordAlert), "severity", q.say(wordStatus), q.say(wordSame), q.say(wordLabelsOf),
	}}
	for _, o := range shown {
		since, same, state := clock(o.start), strings.Join(o.related, ", "), q.say(o.state)
		if o.older && q.alertmanager == nil {
			since = "≤ " + since
		}
		if !o.end.IsZero() {
			state += " " + clock(o.end)
		}
		rest := maps.Clone(o.labels)
		delete(rest, "alertname")
		delete(rest, "severity")
		t.Rows = append(t.Rows, []string{since, cut(o.labels["alertname"], 80), cut(o.labels["severity"], 20), state, same, labelText(rest)})
	}
	if more := len(others) - len(shown); more > 0 {
		t.Rows = append(t.Rows, []string{q.say(sayMore, more), "", "", "", "", ""})
	}
	return t
}

func zeroOne(b bool) int {
	if b {
		return 1
	}
	return 0
}
