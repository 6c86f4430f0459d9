package detect

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBusyHours looks for hours that have the largest deviations for themselves.
func TestBusyHours(t *testing.T) {
	every := func(hour int64, days ...int64) (at []int64) {
		for _, d := range days {
			at = append(at, d*hoursOfDay+hour)
		}
		return at
	}
	for name, tc := range map[string]struct {
		large []int64 // hours with twenty large deviations each
		later int64   // days that follow without any
		busy  []int64
	}{
		"never":                         {nil, 0, nil},
		"every night":                   {every(2, 0, 1, 2, 3, 4), 0, []int64{1, 2}},
		"three nights of five":          {every(2, 0, 2, 4), 0, []int64{1, 2}},
		"two nights":                    {every(2, 3, 4), 0, nil},
		"one incident of many hours":    {[]int64{50, 51, 52, 53, 54, 55}, 0, nil},
		"about midnight":                {append(every(23, 0, 2, 4), every(0, 1, 3)...), 0, []int64{23, 0}},
		"earlier or later":              {append(every(7, 0, 2, 4), every(8, 1, 3)...), 0, []int64{7, 8}},
		"at any hour":                   {[]int64{1, 30, 47, 59, 70, 92, 100, 115}, 0, nil},
		"often elsewhere, too":          {append(every(2, 0, 1, 2, 3, 4), 14, 40, 60), 0, nil},
		"seldom elsewhere, too":         {append(every(2, 0, 1, 2, 3, 4), 40), 0, []int64{1, 2}},
		"every night, three days since": {every(2, 0, 1, 2, 3, 4), 3, []int64{1, 2}},
		"every night, nine days since":  {every(2, 0, 1, 2, 3, 4), 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := rand.New(rand.NewPCG(1, 1)), view{byHour: new([2]hours)}
			large := map[int64]bool{}
			for _, at := range tc.large {
				large[at] = true
			}
			for at := range (5 + tc.later) * hoursOfDay {
				for i := range 60 {
					x := r.NormFloat64()
					if large[at] && i < 20 {
						x = 40 + r.NormFloat64()
					}
					v.learn(x, maxSurprise, 0, 1, 1, at)
				}
			}
			var busy []int64
			for _, at := range []int64{23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} {
				if v.byHour[0].busy > 0 && v.byHour[0].holds(at) {
					busy = append(busy, at)
				}
			}
			assert.Equal(t, tc.busy, busy)
			if busy != nil {
				assert.InDelta(t, v.upper.surprise(40, 0), v.surprise(40, Both, 0, busy[0]), 0, "in that hour all count")
				assert.Greater(t, v.surprise(8, Both, 0, 15), v.surprise(8, Both, 0, busy[0])+.3, "at others only theirs")
			}
			assert.Less(t, v.surprise(3, Both, 0, 15), 4., "three deviations are no wonder at any hour")
			assert.Zero(t, v.byHour[1].busy, "the other side has none")
		})
	}
}

// nightly is a job of twenty minutes at 02:00 that triples the value.
func nightly(seed uint64) func(time.Time) float64 {
	value := noise(seed, 100, 5)
	return func(t time.Time) float64 {
		if t.Hour() == 2 && t.Minute() < 20 {
			return value(t) + 200
		}
		return value(t)
	}
}

func TestNightlyJobHidesNothingByDay(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration // midnight of the sixth day
		want  int           // of ten
	}{
		"at noon":             {12 * time.Hour, 10},
		"in the hour of jobs": {2*time.Hour + 40*time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			for seed := range uint64(10) {
				s := New(Options{})
				value := nightly(seed)
				now, results := feed(s, monday, time.Minute, 5*24*time.Hour+tc.after, value)
				require.LessOrEqual(t, anomalies(results[4*24*60:]), 1, "the job itself is usual")
				_, results = feed(s, now, time.Minute, 2*time.Minute, func(t time.Time) float64 { return value(t) + 30 })
				seen += min(1, anomalies(results))
			}
			assert.InDelta(t, tc.want, seen, 1, "of ten steps of six deviations")
		})
	}
}

// TestBusyHoursFollowTheClock: a job at 02:00 in Berlin is one of hour 2 before and after the clocks change.
func TestBusyHoursFollowTheClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	s := New(Options{Location: berlin, Interval: time.Minute})
	job := nightly(1)
	feed(s, time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC), time.Minute, 6*24*time.Hour, func(t time.Time) float64 {
		t = t.In(berlin)
		return job(t.Add(time.Hour)) // at 01:00: on the 29th there is no hour from 02:00 on
	})
	up := s.method.(*tails).views[viewHour].byHour[0]
	require.NotZero(t, up.busy)
	assert.True(t, up.holds(1))
}

// TestWayBackIsNoAnomaly: what was unusual for half of the hour makes its median, but the end of it is no new alert.
func TestWayBackIsNoAnomaly(t *testing.T) {
	for name, tc := range map[string]struct {
		after float64
		want  int // of ten
	}{
		"to the level of the day": {100, 0},
		"to somewhere else":       {20, 10},
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			for seed := range uint64(10) {
				s := New(Options{Season: NoSeason})
				now, _ := feed(s, monday, time.Hour, 21*24*time.Hour, noise(seed, 100, 4))
				now, during := feed(s, now, time.Hour, 4*time.Hour, noise(seed+100, 300, 4))
				require.NotZero(t, anomalies(during))
				x := s.method.(*tails)
				_, good, explained := x.look(now.UnixMilli(), tc.after, x.floor())
				require.False(t, good, "there is no season that would explain it")
				if !explained {
					seen++
				}
			}
			assert.Equal(t, tc.want, seen)
		})
	}
}

// TestJumpToTheLevelIsSeen: where nothing was unusual before it, a jump that happens to lead to the level of the day goes on
// being one.
func TestJumpToTheLevelIsSeen(t *testing.T) {
	s := New(Options{Season: NoSeason})
	value := noise(1, 100, 4)
	now, _ := feed(s, monday, time.Minute, 5*24*time.Hour, value)
	now, _ = feed(s, now, time.Minute, 2*time.Hour, func(t time.Time) float64 { return value(t) - 8*t.Sub(now).Hours() })
	before := s.method.(*tails)
	before.above, before.away = 0, 0
	_, good, explained := before.look(now.UnixMilli(), 100, before.floor())
	require.False(t, good)
	assert.False(t, explained)
	before.above = now.UnixMilli() // the jump itself was an anomaly
	_, _, explained = before.look(now.Add(time.Minute).UnixMilli(), 100, before.floor())
	assert.False(t, explained, "an anomaly does not explain itself")
}

// TestIncidentsDoNotDeafen has an incident of four hours, after which one of a seventh of its size must be seen, too.
func TestIncidentsDoNotDeafen(t *testing.T) {
	seen := 0
	for seed := range uint64(20) {
		s := New(Options{Season: NoSeason})
		now, _ := feed(s, monday, time.Hour, 19*24*time.Hour, noise(seed, 100, 4))
		now, _ = feed(s, now, time.Hour, 4*time.Hour, noise(seed+1000, 400, 4))
		now, _ = feed(s, now, time.Hour, 120*time.Hour, noise(seed+500, 100, 4))
		_, results := feed(s, now, time.Hour, 3*time.Hour, noise(seed+600, 140, 4))
		seen += min(1, anomalies(results))
	}
	assert.GreaterOrEqual(t, seen, 17, "of twenty")
}

// TestRareSpikesBecomeUsual has a series of zeros with a spike each sixty hours, more often than false alarms are promised.
func TestRareSpikesBecomeUsual(t *testing.T) {
	first, late := 0, 0
	for seed := range uint64(10) {
		s, r := New(Options{}), rand.New(rand.NewPCG(seed, 9))
		for i := range 60 * 12 {
			v := 0.
			if i%60 == 59 {
				v = 14 + float64(r.IntN(5))
			}
			if s.Observe(monday.Add(time.Duration(i)*time.Hour), v).Anomalous {
				if i < 60 {
					first++
				} else if i > 60*8 {
					late++
				}
			}
		}
	}
	assert.Equal(t, 10, first)
	assert.LessOrEqual(t, late, 1, "of forty, the last four of each series")
}
