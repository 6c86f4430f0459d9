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
	sayHours = text{"The value at this hour: %[1]s; %[2]s.", "同一时段的值：%[1]s；%[2]s。"}
	sayMost  = text{"%[1]s at most %[2]s", "%[1]s最高 %[2]s"}
	sayLeast = text{"%[1]s at least %[2]s", "%[1]s最低 %[2]s"}

	sayHourNone    = text{"%s no value with these labels", "%s没有该标签的数据"}
	sayHourUnknown = text{"%s no data at all", "%s没有任何数据"}
	sayHourFailed  = text{"%s it could not be looked up", "%s未能查询"}

	sayNothingSince = text{
		"The expression has had no value with this alert's labels since the onset: there is nothing to hold against other days.",
		"自异常开始以来，表达式没有与此告警标签相符的数据，无法与其他日期比较。",
	}
	sayNoHours      = text{" There are no data of then to compare with.", " 没有当时的数据可供比较。"}
	sayNotRisen     = text{" It did not rise like this then.", " 当时没有这样的上升。"}
	sayNotFallen    = text{" It did not fall like this then.", " 当时没有这样的下降。"}
	sayRisenToo     = text{" It rose like this %s as well: this may be a %s pattern.", " %s也有这样的上升：可能是%s规律。"}
	sayFallenToo    = text{" It fell like this %s as well: this may be a %s pattern.", " %s也有这样的下降：可能是%s规律。"}
	sayNothingNew   = text{" It was like this %s too, and before that hour as well: this may be nothing new.", " %s也是如此，且在该时段之前就已如此：可能并非新现象。"}
	sayConditionToo = text{
		" The condition was met %s as well, though the value did not move half as far.",
		" %s条件也曾成立，但变化幅度不到本次的一半。",
	}

	wordThisTime  = text{"this time", "本次"}
	wordDaily     = text{"daily", "每日"}
	wordWeekly    = text{"weekly", "每周"}
	wordAnd       = text{" and ", "和"}
	wordDay       = text{"day", "日期"}
	wordMedian    = text{"median before", "此前中位数"}
	wordHighest   = text{"highest", "最高"}
	wordLowest    = text{"lowest", "最低"}
	wordCondition = text{"condition met", "条件成立"}
	wordYes       = text{"yes", "是"}
	wordNo        = text{"no", "否"}
)

// earlierDays are what a signal is held against.
var earlierDays = []struct {
	ago           time.Duration
	name, pattern text
}{
	{24 * time.Hour, text{"a day before", "前一天"}, wordDaily},
	{7 * 24 * time.Hour, text{"a week before", "一周前"}, wordWeekly},
}

// leeway is how far off the onset a signal of another day counts as at the same hour.
const leeway = 30 * time.Minute

// hour is the signal of the alert looked at about the hour of the onset, on the incident's day or on an earlier one.
type hour struct {
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
}

// before tells whether the signal did the same at this hour of earlier days.
func before(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	view, err := q.view(ctx)
	if err != nil {
		return nil, err
	}
	if query := q.telling(view); query != view.query {
		view.query = query
		if view, err = q.ago(ctx, view, 0); err != nil {
			return nil, err
		}
	}
	item := incident.Evidence{
		Title: q.say(titleBefore), Query: view.query, Start: view.start, End: view.end,
		Link: q.link(view.query, view.start, view.end),
	}
	if len(view.lines) == 0 {
		item.Summary = q.say(sayNoSignal)
		return []incident.Evidence{item}, nil
	}
	f := view.figures(q)
	up := f.up
	present := hour{
		name: q.say(wordThisTime), view: view, line: view.lines[0].Values, known: true, usual: f.compared && f.score < leastChange,
	}
	if present.measure(q.onset, view.end, up); present.line == nil {
		item.Summary = q.say(sayNothingSince)
		return []incident.Evidence{item}, nil
	}
	past := make([]hour, len(earlierDays))
	errs := make([]error, len(past))
	var wg sync.WaitGroup
	for i, day := range earlierDays {
		wg.Go(func() {
			past[i], errs[i] = q.hourAgo(ctx, view, day.ago, up)
			past[i].name, past[i].pattern = q.say(day.name), q.say(day.pattern)
		})
	}
	wg.Wait()
	if !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	item.Summary = q.tellHours(present, past, up)
	item.Table = q.hoursTable(present, past, up)
	item.Chart = q.hoursChart(present, past)
	return []incident.Evidence{item}, nil
}

// telling returns the query by which days can be told apart. What is gone must count as nothing, where Prometheus has
// data at all; and a value that is compared with nothing says something only with what guards it.
func (q *inquiry) telling(v *signalView) string {
	switch {
	case promql.CountPresent(v.condition.Value) != nil:
		return v.query + " or 0 * count(up)"
	case v.condition.Op == 0:
		whole, err := promql.Parse(q.rule.query)
		k, askErr := q.known()
		if err != nil || askErr != nil {
			return q.rule.query
		}
		return promql.Narrow(whole, q.common(), k).String()
	}
	return v.query
}

// ago returns the view of the same query so long ago; its window goes on for a while after the hour of the onset, since
// that day has gone on.
func (q *inquiry) ago(ctx context.Context, v *signalView, ago time.Duration) (*signalView, error) {
	past := *v
	past.lines, past.limit, past.moving = nil, nil, nil
	if ago > 0 {
		past.start, past.end = v.start.Add(-ago), v.end.Add(-ago)
		if hour := q.onset.Add(-ago); past.end.Before(hour.Add(leeway)) {
			past.end = hour.Add(leeway)
		}
		if earliest := q.onset.Add(-ago - leastBefore); earliest.Before(past.start) {
			past.start = earliest
		}
		past.step = max(v.step, niceStep(past.end.Sub(past.start)/steps))
	}
	m, err := q.prom.Range(ctx, v.query, past.start, past.end, past.step)
	if err != nil {
		return nil, err
	}
	past.lines = q.ofOurAlerts(m)
	return &past, q.readLimit(ctx, &past, q.fired.Add(-ago))
}

// hourAgo looks at the signal so long ago; without a value it asks whether Prometheus has data of then.
func (q *inquiry) hourAgo(ctx context.Context, v *signalView, ago time.Duration, up bool) (hour, error) {
	past, err := q.ago(ctx, v, ago)
	if err != nil {
		return hour{}, err
	}
	h := hour{ago: ago, view: past}
	for _, line := range past.lines {
		if line.Metric.Equal(v.lines[0].Metric) || h.line == nil && q.standsFor(q.alert, line.Metric) {
			h.line = line.Values
		}
	}
	if h.measure(q.onset.Add(-ago-leeway), past.end, up); h.line != nil {
		h.known = true
		return h, nil
	}
	found, err := q.prom.Instant(ctx, "count(up)", q.onset.Add(-ago))
	h.known = err == nil && len(found) > 0
	return h, nil
}

// measure sets the figures of the hour, which lasts from one time until another. A line without a value then is none.
func (h *hour) measure(from, until time.Time, up bool) {
	samples := between(h.line, from, until)
	values, _ := numbers(samples, from)
	if len(values) == 0 {
		h.line = nil
		return
	}
	var s score.Scorer
	h.median = math.NaN()
	if earlier, n := numbers(h.line, from); n >= score.MinPast {
		h.median = s.Past(earlier[:n]).Median
	}
	h.extreme, h.at = furthest(samples, from, up)
	levels := s.Levels(values)
	if h.level = slices.Min(levels); up {
		h.level = slices.Max(levels)
	}
	met := 0
	for _, p := range samples {
		if h.view.comparable() && h.view.metAt(p) {
			met++
		}
	}
	h.met = met >= min(score.Smoothing, len(values))
}

// comparable reports whether it can be said if the condition is met.
func (v *signalView) comparable() bool {
	return v.condition.Threshold == nil || v.limit != nil || v.moving != nil
}

// tellHours says what the hours were like, and whether this one is like one of them.
func (q *inquiry) tellHours(present hour, past []hour, up bool) string {
	say := sayLeast
	notLike, like := sayNotFallen, sayFallenToo
	if up {
		say, notLike, like = sayMost, sayNotRisen, sayRisenToo
	}
	number := present.view.unit.Format
	half := halfWay(present, past)
	reached := func(v float64) bool { return up && v >= half || !up && v <= half }
	var told, alike, always, met []string
	pattern, compared := "", false
	for _, h := range past {
		compared = compared || h.known
		switch {
		case h.view == nil:
			told = append(told, q.say(sayHourFailed, h.name))
			continue
		case !h.known:
			told = append(told, q.say(sayHourUnknown, h.name))
			continue
		case h.line == nil:
			told = append(told, q.say(sayHourNone, h.name))
			continue
		}
		told = append(told, q.say(say, h.name, number(h.extreme)))
		sick := h.met || !present.met || !h.view.comparable() // as far as the condition tells
		switch {
		case reached(h.level) && reached(h.median) && sick:
			always = append(always, h.name)
		case reached(h.level) && (sick || !present.usual):
			alike, pattern = append(alike, h.name), cmp.Or(pattern, h.pattern)
		case h.met:
			met = append(met, h.name)
		}
	}
	out := q.say(sayHours, strings.Join(told, q.say(text{", ", "，"})), q.say(say, present.name, number(present.extreme)))
	and := q.say(wordAnd)
	switch {
	case !compared:
		return out + q.say(sayNoHours)
	case len(alike)+len(always)+len(met) == 0:
		return out + q.say(notLike)
	}
	if len(alike) > 0 {
		out += q.say(like, strings.Join(alike, and), pattern)
	}
	if len(always) > 0 {
		out += q.say(sayNothingNew, strings.Join(always, and))
	}
	if len(met) > 0 {
		out += q.say(sayConditionToo, strings.Join(met, and))
	}
	return out
}

// halfWay returns the value half way to the present level from what was usual before, at this hour or on other days.
// Where the present has hardly changed, it is as far on the other side of what is usual.
func halfWay(present hour, past []hour) float64 {
	if present.usual {
		return 2*present.median - present.level
	}
	for _, h := range append([]hour{present}, past...) {
		if h.line != nil && !math.IsNaN(h.median) {
			return (h.median + present.level) / 2
		}
	}
	return present.level
}

// hoursTable shows the same figures of all hours.
func (q *inquiry) hoursTable(present hour, past []hour, up bool) *incident.Table {
	furthest := wordLowest
	if up {
		furthest = wordHighest
	}
	t := &incident.Table{Columns: []string{
		q.say(wordDay), q.say(wordMedian), q.say(furthest), q.say(wordTime), q.say(wordCondition),
	}}
	for _, h := range append([]hour{present}, past...) {
		if h.line == nil {
			t.Rows = append(t.Rows, []string{h.name, "–", "–", "–", "–"})
			continue
		}
		met := "–"
		if h.view.comparable() {
			if met = q.say(wordNo); h.met {
				met = q.say(wordYes)
			}
		}
		number := h.view.unit.Format
		t.Rows = append(t.Rows, []string{h.name, number(h.median), number(h.extreme), clock(h.at), met})
	}
	return t
}

// hoursChart draws all days over the time of this one; nothing where there is no other.
func (q *inquiry) hoursChart(present hour, past []hour) *incident.Chart {
	v := present.view
	c := &incident.Chart{Unit: v.unit.Chart(), Firing: &incident.TimeRange{Start: q.fired, End: q.ended}}
	if v.moving == nil {
		c.Threshold = v.limit
	}
	c.Series = []incident.Series{chartLine(present.name, present.line, v.step)}
	for _, h := range past {
		if h.line == nil {
			continue
		}
		line := chartLine(h.name, between(h.line, v.start.Add(-h.ago), v.end.Add(-h.ago)), h.view.step)
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
