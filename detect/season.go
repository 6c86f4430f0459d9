package detect

import (
	"math"
	"time"
)

const (
	seasonDays  = 7 // days on which the same time is looked up
	seasonWeeks = 4
	minDays     = 3 // days that must have a value, or there is no expectation
	minCompare  = 1 // days for which both were compared before weeks can be taken
	// weekBetter is how much smaller the error of weeks must be before they are taken: they are fewer, and so noisier than
	// a short comparison shows.
	weekBetter = .9
	// skilled is how much smaller the error of an expectation must be than that of the day's level, or it explains nothing.
	skilled = .3
	// seasonMemory is after how long an error of an expectation counts for 1/e.
	seasonMemory = 7 * day
)

// season expects what was there at the same time of the days, or of the weeks, before.
type season struct {
	kind      Season
	zone      *time.Location
	forget    float64 // per bucket, of the errors
	adapt     float64 // per bucket, of the offsets
	days      float64 // of a bucket
	compared  float64 // days for which both expectations were known
	day, week predictor
}

// predictor is one of the two expectations.
type predictor struct {
	expected float64 // for the open bucket; NaN is unknown
	offset   float64 // by which the level has moved since: what lasts is normal
	err      float64 // sum of its absolute errors, decayed
	level    float64 // sum of those of the day's level at the same times
	both     float64 // sum of its own where the other predictor was known, too
}

func newSeason(o *Options, bucket int64) season {
	// Three time constants take the offset to 95 % of a new level.
	adapt := -math.Expm1(-3 * float64(bucket) / float64(o.AdaptAfter.Milliseconds()))
	unknown := predictor{expected: math.NaN()}
	return season{
		kind: o.Season, zone: o.Location, forget: math.Exp(-float64(bucket) / float64(seasonMemory)),
		adapt: adapt, days: float64(bucket) / float64(day), day: unknown, week: unknown,
	}
}

// learn holds the expectations against the bucket that closes with this mean, and expects for the bucket that has opened.
func (s *season) learn(mean, level float64, h *history) {
	both := !math.IsNaN(s.day.expected) && !math.IsNaN(s.week.expected)
	if both {
		s.compared += s.days
	}
	for _, p := range []*predictor{&s.day, &s.week} {
		miss := mean - p.expected - p.offset
		if math.IsNaN(miss) {
			continue
		}
		p.err = s.forget*p.err + math.Abs(miss)
		p.level = s.forget*p.level + math.Abs(mean-level)
		if both {
			p.both = s.forget*p.both + math.Abs(miss)
		}
		p.offset += s.adapt * miss
	}
	s.day.expected, s.week.expected = math.NaN(), math.NaN()
	if s.kind == Daily || s.kind == AutoSeason {
		s.day.expected = s.same(h, day, seasonDays, minDays)
	}
	if s.kind == Weekly || s.kind == AutoSeason {
		s.week.expected = s.same(h, 7*day, seasonWeeks, 1)
	}
}

// same is the median of the same local time, and of the buckets beside it, in n periods back.
func (s *season) same(h *history, period int64, n, least int) float64 {
	var buf [3 * seasonDays]float64
	found, values := 0, buf[:0]
	around := int64(1)
	if h.bucket >= hour {
		around = 0
	}
	now := h.at * h.bucket
	offset := s.utcOffset(now)
	for k := 1; k <= n; k++ {
		then := now - int64(k)*period
		then += offset - s.utcOffset(then) // the same time on the clock, also across a change of the clocks
		before := len(values)
		values = h.appendAround(values, then/h.bucket, around)
		if len(values) > before {
			found++
		}
	}
	if found < least {
		return math.NaN()
	}
	return median(values)
}

func (s *season) utcOffset(ms int64) int64 {
	if s.zone == time.UTC {
		return 0
	}
	_, seconds := time.UnixMilli(ms).In(s.zone).Zone()
	return int64(seconds) * 1000
}

// expect returns what is expected now, NaN without a season or without enough of the past, and whether such expectations
// have been good. An offset within the floor is none.
func (s *season) expect(floor float64) (expected float64, good bool) {
	p := &s.day
	better := s.compared >= minCompare && s.week.both < weekBetter*s.day.both
	if math.IsNaN(p.expected) || better && !math.IsNaN(s.week.expected) {
		p = &s.week
	}
	expected = p.expected
	if math.Abs(p.offset) > floor {
		expected += p.offset
	}
	return expected, p.err < skilled*p.level
}

func (s *season) code(c *codec) {
	c.float64(&s.compared)
	for _, p := range []*predictor{&s.day, &s.week} {
		for _, x := range []*float64{&p.expected, &p.offset, &p.err, &p.level, &p.both} {
			c.float64(x)
		}
	}
}
