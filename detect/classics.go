package detect

import (
	"math"
	"time"
)

// sigmaParts is how many parts the window of Sigma moves in.
const sigmaParts = 96

// leastSamples is how many samples a standard deviation needs.
const leastSamples = 10

// part holds the moments of some samples; parts are added up by Chan's formula, which does not cancel out.
type part struct{ n, mean, m2 float64 }

func (p *part) add(q part) {
	if q.n == 0 {
		return
	}
	d, n := q.mean-p.mean, p.n+q.n
	p.mean += d * q.n / n
	p.m2 += q.m2 + d*d*p.n*q.n/n
	p.n = n
}

// sigma is the z-score: distance from the mean of a window in its standard deviations.
type sigma struct {
	options *Options
	length  int64 // of a part
	at      int64
	parts   [sigmaParts]part
}

func newSigma(o *Options, step int64) *sigma {
	return &sigma{options: o, length: max(step, o.Window.Milliseconds()/sigmaParts)}
}

func (s *sigma) judge(ms int64, v float64) Result {
	at := ms / s.length
	parts := min(max(s.options.Window.Milliseconds()/s.length, 1), sigmaParts)
	for i := max(s.at+1, at-sigmaParts+1); i <= at; i++ {
		s.parts[i%sigmaParts] = part{}
	}
	s.at = max(at, s.at)
	var all part
	for i := max(0, at-parts+1); i <= at; i++ {
		all.add(s.parts[i%sigmaParts])
	}
	s.parts[at%sigmaParts].add(part{n: 1, mean: v})
	r := Result{Status: Learning, Value: v, Expected: v, Lower: math.Inf(-1), Upper: math.Inf(1), View: string(Sigma)}
	if all.n < leastSamples {
		return r
	}
	width := s.options.K * max(math.Sqrt(all.m2/all.n), math.SmallestNonzeroFloat32)
	return s.options.compare(r, all.mean, width)
}

// compare judges a value by what is expected and how far from it is too far.
func (o *Options) compare(r Result, expected, width float64) Result {
	r.Status, r.Expected, r.Level = Judged, expected, expected
	off := r.Value - expected
	if o.Direction != Down {
		r.Upper = expected + width
	}
	if o.Direction != Up {
		r.Lower = expected - width
	}
	if off > 0 && o.Direction != Down || off < 0 && o.Direction != Up {
		r.Score = min(math.Abs(off)/width, maxMagnitude)
	}
	r.Anomalous = r.Score >= 1 && o.counts(&r)
	r.Usual = r.Score < 1
	return r
}

func (s *sigma) code(c *codec) {
	c.int64(&s.at)
	s.at = max(s.at, 0)
	for i := range s.parts {
		c.float64(&s.parts[i].n)
		c.float64(&s.parts[i].mean)
		c.float64(&s.parts[i].m2)
	}
}

// change compares with the mean of the same five minutes of one period before.
type change struct {
	options *Options
	history history
}

func newChange(o *Options, step int64) *change {
	bucket := max(step, minBucket)
	return &change{options: o, history: newHistory(step, o.Against.Milliseconds()+3*bucket+2*hour)} // clocks change by an hour
}

func (x *change) judge(ms int64, v float64) Result {
	x.history.add(ms, v)
	then := time.UnixMilli(ms).Add(-x.options.Against)
	if x.options.Against%(24*time.Hour) == 0 { // days have the same time on the clock
		_, now := time.UnixMilli(ms).In(x.options.Location).Zone()
		_, before := then.In(x.options.Location).Zone()
		then = then.Add(time.Duration(now-before) * time.Second)
	}
	r := Result{Status: Learning, Value: v, Expected: v, Lower: math.Inf(-1), Upper: math.Inf(1), View: string(Change)}
	was, ok := x.history.get(then.UnixMilli() / x.history.bucket)
	if !ok {
		return r
	}
	return x.options.compare(r, was, max(x.options.By*math.Abs(was), math.SmallestNonzeroFloat32))
}

func (x *change) code(c *codec) { x.history.code(c) }
