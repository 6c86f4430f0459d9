package evidence

import (
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/score"
)

// pace is how fast a series that moves steadily does so: what counts up or down is changed by another pace, not by another value.
type pace struct {
	before, since float64 // per second
	doubt         float64 // the standard error of the latter
	known         bool    // it moved steadily before the onset, and there is enough since
}

// The yardsticks of a steady course.
const (
	steadyBefore = .98 // of the squares that a straight line explains, at least
	leastSince   = 4   // samples since the onset
	steadyWay    = .01 // of its size that a series goes before the onset, at least
	paceErrors   = 4   // standard errors, that another pace differs by
)

// paceOf measures the pace of samples before an onset and since.
func paceOf(samples []model.SamplePair, onset time.Time) pace {
	i := lastIndexUntil(samples, onset) + 1
	before, since := samples[:i], samples[i:]
	if len(before) < score.MinPast || len(since) < leastSince {
		return pace{}
	}
	slope, explained, _ := straightLine(before)
	way := slope * before[len(before)-1].Timestamp.Time().Sub(before[0].Timestamp.Time()).Seconds()
	if explained < steadyBefore || math.Abs(way) < steadyWay*math.Abs(float64(before[0].Value)) {
		return pace{}
	}
	after, _, doubt := straightLine(since)
	return pace{slope, after, doubt, true}
}

// changed reports whether it is another pace since.
func (p pace) changed() bool {
	return p.known && math.Abs(p.since-p.before) > max(samePace*max(math.Abs(p.since), math.Abs(p.before)), paceErrors*p.doubt)
}

// straightLine fits a line to samples: how much it rises per second, how much of their squares it explains, and the standard error of its
// slope.
func straightLine(samples []model.SamplePair) (slope, explained, doubt float64) {
	n, start := float64(len(samples)), samples[0].Timestamp
	var meanT, meanV float64
	for _, p := range samples {
		meanT, meanV = meanT+float64(p.Timestamp-start)/1000/n, meanV+float64(p.Value)/n
	}
	var tt, tv, vv float64
	for _, p := range samples {
		dt, dv := float64(p.Timestamp-start)/1000-meanT, float64(p.Value)-meanV
		tt, tv, vv = tt+dt*dt, tv+dt*dv, vv+dv*dv
	}
	if tt == 0 || vv == 0 {
		return 0, 0, 0
	}
	explained = tv * tv / (tt * vv)
	return tv / tt, explained, math.Sqrt(max(1-explained, 0) * vv / (max(n-2, 1) * tt))
}
