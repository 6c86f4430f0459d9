package evidence

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgWithin     = message{"Within %s: ", "在 %s 范围内，"}
	msgLately     = message{"%s against before the onset: ", "%s 与异常前相比，"}
	msgCarriesNew = message{
		"%[1]s accounts for %[2]s; its value is %[3]s.",
		"当前值的 %[2]s 来自 %[1]s，自身的值为 %[3]s。",
	}
	msgStandsOut = message{
		"%[1]s stands out: it went from %[2]s to %[3]s.",
		"%[1]s 最突出，由 %[2]s 变为 %[3]s。",
	}
	msgOnlyOne = message{
		"Only %[1]s is in it; there was nothing yet at %[2]s.",
		"只有 %[1]s，%[2]s 时还没有数据。",
	}
	msgIsHighest = message{
		"%[1]s is the highest: %[2]s at %[6]s, %[3]s before. Next is %[4]s with %[5]s.",
		"%[1]s 最高：%[6]s 为 %[2]s，异常前为 %[3]s；其次是 %[4]s（%[5]s）。",
	}
	msgIsLowest = message{
		"%[1]s is the lowest: %[2]s at %[6]s, %[3]s before. Next is %[4]s with %[5]s.",
		"%[1]s 最低：%[6]s 为 %[2]s，异常前为 %[3]s；其次是 %[4]s（%[5]s）。",
	}
	msgNoneStandsOut = message{"No part stands out.", "没有突出的部分。"}
	msgAllAlike      = message{" All alike by %s.", "按 %s 划分时各部分相近。"}
	msgTogether      = message{
		"These account for %[2]s of the change together: %[1]s.",
		"以下各项合计占变化的 %[2]s：%[1]s。",
	}
	msgFromTo      = message{"%[1]s (from %[2]s to %[3]s)", "%[1]s（由 %[2]s 变为 %[3]s）"}
	msgOfNumerator = message{"Of the numerator: ", "按分子看，"}
	msgOfThreshold = message{"Of the threshold: ", "按阈值看，"}
	msgNotPromQL   = message{
		"Not broken down: the expression is not PromQL.",
		"未下钻：表达式不是 PromQL。",
	}
	msgSpreadOver = message{" Evenly spread over %s.", "按 %s 分布均匀。"}
	msgMostAlways = message{" As before, %[1]s accounts for %[2]s.", "与异常前一样，%[1]s 占 %[2]s。"}
	msgAsBefore   = message{
		"Nothing new stands out: the change matches the prior distribution.",
		"没有突出的部分，变化与原有分布一致。",
	}
	msgValuesOf  = message{"%[1]s (%[2]d)", "%[1]s（%[2]d 个取值）"}
	msgOneValue  = message{" Only one value of %s.", "%s 只有一个取值。"}
	msgUnchanged = message{"Almost no change.", "几乎没有变化。"}
	msgNews      = message{
		" No data from before the onset: shares are of the current value.",
		"没有异常前的数据，占比按当前值计算。",
	}

	msgNotBrokenDown = map[promql.Refusal]message{
		promql.RefusedSeries: {
			"Not broken down: each value of the expression is already a single series.",
			"未下钻：表达式的每个值已对应单条序列。",
		},
		promql.RefusedRecorded: {
			"Not broken down: the series comes from a recording rule, without its parts.",
			"未下钻：该序列由记录规则生成，不含明细。",
		},
		promql.RefusedLabels: {
			"Not broken down: no label distinguishes the aggregated series.",
			"未下钻：被聚合的序列没有可用于区分的标签。",
		},
		promql.RefusedEmpty:    {"No data to break down (%s).", "窗口（%s）内没有可下钻的数据。"},
		promql.RefusedConstant: {"Not broken down: the expression has no series.", "未下钻：表达式中没有序列。"},
		promql.RefusedForm: {
			"Not broken down: this aggregation's parts do not explain the total.",
			"未下钻：此类聚合不能按组成部分拆解。",
		},
	}
	msgMeeting = message{
		" When the alert fired (%[3]s), %[1]s of the expression's %[2]s series met its condition.",
		"告警触发时（%[3]s），表达式共 %[2]s 条序列，%[1]s 条满足条件。",
	}
	msgMeetingAt = message{
		" At %[3]s, %[1]s of its %[2]s series met its condition.",
		"%[3]s 时，共 %[2]s 条序列，%[1]s 条满足条件。",
	}
	msgWordLabel = message{"label", "标签"}
	msgWordCount = message{"values", "取值数"}
	msgWordTop   = message{"top value", "最突出的取值"}
	msgWordWent  = message{"from → to", "异常前 → 异常后"}
	msgWordShare = message{"share of change", "变化占比"}
	msgWordMoved = message{"unevenness", "不均衡度"}
	msgWordRest  = message{"all others", "其余合计"}
)

// What is not evenly spread, though it is spread as before: of so many labels it is told which value has so much of it.
const (
	mostOfAll = .8
	maxAlways = 2
)

// drillItem makes the item of one drill: the best breakdown.Breakdown in full, all of them as a table.
func (inv *investigation) drillItem(r drilled) incident.Evidence {
	best := r.best
	query := best.Drill.Query(best.By...)
	start, end, step := inv.drillSpan()
	item := incident.Evidence{
		Title:   inv.say(msgTitleDrilldown),
		Summary: inv.summarizeDrill(r),
		Query:   query, Start: start, End: end, Link: inv.link(query, start, end),
		Chart: inv.partsChart(best, step),
	}
	if r.still {
		return item // a ranking would name a culprit where there is none
	}
	for _, c := range best.Shown() {
		item.Ranking = append(item.Ranking, best.Ranked(c, inv.onset))
	}
	item.Table = &incident.Table{Columns: []string{
		inv.say(msgWordLabel), inv.say(msgWordCount), inv.say(msgWordTop), inv.say(msgWordWent), inv.say(msgWordShare), inv.say(msgWordMoved),
	}}
	for _, b := range r.all {
		top, share := b.Parts[0], "–"
		if b.Form != promql.FormRanked {
			share = formatPercent(top.Share)
		}
		item.Table.Rows = append(item.Table.Rows, []string{
			b.By[0], strconv.Itoa(len(b.Parts)), text.Cut(top.Labels[b.By[0]], 80),
			b.Unit.Format(top.Before) + " → " + b.Unit.Format(top.After), share, formatPercent(b.Unevenness),
		})
	}
	return item
}

// drillSpan returns from when until when a drill-down looks, and its longest step.
func (inv *investigation) drillSpan() (start, end time.Time, step time.Duration) {
	windows := inv.drillWindows()
	for _, w := range windows {
		step = max(step, w.step)
	}
	return windows[0].start, windows[len(windows)-1].end, step
}

// levelAt returns the time at which parts are ranked by what they are: that of the signal's last value.
func (inv *investigation) levelAt() time.Time {
	switch {
	case !inv.valueAt.IsZero():
		return inv.valueAt
	case !inv.ended.IsZero():
		return inv.until.Add(-inv.recent.step) // at its end it does not fire
	}
	return inv.until
}

// summarizeDrill says in one line where the change comes from.
func (inv *investigation) summarizeDrill(r drilled) string {
	best := r.best
	var b strings.Builder
	if within := inv.scopeOfDrill(best.Drill); within != "" {
		b.WriteString(inv.say(msgWithin, within))
	}
	if best.Drill.OfThreshold {
		b.WriteString(inv.say(msgOfThreshold))
	}
	if best.Drill.OfNumerator {
		b.WriteString(inv.say(msgOfNumerator))
	}
	if carries := inv.whatCarries(r); carries != "" {
		if !inv.recent.isZero() && !best.NoPast {
			b.WriteString(inv.say(msgLately, formatSpan(inv.recent.start, inv.recent.end)))
		}
		b.WriteString(carries)
	}
	if r.still {
		return b.String()
	}
	var even, single, always []string
	for _, one := range r.all {
		switch {
		case len(one.Parts) == 1:
			single = append(single, one.By[0])
		case one.Unevenness < breakdown.MinUnevenness && one.Form != promql.FormRanked && one.Parts[0].Share >= mostOfAll && len(always) < maxAlways:
			always = append(always, inv.say(msgMostAlways, labelText(one.Parts[0].Labels), formatPercent(one.Parts[0].Share)))
		case !one.Concentrated() && one.Unevenness < breakdown.MinUnevenness:
			even = append(even, inv.say(msgValuesOf, one.By[0], len(one.Parts)))
		}
	}
	switch {
	case len(even) > 0 && best.ByLevel:
		b.WriteString(inv.say(msgAllAlike, strings.Join(even, inv.say(msgComma))))
	case len(even) > 0 && best.Change != 0 && best.Form != promql.FormRanked:
		b.WriteString(inv.say(msgSpreadOver, strings.Join(even, inv.say(msgComma))))
	}
	if best.Change != 0 && !best.Concentrated() {
		b.WriteString(strings.Join(always, ""))
	}
	if best.Drill.Sign < 0 && !best.Drill.OfThreshold {
		b.WriteString(inv.say(msgInverse))
	}
	if onlyOne(r) {
		return b.String()
	}
	if len(single) > 0 {
		b.WriteString(inv.say(msgOneValue, strings.Join(single, inv.say(msgComma))))
	}
	if best.NoPast {
		b.WriteString(inv.say(msgNews))
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), ":  ", ": ")
}

// onlyOne reports whether what is broken down consists of one part alone, which was not there before.
func onlyOne(r drilled) bool {
	return r.best.NoPast && len(r.best.Parts) == 1 && !r.best.Empty.IsZero() && r.best.Form != promql.FormRanked
}

// whatCarries names what carries the change, or says that nothing does.
func (inv *investigation) whatCarries(r drilled) string {
	best := r.best
	top, u := best.Parts[0], best.Unit
	tied := best.Tied()
	switch {
	case r.still:
		return inv.say(msgUnchanged)
	case onlyOne(r):
		return inv.say(msgOnlyOne, labelText(top.Labels), formatTime(best.Empty.UTC()))
	case len(best.Parts) == 1 && !slices.ContainsFunc(r.all, func(b breakdown.Breakdown) bool { return len(b.Parts) > 1 }):
		return "" // there is nothing to compare with
	case best.ByLevel && !best.Concentrated():
		return inv.say(msgNoneStandsOut)
	case best.ByLevel:
		phrase := msgIsHighest
		if best.Drill.Extreme < 0 {
			phrase = msgIsLowest
		}
		names := make([]string, len(tied))
		for i, c := range tied {
			names[i] = labelText(c.Labels)
		}
		next, level := best.Parts[len(tied)], u.Format(top.After)
		if best.Limit != nil {
			level = u.FormatApart(top.After, *best.Limit)
		}
		return inv.say(phrase, strings.Join(names, inv.say(msgListMark)), level, u.Format(top.Before), labelText(next.Labels), u.FormatApart(next.After, top.After), formatTime(inv.levelAt()))
	case best.Change == 0 && top.Change == 0:
		return inv.say(msgUnchanged)
	case !best.Concentrated() && len(best.Parts) > 1 && best.Unevenness >= breakdown.MinUnevenness:
		return inv.say(msgShifted, strings.Join(best.By, ", "), formatPercent(best.Unevenness), labelText(top.Labels), u.Format(top.Before), u.Format(top.After))
	case !best.Concentrated():
		return inv.say(msgAsBefore)
	case !best.NoPast && best.Form == promql.FormSum && sumBefore(best) <= 0 && len(tied) == 1:
		return inv.say(msgCarriesGrown, labelText(top.Labels), formatPercent(top.Share), u.Format(top.Before), u.Format(top.After))
	case best.NoPast && best.Form != promql.FormRanked:
		return inv.say(msgCarriesNew, labelText(top.Labels), formatPercent(top.Share), u.Format(top.After))
	case best.Form == promql.FormRanked:
		return inv.say(msgStandsOut, labelText(top.Labels), u.Format(top.Before), u.Format(top.After))
	case len(tied) > 1:
		return inv.tiedCarry(tied, u)
	case best.Form == promql.FormRatio:
		return inv.say(msgCarriesPart, labelText(top.Labels), formatPercent(top.Share), formatPercent(top.Expected), u.Format(top.Before), u.Format(top.After), inv.denominatorOf(best.Drill))
	}
	return inv.say(msgCarriesWas, labelText(top.Labels), formatPercent(top.Share), formatPercent(top.Expected), u.Format(top.Before), u.Format(top.After))
}

// tiedCarry names parts that share a change alike.
func (inv *investigation) tiedCarry(tied []breakdown.Contribution, u promql.Unit) string {
	share := 0.
	parts := make([]string, len(tied))
	for i, c := range tied {
		share += c.Share
		parts[i] = inv.say(msgFromTo, labelText(c.Labels), u.Format(c.Before), u.Format(c.After))
	}
	return inv.say(msgTogether, strings.Join(parts, inv.say(msgListMark)), formatPercent(share))
}

// scopeOfDrill names the labels of the alert to which the drill was narrowed.
func (inv *investigation) scopeOfDrill(d promql.Drill) string {
	own := map[string]string{}
	for name, value := range inv.targetLabels() {
		if d.Kept[name] {
			own[name] = value
		}
	}
	return labelText(own)
}

// partsChart draws the parts that contributed most, and the others as one line where they add up.
func (inv *investigation) partsChart(b breakdown.Breakdown, step time.Duration) *incident.Chart {
	chart := &incident.Chart{Unit: b.Unit.Chart(), Firing: &incident.TimeRange{Start: inv.fired, End: inv.ended}}
	shown := b.Shown()
	for _, c := range shown {
		chart.Series = append(chart.Series, partLine(labelText(c.Labels), c.Local, b.Times, step))
	}
	if rest := b.Parts[len(shown):]; len(rest) > 0 && b.Form == promql.FormSum {
		sum := make([]float64, len(b.Times))
		for _, c := range rest {
			for i, v := range c.Whole {
				sum[i] += v
			}
		}
		chart.Series = append(chart.Series, partLine(inv.say(msgWordRest), sum, b.Times, step))
	}
	return chart
}

func partLine(name string, values []float64, times []time.Time, step time.Duration) incident.Series {
	s := incident.Series{Name: name, Step: step}
	for i, v := range values {
		s.Points = append(s.Points, incident.Point{At: times[i].UTC(), Value: v})
	}
	return s
}

// notBrokenDownItem says why an expression is not broken down; where each value is that of a series, also how many meet the
// condition: one of many is another matter than all.
func (inv *investigation) notBrokenDownItem(ctx context.Context, c promql.Condition, why promql.Refusal) ([]incident.Evidence, error) {
	item := incident.Evidence{Title: inv.say(msgTitleDrilldown), Summary: inv.notBrokenDown(why), Nothing: true}
	if why != promql.RefusedSeries && why != promql.RefusedRecorded || c.Threshold == nil {
		return []incident.Evidence{item}, nil
	}
	meeting, all := countExpr(c.Whole), countExpr(c.Value)
	if !inv.noOnset {
		if err := inv.tellMeeting(ctx, &item, msgMeeting, meeting, all, inv.fired); err != nil {
			return nil, err
		}
	}
	if now := inv.levelAt(); inv.noOnset || now.Sub(inv.fired) >= time.Minute {
		if err := inv.tellMeeting(ctx, &item, msgMeetingAt, meeting, all, now); err != nil {
			return nil, err
		}
	}
	start, end, _ := inv.drillSpan()
	item.Query, item.Start, item.End, item.Link = meeting, start, end, inv.link(meeting, start, end)
	return []incident.Evidence{item}, nil
}

// notBrokenDown says why, and of what time.
func (inv *investigation) notBrokenDown(why promql.Refusal) string {
	if why == promql.RefusedEmpty {
		return inv.say(msgNotBrokenDown[why], inv.spansText())
	}
	return inv.say(msgNotBrokenDown[why])
}

// tellMeeting adds how many series met the condition at a time, and of how many.
func (inv *investigation) tellMeeting(ctx context.Context, item *incident.Evidence, phrase message, meeting, all string, at time.Time) error {
	one, err := inv.prom.Instant(ctx, meeting, at)
	if err != nil {
		return err
	}
	other, err := inv.prom.Instant(ctx, all, at)
	if err != nil || len(other) != 1 {
		return err
	}
	met := 0.
	if len(one) == 1 {
		met = float64(one[0].Value)
	}
	item.Nothing = false
	item.Summary += inv.say(phrase, promql.FormatNumber(met), promql.FormatNumber(float64(other[0].Value)), formatTime(at))
	return nil
}

func countExpr(e parser.Expr) string {
	return (&parser.AggregateExpr{Op: parser.COUNT, Expr: e}).String()
}
