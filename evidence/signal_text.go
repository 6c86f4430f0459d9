package evidence

import (
	"math"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

var (
	msgNoRule = message{
		"alert rule not found: Prometheus doesn't list it, and the alert's generatorURL has no expression",
		"找不到告警规则：Prometheus 中没有，告警的 generatorURL 也不含表达式",
	}
	msgQueueMetric = message{
		"the alert's metric comes from the queue \"%s\", says the alert; Prometheus doesn't have it, so its values can't be looked up here; the alert's annotations have them",
		"据告警，指标来自队列“%s”，Prometheus 中没有该指标，无法在此查询数值，数值见告警注解",
	}
	msgTitleOf  = message{"%[1]s: %[2]s", "%[1]s：%[2]s"}
	msgNoSignal = message{
		"The expression has no value with this alert's labels in this window (%s).",
		"窗口（%s）内没有与本告警标签匹配的数据。",
	}
	msgValues = message{
		"Value when the alert fired: %[1]s; last: %[2]s at %[3]s.",
		"触发时为 %[1]s，最新值 %[2]s（%[3]s）。",
	}
	msgGone = message{
		"No value when the alert fired; last: %[1]s at %[2]s.",
		"触发时没有数据，最后一个值为 %[1]s（%[2]s）。",
	}
	msgNoOnset = message{
		"Prometheus has no data from when the alert fired (%[3]s); last: %[1]s at %[2]s.",
		"Prometheus 没有告警触发时（%[3]s）的数据，最新值 %[1]s（%[2]s）。",
	}
	msgPeakWas = message{
		"Peak: %[1]s at %[2]s%[3]s.",
		"峰值 %[1]s（%[2]s）%[3]s。",
	}
	msgValuesWere = message{
		" Value when the alert fired: %[1]s; last while it fired: %[2]s at %[3]s.",
		"触发时为 %[1]s，触发期间最后一个值为 %[2]s（%[3]s）。",
	}
	msgLastWas  = message{" Last while it fired: %[1]s at %[2]s.", "触发期间最后一个值为 %[1]s（%[2]s）。"}
	msgHighest  = message{" Max %[1]s at %[2]s%[3]s.", "异常开始后最高 %[1]s（%[2]s）%[3]s。"}
	msgLowest   = message{" Min %[1]s at %[2]s%[3]s.", "异常开始后最低 %[1]s（%[2]s）%[3]s。"}
	msgCoarse   = message{" (looked at every %s)", "，每 %s取样一次"}
	msgLeftOpen = message{" Nothing is known of %[1]s: %[2]s.", "%[1]s 期间的情况未知：%[2]s。"}
	msgLastOnly = message{"Last value: %[1]s at %[2]s.", "最新值 %[1]s（%[2]s）。"}
	msgFuture   = message{
		" The alert says that it began at %s, which is in the future: its sender's clock may be wrong.",
		"告警给出的开始时间 %s 晚于当前时间，发送方的时钟可能有误。",
	}
	msgMisdated = message{
		" The condition was not met when the alert says that it began (%s): its sender's clock or time zone may be wrong, or it saw other data.",
		"告警给出的开始时间（%s）尚未满足告警条件：发送方的时钟或时区可能有误，或双方数据不一致。",
	}
	msgLimit    = message{" Threshold: %[1]s %[2]s.", "阈值 %[1]s %[2]s。"}
	msgBaseline = message{" Before: median %[1]s, deviation %[2]s.", "基线：中位数 %[1]s，常规波动 %[2]s。"}
	msgUnusual  = message{
		" The change is %s times the deviation.",
		"本次变化是常规波动的 %s 倍。",
	}
	msgLimitWas   = message{" It was %s before.", "异常前阈值为 %s。"}
	msgLimitFired = message{" It was %s when the alert fired.", "触发时阈值为 %s。"}
	msgMedian     = message{" Before: median %s.", "基线：中位数 %s。"}
	msgUnchanging = message{" Before: always %s.", "异常前一直为 %s。"}
	msgNoValue    = message{" No value until %s.", "%s 之前没有数据。"}
	msgInfinite   = message{" The value is infinite: the divisor was 0.", "值为无穷大：除数为零。"}
	msgForeign    = message{
		" The expression is not PromQL: it was run as it stands, and has values only where its condition is met.",
		"表达式不是 PromQL，已按原样执行，仅在满足条件时才有值。",
	}
	msgUsual      = message{" The change is within that.", "与基线相比几乎没有变化。"}
	msgNoPast     = message{" Too little data before the onset to compare.", "异常前数据不足，无法对比。"}
	msgWordLimit  = message{"threshold", "阈值"}
	msgWordGroup  = message{"rule group", "规则组"}
	msgWordFor    = message{"for", "持续时长（for）"}
	msgWordLabels = message{"labels set", "附加标签"}
	msgWordRule   = message{"rule", "规则"}

	msgFarBeyond = message{" The change is over %s times the deviation.", "变化幅度超过常规波动的 %s 倍。"}
	msgRising    = message{" It was rising before: from %[1]s at %[2]s to %[3]s at %[4]s.", "此前已在持续上升：由 %[1]s（%[2]s）升至 %[3]s（%[4]s）。"}
	msgFalling   = message{" It was falling before: from %[1]s at %[2]s to %[3]s at %[4]s.", "此前已在持续下降：由 %[1]s（%[2]s）降至 %[3]s（%[4]s）。"}
	msgFurthest  = message{" The furthest before was %s.", "此前最极端的值为 %s。"}
	msgSamePace  = message{" It goes on at the same pace.", "此后变化速度不变。"}
)

// summarizeSignal writes the statistics as one line: of an alert that fires the value first, of one that has ended what it was at its
// worst.
func (inv *investigation) summarizeSignal(v *signalView, f signalStats, told *incident.Figures) string {
	var values []string
	coarse := ""
	if step := v.coarsest(); step > maxFineStep {
		coarse = inv.say(msgCoarse, inv.duration(step))
	}
	peakAt := formatTime(told.PeakAt)
	switch {
	case inv.ended.IsZero():
		values = append(values, inv.valueNow(f, told))
	case told.Fired == nil:
		values = append(values, inv.say(msgPeakWas, textOf(told.Peak), peakAt, coarse), inv.say(msgLastWas, textOf(told.Value), formatTime(f.lastAt)))
	default:
		values = append(values, inv.say(msgPeakWas, textOf(told.Peak), peakAt, coarse),
			inv.say(msgValuesWere, textOf(told.Fired), textOf(told.Value), formatTime(f.lastAt)))
	}
	if told.Threshold != nil {
		values = append(values, inv.say(msgLimit, told.Condition, told.Threshold.Text), inv.formerLimit(v))
	}
	if inv.ended.IsZero() {
		extreme := msgLowest
		if f.up {
			extreme = msgHighest
		}
		values = append(values, inv.say(extreme, textOf(told.Peak), peakAt, coarse))
	}
	var b strings.Builder
	b.WriteString(inv.joined(values...))
	if math.IsInf(f.fired, 0) || math.IsInf(f.last, 0) {
		b.WriteString(inv.say(msgInfinite))
	}
	b.WriteString(inv.summarizePast(v, f))
	b.WriteString(inv.metText(v, f))
	b.WriteString(v.doubt)
	if inv.rule.foreign() {
		b.WriteString(inv.say(msgForeign))
	}
	if inv.misdated {
		b.WriteString(inv.say(msgMisdated, formatTime(inv.alert.Began())))
	} else if inv.undated() {
		b.WriteString(inv.say(msgFuture, formatTime(inv.alert.StartsAt)))
	}
	return b.String()
}

// undated reports whether it is not known when the alert fired: what it says can't be true.
func (inv *investigation) undated() bool { return inv.misdated || inv.alert.StartsAt.After(inv.now) }

// maxFineStep is the longest step at which nothing is said of what may have been between two of them.
const maxFineStep = time.Minute

// valueNow says what the value is, beside what it was when the alert fired.
func (inv *investigation) valueNow(f signalStats, told *incident.Figures) string {
	switch {
	case inv.undated():
		return inv.say(msgLastOnly, textOf(told.Value), formatTime(f.lastAt))
	case told.Fired != nil:
		return inv.say(msgValues, textOf(told.Fired), textOf(told.Value), formatTime(f.lastAt))
	case inv.noOnset:
		return inv.say(msgNoOnset, textOf(told.Value), formatTime(f.lastAt), formatTime(inv.fired))
	}
	return inv.say(msgGone, textOf(told.Value), formatTime(f.lastAt))
}

// formerLimit says what a threshold was before the onset, where it is another since.
func (inv *investigation) formerLimit(v *signalView) string {
	if v.movingLimit == nil {
		return ""
	}
	values, n := finiteValues(v.movingLimit.Values, inv.onset)
	if n < score.MinPast {
		return ""
	}
	var s score.Scorer
	now, fired, out := v.unit.Format(v.limitAt(inv.until)), v.unit.Format(v.limitAt(inv.fired)), ""
	if before := v.unit.Format(s.Past(values[:n]).Median); before != now {
		out += inv.say(msgLimitWas, before)
	}
	if fired != now {
		out += inv.say(msgLimitFired, fired)
	}
	return out
}

// summarizePast says what the value was before the onset, and how far from that it went. A past without any noise has no factor.
func (inv *investigation) summarizePast(v *signalView, f signalStats) string {
	switch {
	case !f.began.IsZero():
		return inv.say(msgNoValue, formatTime(f.began))
	case f.constant:
		return inv.say(msgUnchanging, v.unit.Format(float64(v.lines[0].Values[0].Value)))
	case !f.compared:
		return inv.say(msgNoPast)
	}
	if f.drift != nil {
		return inv.driftText(v, f)
	}
	if f.past.Noise == 0 {
		return inv.say(msgMedian, v.unit.Format(f.past.Median))
	}
	if f.score < 1 && f.beyondPast() { // a past of spikes, such as those of restarts, has no deviation
		return inv.say(msgMedian, v.unit.Format(f.past.Median)) + inv.say(msgFurthest, v.unit.FormatApart(f.furthest, f.extreme))
	}
	out := inv.say(msgBaseline, v.unit.Format(f.past.Median), v.unit.Format(f.past.Noise))
	if f.score < 1 {
		return inv.joined(out, inv.say(msgUsual))
	}
	if f.score >= enormousScore {
		return inv.joined(out, inv.say(msgFarBeyond, promql.FormatNumber(enormousScore)))
	}
	return inv.joined(out, inv.say(msgUnusual, promql.FormatNumber(f.score)))
}

// driftText tells of a past that was on its way already, and whether it goes on at that pace.
func (inv *investigation) driftText(v *signalView, f signalStats) string {
	phrase := msgFalling
	if f.drift.pace > 0 {
		phrase = msgRising
	}
	out := inv.say(phrase, v.unit.Format(f.drift.from), formatTime(f.drift.fromAt), v.unit.FormatApart(f.drift.to, f.drift.from), formatTime(f.drift.toAt))
	since := finiteSamples(samplesBetween(v.lines[0].Values, f.drift.toAt, inv.until))
	if driftOf(since).as(f.drift) {
		out += inv.say(msgSamePace)
	}
	return out
}

// ruleTable shows the whole rule that the query is a part of.
func (inv *investigation) ruleTable() *incident.Table {
	t := &incident.Table{Columns: []string{inv.say(msgWordRule)}, Rows: [][]string{{text.Cut(inv.rule.query, 500)}}}
	if inv.rule.group != "" {
		t.Columns = append(t.Columns, inv.say(msgWordGroup), inv.say(msgWordFor), inv.say(msgWordLabels))
		t.Rows[0] = append(t.Rows[0], text.Cut(inv.rule.group, 80), promql.FormatDuration(inv.rule.hold), labelText(inv.rule.labels))
	}
	return t
}
