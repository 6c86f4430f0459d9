package evidence

import (
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

const (
	suspectRows   = 8
	suspectCharts = 4
)

var (
	saySuspects = text{
		"%[1]d of %[2]d series around the alert changed clearly; most of all %[3]s, %[4]s, since %[5]s.",
		"告警周边 %[2]d 条序列中有 %[1]d 条明显变化；变化最大的是 %[3]s：%[4]s，始于 %[5]s。",
	}
	sayNoSuspect = text{
		"None of %[1]d series around the alert changed beyond what healthy series show; the least unlike it is %[2]s, %[3]s, since %[4]s.",
		"告警周边 %[1]d 条序列均未超出正常波动；相对最突出的是 %[2]s：%[3]s，始于 %[4]s。",
	}
	sayFirstMoved = text{" %s moved first, at %s.", " 最先变化的是 %s，时间 %s。"}
	sayMovedFirst = text{" It moved first.", " 它最先变化。"}
	sayLeftOut    = text{" %d series more were not looked at: too many.", " 另有 %d 条序列因数量过多未查看。"}
	sayPartly     = text{" Not all of them could be read: %s.", " 部分序列未能读取：%s。"}
	sayRose       = text{"which rose from %s to %s", "从 %s 升至 %s"}
	sayFell       = text{"which fell from %s to %s", "从 %s 降至 %s"}
	sayEnded      = text{"which ended (it was %s)", "已中断（此前为 %s）"}

	wordSeries    = text{"series", "序列"}
	wordOf        = text{"of", "所属"}
	wordBefore    = text{"before", "之前"}
	wordAfter     = text{"after", "之后"}
	wordDeviation = text{"deviations", "偏离倍数"}
	wordNote      = text{"note", "备注"}
	noteSure      = text{"high confidence", "置信度高"}
	noteUnsure    = text{"low confidence", "置信度低"}
	noteUsual     = text{"as on other occasions the day before", "前一天也曾如此"}
	noteOwn       = text{"the alert's own signal", "告警自身的信号"}
	noteEnded     = text{"ended", "已中断"}
)

// showSuspects makes the item of evidence.
func (q *inquiry) showSuspects(found []suspect, g score.Grid, judged, left int, err error) incident.Evidence {
	e := incident.Evidence{Title: q.say(titleSuspects), Start: g.Start, End: g.End()}
	ranked := ranking(found)
	for _, s := range ranked {
		e.Ranking = append(e.Ranking, s.ranked())
	}
	if len(ranked) == 0 {
		e.Summary = q.say(saySuspectsNoPast)
	} else {
		top := leading(ranked)
		e.Summary = q.suspectSummary(found, top, judged)
		e.Query, e.Link = top.query, q.link(top.query, g.Start, g.End())
		e.Table, e.Chart = q.suspectTable(ranked), q.suspectChart(ranked, g)
	}
	if left > 0 {
		e.Summary += q.say(sayLeftOut, left)
	}
	if err != nil {
		e.Summary += q.say(sayPartly, q.explain(err))
	}
	return e
}

var saySuspectsNoPast = text{
	"No series around the alert has enough of a past to tell a change by.",
	"告警周边的序列缺少足够的历史数据，无法判断变化。",
}

// ranking bounds the list, and each target's share of it.
func ranking(found []suspect) []suspect {
	var out []suspect
	of := map[string]int{}
	for _, s := range found {
		if of[s.target]++; of[s.target] <= maxOfTarget && len(out) < maxRanked && s.Score > 0 {
			out = append(out, s)
		}
	}
	return out
}

// leading returns what to speak of first: not the alert's own signal if there is another, and sure if one is.
func leading(ranked []suspect) suspect {
	best, at := 0, -1
	for i, s := range ranked {
		worth := 1
		if s.sure {
			worth += 2
		}
		if !s.own {
			worth++
		}
		if worth > best {
			best, at = worth, i
		}
	}
	return ranked[at]
}

func (s suspect) ranked() incident.RankedSeries {
	r := incident.RankedSeries{
		Labels: s.labels, Score: s.Score, Direction: "down", Onset: s.since.UTC(), Before: s.Before, After: s.After,
		Confidence: "low",
	}
	if s.sure {
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

func (q *inquiry) suspectSummary(found []suspect, top suspect, judged int) string {
	name := cut(promql.SeriesText(top.labels), 160)
	if !top.sure {
		return q.say(sayNoSuspect, judged, name, q.suspectChange(top), clock(top.since))
	}
	sure := 0
	var first *suspect // of the others
	for i, s := range found {
		if !s.sure {
			continue
		}
		sure++
		if !s.own && s.query != top.query && (first == nil || s.At < first.At) {
			first = &found[i]
		}
	}
	summary := q.say(saySuspects, sure, judged, name, q.suspectChange(top), clock(top.since))
	switch {
	case first != nil && first.At < top.At:
		summary += q.say(sayFirstMoved, cut(promql.SeriesText(first.labels), 160), clock(first.since))
	case first != nil && first.At > top.At:
		summary += q.say(sayMovedFirst)
	}
	return summary
}

func (q *inquiry) suspectChange(s suspect) string {
	switch {
	case s.ended:
		return q.say(sayEnded, s.unit.Format(s.Before))
	case s.Up:
		return q.say(sayRose, s.unit.Format(s.Before), s.unit.Format(s.After))
	}
	return q.say(sayFell, s.unit.Format(s.Before), s.unit.Format(s.After))
}

func (q *inquiry) suspectTable(ranked []suspect) *incident.Table {
	t := &incident.Table{Columns: []string{
		q.say(wordSeries), q.say(wordOf), q.say(wordBefore), q.say(wordAfter), q.say(wordSince), q.say(wordDeviation), q.say(wordNote),
	}}
	for i, s := range ranked {
		if i == suspectRows {
			break
		}
		after := s.unit.Format(s.After)
		if s.ended {
			after = q.say(noteEnded)
		}
		name, of := shortName(s.labels)
		t.Rows = append(t.Rows, []string{
			cut(name, 120), cut(of, 80), s.unit.Format(s.Before), after, clock(s.since), strconv.FormatFloat(s.Score, 'f', 1, 64), q.suspectNote(s),
		})
	}
	return t
}

func (q *inquiry) suspectNote(s suspect) string {
	var notes []string
	switch {
	case s.sure:
		notes = append(notes, q.say(noteSure))
	case s.usual:
		notes = append(notes, q.say(noteUsual))
	default:
		notes = append(notes, q.say(noteUnsure))
	}
	if s.own {
		notes = append(notes, q.say(noteOwn))
	}
	return strings.Join(notes, ", ")
}

// shortName divides a series into its name with what is its own, and what it belongs to.
func shortName(labels map[string]string) (name, of string) {
	labels = maps.Clone(labels)
	for _, label := range belongs {
		if labels[label] != "" && of == "" {
			of = label + "=" + strconv.Quote(labels[label])
		}
		delete(labels, label)
	}
	return promql.SeriesText(labels), of
}

// suspectChart draws the first few on one scale: 0 is the level before, 1 that of the change.
func (q *inquiry) suspectChart(ranked []suspect, g score.Grid) *incident.Chart {
	firing := &incident.TimeRange{Start: q.fired, End: q.ended}
	if top := leading(ranked); !top.sure || top.ended {
		return &incident.Chart{Unit: top.unit.Chart(), Series: []incident.Series{line(top, g, 0, 1)}, Firing: firing}
	}
	c := &incident.Chart{Unit: "%", Firing: firing}
	for _, s := range ranked {
		if s.sure && !s.ended && len(c.Series) < suspectCharts {
			c.Series = append(c.Series, line(s, g, s.Before, math.Abs(s.After-s.Before)))
		}
	}
	return c
}

func line(s suspect, g score.Grid, zero, one float64) incident.Series {
	out := incident.Series{Name: cut(promql.SeriesText(s.labels), 120), Step: g.Step}
	for i, v := range s.values {
		if !math.IsNaN(v) {
			out.Points = append(out.Points, incident.Point{At: g.At(i).UTC(), Value: (v - zero) / one})
		}
	}
	return out
}

func labelMap(m model.Metric) map[string]string {
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[string(name)] = string(value)
	}
	return out
}

func cloneWith(labels map[string]string, name, value string) map[string]string {
	out := maps.Clone(labels)
	out[name] = value
	return out
}
