package evidence

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

var (
	msgNoRule = message{
		"alert rule not found: Prometheus doesn't list it, and the alert's generatorURL has no expression",
		"告警规则未知：Prometheus 中没有该规则，告警的 generatorURL 也不含表达式",
	}
	msgTitleOf  = message{"%[1]s: %[2]s", "%[1]s：%[2]s"}
	msgNoSignal = message{
		"The expression has no value with this alert's labels in this window (%s).",
		"在该时间范围（%s）内，表达式没有与此告警标签相符的数据。",
	}
	msgValues = message{
		"Value when the alert fired: %[1]s; last: %[2]s at %[3]s.",
		"告警触发时的值为 %[1]s，最新值为 %[2]s（%[3]s）。",
	}
	msgGone = message{
		"No value when the alert fired; last: %[1]s at %[2]s.",
		"告警触发时没有数据，最后的值为 %[1]s（%[2]s）。",
	}
	msgNoOnset = message{
		"Prometheus has no data from when the alert fired (%[3]s); last: %[1]s at %[2]s.",
		"Prometheus 没有告警触发时（%[3]s）的数据，最新值为 %[1]s（%[2]s）。",
	}
	msgPeakWas = message{
		"Peak: %[1]s at %[2]s%[3]s.",
		"峰值为 %[1]s（%[2]s）%[3]s。",
	}
	msgValuesWere = message{
		" Value when the alert fired: %[1]s; last while it fired: %[2]s at %[3]s.",
		" 告警触发时的值为 %[1]s，触发期间最后的值为 %[2]s（%[3]s）。",
	}
	msgLastWas  = message{" Last while it fired: %[1]s at %[2]s.", " 触发期间最后的值为 %[1]s（%[2]s）。"}
	msgHighest  = message{" Max %[1]s at %[2]s%[3]s.", " 最高 %[1]s（%[2]s）%[3]s。"}
	msgLowest   = message{" Min %[1]s at %[2]s%[3]s.", " 最低 %[1]s（%[2]s）%[3]s。"}
	msgCoarse   = message{" (looked at every %s)", "（每 %s 查看一次）"}
	msgLastOnly = message{"Last value: %[1]s at %[2]s.", "最新值为 %[1]s（%[2]s）。"}
	msgFuture   = message{
		" The alert says that it began at %s, which is in the future: its sender's clock may be wrong.",
		" 告警声称始于 %s，晚于当前时间：发送方的时钟可能有误。",
	}
	msgLimit    = message{" Threshold: %[1]s %[2]s.", " 阈值：%[1]s %[2]s。"}
	msgBaseline = message{" Before: median %[1]s, deviation %[2]s.", " 此前：中位数 %[1]s，常见偏差 %[2]s。"}
	msgUnusual  = message{
		" The change is %s times the deviation.",
		" 变化幅度是常见偏差的 %s 倍。",
	}
	msgLimitWas   = message{" It was %s before.", " 此前为 %s。"}
	msgLimitFired = message{" It was %s when the alert fired.", " 告警触发时为 %s。"}
	msgMedian     = message{" Before: median %s.", " 此前：中位数 %s。"}
	msgUnchanging = message{" Before: always %s.", " 此前一直为 %s。"}
	msgNoValue    = message{" No value until %s.", " 在 %s 之前没有数据。"}
	msgInfinite   = message{" The value is infinite: the divisor was 0.", " 值为无穷大：除数为零。"}
	msgForeign    = message{
		" The expression is not PromQL: it was run as it stands, and has values only where its condition is met.",
		" 该表达式不是 PromQL：按原样执行，仅在条件成立时才有值。",
	}
	msgUsual  = message{" The change is within that.", " 与此前相比几乎没有变化。"}
	msgNoPast = message{" Too little data before the onset to compare.", " 触发前的数据太少，无法比较。"}
	msgSince  = message{" Condition met since %[1]s (%[2]s), for %[3]s.", " 条件自 %[1]s（%[2]s）起成立，共 %[3]s。"}
	msgUntil  = message{
		" Condition met from %[1]s (%[2]s) until %[4]s, for %[3]s.",
		" 条件自 %[1]s（%[2]s）起成立，至 %[4]s 为止，共 %[3]s。",
	}
	msgExact     = message{"to within %s", "误差在 %s 内"}
	msgLooksBack = message{"to within %[1]s; the expression looks back %[2]s", "误差在 %[1]s 内；表达式回看 %[2]s"}
	msgAllPast   = message{
		" Condition met for the whole window or longer (window: %s).",
		" 条件在整个时间范围（%s）内一直成立，或更早就已成立。",
	}
	msgWordLimit  = message{"threshold", "阈值"}
	msgWordGroup  = message{"rule group", "规则组"}
	msgWordFor    = message{"for", "for"}
	msgWordLabels = message{"labels set", "附加标签"}
	msgWordRule   = message{"rule", "规则"}
)

// signalStats are the numbers that a signal comes down to. Those that there is no data for are NaN.
type signalStats struct {
	fired, last float64 // when the alert fired, and the last one up to now, or while it fired
	lastAt      time.Time
	extreme     float64 // furthest in the alert's direction since the onset
	extremeAt   time.Time
	up          bool          // the alert's direction
	past        score.Spread  // before the onset
	score       float64       // how unusual the change is, in robust deviations
	compared    bool          // past and score are there
	constant    bool          // the past has one value alone
	began       time.Time     // there was no value before, though there were data; zero where that can't be told
	since       time.Time     // the condition is met since then; zero when it was not met
	always      bool          // since is the window's start
	met         time.Duration // how long it was met since then in all
	until       time.Time     // the last time that it was seen met
}

// stats computes the numbers of the first line.
func (v *signalView) stats(inv *investigation) signalStats {
	line := v.lines[0].Values
	firing := inv.whileFiring(line)
	last := firing[len(firing)-1]
	f := signalStats{fired: math.NaN(), last: float64(last.Value), lastAt: last.Timestamp.Time().UTC()}
	if i := v.indexAt(line, inv.fired); i >= 0 && !inv.alert.Began().After(inv.now) {
		f.fired = float64(line[i].Value)
	}
	values, n := finiteValues(line, inv.onset)
	f.up = f.last >= f.fired
	var s score.Scorer
	if change, ok := s.Score(values, n, 0); ok {
		f.compared, f.score, f.up = true, change.Score, change.Up
	}
	if n >= score.MinPast {
		f.past = s.Past(values[:n])
		if f.past.Noise < 1e-9*math.Abs(f.past.Median) {
			f.past.Noise = 0 // what is left of rounding
		}
	}
	if up, known := v.condition.Rises(); known {
		f.up = up
	}
	f.extreme, f.extremeAt = extremeSince(firing, inv.onset, f.up)
	f.since, f.always = v.metSince(inv.judged)
	f.met, f.until = v.metFor(firing, f.since, inv.until)
	f.constant = !f.always && isConstant(line, f.since, inv.onset)
	if first := line[0].Timestamp.Time(); first.Sub(v.start) > 2*v.step && !f.since.IsZero() && !f.since.After(first) {
		f.began, f.compared = first.UTC(), false // what was there before the onset is the incident itself
	}
	return f
}

// metFor adds up how long the condition was met from one time until another, and returns when it was seen met last. A sample stands for
// the time until the next one.
func (v *signalView) metFor(line []model.SamplePair, since, until time.Time) (met time.Duration, last time.Time) {
	if since.IsZero() {
		return 0, time.Time{}
	}
	for i := max(lastIndexUntil(line, since), 0); i < len(line); i++ {
		if !v.metAt(line[i]) {
			continue
		}
		last = line[i].Timestamp.Time().UTC()
		end := until
		if i+1 < len(line) {
			end = line[i+1].Timestamp.Time()
		}
		met += max(min(end.Sub(last), v.stepAt(end)*3/2), 0)
	}
	return met, last
}

// isConstant reports whether a line had one value alone until the condition began to be met, or the onset.
func isConstant(line []model.SamplePair, since, onset time.Time) bool {
	if since.IsZero() || since.After(onset) {
		since = onset
	}
	values, n := finiteValues(line, since)
	if n < score.MinPast {
		return false
	}
	values = values[:n]
	return slices.Max(values)-slices.Min(values) <= 1e-9*math.Abs(values[0])
}

// finiteValues returns the values without NaN, and how many of them are from before t.
func finiteValues(line []model.SamplePair, t time.Time) (values []float64, n int) {
	for _, p := range line {
		if v := float64(p.Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
			if p.Timestamp.Time().Before(t) {
				n++
			}
		}
	}
	return values, n
}

// extremeSince returns the highest or lowest value from t on, or of all when there is none.
func extremeSince(line []model.SamplePair, t time.Time, up bool) (extreme float64, at time.Time) {
	from := max(lastIndexUntil(line, t), 0)
	extreme = math.NaN()
	for _, p := range line[from:] {
		v := float64(p.Value)
		if math.IsNaN(extreme) || up && v > extreme || !up && v < extreme {
			extreme, at = v, p.Timestamp.Time()
		}
	}
	return extreme, at
}

// metSince walks back from when the alert fired to where the condition began to be met without a break.
func (v *signalView) metSince(fired time.Time) (since time.Time, always bool) {
	return v.lineMetSince(v.lines[0].Values, fired)
}

func (v *signalView) lineMetSince(line []model.SamplePair, fired time.Time) (since time.Time, always bool) {
	if v.condition.Threshold != nil && v.limit == nil {
		return time.Time{}, false
	}
	i := v.indexAt(line, fired)
	if i < 0 || !v.metAt(line[i]) {
		return time.Time{}, false
	}
	for i > 0 && v.metAt(line[i-1]) && line[i].Timestamp.Sub(line[i-1].Timestamp) <= v.stepAt(line[i].Timestamp.Time())*3/2 {
		i--
	}
	since = line[i].Timestamp.Time().UTC()
	return since, since.Sub(v.start) < v.step
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

// signalItem makes the item of a signal.
func (inv *investigation) signalItem(v *signalView) incident.Evidence {
	start, end := v.start, v.end
	if len(v.more) > 0 {
		end = v.more[len(v.more)-1].end
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleSignal), Query: v.query, Start: start, End: end,
		Link: inv.link(v.query, start, end), Table: inv.ruleTable(),
	}
	if len(v.lines) == 0 {
		item.Summary = inv.say(msgNoSignal, formatSpan(start, end))
		return item
	}
	f := v.stats(inv)
	item.Figures = inv.figuresOf(v, f)
	if was := inv.seenPeak(item.Query, item.Figures); was != nil {
		item.Figures.Peak, item.Figures.PeakAt = was.Peak, was.PeakAt
	}
	item.Summary = inv.summarizeSignal(v, f, item.Figures)
	item.Chart = &incident.Chart{Unit: v.unit.Chart(), Firing: &incident.TimeRange{Start: inv.fired, End: inv.ended}}
	if v.movingLimit == nil {
		item.Chart.Threshold = v.limit
	}
	names := lineNames(v.lines, inv.rule.name)
	for i, line := range v.lines {
		item.Chart.Series = append(item.Chart.Series, v.chartLine(names[i], line.Values))
	}
	if v.movingLimit != nil {
		item.Chart.Series = append(item.Chart.Series, v.chartLine(inv.say(msgWordLimit), v.movingLimit.Values))
	}
	return item
}

// chartLine draws a line over all windows of a view: what is missing between its samples, by the steps of their window, is a gap.
func (v *signalView) chartLine(name string, values []model.SamplePair) incident.Series {
	out := chartLine(name, values, v.coarsest())
	for i := len(values) - 1; i > 0 && len(v.more) > 0; i-- {
		if at := values[i].Timestamp.Time(); at.Sub(values[i-1].Timestamp.Time()) > v.stepAt(at)*3/2 {
			gap := incident.Point{At: at.Add(-v.stepAt(at)).UTC(), Value: math.NaN()}
			out.Points = slices.Insert(out.Points, i, gap)
		}
	}
	return out
}

// summarizeSignal writes the statistics as one line: of an alert that fires the value first, of one that has ended what it was at its
// worst.
func (inv *investigation) summarizeSignal(v *signalView, f signalStats, told *incident.Figures) string {
	var b strings.Builder
	coarse := ""
	if step := v.coarsest(); step > maxFineStep {
		coarse = inv.say(msgCoarse, promql.FormatDuration(step))
	}
	peakAt := formatTime(told.PeakAt)
	switch {
	case inv.ended.IsZero():
		b.WriteString(inv.valueNow(f, told))
	case told.Fired == nil:
		b.WriteString(inv.say(msgPeakWas, textOf(told.Peak), peakAt, coarse) + inv.say(msgLastWas, textOf(told.Value), formatTime(f.lastAt)))
	default:
		b.WriteString(inv.say(msgPeakWas, textOf(told.Peak), peakAt, coarse))
		b.WriteString(inv.say(msgValuesWere, textOf(told.Fired), textOf(told.Value), formatTime(f.lastAt)))
	}
	if told.Threshold != nil {
		b.WriteString(inv.say(msgLimit, told.Condition, told.Threshold.Text) + inv.formerLimit(v))
	}
	if inv.ended.IsZero() {
		extreme := msgLowest
		if f.up {
			extreme = msgHighest
		}
		b.WriteString(inv.say(extreme, textOf(told.Peak), peakAt, coarse))
	}
	if math.IsInf(f.fired, 0) || math.IsInf(f.last, 0) {
		b.WriteString(inv.say(msgInfinite))
	}
	b.WriteString(inv.summarizePast(v, f))
	b.WriteString(inv.metText(v, f))
	b.WriteString(v.doubt)
	if inv.rule.foreign() {
		b.WriteString(inv.say(msgForeign))
	}
	if began := inv.alert.Began(); began.After(inv.now) {
		b.WriteString(inv.say(msgFuture, formatTime(began)))
	}
	return b.String()
}

// maxFineStep is the longest step at which nothing is said of what may have been between two of them.
const maxFineStep = time.Minute

// valueNow says what the value is, beside what it was when the alert fired.
func (inv *investigation) valueNow(f signalStats, told *incident.Figures) string {
	switch {
	case inv.alert.Began().After(inv.now):
		return inv.say(msgLastOnly, textOf(told.Value), formatTime(f.lastAt))
	case told.Fired != nil:
		return inv.say(msgValues, textOf(told.Fired), textOf(told.Value), formatTime(f.lastAt))
	case inv.noOnset:
		return inv.say(msgNoOnset, textOf(told.Value), formatTime(f.lastAt), formatTime(inv.fired))
	}
	return inv.say(msgGone, textOf(told.Value), formatTime(f.lastAt))
}

// metText says since when the condition is met and for how long, and how exactly that is known: a rate reaches its threshold later than
// what it is the rate of.
func (inv *investigation) metText(v *signalView, f signalStats) string {
	switch {
	case f.always:
		return inv.say(msgAllPast, formatSpan(v.start, f.until))
	case f.since.IsZero():
		return ""
	}
	exact := inv.say(msgExact, promql.FormatDuration(v.step))
	if inv.rule.reach > 0 {
		exact = inv.say(msgLooksBack, promql.FormatDuration(v.step), promql.FormatDuration(inv.rule.reach))
	}
	long := promql.FormatDuration(f.met.Round(time.Second))
	if !inv.ended.IsZero() {
		return inv.say(msgUntil, formatTime(f.since), exact, long, formatTime(f.until))
	}
	return inv.say(msgSince, formatTime(f.since), exact, long)
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
	if f.past.Noise == 0 {
		return inv.say(msgMedian, v.unit.Format(f.past.Median))
	}
	out := inv.say(msgBaseline, v.unit.Format(f.past.Median), v.unit.Format(f.past.Noise))
	if f.score < 1 {
		return out + inv.say(msgUsual)
	}
	return out + inv.say(msgUnusual, promql.FormatNumber(f.score))
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

// lineNames names lines by the labels in which they differ, or else by the fallback.
func lineNames(lines []*model.SampleStream, fallback string) []string {
	alerts := make([]incident.Alert, len(lines))
	for i, line := range lines {
		alerts[i].Labels = seriesLabels(line.Metric)
	}
	_, differ := splitLabels(alerts)
	names := make([]string, len(lines))
	for i := range lines {
		own := map[string]string{}
		for _, name := range differ {
			if value, there := alerts[i].Labels[name]; there {
				own[name] = value
			}
		}
		if names[i] = labelText(own); names[i] == "" {
			names[i] = fallback
		}
	}
	return names
}

func chartLine(name string, values []model.SamplePair, step time.Duration) incident.Series {
	s := incident.Series{Name: name, Step: step, Points: make([]incident.Point, len(values))}
	for i, v := range values {
		s.Points[i] = incident.Point{At: v.Timestamp.Time().UTC(), Value: float64(v.Value)}
	}
	return s
}
