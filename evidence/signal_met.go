package evidence

import (
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgSince = message{" Condition met since %[1]s (%[2]s), for %[3]s.", "%[1]s 起持续满足告警条件（%[2]s），已持续 %[3]s。"}
	msgUntil = message{
		" Condition met from %[1]s (%[2]s) until %[4]s, for %[3]s.",
		"%[1]s 至 %[4]s 满足告警条件（%[2]s），历时 %[3]s。",
	}
	msgOnAndOff = message{
		" Condition met on and off since %[1]s (%[2]s), for %[3]s in all, last at %[4]s.",
		"%[1]s 起多次满足告警条件（%[2]s），累计 %[3]s，最近一次为 %[4]s。",
	}
	msgAllPast = message{
		" Condition met for the whole window or longer (window: %s).",
		"整个窗口（%s）内一直满足告警条件，可能更早就已满足。",
	}
	msgPastUntil = message{
		" Condition met at the start of the window or earlier, and until %[2]s (%[1]s).",
		"窗口开始时就已满足告警条件，可能更早，直至 %[2]s（%[1]s）。",
	}
	msgPastOnAndOff = message{
		" Condition met at the start of the window or earlier (%[1]s), then on and off, for %[2]s in all, last at %[3]s.",
		"窗口开始时就已满足告警条件，可能更早（%[1]s），此后时断时续，累计 %[2]s，最近一次为 %[3]s。",
	}
	msgNotSince    = message{" It has not been met since.", "此后未再满足。"}
	msgNoDataSince = message{" There are no data since.", "此后没有数据。"}
	msgNoDataAfter = message{" The last data are of %s: Prometheus went on with their value.", "最后的数据为 %s，此后一段时间是 Prometheus 沿用的值。"}
	msgNoDataAbout = message{" There are no data since, or since up to %s earlier, as Prometheus goes on with the last value for so long.", "此后没有数据，也可能最多早 %s 就已没有：Prometheus 会沿用最后的值。"}
	msgNoDataThen  = message{" There are no data from %[1]s to %[2]s.", "%[1]s 至 %[2]s 之间没有数据。"}
	msgNoDataTimes = message{" In between there are times without data, the longest from %[1]s to %[2]s.", "期间多次没有数据，最长一段为 %[1]s 至 %[2]s。"}

	msgExact      = message{"to within %s", "误差不超过 %s"}
	msgExactMark  = message{"; ", "，"}
	msgLooksBack  = message{"the expression looks back %s", "表达式回看 %s"}
	msgLooksAhead = message{"the expression looks at data of up to %s later, which the rule did not have yet", "表达式使用最多晚 %s 的数据，规则评估时尚不存在"}
	msgLooksAt    = message{"the expression looks at data of %s before", "表达式所用数据早 %s"}
)

// metCourse is when the condition was met, as far as the samples of a line tell.
type metCourse struct {
	since   time.Time     // the condition is met since then; zero when it was not met
	always  bool          // since is the window's start
	met     time.Duration // how long it was met since then in all
	until   time.Time     // the last time that it was seen met
	broken  bool          // between these it was seen not met
	over    bool          // the last value does not meet it
	silent  bool          // there are no values since
	unknown time.Duration // how long there were no values before since
	gap     stretch       // the longest time without values between since and until; zero for none
	gaps    int           // how many of them there are

	hindered bool      // it is over by another part of the rule's expression
	others   time.Time // since when it is met by another part alone; zero where it is not
}

// metCourse follows a line, which ends with the alert or now, from where the condition that was met at a time began to be.
func (v *signalView) metCourse(line []model.SamplePair, at, now time.Time) (c metCourse) {
	if c.since, c.always = v.heldSince(line, at); c.since.IsZero() {
		return c
	}
	first := max(lastIndexUntil(line, c.since), 0)
	if first+1 < len(line) && !v.firesAt(line[first]) { // it began between two steps
		first++
	}
	if first > 0 && v.goesOnUnseen() && c.since.Equal(line[first].Timestamp.Time()) { // else something else began then
		c.unknown = v.gapBefore(line, first)
	}
	unmet := false // since it was met last
	for i := first; i < len(line); i++ {
		if unmet = unmet || !v.firesAt(line[i]); !v.firesAt(line[i]) {
			continue
		}
		if v.metAt(line[i]) {
			c.others = time.Time{}
		} else if c.others.IsZero() {
			c.others = line[i].Timestamp.Time().UTC()
		}
		c.broken, unmet = c.broken || unmet, false
		c.until = line[i].Timestamp.Time().UTC()
		if i > first && v.gapBefore(line, i) > 0 {
			c.hole(stretch{line[i-1].Timestamp.Time(), line[i].Timestamp.Time()}, v.goesOnUnseen())
		}
		end := now
		if i+1 < len(line) {
			end = line[i+1].Timestamp.Time()
		}
		c.met += max(min(end.Sub(c.until), v.stepAt(end)*3/2), 0)
	}
	last := line[len(line)-1].Timestamp.Time()
	c.silent = now.Sub(last) > 2*v.stepAt(now)
	c.hindered = unmet && v.metAt(line[len(line)-1])
	c.over = unmet || c.silent && !v.goesOnUnseen()
	return c
}

// hole takes down a time without values.
func (c *metCourse) hole(s stretch, unseen bool) {
	if !unseen {
		c.broken = true
		return
	}
	if c.gaps++; s.until.Sub(s.after) > c.gap.until.Sub(c.gap.after) {
		c.gap = s
	}
}

// goesOnUnseen reports whether a time without values says nothing about the condition: others have a value only where it is met.
func (v *signalView) goesOnUnseen() bool {
	return v.condition.Op != 0 && !promql.Filters(v.condition.Value)
}

// gapBefore returns how long there was no value before a sample; 0 where that is its step.
func (v *signalView) gapBefore(line []model.SamplePair, i int) time.Duration {
	at := line[i].Timestamp.Time()
	if gap := at.Sub(line[i-1].Timestamp.Time()); gap > v.stepAt(at)*3/2 {
		return gap
	}
	return 0
}

// metSince walks back from when the alert fired to where the condition began to be met without a break. A time without values is none
// where the condition was met before it as well.
func (v *signalView) metSince(fired time.Time) (since time.Time, always bool) {
	return v.lineMetSince(v.lines[0].Values, fired)
}

// heldSince is lineMetSince for an alert whose rule has a "for": it was met that long before, too, and what its evaluations did not see in
// between has not ended it.
func (v *signalView) heldSince(line []model.SamplePair, fired time.Time) (since time.Time, always bool) {
	since, always = v.lineMetSince(line, fired)
	pending := fired.Add(-v.hold)
	if since.IsZero() || !since.After(pending) {
		return since, always
	}
	if before, all := v.lineMetSince(line, pending); !before.IsZero() && before.Before(since) {
		return before, all
	}
	if i := lastIndexUntil(line, since); i > 0 && !line[i-1].Timestamp.Time().After(pending) { // it became so between two steps
		return pending.UTC(), always
	}
	return since, always
}

func (v *signalView) lineMetSince(line []model.SamplePair, fired time.Time) (since time.Time, always bool) {
	if v.condition.Threshold != nil && v.limit == nil {
		return time.Time{}, false
	}
	i := v.indexAt(line, fired)
	if i < 0 || !v.metAt(line[i]) {
		return time.Time{}, false
	}
	for unseen := v.goesOnUnseen(); i > 0 && v.metAt(line[i-1]) && (unseen || v.gapBefore(line, i) == 0); {
		i--
	}
	since = line[i].Timestamp.Time().UTC()
	if v.freeSince.After(since) {
		return v.freeSince, false
	}
	return since, since.Sub(v.start) < v.step || i == 0 && !since.After(v.dataFrom.Add(v.step))
}

func (v *signalView) metAt(p model.SamplePair) bool {
	return v.condition.Met(float64(p.Value), v.limitAt(p.Timestamp.Time()))
}

// limitAt returns the threshold at a time; NaN for none.
func (v *signalView) limitAt(t time.Time) float64 {
	limit := math.NaN()
	if v.limit != nil {
		limit = *v.limit
	}
	if v.movingLimit != nil {
		if i := lastIndexUntil(v.movingLimit.Values, t); i >= 0 {
			limit = float64(v.movingLimit.Values[i].Value)
		}
	}
	return limit
}

// metText says since when the condition is met and for how long, and how exactly that is known: a rate reaches its threshold later than
// what it is the rate of.
func (inv *investigation) metText(v *signalView, f signalStats) string {
	if f.since.IsZero() {
		return ""
	}
	long, until, past := inv.duration(f.met.Round(time.Second)), formatTime(f.until), formatSpan(later(v.start, earlier(v.dataFrom, f.since)), f.until)
	since, exact := formatTime(f.since), inv.exactText(v, f)
	ends := f.over || f.silent
	var out string
	switch {
	case f.always && f.broken:
		out = inv.say(msgPastOnAndOff, past, long, until)
	case f.always && ends:
		out = inv.say(msgPastUntil, past, until)
	case f.always:
		out = inv.say(msgAllPast, past)
	case f.broken:
		out = inv.say(msgOnAndOff, since, exact, long, until)
	case ends || !inv.ended.IsZero():
		out = inv.say(msgUntil, since, exact, long, until)
	default:
		out = inv.say(msgSince, since, exact, long)
	}
	out += inv.gapText(v, f)
	switch {
	case f.silent && !v.lastData.IsZero() && f.lastAt.Sub(v.lastData) > 2*v.step:
		out += inv.say(msgNoDataAfter, formatTime(v.lastData))
	case !inv.ended.IsZero():
	case f.over:
		out += inv.say(msgNotSince)
	case f.silent && inv.repeats(v) && v.lastData.IsZero():
		out += inv.say(msgNoDataAbout, inv.duration(lookback))
	case f.silent:
		out += inv.say(msgNoDataSince)
	}
	if !f.others.IsZero() {
		out += inv.say(msgOtherPartMet, formatTime(f.others))
	}
	if f.hindered && inv.ended.IsZero() {
		out += inv.say(msgOtherPartOver)
	}
	return out
}

// exactText says how exactly it is known since when the condition is met, and of which time its expression tells.
func (inv *investigation) exactText(v *signalView, f signalStats) string {
	parts := inv.say(msgExact, inv.duration(max(v.step, f.unknown)))
	if inv.rule.reach > 0 {
		parts += inv.say(msgExactMark) + inv.say(msgLooksBack, inv.duration(inv.rule.reach))
	}
	if inv.rule.ahead > 0 {
		parts += inv.say(msgExactMark) + inv.say(msgLooksAhead, inv.duration(inv.rule.ahead))
	}
	if inv.rule.offset > 0 {
		parts += inv.say(msgExactMark) + inv.say(msgLooksAt, inv.duration(inv.rule.offset))
	}
	return parts
}

// gapText tells of times without data while the condition was met: that they began, a server shows late that repeats a value.
func (inv *investigation) gapText(v *signalView, f signalStats) string {
	if f.gaps == 0 {
		return ""
	}
	after, phrase := formatTime(f.gap.after), msgNoDataThen
	if f.gaps > 1 {
		phrase = msgNoDataTimes
	}
	if inv.repeats(v) {
		after += inv.say(msgOrEarlier, inv.duration(lookback))
	}
	return inv.say(phrase, after, formatTime(f.gap.until))
}
