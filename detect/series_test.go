package detect

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)

// feed observes a function of time at a fixed interval and returns the time after the last sample.
func feed(s *Series, from time.Time, step, length time.Duration, value func(time.Time) float64) (to time.Time, results []Result) {
	for to = from; to.Before(from.Add(length)); to = to.Add(step) {
		results = append(results, s.Observe(to, value(to)))
	}
	return to, results
}

func noise(seed uint64, level, deviation float64) func(time.Time) float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(time.Time) float64 { return level + deviation*r.NormFloat64() }
}

// anomalies counts how often something started.
func anomalies(results []Result) (n int) {
	for i, r := range results {
		if r.Anomalous && (i == 0 || !results[i-1].Anomalous) {
			n++
		}
	}
	return n
}

func TestSpikesDropsAndSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		o      Options
		value  float64
		want   bool
		view   string
		status Status
	}{
		"usual":                   {Options{}, 103, false, "", Judged},
		"spike":                   {Options{}, 140, true, "hour", Judged},
		"drop to zero":            {Options{}, 0, true, "hour", Judged},
		"spike, down wanted":      {Options{Direction: Down}, 140, false, "", Judged},
		"drop, down wanted":       {Options{Direction: Down}, 60, true, "season", Judged},
		"drop, up wanted":         {Options{Direction: Up}, 0, false, "", Judged},
		"too small a change":      {Options{MinChange: .5}, 140, false, "", Judged},
		"large enough a change":   {Options{MinChange: .3}, 140, true, "hour", Judged},
		"too small a value":       {Options{MinValue: 200}, 140, false, "", Judged},
		"large enough a value":    {Options{MinValue: 120}, 140, true, "hour", Judged},
		"not a number":            {Options{}, math.NaN(), false, "", Skipped},
		"infinite":                {Options{}, math.Inf(1), false, "", Skipped},
		"by the last hour alone":  {Options{Method: Tail}, 140, true, "hour", Judged},
		"by the season alone":     {Options{Method: Seasonal}, 140, true, "season", Judged},
		"by sigma":                {Options{Method: Sigma, K: 4}, 140, true, "sigma", Judged},
		"by sigma, usual":         {Options{Method: Sigma, K: 4}, 105, false, "", Judged},
		"by change":               {Options{Method: Change, Against: 24 * time.Hour, By: .3}, 140, true, "change", Judged},
		"by change, too small":    {Options{Method: Change, Against: 24 * time.Hour, By: .5}, 140, false, "", Judged},
		"by change, down wanted":  {Options{Method: Change, Against: 24 * time.Hour, By: .3, Direction: Down}, 140, false, "", Judged},
		"by change, nothing then": {Options{Method: Change, Against: 21 * 24 * time.Hour}, 140, false, "", Learning},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, tc.o.Validate())
			s := New(tc.o)
			now, _ := feed(s, monday, 5*time.Minute, 8*24*time.Hour, noise(1, 100, 4))
			r := s.Observe(now, tc.value)
			assert.Equal(t, tc.want, r.Anomalous, "%+v", r)
			assert.Equal(t, tc.status, r.Status)
			if tc.want {
				assert.Equal(t, tc.view, r.View)
				assert.GreaterOrEqual(t, r.Score, 1.)
				assert.True(t, tc.value > r.Upper || tc.value < r.Lower, "%+v", r)
			}
		})
	}
}

func TestBandIsWhereAlertsStart(t *testing.T) {
	s := New(Options{})
	now, results := feed(s, monday, time.Minute, 3*24*time.Hour, noise(1, 100, 4))
	last := results[len(results)-1]
	assert.InDelta(t, 100, last.Expected, 5)
	state, err := s.MarshalBinary()
	require.NoError(t, err)
	for value, want := range map[float64]bool{last.Upper - 4: false, last.Upper + 4: true, last.Lower + 4: false, last.Lower - 4: true} {
		require.NoError(t, s.UnmarshalBinary(state))
		assert.Equal(t, want, s.Observe(now, value).Anomalous, "%v of %+v", value, last)
	}
}

func TestOnceIn(t *testing.T) {
	s := New(Options{})
	now, _ := feed(s, monday, time.Minute, 7*24*time.Hour, noise(1, 100, 4))
	state, err := s.MarshalBinary()
	require.NoError(t, err)
	last := time.Duration(0)
	for _, value := range []float64{108, 112, 116, 120, 130} {
		require.NoError(t, s.UnmarshalBinary(state))
		r := s.Observe(now, value)
		assert.Greater(t, r.OnceIn, last, "%v", value)
		assert.Equal(t, r.Score >= 1, r.OnceIn >= 14*24*time.Hour, "the score is 1 at what is promised: %+v", r)
		last = r.OnceIn
	}
}

func TestFewerAlarmsPromisedFewerCome(t *testing.T) {
	count := func(r Rate) (n int) {
		for seed := range uint64(10) {
			s := New(Options{FalseAlarms: r})
			_, results := feed(s, monday, 5*time.Minute, 14*24*time.Hour, noise(seed, 100, 4))
			n += anomalies(results)
		}
		return n
	}
	often, seldom := count(Rate{Count: 2, Per: 24 * time.Hour}), count(Rate{Count: 1, Per: 90 * 24 * time.Hour})
	assert.Greater(t, often, 50)
	assert.Less(t, seldom, 20)
}

func TestWhatLastsIsNormal(t *testing.T) {
	s := New(Options{})
	now, _ := feed(s, monday, 5*time.Minute, 7*24*time.Hour, noise(1, 100, 4))
	now, shifted := feed(s, now, 5*time.Minute, time.Hour, noise(2, 200, 4))
	assert.NotZero(t, anomalies(shifted))
	now, _ = feed(s, now, 5*time.Minute, 24*time.Hour, noise(3, 200, 4))
	_, after := feed(s, now, 5*time.Minute, 24*time.Hour, noise(4, 200, 4))
	assert.Zero(t, anomalies(after))
	for _, r := range after[1:] {
		require.InDelta(t, 200, r.Expected, 40, "%+v", r)
	}
}

// TestSlowDriftsAreSeen has a deviation that no single sample shows: half of what an alert at once would need.
func TestSlowDriftsAreSeen(t *testing.T) {
	late := func(m Method) (n int) {
		for seed := range uint64(8) {
			s := New(Options{Method: m})
			now, _ := feed(s, monday, time.Minute, 7*24*time.Hour, noise(seed, 100, 4))
			value := noise(seed+100, 100, 4)
			_, results := feed(s, now, time.Minute, 6*time.Hour, func(t time.Time) float64 { return value(t) + 2.5*t.Sub(now).Hours() })
			n += min(1, anomalies(results))
		}
		return n
	}
	assert.GreaterOrEqual(t, late(Auto), 7, "of 8 that gain 15 %, or 4 standard deviations, in 6 hours")
	assert.LessOrEqual(t, late(Tail), 2, "the last hour alone does not show it")
}

func TestFlatSeries(t *testing.T) {
	flat := func(time.Time) float64 { return 99.5 }
	switching := func(t time.Time) float64 { return 3 + float64(t.Unix()/7919%13/9) } // 3, sometimes 4
	for name, tc := range map[string]struct {
		value func(time.Time) float64
		next  float64
		want  bool
	}{
		"constant stays":              {flat, 99.5, false},
		"constant, within 2 %":        {flat, 101, false},
		"constant, beyond 2 %":        {flat, 103, true},
		"constant drops to zero":      {flat, 0, true},
		"quantized, one more":         {switching, 5, false},
		"quantized, many more":        {switching, 30, true},
		"constant integer, one more":  {func(time.Time) float64 { return 0 }, 1, false},
		"constant integer, many more": {func(time.Time) float64 { return 0 }, 40, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{})
			now, results := feed(s, monday, time.Minute, 4*24*time.Hour, tc.value)
			assert.Zero(t, anomalies(results))
			assert.Equal(t, tc.want, s.Observe(now, tc.next).Anomalous)
		})
	}
}

func TestUnusableSamplesAreCountedNotLearned(t *testing.T) {
	clean, dirty := New(Options{}), New(Options{})
	value := noise(1, 100, 4)
	for i := range 3000 {
		at, v := monday.Add(time.Duration(i)*time.Minute), value(monday)
		want := clean.Observe(at, v)
		got := dirty.Observe(at, v)
		require.Equal(t, want, got)
		if i > 20 {
			dirty.Observe(at, 1e6)                                           // repeated
			dirty.Observe(at.Add(-time.Hour), 1e6)                           // late
			dirty.Observe(at.Add(30*time.Second), math.NaN())                // stale
			assert.Equal(t, Skipped, dirty.Observe(at, math.Inf(-1)).Status) // no measurement
		}
	}
	assert.Equal(t, Counts{Samples: 3000}, clean.Counts())
	assert.Equal(t, Counts{Samples: 3000, Late: 2 * 2979, Invalid: 2 * 2979}, dirty.Counts())
}

func TestMissingSamplesAreNotZero(t *testing.T) {
	s := New(Options{})
	now, _ := feed(s, monday, time.Minute, 3*24*time.Hour, noise(1, 100, 4))
	_, results := feed(s, now.Add(8*time.Hour), time.Minute, 24*time.Hour, noise(2, 100, 4))
	assert.Zero(t, anomalies(results))
}

func TestInterval(t *testing.T) {
	for name, tc := range map[string]struct {
		o       Options
		step    time.Duration
		samples int
		want    time.Duration
	}{
		"unknown":        {Options{}, time.Minute, 8, 0},
		"a second":       {Options{}, time.Second, 9, time.Second},
		"15 seconds":     {Options{}, 15 * time.Second, 9, 15 * time.Second},
		"an hour":        {Options{}, time.Hour, 9, time.Hour},
		"longer":         {Options{}, 3 * time.Hour, 9, time.Hour},
		"shorter":        {Options{}, 100 * time.Millisecond, 9, time.Second},
		"given":          {Options{Interval: time.Minute}, 5 * time.Minute, 1, time.Minute},
		"given, other":   {Options{Interval: time.Minute}, 5 * time.Minute, 100, time.Minute},
		"given, unheard": {Options{Interval: time.Minute}, time.Minute, 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(tc.o)
			feed(s, monday, tc.step, time.Duration(tc.samples)*tc.step, noise(1, 100, 4))
			assert.Equal(t, tc.want, s.Interval())
		})
	}
}

func TestIrregularSamples(t *testing.T) {
	s := New(Options{})
	now, _ := feed(s, monday, time.Minute, time.Hour, noise(1, 100, 4))
	s.Observe(now, 100)
	assert.Equal(t, Skipped, s.Observe(now.Add(20*time.Second), 100).Status)
	assert.Equal(t, Counts{Samples: 61, Irregular: 1}, s.Counts())

	now, _ = feed(s, now.Add(time.Minute), 10*time.Second, 20*time.Minute, noise(1, 100, 4))
	assert.Equal(t, 10*time.Second, s.Interval(), "the interval has changed for good")
	assert.EqualValues(t, 1, s.Counts().Restarts)
	assert.EqualValues(t, 64, s.Counts().Irregular)
	assert.Equal(t, now.Add(-10*time.Second), s.Last())
}

func TestMissing(t *testing.T) {
	s := New(Options{Missing: AlertMissing})
	assert.Equal(t, Learning, s.Missing(monday).Status)
	now, _ := feed(s, monday, time.Minute, 24*time.Hour, noise(1, 100, 4))
	last := now.Add(-time.Minute)
	assert.False(t, s.Missing(last.Add(time.Minute)).Anomalous)
	r := s.Missing(last.Add(2 * time.Minute))
	assert.True(t, r.Anomalous)
	assert.Equal(t, "absence", r.View)

	for range 3 { // what has gaps of ten minutes is allowed ten minutes
		now, _ = feed(s, now.Add(10*time.Minute), time.Minute, time.Hour, noise(1, 100, 4))
	}
	last = now.Add(-time.Minute)
	assert.False(t, s.Missing(last.Add(10*time.Minute)).Anomalous)
	assert.True(t, s.Missing(last.Add(20*time.Minute)).Anomalous)

	s = New(Options{})
	now, _ = feed(s, monday, time.Minute, time.Hour, noise(1, 100, 4))
	assert.False(t, s.Missing(now.Add(time.Hour)).Anomalous)
}

// rough is a series with all that can happen to one.
func rough(seed uint64, n int) (samples []sample) {
	r := rand.New(rand.NewPCG(seed, 1))
	ms := monday.UnixMilli()
	step := []int64{10_000, 60_000, 300_000, 3_600_000}[seed%4]
	for i := range n {
		ms += step
		v := 100 + 30*math.Sin(float64(ms)/float64(day)*2*math.Pi) + 5*r.NormFloat64()
		switch x := r.Float64(); {
		case x < .01:
			ms += int64(r.Float64() * 20 * float64(step))
		case x < .02:
			v *= 1 + 3*r.Float64()
		case x < .03:
			ms -= step / 3
		case x < .035:
			v = math.NaN()
		}
		if i > n/2 && i%200 < 20 && seed%4 == 1 { // scores about the threshold
			v += 22
		}
		samples = append(samples, sample{ms, v})
	}
	return samples
}

func TestStateGoesOnExactly(t *testing.T) {
	for i, o := range []Options{
		{},
		{Season: Weekly},
		{Method: Tail},
		{Method: Seasonal, Season: Daily},
		{Method: Level},
		{Method: Sigma},
		{Method: Change, Against: 24 * time.Hour},
		{Interval: time.Minute},
		{}, // the rest are at 10 s, 1 min, 5 min and 1 h
		{},
		{},
		{},
	} {
		t.Run(fmt.Sprint(i, o.Method), func(t *testing.T) {
			samples := rough(uint64(i), 6000)
			r := rand.New(rand.NewPCG(uint64(i), 2))
			straight, resumed, loud := New(o), New(o), false
			for k, x := range samples {
				if k < 20 || loud || r.IntN(100) == 0 {
					state, err := resumed.MarshalBinary()
					require.NoError(t, err)
					require.Less(t, len(state), 32<<10)
					resumed = New(o)
					require.NoError(t, resumed.UnmarshalBinary(state))
				}
				want, got := straight.Observe(time.UnixMilli(x.ms), x.v), resumed.Observe(time.UnixMilli(x.ms), x.v)
				require.Equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got), "sample %d", k) // NaN is no NaN to Equal
				require.Equal(t, straight.Counts(), resumed.Counts())
				loud = want.Anomalous
			}
			a, err := straight.MarshalBinary()
			require.NoError(t, err)
			b, err := resumed.MarshalBinary()
			require.NoError(t, err)
			assert.True(t, bytes.Equal(a, b))
		})
	}
}

func TestForeignState(t *testing.T) {
	s := New(Options{})
	feed(s, monday, time.Minute, 24*time.Hour, noise(1, 100, 4))
	state, err := s.MarshalBinary()
	require.NoError(t, err)
	newer := bytes.Clone(state)
	newer[0]++
	for name, tc := range map[string]struct {
		o     Options
		state []byte
	}{
		"empty":          {Options{}, nil},
		"newer":          {Options{}, newer},
		"cut":            {Options{}, state[:len(state)/2]},
		"cut at the end": {Options{}, state[:len(state)-1]},
		"longer":         {Options{}, append(bytes.Clone(state), 0)},
		"other method":   {Options{Method: Sigma}, state},
		"other interval": {Options{Interval: time.Hour}, state},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(tc.o)
			require.ErrorIs(t, s.UnmarshalBinary(tc.state), ErrState)
			assert.Zero(t, s.Counts(), "a series without a state knows nothing")
			feed(s, monday, time.Minute, time.Hour, noise(1, 100, 4))
		})
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	methods := []Options{{}, {Method: Sigma}, {Method: Change}, {Method: Tail}, {Interval: time.Minute}}
	for i, o := range methods {
		s := New(o)
		for _, x := range rough(uint64(i), 1500) {
			s.Observe(time.UnixMilli(x.ms), x.v)
		}
		state, err := s.MarshalBinary()
		require.NoError(f, err)
		f.Add(uint8(i), state)
		f.Add(uint8(i), state[:len(state)/2])
	}
	f.Fuzz(func(t *testing.T, method uint8, state []byte) {
		s := New(methods[int(method)%len(methods)])
		if err := s.UnmarshalBinary(state); err != nil {
			require.ErrorIs(t, err, ErrState)
		}
		last := s.Last()
		for i := range 40 { // whatever it says, going on must not panic or take long
			s.Observe(last.Add(time.Duration(i)*time.Minute), float64(i))
			s.Observe(monday.Add(time.Duration(i)*time.Minute), float64(i))
			s.Missing(monday)
		}
		again, err := s.MarshalBinary()
		require.NoError(t, err)
		require.Less(t, len(again), 64<<10)
	})
}

func TestMemory(t *testing.T) {
	for _, step := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, time.Hour} {
		var s *Series
		bytes := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s = New(Options{Interval: step})
			}
		}).AllocedBytesPerOp()
		assert.Equal(t, step, s.Interval())
		assert.Less(t, bytes, int64(28<<10), "%v", step)
	}
}
