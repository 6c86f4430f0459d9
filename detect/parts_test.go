package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 60 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(r.IntN(20))
		}
		sorted := slices.Sorted(slices.Values(x))
		if n > 0 {
			assert.InDelta(t, (sorted[(n-1)/2]+sorted[n/2])/2, median(x), 0, "%v", sorted)
		} else {
			assert.True(t, math.IsNaN(median(x)))
		}
	}
}

// TestTails holds the surprise of values to the true one for distributions whose tails are known.
func TestTails(t *testing.T) {
	for name, tc := range map[string]struct {
		draw     func(*rand.Rand) float64
		survival func(x float64) float64
		at       []float64
		within   float64 // decades
	}{
		"exponential": {func(r *rand.Rand) float64 { return r.ExpFloat64() }, func(x float64) float64 { return math.Exp(-x) }, []float64{4, 6, 9, 12}, .5},
		"normal":      {func(r *rand.Rand) float64 { return r.NormFloat64() }, func(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }, []float64{1.5, 2.1, 3, 4}, .8},
		"Pareto .25":  {func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -.25) - 1 }, func(x float64) float64 { return math.Pow(1+x, -4) }, []float64{2, 4, 8}, .5},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := rand.New(rand.NewPCG(1, 1)), view{}
			for range 20_000 {
				v.learn(tc.draw(r), maxSurprise, 0, 1, 1, 0)
			}
			for _, x := range tc.at {
				assert.InDelta(t, -math.Log10(tc.survival(x)), v.surprise(x, Both, 0, 0), tc.within, "at %v", x)
			}
		})
	}
}

func TestBeyondIsTheInverseOfSurprise(t *testing.T) {
	for _, shape := range []float64{0, .1, .5} {
		x := tail{body: 1, u: 2, share: tailShare, scale: .5, shape: shape}
		for _, s := range []float64{2, 3, 5, 8} {
			assert.InDelta(t, s, x.surprise(x.beyond(s, 0), 0), 1e-9)
		}
		assert.InDelta(t, 1.0, x.surprise(1, 0), 1e-9, "10 % are beyond the body")
		assert.InDelta(t, 2, x.beyond(0, 0), 1e-9, "nothing less than the threshold")
	}
}

func TestViewForgets(t *testing.T) {
	r, v := rand.New(rand.NewPCG(1, 1)), view{}
	forget := math.Exp(-1. / 500)
	for range 5000 {
		v.learn(10*r.NormFloat64(), maxSurprise, 0, forget, 1, 0)
	}
	wide := v.upper.u
	for range 5000 {
		v.learn(r.NormFloat64(), maxSurprise, 0, forget, 1, 0)
	}
	assert.InDelta(t, 20.5, wide, 4)
	assert.InDelta(t, 2.05, v.upper.u, .4)
	assert.InDelta(t, 500, v.total/v.weight, 50)
}

func TestOneIncidentDoesNotTeachThatAllIsPossible(t *testing.T) {
	r, v := rand.New(rand.NewPCG(1, 1)), view{}
	for range 2000 {
		v.learn(r.NormFloat64(), 5, 0, 1, 1, 0)
	}
	for range 16 {
		v.learn(1e6, 5, 0, 1, 1, 0)
	}
	assert.Less(t, v.upper.u, 10.)
	assert.Greater(t, v.surprise(1e6, Both, 0, 0), 5.)
}

func TestHistogramRange(t *testing.T) {
	var h histogram
	for _, x := range []float64{1e-30, 1, 1e30, 1e-30, 1e29, 1e-3} {
		h.add(x, 1)
	}
	sum := h.small
	for _, w := range h.w {
		sum += w
	}
	assert.InDelta(t, 6, sum, 0, "no weight is lost")
	assert.InDelta(t, 4, h.small, 0, "what is a millionth of the largest is as good as zero")
	for _, x := range []float64{1e-20, .7, 1, 3.3, 1e9} {
		assert.LessOrEqual(t, lowest(key(x)), float64(float32(x)))
		assert.Greater(t, lowest(key(x)+1), float64(float32(x)))
	}
}

func TestEpisodes(t *testing.T) {
	const step = 5 * 60_000
	e := newEpisodes(step)
	e.age = 1000
	assert.InDelta(t, 1, e.perDay(e.level), 1e-9, "by theory, until something is known")
	assert.InDelta(t, .1, e.perDay(e.level+1), 1e-9)
	assert.InDelta(t, 10, e.perDay(e.level-1), 1e-9)
	quiet, loud := e, e
	for i := range int64(60 * day / step) {
		quiet.learn(i*step, 1000*day, 0)
		surprise := 0.
		if i%72 < 3 { // three in a row, each six hours: four episodes a day, a decade beyond the level
			surprise = e.level + 1
		}
		loud.learn(i*step, 1000*day, surprise)
	}
	assert.Less(t, quiet.perDay(e.level), .6)
	assert.InDelta(t, 2.9, loud.perDay(e.level), .3, "between theory and the four that there were")
	assert.Greater(t, loud.perDay(e.level+1), .5)
	for _, x := range []episodes{e, quiet, loud} {
		for _, perDay := range []float64{20, 1, 1. / 14, 1e-4} {
			assert.InDelta(t, perDay, x.perDay(x.surprise(perDay)), 1e-9*perDay)
		}
	}
}

func TestYoungSeriesNeedMore(t *testing.T) {
	e := newEpisodes(hour)
	rate := func(age int64) float64 {
		x := e
		x.learn(age, age, 0)
		return x.perDay(x.level)
	}
	grown := rate(100 * day)
	assert.Greater(t, rate(day*3/2), 5*grown, "a surprise of the second day says less")
	assert.InDelta(t, 2*grown, rate(day*19/10), .01, "twice as often as its past tells")
	assert.Less(t, rate(3*day), 1.05*grown)
	assert.InDelta(t, grown, rate(7*day), .001, "a week is no longer young")
}

func TestIncidentsTeachTheCalibrationLittle(t *testing.T) {
	e := newEpisodes(hour)
	e.age = 1000
	healthy := e.surprise(1. / 14)
	for i := range int64(28 * 24) {
		surprise := 0.
		if i%84 == 83 { // two a week, ten decades beyond the level
			surprise = e.level + 10
		}
		e.learn(i*hour, 1000*day, surprise)
	}
	assert.Less(t, e.surprise(1./14)-healthy, .2, "decades that the threshold has risen by")
}

func TestRecent(t *testing.T) {
	r := newRecent(60_000)
	for i := range int64(90) {
		r.add(i*60_000, float64(i))
	}
	assert.InDelta(t, 60, r.median(90*60_000), 0, "31 to 89; the current minute has no sample yet")
	assert.InDelta(t, 60, r.mean(90*60_000), 0)
	assert.True(t, math.IsNaN(r.median(300*60_000)), "the last hour is empty")
	r.at = math.MaxInt64 // no state makes it loop for long
	r.median(300 * 60_000)
}

func TestSeasonFollowsTheClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	value := func(t time.Time) float64 { return float64(100 * t.In(berlin).Hour()) }
	for name, tc := range map[string]struct {
		zone *time.Location
		want float64
	}{"local": {berlin, 800}, "UTC": {time.UTC, 700}} {
		t.Run(name, func(t *testing.T) {
			o := Options{Location: tc.zone, Season: Daily}.complete()
			h := newHistory(300_000, historySpan)
			s := newSeason(&o, h.bucket)
			at := time.Date(2026, 3, 15, 0, 0, 0, 0, berlin) // clocks change on the 29th at 02:00
			for ; at.Before(time.Date(2026, 3, 29, 8, 0, 0, 0, berlin)); at = at.Add(5 * time.Minute) {
				h.add(at.UnixMilli(), value(at))
			}
			h.add(at.UnixMilli(), 800)
			assert.InDelta(t, tc.want, s.same(&h, day, 5, 1), 1)
		})
	}
}

func TestSeasonChoosesWeeks(t *testing.T) {
	s := New(Options{})
	r := rand.New(rand.NewPCG(1, 1))
	weekend := func(t time.Time) float64 {
		if d := t.Weekday(); d == time.Saturday || d == time.Sunday {
			return 50 + r.NormFloat64()
		}
		return 100 + r.NormFloat64()
	}
	now, _ := feed(s, monday, 5*time.Minute, 12*24*time.Hour, weekend)
	assert.Equal(t, time.Saturday, now.Weekday())
	_, results := feed(s, now, 5*time.Minute, 6*time.Hour, weekend)
	assert.Zero(t, anomalies(results), "the second Saturday is no surprise")
}

func TestSigmaIsTheTextbooks(t *testing.T) {
	s := New(Options{Method: Sigma, K: 2, Window: 96 * time.Minute, Interval: time.Minute})
	r := rand.New(rand.NewPCG(1, 1))
	var past []float64
	for i := range 500 {
		v := 1e6 + r.NormFloat64()
		result := s.Observe(monday.Add(time.Duration(i)*time.Minute), v)
		if i >= 95 {
			sum, squares := 0., 0.
			for _, x := range past[i-95:] {
				sum += x - 1e6
			}
			mean := sum / 95
			for _, x := range past[i-95:] {
				squares += (x - 1e6 - mean) * (x - 1e6 - mean)
			}
			deviation := math.Sqrt(squares / 95)
			require.InDelta(t, 1e6+mean+2*deviation, result.Upper, 1e-3)
			require.InDelta(t, 1e6+mean-2*deviation, result.Lower, 1e-3)
			require.Equal(t, v > result.Upper || v < result.Lower, result.Anomalous)
		}
		past = append(past, v)
	}
}

func TestAlert(t *testing.T) {
	// One character an evaluation, a minute each: in, whether it is anomalous; out, inactive, pending, firing.
	for name, tc := range map[string]struct {
		hold, keep time.Duration
		in, want   string
	}{
		"at once":                   {0, 0, "-x--x-", "iFiiFi"},
		"held for 3 minutes":        {3 * time.Minute, 0, "-xxxxx-", "ipppFFi"},
		"broken off":                {3 * time.Minute, 0, "xxx-xxxx", "pppipppF"},
		"keeps firing":              {time.Minute, 3 * time.Minute, "xx--x----x", "pFFFFFFiip"},
		"pending is not kept":       {2 * time.Minute, 3 * time.Minute, "xx-xx", "ppipp"},
		"never":                     {time.Minute, time.Minute, "----", "iiii"},
		"fires again after the end": {0, 2 * time.Minute, "x-x---x", "FFFFiiF"},
	} {
		t.Run(name, func(t *testing.T) {
			var a Alert
			var got strings.Builder
			was := Inactive
			for i, c := range tc.in {
				fired, resolved := a.Step(monday.Add(time.Duration(i)*time.Minute), c == 'x', tc.hold, tc.keep)
				assert.Equal(t, was != Firing && a.State == Firing, fired)
				assert.Equal(t, was == Firing && a.State != Firing, resolved)
				was = a.State
				got.WriteString(map[State]string{Inactive: "i", Pending: "p", Firing: "F"}[a.State])
			}
			assert.Equal(t, tc.want, got.String())
		})
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, Options{}.Validate())
	for want, o := range map[string]Options{
		"false alarms":  {FalseAlarms: Rate{Count: 1}},
		"between 1 per": {FalseAlarms: Rate{Count: 100, Per: time.Hour}},
		"auto, tail":    {Method: "magic"},
		"both, up":      {Direction: "left"},
		"none, day":     {Season: "month"},
		"needs a seas":  {Method: Seasonal, Season: NoSeason},
		"ignore, alert": {Missing: "zero"},
		"1s and 1h":     {Interval: time.Millisecond},
		"adapt_after":   {AdaptAfter: time.Minute},
		"min_change":    {MinChange: -1},
		"min_value":     {MinValue: -1},
		"k must":        {K: -1},
		"window":        {Window: time.Second},
		"against":       {Against: time.Second},
		"by must":       {By: -1},
	} {
		t.Run(want, func(t *testing.T) {
			err := o.Validate()
			require.ErrorIs(t, err, ErrOptions)
			assert.ErrorContains(t, err, want)
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, step := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, time.Hour} {
		b.Run(step.String(), func(b *testing.B) {
			s, value := New(Options{}), noise(1, 100, 4)
			now, _ := feed(s, monday, step, 5000*step, value)
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(now, value(now))
				now = now.Add(step)
			}
		})
	}
}

func BenchmarkSeries(b *testing.B) { // B/op is what a series takes
	for _, step := range []time.Duration{time.Minute, time.Hour} {
		b.Run(step.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(Options{Interval: step})
			}
		})
	}
}

func BenchmarkState(b *testing.B) {
	s := New(Options{})
	feed(s, monday, time.Minute, 14*24*time.Hour, noise(1, 100, 4))
	state, err := s.MarshalBinary()
	require.NoError(b, err)
	for b.Loop() {
		_, _ = s.MarshalBinary()
	}
	b.ReportMetric(float64(len(state)), "state-bytes")
}

func TestLearn(t *testing.T) {
	s := New(Options{Interval: time.Minute, Missing: AlertMissing})
	value := noise(1, 100, 4)
	now := monday
	for ; now.Before(monday.Add(14 * 24 * time.Hour)); now = now.Add(10 * time.Minute) {
		s.Learn(now, value(now), 10*time.Minute)
	}
	r := s.Observe(now, 100)
	assert.Equal(t, Judged, r.Status)
	assert.False(t, r.Anomalous)
	assert.True(t, s.Observe(now.Add(time.Minute), 0).Anomalous, "a drop is seen by what samples ten minutes apart have taught")
	assert.True(t, s.Missing(now.Add(5*time.Minute)).Anomalous, "ten minutes between samples of the past are no gap")

	fresh := New(Options{Interval: time.Minute})
	for i := range 80 { // 13 hours
		fresh.Learn(monday.Add(time.Duration(i)*10*time.Minute), value(now), 10*time.Minute)
	}
	assert.True(t, fresh.method.(*tails).views[viewHour].ready(fresh.step), "each stands for ten")
	assert.EqualValues(t, 1, fresh.method.(*tails).stands)
}

func TestUsual(t *testing.T) {
	s := New(Options{Interval: time.Minute})
	_, results := feed(s, monday, time.Minute, 4*24*time.Hour, noise(1, 100, 4))
	judged, usual := 0, 0
	for _, r := range results {
		if r.Status == Judged {
			judged++
			if r.Usual {
				usual++
			}
		}
	}
	assert.InDelta(t, .95, float64(usual)/float64(judged), .01)
}

// BenchmarkLearn reads two weeks of a series of one minute, at a sample each ten minutes.
func BenchmarkLearn(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float64, 14*144)
	for i := range values {
		values[i] = 100 + 30*math.Sin(2*math.Pi*float64(i)/144) + 3*r.NormFloat64()
	}
	b.ReportAllocs()
	for b.Loop() {
		s := New(Options{Interval: time.Minute})
		at := time.Unix(1_700_000_000, 0)
		for _, v := range values {
			s.Learn(at, v, 10*time.Minute)
			at = at.Add(10 * time.Minute)
		}
	}
}
