package evidence

import (
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

const (
	suspectRows   = 8
	suspectCharts = 4
)

var (
	msgSuspects = message{
		"%[1]d of %[2]d related series changed clearly, most of all %[3]s, %[4]s, since %[5]s.",
		"告警周边 %[2]d 条序列中有 %[1]d 条明显变化；变化最大的是 %[3]s：%[4]s，始于 %[5]s。",
	}
	msgNoSuspect = message{
		"None of %[1]d related series changed beyond what healthy series show; the closest is %[2]s, %[3]s, since %[4]s.",
		"告警周边 %[1]d 条序列均未超出正常波动；相对最突出的是 %[2]s：%[3]s，始于 %[4]s。",
	}
	msgFirstMoved = message{" %s moved first, at %s.", " 最先变化的是 %s，时间 %s。"}
	msgMovedFirst = message{" It moved first.", " 它最先变化。"}
	msgLeftOut    = message{" Skipped %d more series: too many.", " 另有 %d 条序列因数量过多未查看。"}
	msgPartly     = message{" Some could not be read: %s.", " 部分序列未能读取：%s。"}
	msgRose       = message{"which rose from %s to %s", "从 %s 升至 %s"}
	msgFell       = message{"which fell from %s to %s", "从 %s 降至 %s"}
	msgEnded      = message{"which ended (was %s)", "已中断（此前为 %s）"}

	msgWordSeries    = message{"series", "序列"}
	msgWordOf        = message{"target", "所属"}
	msgWordBefore    = message{"before", "之前"}
	msgWordAfter     = message{"after", "之后"}
	msgWordDeviation = message{"deviations", "偏离倍数"}
	msgWordNote      = message{"note", "备注"}
	msgNoteSure      = message{"high confidence", "置信度高"}
	msgNoteUnsure    = message{"low confidence", "置信度低"}
	msgNoteUsual     = message{"also seen the day before", "前一天也曾如此"}
	msgNoteOwn       = message{"alert's own signal", "告警自身的信号"}
	msgNoteEnded     = message{"ended", "已中断"}
)

// suspectsItem makes the item of evidence.
func (inv *investigation) suspectsItem(found []suspect, g score.Grid, judged, left int, err error) incident.Evidence {
	e := incident.Evidence{Title: inv.say(msgTitleSuspects), Start: g.Start, End: g.End()}
	ranked := boundedRanking(found)
	for _, s := range ranked {
		e.Ranking = append(e.Ranking, s.rankedSeries())
	}
	if len(ranked) == 0 {
		e.Summary = inv.say(msgSuspectsNoPast)
	} else {
		top := leadingSuspect(ranked)
		e.Summary = inv.suspectSummary(found, top, judged)
		e.Query, e.Link = top.query, inv.link(top.query, g.Start, g.End())
		e.Table, e.Chart = inv.suspectTable(ranked), inv.suspectChart(ranked, g)
	}
	if left > 0 {
		e.Summary += inv.say(msgLeftOut, left)
	}
	if err != nil {
		e.Summary += inv.say(msgPartly, inv.explain(err))
	}
	return e
}

var msgSuspectsNoPast = message{
	"No related series has enough history to detect a change.",
	"告警周边的序列缺少足够的历史数据，无法判断变化。",
}

// boundedRanking bounds the list, and each target's share of it.
func boundedRanking(found []suspect) []suspect {
	var out []suspect
	of := map[string]int{}
	for _, s := range found {
		if of[s.target]++; of[s.target] <= maxPerTarget && len(out) < maxRanked && s.Score > 0 {
			out = append(out, s)
		}
	}
	return out
}

// leadingSuspect returns what to speak of first: not the alert's own signal if there is another, and sure if one is.
func leadingSuspect(ranked []suspect) suspect {
	best, at := 0, -1
	for i, s := range ranked {
		worth := 1
		if s.confident {
			worth += 2
		}
		if !s.ownSignal {
			worth++
		}
		if worth > best {
			best, at = worth, i
		}
	}
	return ranked[at]
}

func (s suspect) rankedSeries() incident.RankedSeries {
	r := incident.RankedSeries{
		Labels: s.labels, Score: s.Score, Direction: "down", Onset: s.since.UTC(), Before: s.Before, After: s.After,
		Confidence: "low",
	}
	if s.confident {
		r.Confidence = "high"
	}
	if s.Up {
		r.Direction = "up"
	}
	if s.ended {
		r.After = 0 // JSON has no NaN
	}
	return r
}

func (inv *investigation) suspectSummary(found []suspect, top suspect, judged int) string {
	name := text.Cut(promql.SeriesText(top.labels), 160)
	if !top.confident {
		return inv.say(msgNoSuspect, judged, name, inv.suspectChange(top), formatTime(top.since))
	}
	sure := 0
	var first *suspect // of the others
	for i, s := range found {
		if !s.confident {
			continue
		}
		sure++
		if !s.ownSignal && s.query != top.query && (first == nil || s.At < first.At) {
			first = &found[i]
		}
	}
	summary := inv.say(msgSuspects, sure, judged, name, inv.suspectChange(top), formatTime(top.since))
	switch {
	case first != nil && first.At < top.At:
		summary += inv.say(msgFirstMoved, text.Cut(promql.SeriesText(first.labels), 160), formatTime(first.since))
	case first != nil && first.At > top.At:
		summary += inv.say(msgMovedFirst)
	}
	return summary
}

func (inv *investigation) suspectChange(s suspect) string {
	switch {
	case s.ended:
		return inv.say(msgEnded, s.unit.Format(s.Before))
	case s.Up:
		return inv.say(msgRose, s.unit.Format(s.Before), s.unit.Format(s.After))
	}
	return inv.say(msgFell, s.unit.Format(s.Before), s.unit.Format(s.After))
}

func (inv *investigation) suspectTable(ranked []suspect) *incident.Table {
	t := &incident.Table{Columns: []string{
		inv.say(msgWordSeries), inv.say(msgWordOf), inv.say(msgWordBefore), inv.say(msgWordAfter), inv.say(msgWordSince), inv.say(msgWordDeviation), inv.say(msgWordNote),
	}}
	for i, s := range ranked {
		if i == suspectRows {
			break
		}
		after := s.unit.Format(s.After)
		if s.ended {
			after = inv.say(msgNoteEnded)
		}
		name, of := splitOwner(s.labels)
		t.Rows = append(t.Rows, []string{
			text.Cut(name, 120), text.Cut(of, 80), s.unit.Format(s.Before), after, formatTime(s.since), strconv.FormatFloat(s.Score, 'f', 1, 64), inv.suspectNote(s),
		})
	}
	return t
}

func (inv *investigation) suspectNote(s suspect) string {
	var notes []string
	switch {
	case s.confident:
		notes = append(notes, inv.say(msgNoteSure))
	case s.seenBefore:
		notes = append(notes, inv.say(msgNoteUsual))
	default:
		notes = append(notes, inv.say(msgNoteUnsure))
	}
	if s.ownSignal {
		notes = append(notes, inv.say(msgNoteOwn))
	}
	return strings.Join(notes, ", ")
}

// splitOwner divides a series into its name with what is its own, and what it belongs to.
func splitOwner(labels map[string]string) (name, of string) {
	labels = maps.Clone(labels)
	for _, label := range ownerLabels {
		if labels[label] != "" && of == "" {
			of = label + "=" + strconv.Quote(labels[label])
		}
		delete(labels, label)
	}
	return promql.SeriesText(labels), of
}

// suspectChart draws the first few on one scale: 0 is the level before, 1 that of the change.
func (inv *investigation) suspectChart(ranked []suspect, g score.Grid) *incident.Chart {
	firing := &incident.TimeRange{Start: inv.fired, End: inv.ended}
	if top := leadingSuspect(ranked); !top.confident || top.ended {
		return &incident.Chart{Unit: top.unit.Chart(), Series: []incident.Series{scaledLine(top, g, 0, 1)}, Firing: firing}
	}
	c := &incident.Chart{Unit: "%", Firing: firing}
	for _, s := range ranked {
		if s.confident && !s.ended && len(c.Series) < suspectCharts {
			c.Series = append(c.Series, scaledLine(s, g, s.Before, math.Abs(s.After-s.Before)))
		}
	}
	return c
}

func scaledLine(s suspect, g score.Grid, zero, one float64) incident.Series {
	out := incident.Series{Name: text.Cut(promql.SeriesText(s.labels), 120), Step: g.Step}
	for i, v := range s.values {
		if !math.IsNaN(v) {
			out.Points = append(out.Points, incident.Point{At: g.At(i).UTC(), Value: (v - zero) / one})
		}
	}
	return out
}
