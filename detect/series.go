package detect

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

// Status says what became of a sample.
type Status string

// What becomes of a sample: it is judged; it is learned, but too little is known yet to judge it; or it is neither, since
// it is late, irregular or no number.
const (
	Judged   Status = "judged"
	Learning Status = "learning"
	Skipped  Status = "skipped"
)

// Result is what one sample means. Expected, Lower and Upper belong to View; a bound that can't be crossed is infinite,
// and all are NaN for a sample that is skipped or missing.
type Result struct {
	Status    Status
	Value     float64
	Expected  float64
	Lower     float64       // an alert would start at or below it
	Upper     float64       // an alert would start at or above it
	Score     float64       // an alert starts at 1; logarithmic for the methods that have a rate
	OnceIn    time.Duration // how rarely a healthy series peaks so high; 0 for the methods without a rate
	Anomalous bool          // what the "for" of an alert counts from
	Usual     bool          // among the 95 % of the past that were nearest to what was expected in the last hour
	Seasonal  float64       // what the same time of other days expects
	InSeason  bool          // Seasonal is known, and has been good
	Level     float64       // median of the last day
	View      string        // what was most unusual: hour, season, level, absence, or the name of the method
}

// Counts are of samples since the series began.
type Counts struct {
	Samples   int64 // judged or learned
	Late      int64 // not newer than one before
	Irregular int64 // within half an interval of the one before
	Invalid   int64 // not a number, or infinite
	Restarts  int64 // times that the interval changed for good and all was learned anew
}

// method judges samples of a known interval.
type method interface {
	judge(ms int64, v float64) Result
	code(c *codec)
}

const (
	// learnFrom is from how many intervals the usual one is learned.
	learnFrom = 8
	// unlearnAfter is after how many intervals in a row that differ from it the usual one is learned anew.
	unlearnAfter = 64
	// gapMemory is after how long the longest gap counts for 1/e.
	gapMemory = 28 * day
	// maxStands bounds how many samples one of the past stands for: an hour of seconds.
	maxStands = 3600
	// maxMagnitude bounds values, so that sums and squares of them stay finite.
	maxMagnitude = 1e37
)

// Series judges the samples of one series, and learns from them. It is not safe for concurrent use.
type Series struct {
	options Options
	counts  Counts
	step    int64   // usual interval in milliseconds; 0 is unknown
	last    int64   // time of the newest sample
	gap     float64 // longest time between samples, decayed, in milliseconds
	odd     int32   // intervals in a row that differed from the usual one
	pending []sample
	method  method
}

type sample struct {
	ms int64
	v  float64
}

// New returns a Series that knows nothing. The options must be valid.
func New(o Options) *Series {
	s := &Series{options: o.complete()}
	s.restart()
	return s
}

func (s *Series) restart() {
	s.step, s.method, s.odd, s.gap = 0, nil, 0, 0
	if s.options.Interval > 0 {
		s.begin(s.options.Interval.Milliseconds())
	}
}

func (s *Series) begin(step int64) {
	s.step, s.pending = step, nil
	switch s.options.Method {
	case Sigma:
		s.method = newSigma(&s.options, step)
	case Change:
		s.method = newChange(&s.options, step)
	default:
		s.method = newTails(&s.options, step)
	}
}

// Counts returns what became of the samples so far.
func (s *Series) Counts() Counts { return s.counts }

// Interval returns the usual interval between samples; 0 while it is unknown.
func (s *Series) Interval() time.Duration { return time.Duration(s.step) * time.Millisecond }

// Last returns the time of the newest sample.
func (s *Series) Last() time.Time { return time.UnixMilli(s.last).UTC() }

// Observe judges a sample and learns it. Samples must come in the order of their times; others are counted and skipped.
func (s *Series) Observe(t time.Time, v float64) Result {
	ms := t.UnixMilli()
	skipped := Result{Status: Skipped, Value: v, Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	switch {
	case math.IsNaN(v) || math.Abs(v) > maxMagnitude:
		s.counts.Invalid++
		return skipped
	case ms <= s.last:
		s.counts.Late++
		return skipped
	case s.step == 0:
		return s.learnInterval(ms, v)
	}
	before := s.last
	if !s.regular(ms) {
		s.counts.Irregular++
		s.last = ms
		return skipped
	}
	if s.step == 0 { // the interval has changed for good
		return s.learnInterval(ms, v)
	}
	s.last = ms
	if before > 0 {
		s.learnGap(float64(ms - before))
	}
	s.counts.Samples++
	return s.method.judge(ms, v)
}

// Learn is Observe for what was: samples that lie further apart than those to come, as history is read that would be too
// much to read whole. The distance from one to the next is no gap. It needs Options.Interval.
func (s *Series) Learn(t time.Time, v float64, apart time.Duration) {
	x, ok := s.method.(*tails)
	if ok {
		x.stands = int32(min(max(apart.Milliseconds()/s.step, 1), maxStands))
		defer func() { x.stands = 1 }()
	}
	gap := s.gap
	s.Observe(t, v)
	s.gap = max(gap, min(s.gap, float64(s.step)))
}

// regular tells whether a sample is at least half an interval later than the one before.
func (s *Series) regular(ms int64) bool {
	if s.last == 0 {
		return true
	}
	between := ms - s.last
	if s.options.Interval == 0 && (between < s.step/2 || between > s.step*3/2) {
		if s.odd++; s.odd >= unlearnAfter {
			s.counts.Restarts++
			s.restart()
			return true
		}
	} else {
		s.odd = 0
	}
	return between >= s.step/2
}

// learnInterval keeps samples until the interval is known, and judges them then.
func (s *Series) learnInterval(ms int64, v float64) Result {
	s.pending = append(s.pending, sample{ms, v})
	s.last = ms
	r := Result{Status: Learning, Value: v, Expected: v, Lower: math.Inf(-1), Upper: math.Inf(1)}
	if len(s.pending) <= learnFrom {
		return r
	}
	var between [learnFrom]float64
	for i := range between {
		between[i] = float64(s.pending[i+1].ms - s.pending[i].ms)
	}
	pending := s.pending
	s.begin(min(max(int64(median(between[:])), MinInterval.Milliseconds()), MaxInterval.Milliseconds()))
	for _, p := range pending {
		s.counts.Samples++
		r = s.method.judge(p.ms, p.v)
	}
	return r
}

// learnGap remembers the longest time between samples. One gap can no more than double it.
func (s *Series) learnGap(between float64) {
	s.gap *= math.Exp(-between / float64(gapMemory))
	s.gap = max(s.gap, min(between, 2*max(s.gap, float64(s.step))))
}

// Missing judges that there was no sample at t, where one could have been. It teaches nothing. With AlertMissing it is
// anomalous from one and a half intervals after the last sample on, later if the series has had such gaps before.
func (s *Series) Missing(t time.Time) Result {
	nan := math.NaN()
	r := Result{Status: Judged, Value: nan, Expected: nan, Lower: nan, Upper: nan, View: "absence"}
	if s.step == 0 || s.last == 0 {
		r.Status = Learning
		return r
	}
	r.Score = float64(t.UnixMilli()-s.last) / (1.5 * max(s.gap, float64(s.step)))
	r.Anomalous = s.options.Missing == AlertMissing && r.Score >= 1
	return r
}

// ErrState is what every error about a state wraps.
var ErrState = errors.New("unusable detection state")

const stateVersion = 2

// header names what a state's shape depends on, apart from the interval.
func (s *Series) header() string {
	switch s.options.Method {
	case Sigma:
		return fmt.Sprintf("%c%s %v\x00", stateVersion, Sigma, s.options.Window)
	case Change:
		return fmt.Sprintf("%c%s %v\x00", stateVersion, Change, s.options.Against)
	default:
		return fmt.Sprintf("%c%s\x00", stateVersion, s.options.Method)
	}
}

// MarshalBinary returns all that is known of the series, in some 5 to 28 KiB. A Series that has it goes on exactly as
// this one would.
func (s *Series) MarshalBinary() ([]byte, error) {
	c := &codec{buf: []byte(s.header())}
	s.code(c)
	return c.buf, nil
}

// UnmarshalBinary sets what is known of the series. The Series must be made with New; its options can differ from those
// of the state in all but the method, its window, and the interval. On an error it knows nothing.
func (s *Series) UnmarshalBinary(data []byte) error {
	header := s.header()
	if !bytes.HasPrefix(data, []byte(header)) {
		*s = *New(s.options)
		return fmt.Errorf("%w: not of version %d and method %s; the series is learned anew", ErrState, stateVersion, s.options.Method)
	}
	fresh := New(s.options)
	c := &codec{buf: data[len(header):], reading: true}
	fresh.code(c)
	if c.err == nil && len(c.buf) > 0 {
		c.err = errors.New("bytes are left over")
	}
	if c.err != nil {
		*s = *New(s.options)
		return fmt.Errorf("%w: %w; the series is learned anew", ErrState, c.err)
	}
	*s = *fresh
	return nil
}

func (s *Series) code(c *codec) {
	for _, x := range []*int64{&s.counts.Samples, &s.counts.Late, &s.counts.Irregular, &s.counts.Invalid, &s.counts.Restarts, &s.last} {
		c.int64(x)
	}
	c.float64(&s.gap)
	c.int32(&s.odd)
	n := c.uvarint(uint64(len(s.pending)))
	if n > learnFrom {
		c.fail(errors.New("too many samples without an interval"))
		return
	}
	if c.reading {
		s.pending = make([]sample, n)
	}
	for i := range s.pending {
		c.int64(&s.pending[i].ms)
		c.float64(&s.pending[i].v)
	}
	step := s.step
	c.int64(&step)
	if c.reading && step != s.step {
		if s.options.Interval > 0 || step < MinInterval.Milliseconds() || step > MaxInterval.Milliseconds() {
			c.fail(fmt.Errorf("an interval of %d ms", step))
			return
		}
		pending := s.pending
		s.begin(step)
		s.pending = pending
	}
	if s.method != nil {
		s.method.code(c)
	}
}
