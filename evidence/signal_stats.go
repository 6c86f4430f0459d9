package evidence

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/score"
)

// signalStats are the numbers that a signal comes down to. Those that there is no data for are NaN.
type signalStats struct {
	fired, last float64 // when the alert fired, and the last one up to now, or while it fired
	lastAt      time.Time
	extreme     float64 // furthest in the alert's direction since the onset
	extremeAt   time.Time
	up          bool         // the alert's direction
	past        score.Spread // before the onset
	score       float64      // how unusual the change is, in robust deviations
	drift       *drift       // it was moving before the onset already; nil where it was not
	furthest    float64      // of the past, in the alert's direction
	compared    bool         // past and score are there
	constant    bool         // the past has one value alone
	began       time.Time    // there was no value before, though there were data; zero where that can't be told
	metCourse
}

// stats computes the numbers of the first line.
func (v *signalView) stats(inv *investigation) signalStats {
	line := v.lines[0].Values
	firing := inv.whileFiring(line)
	last := firing[len(firing)-1]
	f := signalStats{fired: math.NaN(), last: float64(last.Value), lastAt: last.Timestamp.Time().UTC()}
	if i := v.indexAt(line, inv.fired); i >= 0 && !inv.undated() {
		f.fired = float64(line[i].Value)
	}
	values, n := finiteValues(line, inv.onset)
	f.up = f.last >= f.fired
	var s score.Scorer
	quiet := n // values of the past that are none of the change
	if change, ok := s.Score(values, n, 0); ok {
		f.compared, f.score, f.up = true, change.Score, change.Up
		quiet = max(min(n, change.At-score.Smoothing), score.MinPast)
	}
	if n >= score.MinPast {
		f.past = s.Past(values[:quiet])
		if f.past.Noise < 1e-9*math.Abs(f.past.Median) {
			f.past.Noise = 0 // what is left of rounding
		}
		f.drift = driftOf(finiteSamples(line)[:quiet])
	}
	if up, known := v.condition.Rises(); known {
		f.up = up
	}
	if n >= score.MinPast {
		if f.furthest = slices.Min(values[:quiet]); f.up {
			f.furthest = slices.Max(values[:quiet])
		}
	}
	f.extreme, f.extremeAt = extremeSince(firing, inv.onset, f.up)
	if f.up && f.fired > f.extreme || !f.up && f.fired < f.extreme { // which lies between two steps
		f.extreme, f.extremeAt = f.fired, inv.fired.UTC()
	}
	f.metCourse = v.metCourse(firing, inv.judged, inv.until)
	f.constant = !f.always && isConstant(line, f.since, inv.onset)
	if first := line[0].Timestamp.Time(); first.Sub(v.start) > 2*v.step && !f.always && !f.since.IsZero() && !f.since.After(first) {
		f.began, f.compared = first.UTC(), false // what was there before the onset is the incident itself
	}
	return f
}

// drift is that a line was on its way before the onset: no median of that is what was usual.
type drift struct {
	from, to     float64
	fromAt, toAt time.Time
	pace         float64 // per second
}

// The yardsticks of a drift.
const (
	driftParts = 4   // into which a past is divided, each of which goes on from the one before
	driftNoise = 4   // times the noise around the straight line, that it must go
	driftFold  = .02 // of the median, that it must go
	driftExact = .02 // of the way, within which it is a straight line
	samePace   = .25 // by which two paces may differ and still count as the same
)

// driftOf returns how samples moved all along; nil where they did not, or too few tell.
func driftOf(samples []model.SamplePair) *drift {
	size := len(samples) / driftParts
	if size < score.MinPast/2 {
		return nil
	}
	var s score.Scorer
	medians, middles := make([]float64, driftParts), make([]time.Time, driftParts)
	for i := range driftParts {
		part := samples[i*size : (i+1)*size]
		values, _ := finiteValues(part, time.Time{})
		medians[i], middles[i] = s.Past(values).Median, part[size/2].Timestamp.Time()
	}
	first, last := 0, driftParts-1
	way := medians[last] - medians[first]
	for i := 1; i < driftParts; i++ {
		if (medians[i]-medians[i-1])*way <= 0 {
			return nil
		}
	}
	d := &drift{medians[first], medians[last], middles[first].UTC(), middles[last].UTC(), way / middles[last].Sub(middles[first]).Seconds()}
	around := make([]float64, len(samples))
	for i, p := range samples {
		around[i] = float64(p.Value) - d.from - d.pace*p.Timestamp.Time().Sub(d.fromAt).Seconds()
	}
	noise := s.Past(around).Noise
	exact := noise < driftExact*math.Abs(way) // as a clock: however little it goes
	if math.Abs(way) < driftNoise*noise || !exact && math.Abs(way) < driftFold*max(math.Abs(d.from), math.Abs(d.to)) {
		return nil
	}
	return d
}

// beyondPast reports whether the value went beyond all that it was before, however widely that was spread.
func (f signalStats) beyondPast() bool {
	return f.up && f.extreme > f.furthest || !f.up && f.extreme < f.furthest
}

// as reports whether another drift has the same pace.
func (d *drift) as(other *drift) bool {
	return d != nil && other != nil && math.Abs(d.pace-other.pace) <= samePace*max(math.Abs(d.pace), math.Abs(other.pace))
}

// finiteSamples returns the samples that are numbers.
func finiteSamples(line []model.SamplePair) []model.SamplePair {
	return slices.DeleteFunc(slices.Clone(line), func(p model.SamplePair) bool {
		return math.IsNaN(float64(p.Value)) || math.IsInf(float64(p.Value), 0)
	})
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
