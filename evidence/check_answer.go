package evidence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

var (
	msgCheckNone = message{
		"No data in this window (%s); the series may not exist.",
		"窗口（%s）内查询没有数据，也可能没有这样的序列。",
	}
	msgCheckNoNumber = message{"The query returns %d series, all without numbers.", "查询返回 %d 条序列，但没有数值。"}
	msgCheck         = message{
		"The query returns %[1]d series; %[2]d changed around the onset.",
		"查询返回 %[1]d 条序列，异常前后有变化的 %[2]d 条。",
	}
	msgCheckCalm = message{
		"The query returns %[1]d series; 0 changed around the onset.",
		"查询返回 %[1]d 条序列，异常前后均无变化。",
	}
	msgCheckShort = message{
		" %d have too little earlier data to compare.",
		"%d 条异常前数据不足，无法对比。",
	}
	msgCheckRose = message{
		" %[1]s: median %[2]s before the onset, max %[3]s at %[4]s since, last %[5]s.",
		"%[1]s：异常前中位数 %[2]s，异常后最高 %[3]s（%[4]s），最新值 %[5]s。",
	}
	msgCheckFell = message{
		" %[1]s: median %[2]s before the onset, min %[3]s at %[4]s since, last %[5]s.",
		"%[1]s：异常前中位数 %[2]s，异常后最低 %[3]s（%[4]s），最新值 %[5]s。",
	}
	msgCheckEnded = message{
		" %[1]s: ended after %[3]s; median %[2]s before onset.",
		"%[1]s：%[3]s 之后数据中断，异常前中位数 %[2]s。",
	}
	msgCheckSame = message{
		" %[1]s did not change: median %[2]s before onset, last %[3]s.",
		"%[1]s：没有变化，异常前中位数 %[2]s，最新值 %[3]s。",
	}
	msgCheckStrayed = message{ // a dip before the onset is not a change at it, but may matter
		" %[1]s did not change around the onset: median %[2]s before it, last %[3]s; min %[4]s at %[5]s, max %[6]s at %[7]s.",
		"%[1]s：异常前后没有变化，异常前中位数 %[2]s，最新值 %[3]s；窗口内最低 %[4]s（%[5]s），最高 %[6]s（%[7]s）。",
	}
	msgCheckStep = message{
		" %[1]s went from %[2]s to %[3]s at %[4]s%[5]s.",
		"%[1]s：%[4]s%[5]s 由 %[2]s 变为 %[3]s。",
	}
	msgCheckNew = message{
		" %[1]s: too little data before the onset to compare; max %[2]s at %[3]s, last %[4]s.",
		"%[1]s：异常前数据不足，无法对比，最高 %[2]s（%[3]s），最新值 %[4]s。",
	}
	msgCheckPace = message{
		" %[1]s moves on at its pace: %[2]s per minute before the onset, %[3]s since; last %[4]s.",
		"%[1]s 的变化速度不变：异常开始前每分钟 %[2]s，此后每分钟 %[3]s，最新值 %[4]s。",
	}
	msgCheckNewPace = message{
		" %[1]s changed its pace: %[2]s per minute before the onset, %[3]s since; last %[4]s.",
		"%[1]s 的变化速度改变：异常开始前每分钟 %[2]s，此后每分钟 %[3]s，最新值 %[4]s。",
	}
	msgCheckRestSame  = message{" Not shown: %d that did not change.", "其余 %d 条没有变化。"}
	msgCheckRestMoved = message{" Not shown: %[1]d, %[2]d of them changed.", "其余 %[1]d 条中有 %[2]d 条有变化。"}
)

// The bounds of an answer.
const (
	maxToldSeries  = 5 // series in the summary
	maxNamedSeries = 3 // of them, that the alert or the check names
	maxShownSeries = 8 // in the ranking and the chart
)

const (
	// minChangeScore is the score from which the signal counts as changed: an alert has told that it did.
	minChangeScore = 1
	// minCheckScore is the score from which a series of a check does: below that it is what noise reaches, too.
	minCheckScore = shownScore
)

// checkSeries is a series of the answer.
type checkSeries struct {
	suspect
	judged  bool
	samples []model.SamplePair // never empty
	pace    pace
}

func (s checkSeries) changed() bool {
	if s.pace.known && !s.ended {
		return s.pace.changed()
	}
	return s.judged && s.Score >= minCheckScore || s.lastStep() >= 0
}

// minTimestamp is the value from which a series that stands still between steps holds times, as those of starts and reloads
// do: seconds since 1970, whose last digits alone change at a restart.
const minTimestamp = 1e9

// lastStep returns the place of the last step of a series that holds times; -1 for any other.
func (s checkSeries) lastStep() int {
	at, steps := -1, 0
	for i, p := range s.samples {
		if p.Value < minTimestamp {
			return -1
		}
		if i > 0 && p.Value != s.samples[i-1].Value {
			at, steps = i, steps+1
		}
	}
	if 4*steps > len(s.samples) {
		return -1 // it moves on its own, as a clock does
	}
	return at
}

// runCheck runs a check over the window and says what came out.
func (inv *investigation) runCheck(ctx context.Context, e parser.Expr, check incident.Check) (incident.Evidence, error) {
	m, err := inv.prom.Range(ctx, e.String(), inv.start, inv.end, inv.step)
	if err != nil {
		return incident.Evidence{}, err
	}
	if len(m) == 0 {
		return incident.Evidence{Summary: inv.say(msgCheckNone, formatSpan(inv.start, inv.end)) + inv.explainNoData(ctx, e)}, nil
	}
	for _, s := range m {
		promql.DropMadeLabels(e, s.Metric)
	}
	list := inv.namedFirst(inv.scoreAnswer(m, promql.UnitOf(e)), check)
	if len(list) == 0 {
		return incident.Evidence{Summary: inv.say(msgCheckNoNumber, len(m))}, nil
	}
	item := incident.Evidence{
		Summary: inv.summarizeAnswer(list, len(m)),
		Chart:   &incident.Chart{Unit: promql.UnitOf(e).Chart(), Firing: &incident.TimeRange{Start: inv.fired, End: inv.ended}},
	}
	shown := list[:min(len(list), maxShownSeries)]
	lines := make([]*model.SampleStream, len(shown))
	for i, s := range shown {
		if s.judged && s.changed() {
			item.Ranking = append(item.Ranking, s.rankedSeries())
		}
		lines[i] = &model.SampleStream{Metric: metricFromLabels(s.labels), Values: s.samples}
	}
	for i, name := range lineNames(lines, text.Cut(promql.SeriesText(shown[0].labels), 120)) {
		item.Chart.Series = append(item.Chart.Series, chartLine(name, lines[i].Values, inv.step))
	}
	return item, nil
}

// scoreAnswer scores the series: those that changed first, the most changed of them first, then those that nobody can
// judge, then those that did not change. Series without a number are left out.
func (inv *investigation) scoreAnswer(m model.Matrix, u promql.Unit) []checkSeries {
	g := score.NewGrid(inv.start, inv.end, inv.step)
	var tracks []trackedSeries
	list := map[string]*checkSeries{}
	for _, s := range m {
		t := trackedSeries{labels: seriesLabels(s.Metric), unit: u, values: g.Place(s.Values)}
		t.query = promql.SeriesText(t.labels)
		samples := slices.DeleteFunc(slices.Clone(s.Values), func(p model.SamplePair) bool {
			return math.IsNaN(float64(p.Value)) || math.IsInf(float64(p.Value), 0)
		})
		if len(samples) > 0 {
			tracks = append(tracks, t)
			list[t.query] = &checkSeries{suspect: suspect{trackedSeries: t}, samples: samples, pace: paceOf(samples, inv.onset)}
		}
	}
	found, _ := scoreSeries(tracks, g, g.Before(inv.onset))
	for _, s := range found {
		s.since = g.At(s.At)
		list[s.query].suspect, list[s.query].judged = s, true
	}
	out := make([]checkSeries, 0, len(list))
	for _, s := range list {
		out = append(out, *s)
	}
	place := func(s checkSeries) float64 {
		switch {
		case s.changed():
			return max(s.Score, minCheckScore)
		case !s.judged:
			return minCheckScore - 1e-9
		}
		return min(s.Score, minCheckScore-1e-6)
	}
	slices.SortFunc(out, func(a, b checkSeries) int {
		return cmp.Or(cmp.Compare(place(b), place(a)), strings.Compare(a.query, b.query))
	})
	return out
}

// summarizeAnswer says what came out, by numbers.
func (inv *investigation) summarizeAnswer(list []checkSeries, series int) string {
	moved, short := 0, 0
	for _, s := range list {
		if s.changed() {
			moved++
		} else if !s.judged {
			short++
		}
	}
	var b strings.Builder
	if moved+short == 0 {
		b.WriteString(inv.say(msgCheckCalm, series))
	} else {
		b.WriteString(inv.say(msgCheck, series, moved))
	}
	if short > 0 {
		b.WriteString(inv.say(msgCheckShort, short))
	}
	told := min(len(list), maxToldSeries)
	for _, s := range list[:told] {
		b.WriteString(inv.summarizeSeries(s))
		moved -= boolToInt(s.changed())
	}
	switch rest := len(list) - told; {
	case rest > 0 && moved > 0:
		b.WriteString(inv.say(msgCheckRestMoved, rest, moved))
	case rest > 0 && short == 0:
		b.WriteString(inv.say(msgCheckRestSame, rest))
	}
	return b.String()
}

func (inv *investigation) summarizeSeries(s checkSeries) string {
	name := text.Cut(promql.SeriesText(s.labels), 160)
	last := s.samples[len(s.samples)-1]
	lastly := s.unit.Format(float64(last.Value))
	since := func(up bool) (string, string) {
		extreme, at := extremeSince(s.samples, inv.onset, up)
		return s.unit.Format(extreme), formatTime(at)
	}
	step := s.lastStep()
	switch {
	case step >= 0:
		from, to := s.samples[step-1], s.samples[step]
		return inv.say(msgCheckStep, name, s.unit.Format(float64(from.Value)), s.unit.Format(float64(to.Value)), formatTime(to.Timestamp.Time()), inv.lateText(inv.step))
	case s.pace.known && !s.ended:
		phrase := msgCheckPace
		if s.pace.changed() {
			phrase = msgCheckNewPace
		}
		return inv.say(phrase, name, s.unit.Format(60*s.pace.before), s.unit.Format(60*s.pace.since), lastly)
	case !s.judged:
		highest, at := since(true)
		return inv.say(msgCheckNew, name, highest, at, lastly)
	case s.ended:
		return inv.say(msgCheckEnded, name, s.unit.Format(s.Before), formatTime(last.Timestamp.Time()))
	case !s.changed() && s.deviated():
		low, lowAt := extremeSince(s.samples, inv.start, false)
		high, highAt := extremeSince(s.samples, inv.start, true)
		return inv.say(msgCheckStrayed, name, s.unit.Format(s.Before), lastly, s.unit.Format(low), formatTime(lowAt), s.unit.Format(high), formatTime(highAt))
	case !s.changed():
		return inv.say(msgCheckSame, name, s.unit.Format(s.Before), lastly)
	}
	phrase := msgCheckFell
	if s.Up {
		phrase = msgCheckRose
	}
	extreme, at := since(s.Up)
	return inv.say(phrase, name, s.unit.Format(s.Before), extreme, at, lastly)
}

// deviated reports whether the series was, for a while, half or twice what it usually is.
func (s checkSeries) deviated() bool {
	for _, p := range s.samples {
		if v := float64(p.Value); math.Abs(v-s.Before) > math.Abs(s.Before)/2 {
			return true
		}
	}
	return false
}
