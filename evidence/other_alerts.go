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
	"github.com/alertscribe/alertscribe/text"
)

var (
	msgNoOthers = message{"No other alert fired in this window (%s).", "窗口（%s）内没有其他告警触发。"}
	msgOthers   = message{
		"Other alerts in this window (%[4]s): %[1]d; before this one: %[2]d; on the same target: %[3]d; firing at its end: %[5]d.",
		"窗口（%[4]s）内另有 %[1]d 条告警触发，其中早于本告警 %[2]d 条，同一目标 %[3]d 条，窗口结束时仍触发 %[5]d 条。",
	}
	msgFirstOther = message{" First in the window: %[1]s at %[2]s.", "其中最早触发的是 %[1]s（%[2]s）。"}
	msgOlder      = message{" Already firing before it: %d more.", "另有 %d 条在窗口开始前就已触发。"}
	msgSilenced   = message{" This alert is silenced%s.", "本告警已被静默%s。"}
	msgInhibited  = message{" This alert is inhibited by %s.", "本告警被以下告警抑制：%s。"}
	msgByComment  = message{" (%[1]s: \"%[2]s\", until %[3]s)", "（%[1]s：“%[2]s”，%[3]s 到期）"}

	msgWordAlert     = message{"alert", "告警"}
	msgWordLabelsOf  = message{"labels", "标签"}
	msgWordSeverity  = message{"severity", "严重级别"}
	msgWordSame      = message{"same target", "同一目标"}
	msgWordSilenced  = message{"silenced", "已静默"}
	msgWordInhibited = message{"inhibited", "被抑制"}
)

// otherAlert is an alert beside the incident's own.
type otherAlert struct {
	labels       map[string]string
	start, end   time.Time // end is zero while it fires
	older        bool      // it began before the window
	vague        bool      // it may have begun earlier than start
	endsLater    bool      // it may have ended later than end
	state        message
	sharedLabels []string // labels that it shares with the alert looked at, those that name a target
}

// alwaysFiring alerts fire by design.
var alwaysFiring = []string{"Watchdog", "InfoInhibitor", "DeadMansSwitch"}

// collectOtherAlerts lists what else fires or has just fired, in the order of onset, from both who evaluate rules and who
// notify: Prometheus remembers those that are over, Alertmanager knows of other Prometheus servers and of silences.
func collectOtherAlerts(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if inv.prom == nil && inv.alertmanager == nil {
		return nil, nil
	}
	var others []otherAlert
	var muted string
	windows := inv.eachWindow()
	start, end := inv.start, windows[len(windows)-1].end
	item := incident.Evidence{Title: inv.say(msgTitleOthers), Start: start, End: end}
	var failed error
	if inv.prom != nil {
		item.Query = `ALERTS{alertstate="firing"}`
		item.Link = inv.link(item.Query, start, end)
		found, err := inv.alertsSeries(ctx, item.Query)
		others, failed = found, err
	}
	if inv.alertmanager != nil {
		known, err := inv.alertmanager.alerts(ctx, url.Values{})
		failed = errors.Join(failed, err)
		if err == nil {
			others = inv.addKnownAlerts(others, known)
			muted = inv.mutedText(ctx, known)
		}
	}
	if len(others) == 0 && failed != nil {
		return nil, failed
	}
	slices.SortStableFunc(others, func(a, b otherAlert) int {
		return cmp.Or(a.start.Compare(b.start), strings.Compare(labelText(a.labels), labelText(b.labels)))
	})
	item.Summary, item.Nothing = inv.summarizeOthers(others)+muted, len(others) == 0 && muted == ""
	item.Table = inv.othersTable(others)
	return []incident.Evidence{item}, failed
}

// alertsSeries reads the alerts that Prometheus itself remembers.
func (inv *investigation) alertsSeries(ctx context.Context, query string) ([]otherAlert, error) {
	windows := inv.coarseWindows()
	m, err := inv.rangeOver(ctx, query, windows)
	if err != nil {
		return nil, err
	}
	last := windows[len(windows)-1]
	var out []otherAlert
	var times []alertTimes
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		labels := seriesLabels(s.Metric)
		delete(labels, model.MetricNameLabel)
		delete(labels, "alertstate")
		a := otherAlert{labels: labels, start: s.Values[0].Timestamp.Time(), state: msgWordFiring}
		a.older = a.start.Sub(windows[0].start) < windows[0].step
		a.vague = a.older || !a.start.Before(last.start) && a.start.Sub(last.start) < last.step
		if seen := s.Values[len(s.Values)-1].Timestamp.Time(); last.end.Sub(seen) >= last.step {
			a.end, a.state = seen, msgWordEnded
		}
		if !inv.isOwnAlert(labels) {
			a.sharedLabels = inv.sharedTargets(labels)
			out, times = append(out, a), append(times, alertTimes{s.Metric, windowAt(windows, a.start).step, windowAt(windows, a.end).step})
		}
	}
	inv.settleAlerts(ctx, query, out, times)
	return out, nil
}

// alertTimes is how an alert was seen: its series, and the steps of the windows in which it began and ended.
type alertTimes struct {
	series      model.Metric
	began, ends time.Duration
}

// windowAt returns the window that a time lies in, the first for none.
func windowAt(windows []timeWindow, at time.Time) timeWindow {
	for _, w := range windows {
		if !at.Before(w.start) && !at.After(w.end) {
			return w
		}
	}
	return windows[0]
}

// settleAlerts looks up when exactly alerts began and ended that were seen by steps: those nearest to when the incident's own fired.
// Times that stay as they were seen are marked where the steps are long.
func (inv *investigation) settleAlerts(ctx context.Context, query string, found []otherAlert, seen []alertTimes) {
	began := func(i int) stretch { return stretch{found[i].start.Add(-seen[i].began), found[i].start} }
	ended := func(i int) stretch { return stretch{found[i].end, found[i].end.Add(seen[i].ends)} }
	starts, ends := make([]stretch, len(found)), make([]stretch, len(found)) // as they were seen
	var wanted []stretch
	for i, a := range found {
		if starts[i] = began(i); !a.vague {
			wanted = append(wanted, starts[i])
		}
		if ends[i] = ended(i); !a.end.IsZero() {
			wanted = append(wanted, ends[i])
		}
	}
	held := inv.readHeld(ctx, query, wanted, inv.fired)
	for i := range found {
		a := &found[i]
		if samples := held.of(seen[i].series, starts[i].after, starts[i].until); !a.vague && held.covers(starts[i]) && len(samples) > 0 {
			a.start = samples[0].Timestamp.Time()
		} else if seen[i].began > vagueFrom {
			a.vague = true
		}
		if a.end.IsZero() {
			continue
		}
		if samples := held.of(seen[i].series, ends[i].after.Add(-heldMargin), ends[i].until); held.covers(ends[i]) && len(samples) > 0 {
			a.end = samples[len(samples)-1].Timestamp.Time()
		} else {
			a.endsLater = seen[i].ends > vagueFrom
		}
	}
}

// sinceText tells when an alert began, as far as that is known.
func (o otherAlert) sinceText() string {
	if o.vague {
		return "≤ " + formatTime(o.start)
	}
	return formatTime(o.start)
}

// isOwnAlert reports whether labels are those of an alert of the incident, or of one that is not worth a line.
func (inv *investigation) isOwnAlert(labels map[string]string) bool {
	if slices.Contains(alwaysFiring, labels["alertname"]) || labels[incident.SelfAlertLabel] == "true" {
		return true
	}
	for _, a := range inv.incident.Alerts {
		if labelsWithin(labels, a.Labels) {
			return true
		}
	}
	return false
}

// sharedTargets returns the labels that name a target and that an alert shares with the one looked at.
func (inv *investigation) sharedTargets(labels map[string]string) []string {
	var shared []string
	for _, k := range targetLabelOrder {
		if value := labels[k.label]; value != "" && inv.alert.Labels[k.label] == value {
			shared = append(shared, k.label)
		}
	}
	return shared
}

// addKnownAlerts adds what Alertmanager knows: exact times, and alerts of other servers.
func (inv *investigation) addKnownAlerts(others []otherAlert, known []knownAlert) []otherAlert {
	for _, k := range known {
		if inv.isOwnAlert(k.Labels) {
			continue
		}
		state := msgWordFiring
		switch {
		case len(k.Status.SilencedBy) > 0:
			state = msgWordSilenced
		case len(k.Status.InhibitedBy) > 0:
			state = msgWordInhibited
		}
		i := slices.IndexFunc(others, func(o otherAlert) bool { return o.end.IsZero() && labelsWithin(o.labels, k.Labels) })
		if i < 0 {
			i = len(others)
			others = append(others, otherAlert{labels: k.Labels, sharedLabels: inv.sharedTargets(k.Labels)})
		}
		others[i].state, others[i].start, others[i].vague = state, k.StartsAt, false
		others[i].older = k.StartsAt.Before(inv.start)
	}
	return others
}

// mutedText says whether the alert looked at is silenced or inhibited, and by what.
func (inv *investigation) mutedText(ctx context.Context, known []knownAlert) string {
	byFingerprint := map[string]knownAlert{}
	for _, k := range known {
		byFingerprint[k.Fingerprint] = k
	}
	own, ok := byFingerprint[inv.alert.Fingerprint]
	if !ok {
		return ""
	}
	out := ""
	if ids := own.Status.SilencedBy; len(ids) > 0 {
		out += inv.say(msgSilenced, inv.silenceText(ctx, ids[0]))
	}
	if by := own.Status.InhibitedBy; len(by) > 0 {
		out += inv.say(msgInhibited, labelText(byFingerprint[by[0]].Labels))
	}
	return out
}

// silenceText tells who silenced, why, and until when; "" when that can't be looked up.
func (inv *investigation) silenceText(ctx context.Context, id string) string {
	type silence struct {
		CreatedBy string    `json:"createdBy"`
		Comment   string    `json:"comment"`
		EndsAt    time.Time `json:"endsAt"`
	}
	s, err := amGet[silence](ctx, inv.alertmanager, "/api/v2/silence/"+url.PathEscape(id), nil)
	if err != nil {
		inv.log.WarnContext(ctx, "Silence lookup failed, the report leaves it out", "err", err)
		return ""
	}
	return inv.say(msgByComment, text.Cut(text.OneLine(s.CreatedBy), 60), text.Cut(text.OneLine(s.Comment), 120), formatTime(s.EndsAt))
}

// summarizeOthers sums the alerts up.
func (inv *investigation) summarizeOthers(others []otherAlert) string {
	inWindow, before, same, older, firing := 0, 0, 0, 0, 0
	var first *otherAlert
	for i, o := range others {
		firing += boolToInt(o.end.IsZero())
		if o.older {
			older++
			continue
		}
		if inWindow++; o.start.Before(inv.fired) {
			before++
		}
		if len(o.sharedLabels) > 0 {
			same++
		}
		if first == nil {
			first = &others[i]
		}
	}
	out := inv.say(msgNoOthers, inv.spansText()) + inv.untargetedText()
	if inWindow > 0 {
		out = inv.say(msgOthers, inWindow, before, same, inv.spansText(), firing) +
			inv.say(msgFirstOther, inv.describeOther(*first), first.sinceText())
	}
	if older > 0 {
		out += inv.say(msgOlder, older)
	}
	return out
}

func (inv *investigation) describeOther(o otherAlert) string {
	rest := maps.Clone(o.labels)
	delete(rest, "alertname")
	return boundedLine(o.labels["alertname"]) + " {" + labelText(rest) + "}"
}

// othersTable shows the alerts in order of onset; of too many, those that share a target and those nearest to the
// onset stay.
func (inv *investigation) othersTable(others []otherAlert) *incident.Table {
	if len(others) == 0 {
		return nil
	}
	shown := slices.Clone(others)
	if len(shown) > maxRows {
		slices.SortStableFunc(shown, func(a, b otherAlert) int {
			return cmp.Or(cmp.Compare(boolToInt(a.older), boolToInt(b.older)), cmp.Compare(boolToInt(len(a.sharedLabels) == 0), boolToInt(len(b.sharedLabels) == 0)),
				cmp.Compare(a.start.Sub(inv.onset).Abs(), b.start.Sub(inv.onset).Abs()))
		})
		shown = shown[:maxRows]
		slices.SortStableFunc(shown, func(a, b otherAlert) int { return a.start.Compare(b.start) })
	}
	t := &incident.Table{Columns: []string{
		inv.say(msgWordSince), inv.say(msgWordAlert), inv.say(msgWordSeverity), inv.say(msgWordStatus), inv.say(msgWordSame), inv.say(msgWordLabelsOf),
	}}
	for _, o := range shown {
		since, same, state := o.sinceText(), strings.Join(o.sharedLabels, inv.say(msgComma)), inv.say(o.state)
		if o.endsLater {
			state += " ≥"
		}
		if !o.end.IsZero() {
			state += " " + formatTime(o.end)
		}
		rest := maps.Clone(o.labels)
		delete(rest, "alertname")
		delete(rest, "severity")
		t.Rows = append(t.Rows, []string{since, boundedLine(o.labels["alertname"]), text.Cut(boundedLine(o.labels["severity"]), 20), state, same, labelText(rest)})
	}
	if more := len(others) - len(shown); more > 0 {
		t.Rows = append(t.Rows, []string{inv.say(msgMore, more), "", "", "", "", ""})
	}
	return t
}
