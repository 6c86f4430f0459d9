package evidence

import (
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

var (
	sayNoRule = text{
		"the alert's rule is not known: Prometheus lists no such rule, and the alert's generatorURL holds no expression",
		"告警规则未知：Prometheus 中没有该规则，告警的 generatorURL 也不含表达式",
	}
	sayTitleOf  = text{"%[1]s: %[2]s", "%[1]s：%[2]s"}
	sayNoSignal = text{
		"The expression has no value with this alert's labels in this window.",
		"在该时间范围内，表达式没有与此告警标签相符的数据。",
	}
	sayValues = text{
		"The value was %[1]s when the alert fired; last %[2]s.",
		"告警触发时的值为 %[1]s，最新值为 %[2]s。",
	}
	sayGone     = text{"There was no value when the alert fired; last %s.", "告警触发时没有数据，最后的值为 %s。"}
	sayHighest  = text{" Highest %[1]s at %[2]s.", " 最高 %[1]s（%[2]s）。"}
	sayLowest   = text{" Lowest %[1]s at %[2]s.", " 最低 %[1]s（%[2]s）。"}
	sayLimit    = text{" Threshold: %[1]s %[2]s.", " 阈值：%[1]s %[2]s。"}
	sayBaseline = text{" Before: median %[1]s, usual deviation %[2]s.", " 此前：中位数 %[1]s，常见偏差 %[2]s。"}
	sayUnusual  = text{
		" The change is %s times the usual deviation.",
		" 变化幅度是常见偏差的 %s 倍。",
	}
	sayUsual   = text{" Against that the value hardly changed.", " 与此前相比几乎没有变化。"}
	sayNoPast  = text{" There is too little before the onset to compare with.", " 触发前的数据太少，无法比较。"}
	saySince   = text{" The condition is met since %s.", " 条件自 %s 起持续成立。"}
	sayAllPast = text{" The condition is met since the window's start or longer.", " 条件在整个时间范围内一直成立。"}
	wordLimit  = text{"threshold", "阈值"}
	wordGroup  = text{"rule group", "规则组"}
	wordFor    = text{"for", "for"}
	wordLabels = text{"labels set", "附加标签"}
	wordRule   = text{"rule", "规则"}
)

// figures are the numbers that a signal comes down to. Those that there is no data for are NaN.
type figures struct {
	fired, last float64 // when the alert fired, and the last one
	extreme     float64 // furthest in the alert's direction since the onset
	extremeAt   time.Time
	up          bool         // the alert's direction
	past        score.Spread // before the onset
	score       float64      // how unusual the change is, in robust deviations
	compared    bool         // past and score are there
	since       time.Time    // the condition is met since then; zero when it was not met
	always      bool         // since is the window's start
}

// figures computes the numbers of the first line.
func (v *signalView) figures(q *inquiry) figures {
	line := v.lines[0].Values
	f := figures{fired: math.NaN(), last: float64(line[len(line)-1].Value)}
	if i := lastUntil(line, q.fired.Add(v.step)); i >= 0 && q.fired.Sub(line[i].Timestamp.Time()) <= 3*v.step {
		f.fired = float64(line[i].Value)
	}
	values, n := numbers(line, q.onset)
	f.up = f.last >= f.fired
	var s score.Scorer
	if change, ok := s.Score(values, n, 0); ok {
		f.compared, f.score, f.up = true, change.Score, change.Up
		f.past = s.Past(values[:n])
		if f.past.Noise < 1e-9*math.Abs(f.past.Median) {
			f.past.Noise = 0 // what is left of rounding
		}
	}
	if up, known := v.condition.Rises(); known {
		f.up = up
	}
	f.extreme, f.extremeAt = furthest(line, q.onset, f.up)
	f.since, f.always = v.since(q.fired)
	return f
}

// numbers returns the values without NaN, and how many of them are from before t.
func numbers(line []model.SamplePair, t time.Time) (values []float64, n int) {
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

// furthest returns the highest or lowest value from t on, or of all when there is none.
func furthest(line []model.SamplePair, t time.Time, up bool) (extreme float64, at time.Time) {
	from := max(lastUntil(line, t), 0)
	extreme = math.NaN()
	for _, p := range line[from:] {
		v := float64(p.Value)
		if math.IsNaN(extreme) || up && v > extreme || !up && v < extreme {
			extreme, at = v, p.Timestamp.Time()
		}
	}
	return extreme, at
}

// since walks back from when the alert fired to where the condition began to be met without a break.
func (v *signalView) since(fired time.Time) (since time.Time, always bool) {
	line := v.lines[0].Values
	if v.condition.Threshold != nil && v.limit == nil {
		return time.Time{}, false
	}
	i := lastUntil(line, fired.Add(v.step))
	if i < 0 || !v.metAt(line[i]) {
		return time.Time{}, false
	}
	for i > 0 && v.metAt(line[i-1]) && line[i].Timestamp.Sub(line[i-1].Timestamp) <= v.step*3/2 {
		i--
	}
	since = line[i].Timestamp.Time()
	return since, since.Sub(v.start) < v.step
}

func (v *signalView) metAt(p model.SamplePair) bool {
	limit := math.NaN()
	if v.limit != nil {
		limit = *v.limit
	}
	if v.moving != nil {
		if i := lastUntil(v.moving.Values, p.Timestamp.Time()); i >= 0 {
			limit = float64(v.moving.Values[i].Value)
		}
	}
	return v.condition.Met(float64(p.Value), limit)
}

// describe makes the item of a signal.
func (q *inquiry) describe(v *signalView) incident.Evidence {
	item := incident.Evidence{
		Title: q.say(titleSignal), Query: v.query, Start: v.start, End: v.end,
		Link: q.link(v.query, v.start, v.end), Table: q.ruleTable(),
	}
	if len(v.lines) == 0 {
		item.Summary = q.say(sayNoSignal)
		return item
	}
	item.Summary = q.tell(v, v.figures(q))
	item.Chart = &incident.Chart{Unit: v.unit.Chart(), Firing: &incident.TimeRange{Start: q.fired, End: q.ended}}
	if v.moving == nil {
		item.Chart.Threshold = v.limit
	}
	names := lineNames(v.lines, q.rule.name)
	for i, line := range v.lines {
		item.Chart.Series = append(item.Chart.Series, chartLine(names[i], line.Values, v.step))
	}
	if v.moving != nil {
		item.Chart.Series = append(item.Chart.Series, chartLine(q.say(wordLimit), v.moving.Values, v.step))
	}
	return item
}

// tell writes the figures as one line.
func (q *inquiry) tell(v *signalView, f figures) string {
	var b strings.Builder
	if math.IsNaN(f.fired) {
		b.WriteString(q.say(sayGone, v.unit.Format(f.last)))
	} else {
		b.WriteString(q.say(sayValues, v.unit.Format(f.fired), v.unit.Format(f.last)))
	}
	if v.limit != nil {
		b.WriteString(q.say(sayLimit, parser.ItemTypeStr[v.condition.Op], v.unit.Format(*v.limit)))
	}
	extreme := sayLowest
	if f.up {
		extreme = sayHighest
	}
	b.WriteString(q.say(extreme, v.unit.Format(f.extreme), clock(f.extremeAt)))
	if f.compared {
		b.WriteString(q.say(sayBaseline, v.unit.Format(f.past.Median), v.unit.Format(f.past.Noise)))
		if f.score >= 1 {
			b.WriteString(q.say(sayUnusual, promql.FormatNumber(f.score)))
		} else {
			b.WriteString(q.say(sayUsual))
		}
	} else {
		b.WriteString(q.say(sayNoPast))
	}
	if f.always {
		b.WriteString(q.say(sayAllPast))
	} else if !f.since.IsZero() {
		b.WriteString(q.say(saySince, clock(f.since)))
	}
	return b.String()
}

// ruleTable shows the whole rule, of which the query is a part.
func (q *inquiry) ruleTable() *incident.Table {
	t := &incident.Table{Columns: []string{q.say(wordRule)}, Rows: [][]string{{cut(q.rule.query, 500)}}}
	if q.rule.group != "" {
		t.Columns = append(t.Columns, q.say(wordGroup), q.say(wordFor), q.say(wordLabels))
		t.Rows[0] = append(t.Rows[0], cut(q.rule.group, 80), promql.FormatDuration(q.rule.hold), labelText(q.rule.labels))
	}
	return t
}

// lineNames names lines by the labels in which they differ, or else by the fallback.
func lineNames(lines []*model.SampleStream, fallback string) []string {
	alerts := make([]incident.Alert, len(lines))
	for i, line := range lines {
		alerts[i].Labels = texted(line.Metric)
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

// texted returns a series' labels as plain strings.
func texted(metric model.Metric) map[string]string {
	out := make(map[string]string, len(metric))
	for name, value := range metric {
		out[string(name)] = string(value)
	}
	return out
}

func chartLine(name string, values []model.SamplePair, step time.Duration) incident.Series {
	s := incident.Series{Name: name, Step: step, Points: make([]incident.Point, len(values))}
	for i, v := range values {
		s.Points[i] = incident.Point{At: v.Timestamp.Time().UTC(), Value: float64(v.Value)}
	}
	return s
}
