package evidence

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

var (
	msgHours = message{"Value at this hour: %[1]s; %[2]s.", "同一时段对比：%[1]s；%[2]s。"}
	msgMost  = message{"%[1]s max %[2]s", "%[1]s最高 %[2]s"}
	msgLeast = message{"%[1]s min %[2]s", "%[1]s最低 %[2]s"}

	msgHourNone    = message{"%s no value with these labels", "%s没有这些标签的数据"}
	msgHourUnknown = message{"%s no data at all", "%s没有任何数据"}
	msgHourFailed  = message{"%s lookup failed", "%s查询失败"}

	msgInfiniteSince = message{
		"The expression has been infinite since the onset, a division by zero: nothing to compare.",
		"异常开始后表达式的值为无穷大（除数为零），无法与其他日期对比。",
	}
	msgNothingSince = message{
		"The expression has had no value with this alert's labels since the onset: nothing to compare.",
		"异常开始后没有与本告警标签匹配的数据，无法与其他日期对比。",
	}
	msgNoHours      = message{" No data from then to compare.", "没有历史同期数据可对比。"}
	msgNotRisen     = message{" It did not rise like this then.", "历史同期没有类似的上升。"}
	msgNotFallen    = message{" It did not fall like this then.", "历史同期没有类似的下降。"}
	msgRisenToo     = message{" It also rose like this %s: maybe a %s pattern.", "%s同期也有类似的上升，可能是%s规律。"}
	msgFallenToo    = message{" It also fell like this %s: maybe a %s pattern.", "%s同期也有类似的下降，可能是%s规律。"}
	msgNothingNew   = message{" It was also like this %s, and before that hour: this may be nothing new.", "%s同期也是如此，且更早就是如此，可能不是新问题。"}
	msgConditionToo = message{
		" The condition was also met %s, but the value moved less than half as far.",
		"%s同期也满足过告警条件，但变化幅度不到本次的一半。",
	}

	msgWordThisTime  = message{"this time", "本次"}
	msgWordDaily     = message{"daily", "日周期"}
	msgWordWeekly    = message{"weekly", "周周期"}
	msgWordAnd       = message{" and ", "和"}
	msgWordDay       = message{"day", "日期"}
	msgWordMedian    = message{"median before", "异常前中位数"}
	msgWordHighest   = message{"max", "最高"}
	msgWordLowest    = message{"min", "最低"}
	msgWordCondition = message{"condition met", "满足条件"}
	msgWordYes       = message{"yes", "是"}
	msgWordNo        = message{"no", "否"}

	msgPaceThen = message{" It moved at the same pace %s: that is nothing new.", "%s 的变化速度与本次相同，并非新现象。"}
)

// earlierDays are what a signal is held against.
var earlierDays = []struct {
	days          int
	name, pattern message
}{
	{1, message{"a day before", "前一天"}, msgWordDaily},
	{7, message{"a week before", "一周前"}, msgWordWeekly},
}

// daysBefore returns how long before the onset the same hour of an earlier day was: people and their jobs go by their clocks, which may
// have been changed since.
func (inv *investigation) daysBefore(days int) time.Duration {
	return inv.onset.Sub(inv.onset.In(inv.zone).AddDate(0, 0, -days))
}

// hourTolerance is how far off the onset a signal of another day counts as at the same hour.
const hourTolerance = 30 * time.Minute

// sameHour is the signal of the alert looked at about the hour of the onset, on the incident's day or on an earlier one.
type sameHour struct {
	name, pattern string
	ago           time.Duration
	view          *signalView        // nil when it could not be looked up
	line          []model.SamplePair // nil when there is none
	known         bool               // Prometheus has data of then
	median        float64            // of the values before the hour; NaN for too few
	extreme       float64            // furthest in the alert's direction
	at            time.Time
	level         float64 // as far as it stayed for some values
	met           bool    // the condition, for some values
	usual         bool    // it hardly changed
	drift         *drift  // it moved steadily all along
}

// compareWithPast tells whether the signal did the same at this hour of earlier days.
func compareWithPast(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	view, err := inv.signalView(ctx)
	if err != nil {
		return nil, err
	}
	if query := inv.comparableQuery(view); query != view.query {
		other := *view
		other.query = query
		if view, err = inv.viewAgo(ctx, &other, 0); err != nil {
			return nil, err
		}
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleBefore), Query: view.query, Start: view.start, End: view.end,
		Link: inv.link(view.query, view.start, view.end),
	}
	if len(view.lines) == 0 {
		item.Summary, item.Nothing = inv.say(msgNoSignal, formatSpan(view.start, view.end)), true
		return []incident.Evidence{item}, nil
	}
	f := view.stats(inv)
	up := f.up
	present := sameHour{
		name: inv.say(msgWordThisTime), view: view, line: view.lines[0].Values, known: true, usual: f.compared && f.score < changedScore,
	}
	if present.measure(inv.onset, view.end, up); present.line == nil {
		item.Summary, item.Nothing = inv.say(msgNothingSince), true
		if math.IsInf(f.fired, 0) || math.IsInf(f.last, 0) {
			item.Summary = inv.say(msgInfiniteSince)
		}
		return []incident.Evidence{item}, nil
	}
	past := make([]sameHour, len(earlierDays))
	errs := make([]error, len(past))
	var wg sync.WaitGroup
	for i, day := range earlierDays {
		wg.Go(func() {
			past[i], errs[i] = inv.hourAgo(ctx, view, inv.daysBefore(day.days), up)
			past[i].name, past[i].pattern = inv.say(day.name), inv.say(day.pattern)
		})
	}
	wg.Wait()
	if !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	item.Summary = inv.summarizeHours(present, past, up)
	item.Table = inv.hoursTable(present, past, up)
	item.Chart = inv.hoursChart(present, past)
	return []incident.Evidence{item}, nil
}

// comparableQuery returns the query by which days can be told apart. What is gone must count as nothing, where Prometheus has
// data at all; and a value that is compared with nothing says something only with what guards it.
func (inv *investigation) comparableQuery(v *signalView) string {
	switch {
	case promql.CountPresent(v.original.Value) != nil:
		return strings.TrimSuffix(v.query, noneIsZero) + " or 0 * count(up)"
	case v.condition.Op == 0:
		whole, err := promql.Parse(inv.rule.query)
		k, askErr := inv.knownLabels()
		if err != nil || askErr != nil {
			return inv.rule.query
		}
		return promql.Narrow(whole, inv.sharedTargetLabels(), k).String()
	}
	return v.query
}

// viewAgo returns the view of the same query so long ago; its window goes on for a while after the hour of the onset, since
// that day has gone on.
func (inv *investigation) viewAgo(ctx context.Context, v *signalView, ago time.Duration) (*signalView, error) {
	past := *v
	past.lines, past.limit, past.movingLimit = nil, nil, nil
	if ago > 0 {
		past.start, past.end = v.start.Add(-ago), v.end.Add(-ago)
		if hour := inv.onset.Add(-ago); past.end.Before(hour.Add(hourTolerance)) {
			past.end = hour.Add(hourTolerance)
		}
		if earliest := inv.onset.Add(-ago - minLead); earliest.Before(past.start) {
			past.start = earliest
		}
		past.step = max(v.step, niceStep(past.end.Sub(past.start)/windowSteps))
	}
	m, err := inv.prom.Range(ctx, v.query, past.start, past.end, past.step)
	if err != nil {
		return nil, err
	}
	past.lines = inv.sameLines(v, m)
	return &past, inv.readLimit(ctx, &past, inv.fired.Add(-ago))
}

// sameLines returns the series of a view's lines as they were at another time, the alert's own first. Where that was not there, what
// fits the alert's labels stands for it.
func (inv *investigation) sameLines(v *signalView, m model.Matrix) []*model.SampleStream {
	var out []*model.SampleStream
	add := func(s *model.SampleStream) {
		if len(s.Values) > 0 && !slices.Contains(out, s) && len(out) < maxLines {
			out = append(out, s)
		}
	}
	for _, line := range v.lines {
		for _, s := range m {
			if line.Metric.Equal(s.Metric) {
				add(s)
			}
		}
	}
	for _, s := range inv.linesOf(inv.alert, m) {
		add(s)
	}
	return out
}

// hourAgo looks at the signal so long ago; without a value it asks whether Prometheus has data of then.
func (inv *investigation) hourAgo(ctx context.Context, v *signalView, ago time.Duration, up bool) (sameHour, error) {
	past, err := inv.viewAgo(ctx, v, ago)
	if err != nil {
		return sameHour{}, err
	}
	h := sameHour{ago: ago, view: past}
	for _, line := range past.lines {
		if line.Metric.Equal(v.lines[0].Metric) || h.line == nil && inv.represents(inv.alert, line.Metric) {
			h.line = line.Values
		}
	}
	if h.measure(inv.onset.Add(-ago-hourTolerance), past.end, up); h.line != nil {
		h.known = true
		return h, nil
	}
	found, err := inv.prom.Instant(ctx, "count(up)", inv.onset.Add(-ago))
	h.known = err == nil && len(found) > 0
	return h, nil
}

// measure sets the numbers of the hour, which lasts from one time until another. A line without a value then is none.
func (h *sameHour) measure(from, until time.Time, up bool) {
	samples := samplesBetween(h.line, from, until)
	values, _ := finiteValues(samples, from)
	if len(values) == 0 {
		h.line = nil
		return
	}
	var s score.Scorer
	h.drift = driftOf(finiteSamples(h.line))
	h.median = math.NaN()
	if earlier, n := finiteValues(h.line, from); n >= score.MinPast {
		h.median = s.Past(earlier[:n]).Median
	}
	h.extreme, h.at = extremeSince(samples, from, up)
	levels := s.Levels(values)
	if h.level = slices.Min(levels); up {
		h.level = slices.Max(levels)
	}
	met := 0
	for _, p := range samples {
		if h.view.hasCondition() && h.view.metAt(p) {
			met++
		}
	}
	h.met = met >= min(score.Smoothing, len(values))
}

// hasCondition reports whether it can be said if the condition is met.
func (v *signalView) hasCondition() bool {
	return v.condition.Threshold == nil || v.limit != nil || v.movingLimit != nil
}

// summarizeHours says what the hours were like, and whether this one is like one of them.
func (inv *investigation) summarizeHours(present sameHour, past []sameHour, up bool) string {
	say := msgLeast
	notLike, like := msgNotFallen, msgFallenToo
	if up {
		say, notLike, like = msgMost, msgNotRisen, msgRisenToo
	}
	number := present.view.unit.Format
	half := halfwayValue(present, past)
	reached := func(v float64) bool { return up && v >= half || !up && v <= half }
	var told, alike, always, met, paced []string
	pattern, compared := "", false
	for _, h := range past {
		compared = compared || h.known
		switch {
		case h.view == nil:
			told = append(told, inv.say(msgHourFailed, h.name))
			continue
		case !h.known:
			told = append(told, inv.say(msgHourUnknown, h.name))
			continue
		case h.line == nil:
			told = append(told, inv.say(msgHourNone, h.name))
			continue
		}
		told = append(told, inv.say(say, h.name, number(h.extreme)))
		if present.drift.as(h.drift) {
			paced = append(paced, h.name)
		}
		sick := h.met || !present.met || !h.view.hasCondition() // as far as the condition tells
		switch {
		case reached(h.level) && reached(h.median) && sick:
			always = append(always, h.name)
		case reached(h.level) && (sick || !present.usual):
			alike, pattern = append(alike, h.name), cmp.Or(pattern, h.pattern)
		case h.met:
			met = append(met, h.name)
		}
	}
	out := inv.say(msgHours, strings.Join(told, inv.say(msgClauseMark)), inv.say(say, present.name, number(present.extreme)))
	and := inv.say(msgWordAnd)
	switch {
	case !compared:
		return out + inv.say(msgNoHours)
	case len(alike)+len(always)+len(met) == 0 && len(paced) > 0:
		return out + inv.say(msgPaceThen, strings.Join(paced, and))
	case len(alike)+len(always)+len(met) == 0:
		return out + inv.say(notLike)
	}
	if len(alike) > 0 {
		out += inv.say(like, strings.Join(alike, and), pattern)
	}
	if len(always) > 0 {
		out += inv.say(msgNothingNew, strings.Join(always, and))
	}
	if len(met) > 0 {
		out += inv.say(msgConditionToo, strings.Join(met, and))
	}
	return out
}

// halfwayValue returns the value half way to the present level from what was usual before, at this hour or on other days.
// Where the present has hardly changed, it is as far on the other side of what is usual.
func halfwayValue(present sameHour, past []sameHour) float64 {
	if present.usual {
		return 2*present.median - present.level
	}
	for _, h := range append([]sameHour{present}, past...) {
		if h.line != nil && !math.IsNaN(h.median) {
			return (h.median + present.level) / 2
		}
	}
	return present.level
}

// hoursTable shows the same numbers of all hours.
func (inv *investigation) hoursTable(present sameHour, past []sameHour, up bool) *incident.Table {
	furthest := msgWordLowest
	if up {
		furthest = msgWordHighest
	}
	t := &incident.Table{Columns: []string{
		inv.say(msgWordDay), inv.say(msgWordMedian), inv.say(furthest), inv.say(msgWordTime), inv.say(msgWordCondition),
	}}
	for _, h := range append([]sameHour{present}, past...) {
		if h.line == nil {
			t.Rows = append(t.Rows, []string{h.name, "–", "–", "–", "–"})
			continue
		}
		met := "–"
		if h.view.hasCondition() {
			if met = inv.say(msgWordNo); h.met {
				met = inv.say(msgWordYes)
			}
		}
		number := h.view.unit.Format
		t.Rows = append(t.Rows, []string{h.name, number(h.median), number(h.extreme), formatTime(h.at), met})
	}
	return t
}

// hoursChart draws all days over the time of this one; nothing where there is no other.
func (inv *investigation) hoursChart(present sameHour, past []sameHour) *incident.Chart {
	v := present.view
	c := &incident.Chart{Unit: v.unit.Chart(), Firing: &incident.TimeRange{Start: inv.fired, End: inv.ended}}
	if v.movingLimit == nil {
		c.Threshold = v.limit
	}
	c.Series = []incident.Series{chartLine(present.name, present.line, v.step)}
	for _, h := range past {
		if h.line == nil {
			continue
		}
		line := chartLine(h.name, samplesBetween(h.line, v.start.Add(-h.ago), v.end.Add(-h.ago)), h.view.step)
		for i := range line.Points {
			line.Points[i].At = line.Points[i].At.Add(h.ago)
		}
		c.Series = append(c.Series, line)
	}
	if len(c.Series) == 1 {
		return nil
	}
	return c
}
