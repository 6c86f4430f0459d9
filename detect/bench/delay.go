package bench

import (
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// Fault changes a healthy series from a moment on; ok is false for a sample that is missing.
type Fault struct {
	Name  string
	Apply func(v, noise float64) (changed float64, ok bool)
}

// Faults are what must be noticed at once.
var Faults = []Fault{
	{"step of 6σ up", func(v, noise float64) (float64, bool) { return v + 6*noise, true }},
	{"step of 6σ down", func(v, noise float64) (float64, bool) { return v - 6*noise, true }},
	{"drop to zero", func(float64, float64) (float64, bool) { return 0, true }},
	{"absence", func(v, _ float64) (float64, bool) { return v, false }},
}

// DelayKinds are the kinds of series that a step of six standard deviations is plain to see in.
var DelayKinds = []string{"gaussian", "ar(.9)", "daily", "weekly", "trend", "batch", "counter", "dst"}

// Delays returns, for a fault in each of n healthy series of a kind, after how many intervals more than hold an alert fired;
// -1 where none did within four hours. The faults begin on the day after the given time, spread over its hours.
func Delays(f Fault, kind string, seed uint64, n int, step, at, hold time.Duration) []int {
	var out []int
	for i := range n {
		onset := at + (time.Duration(i) * 24 * time.Hour / time.Duration(n)).Truncate(step)
		g := Healthy(kind, seed, i, step, onset+4*time.Hour)
		s := detect.New(detect.Options{Location: g.Zone, Missing: detect.AlertMissing})
		out = append(out, delay(g, s, f, onset, hold))
	}
	return out
}

func delay(g *Generated, s *detect.Series, f Fault, at, hold time.Duration) int {
	var alert detect.Alert
	onset := g.Times[0].Add(at)
	for k, t := range g.Times {
		v, ok := g.Values[k], true
		if !t.Before(onset) {
			v, ok = f.Apply(v, g.Noise)
		}
		var r detect.Result
		if ok {
			r = s.Observe(t, v)
		} else {
			r = s.Missing(t)
		}
		alert.Step(t, r.Anomalous, hold, 0)
		if !t.Before(onset) && alert.State == detect.Firing {
			return max(0, int((t.Sub(onset)-hold)/g.Step))
		}
	}
	return -1
}

// Within is the share of delays of at most so many intervals.
func Within(delays []int, intervals int) float64 {
	n := 0
	for _, d := range delays {
		if d >= 0 && d <= intervals {
			n++
		}
	}
	return float64(n) / float64(len(delays))
}
