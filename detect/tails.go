package detect

import (
	"math"
	"time"
)

const (
	// historySpan is how much of the past the season sees: two of each weekday, and four where samples are an hour apart.
	historySpan, hourlySpan = 14 * day, 28 * day
	// viewMemory is after how long a residual counts for 1/e: a week, as every weekday must be in it, but never less than
	// viewSamples, of which the outer 2 % are 8.
	viewMemory, viewSamples = 7 * day, 400
	// readySamples and readyAfter are how much a view must have seen to be believed.
	readySamples, readyAfter = 50, 12 * hour
	// judgeAfter is from when on alerts may come: a day of hours. Until then, what would be alerts is learned as usual.
	judgeAfter = day
	// fitEvery is after how many samples tails are fitted anew: 2 % of what readyAfter has at five minutes is 3.
	fitEvery = 16
	// levelShare is the least deviation that counts, as a share of the level: less is no incident, however flat the series.
	levelShare = .02
	// quanta is the least deviation that counts, in steps of a quantized series: one more or one less is no incident.
	quanta = 1.001
	// rounding is the share of a value below which a step is none: arithmetic rounds.
	rounding = 1e-6
	// floorScale is the least scale of a tail, as a share of the least deviation.
	floorScale = .25
	// explains is how near to what the season expects a value must be, as a share of how far it is from its last hour, to
	// be no surprise: a jump to what is usual at this time.
	explains = .5
	// unusual is the surprise of the outermost 5 % of one side, twoSided that of the outermost 5 % of both.
	unusual, twoSided = 1.301, 1.602
	// weakest is the surprise from which a view adds to the sum: the outermost 10 %.
	weakest = 1
	// smoothing is the weight of a new sample in the smoothed sum, at most; smoothingTime is its time constant.
	smoothing, smoothingTime = .3, 15 * 60_000
	// calm is the smoothed sum below which nothing is going on, however rare even that has been.
	calm = .75
	// clipBeyond is how much rarer than once a day, in decades, a residual is learned to be at most, and clipWithin the same
	// while an episode goes on: how long an incident lasts says little of the next.
	clipBeyond, clipWithin = 10, 3
	// wayBack is how near to the level of the day a value must be, as a share of how far it is from its last hour, to be no
	// more than the end of the anomaly that this hour saw.
	wayBack = .1
	// holdScore is the score down to which an anomaly goes on, for holdTime: noise about the threshold is no end, or an
	// alert with a "for" would seldom fire.
	holdScore, holdTime = .5, 15 * 60_000
	// forever is the longest time that is claimed.
	forever = 100 * 365 * 24 * time.Hour
)

// The views.
const (
	viewHour = iota
	viewSeason
	viewLevel
	views
)

var viewNames = [views]string{"hour", "season", "level"}

// tails is the method of rates: views, their tails, and two speeds. See the package's comment.
type tails struct {
	options  *Options
	use      [views]bool
	sums     bool
	step     int64
	forget   float64 // per sample
	smooth   float64 // per sample
	stands   int32   // how many samples the next one stands for: more than 1 only in Learn
	promise  float64 // episodes per day
	recent   recent
	history  history
	season   season
	views    [views]view
	sum      view    // of the smoothed sum
	smoothed float64 // surprise of all views
	episodes episodes
	since    int64 // first sample
	level    float64
	prev     float64
	quantum  float64 // smallest step between samples
	fraction bool    // a value was no integer
	above    int64   // when the score was last 1 or more
	away     int64   // when it was, and the value not at the level of the day
}

func newTails(o *Options, step int64) *tails {
	span := int64(historySpan)
	if step >= hour {
		span = hourlySpan
	}
	x := &tails{
		options: o, step: step, stands: 1, promise: o.FalseAlarms.PerDay(),
		forget: math.Exp(-1 / max(float64(viewMemory)/float64(step), viewSamples)),
		smooth: min(smoothing, -math.Expm1(-float64(step)/smoothingTime)),
		recent: newRecent(step), history: newHistory(step, span), episodes: newEpisodes(step),
	}
	x.season = newSeason(o, x.history.bucket)
	x.views[viewHour].byHour, x.views[viewSeason].byHour = new([2]hours), new([2]hours)
	switch o.Method {
	case Tail:
		x.use[viewHour] = true
	case Seasonal:
		x.use[viewSeason] = true
	case Level:
		x.use[viewLevel] = true
	default:
		x.use, x.sums = [views]bool{true, true, true}, true
	}
	return x
}

// residual is a sample as one view sees it.
type residual struct {
	known    bool
	expected float64
	off      float64
	surprise float64
}

func (x *tails) judge(ms int64, v float64) Result {
	if x.since == 0 {
		x.since, x.prev = ms, v
	}
	floor := x.floor()
	x.quantize(v)
	res, good, explained := x.look(ms, v, floor)
	clock := (ms + x.season.utcOffset(ms)) / hour
	fast, total, clip := 0., 0., x.clip()
	top := viewHour
	for i := range res {
		r, w := &res[i], &x.views[i]
		if !r.known || !x.use[i] {
			continue
		}
		if w.ready(x.step) && math.Abs(r.off) > floor && (i != viewHour || !explained) {
			r.surprise = w.surprise(r.off, x.options.Direction, floor*floorScale, clock)
		}
		if r.surprise > res[top].surprise || !x.use[top] {
			top = i
		}
		if i == viewHour || i == viewSeason && good || !x.sums {
			fast = max(fast, r.surprise)
		}
		total += max(0, r.surprise-weakest)
		w.learn(r.off, clip, floor*floorScale, x.forget, x.stands, clock)
	}
	combined := max(fast, x.slow(total))
	result := Result{Status: Learning, Value: v, Expected: v, Lower: math.Inf(-1), Upper: math.Inf(1), Level: x.level, View: viewNames[top]}
	if good {
		result.Seasonal, result.InSeason = res[viewSeason].expected, true
	}
	if !x.views[top].ready(x.step) {
		return result
	}
	x.episodes.learn(ms, ms-x.since, combined)
	if ms-x.since < judgeAfter || x.stands > 1 { // nobody asks what the past means
		return result
	}
	result.Status = Judged
	result.Usual = res[viewHour].surprise < unusual ||
		x.options.Direction == Both && res[viewHour].surprise < twoSided
	x.band(&result, &res[top], &x.views[top], floor, clock)
	x.decide(ms, &result, combined)
	if result.Score >= 1 && !x.atLevel(v, res[viewHour].expected) {
		x.away = ms
	}
	return result
}

// floor returns the least deviation that counts.
func (x *tails) floor() float64 {
	quantum := x.quantum
	if quantum == 0 && !x.fraction {
		quantum = 1
	}
	return max(levelShare*math.Abs(x.level), quanta*quantum)
}

// quantize learns the smallest step between samples, and whether they are integers.
func (x *tails) quantize(v float64) {
	step := math.Abs(v - x.prev)
	if step > rounding*math.Abs(v) && (x.quantum == 0 || step < x.quantum) {
		x.quantum = step
	}
	x.prev = v
	x.fraction = x.fraction || v != math.Trunc(v)
}

// atLevel tells whether a jump away from the last hour leads to the level of the day.
func (x *tails) atLevel(v, mid float64) bool {
	return math.Abs(v-x.level) < wayBack*math.Abs(v-mid)
}

// clip returns the surprise that residuals are learned to have at most.
func (x *tails) clip() float64 {
	if x.episodes.peak > 0 {
		return x.episodes.level + clipWithin
	}
	return x.episodes.level + clipBeyond
}

// look learns the sample and returns what the views see, and whether a jump away from the last hour is explained: by the
// season, or as the way back.
func (x *tails) look(ms int64, v, floor float64) (res [views]residual, good, explained bool) {
	mid := x.recent.median(ms)
	h := &x.history
	mean, before := h.sum/h.n, h.at // of the bucket that may close now
	if h.add(ms, v) {
		x.season.learn(mean, x.level, h)
		if h.at*h.bucket/hour != before*h.bucket/hour {
			x.level = dayLevel(h)
		}
	}
	expected, good := x.season.expect(floor)
	res[viewHour] = residual{known: !math.IsNaN(mid), expected: mid, off: v - mid}
	res[viewSeason] = residual{known: !math.IsNaN(expected), expected: expected, off: v - expected}
	explained = good && math.Abs(v-expected) < explains*math.Abs(v-mid) ||
		ms-x.away <= x.recent.slot*x.recent.n && x.atLevel(v, mid)
	x.recent.add(ms, v)
	res[viewLevel] = residual{known: ms-x.since > day/2, expected: x.level, off: x.recent.mean(ms) - x.level}
	return res, good, explained
}

// dayLevel is the median of the last 24 hours; 0 without any sample.
func dayLevel(h *history) float64 {
	var buf [day / minBucket]float64
	values := h.appendLast(buf[:0], h.at-day/h.bucket)
	if len(values) == 0 {
		return 0
	}
	return median(values)
}

// slow smooths the surprise of all views together and returns how surprising that is, by its own past.
func (x *tails) slow(total float64) float64 {
	if !x.sums || x.step > smoothingTime || !x.views[viewHour].ready(x.step) {
		return 0
	}
	x.smoothed += x.smooth * (min(total, maxSurprise) - x.smoothed)
	surprise := 0.
	if x.smoothed > calm && x.sum.ready(x.step) {
		surprise = x.sum.surprise(x.smoothed, Up, 0, 0)
	}
	x.sum.learn(x.smoothed, x.clip(), 0, x.forget, x.stands, 0)
	return surprise
}

// band sets what the view expects and where it would alert.
func (x *tails) band(r *Result, res *residual, w *view, floor float64, clock int64) {
	upper, lower := w.at(clock)
	at, scale := x.episodes.surprise(x.promise), floor*floorScale
	r.Expected = res.expected
	if x.options.Direction != Down {
		r.Upper = res.expected + max(upper.beyond(at, scale), floor)
	}
	if x.options.Direction != Up {
		r.Lower = res.expected - max(lower.beyond(at, scale), floor)
	}
}

// decide turns the combined surprise into a rate, a score and a decision.
func (x *tails) decide(ms int64, r *Result, combined float64) {
	perDay := x.episodes.perDay(combined)
	samples := float64(day) / float64(x.step)
	r.OnceIn = time.Duration(min(float64(24*time.Hour)/perDay, float64(forever)))
	r.Score = max(0, math.Log(samples/perDay)/math.Log(samples/x.promise))
	if r.Score >= 1 {
		x.above = ms
	}
	r.Anomalous = ms-x.above <= holdTime && r.Score >= holdScore && x.options.counts(r)
}

// counts tells whether a deviation is large enough, and the series too.
func (o *Options) counts(r *Result) bool {
	return math.Abs(r.Value-r.Expected) >= o.MinChange*math.Abs(r.Expected) &&
		max(math.Abs(r.Value), math.Abs(r.Expected)) >= o.MinValue
}

func (x *tails) code(c *codec) {
	x.recent.code(c)
	x.history.code(c)
	x.season.code(c)
	for i := range x.views {
		if x.use[i] {
			x.views[i].code(c)
		}
	}
	if x.sums {
		x.sum.code(c)
	}
	x.episodes.code(c)
	for _, p := range []*float64{&x.smoothed, &x.level, &x.prev, &x.quantum} {
		c.float64(p)
	}
	c.int64(&x.since)
	c.bool(&x.fraction)
	c.int64(&x.above)
	c.int64(&x.away)
}
