package bench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Generated is a series without any anomaly.
type Generated struct {
	Series
	Noise float64        // standard deviation of what can't be predicted; 0 where there is none
	Zone  *time.Location // whose days its season follows
}

// kind makes the values of a series: each a function of time and of what was before.
type kind struct {
	name  string
	noise float64
	zone  string
	start func(r *rand.Rand) func(t time.Time, step time.Duration) float64
}

// level is what most kinds fluctuate about.
const level = 100

// kinds are healthy series as monitoring has them. Noise is 5 % of the level where nothing else is said.
var kinds = []kind{
	{"gaussian", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 {
		return func(time.Time, time.Duration) float64 { return level + 5*r.NormFloat64() }
	}},
	{"lognormal", 53, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // latencies; deviation e^(s²/2)·√(e^(s²)-1)
		return func(time.Time, time.Duration) float64 { return level * math.Exp(.5*r.NormFloat64()) }
	}},
	{"ar(.9)", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // queue lengths
		x := 0.
		return func(time.Time, time.Duration) float64 {
			x = .9*x + 5*math.Sqrt(1-.81)*r.NormFloat64()
			return level + x
		}
	}},
	{"poisson", 1, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // errors
		return func(time.Time, time.Duration) float64 { return poisson(r, 1) }
	}},
	{"daily", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 {
		return func(t time.Time, _ time.Duration) float64 { return level*(1+.5*daily(t)) + 5*r.NormFloat64() }
	}},
	{"weekly", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 {
		return func(t time.Time, _ time.Duration) float64 {
			return level*weekly(t)*(1+.5*daily(t)) + 5*r.NormFloat64()
		}
	}},
	{"trend", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // weekly, and 2 % more each day
		var first time.Time
		return func(t time.Time, _ time.Duration) float64 {
			if first.IsZero() {
				first = t
			}
			growth := 1 + .02*t.Sub(first).Hours()/24
			return level*weekly(t)*growth*(1+.5*daily(t)) + 5*r.NormFloat64()
		}
	}},
	{"batch", 5, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // a job of about 20 minutes at 02:00
		return func(t time.Time, _ time.Duration) float64 {
			v := level + 5*r.NormFloat64()
			if m := float64(t.Hour()*60+t.Minute()) - 120; m >= 0 && m < 18+4*math.Abs(math.Sin(float64(t.YearDay()))) {
				v += level * (2 + .2*r.NormFloat64())
			}
			return v
		}
	}},
	{"counter", 5, "", scraped},
	{"quantized", 0, "", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // replicas: 3, sometimes 4
		more := false
		return func(time.Time, time.Duration) float64 {
			if r.Float64() < .02 {
				more = !more
			}
			if more {
				return 4
			}
			return 3
		}
	}},
	{"constant", 0, "", func(*rand.Rand) func(time.Time, time.Duration) float64 {
		return func(time.Time, time.Duration) float64 { return level }
	}},
	{"dst", 5, "Europe/Berlin", func(r *rand.Rand) func(time.Time, time.Duration) float64 { // clocks change amid the series
		return func(t time.Time, _ time.Duration) float64 {
			return level*(1+.5*daily(t)+.3*office(t)) + 5*r.NormFloat64()
		}
	}},
}

// scraped is the rate of a counter whose scrapes are late by up to 5 % of the interval, so that one rate takes what its
// neighbor lacks.
func scraped(r *rand.Rand) func(time.Time, time.Duration) float64 {
	late := 0.
	return func(t time.Time, step time.Duration) float64 {
		next := .05 * r.Float64()
		seen := (1 - late + next) * step.Seconds()
		late = next
		rate := 5 * (1 + .5*daily(t))
		return poissonLarge(r, rate*seen) / step.Seconds()
	}
}

func daily(t time.Time) float64 {
	return math.Sin(2 * math.Pi * (float64(t.Hour()) + float64(t.Minute())/60 - 8) / 24)
}

func weekly(t time.Time) float64 {
	if d := t.Weekday(); d == time.Saturday || d == time.Sunday {
		return .6
	}
	return 1
}

// office is 1 in working hours: a step in the morning and one in the evening.
func office(t time.Time) float64 {
	if h := t.Hour(); h >= 9 && h < 17 {
		return 1
	}
	return 0
}

func poisson(r *rand.Rand, mean float64) float64 {
	n, p := 0., r.Float64()
	for limit := math.Exp(-mean); p > limit; n++ { // Knuth's way
		p *= r.Float64()
	}
	return n
}

func poissonLarge(r *rand.Rand, mean float64) float64 {
	if mean < 30 {
		return poisson(r, mean)
	}
	return math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
}

// Kinds lists the kinds of healthy series.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Healthy generates a series of a kind. The same arguments give the same series; n tells series of a seed apart.
func Healthy(name string, seed uint64, n int, step, length time.Duration) *Generated {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		panic(fmt.Sprintf("bench: no kind %q", name))
	}
	k, h := kinds[i], fnv.New64a()
	fmt.Fprintf(h, "%s %d", k.name, n)
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	zone, err := time.LoadLocation(k.zone) // "" is UTC
	if err != nil {
		panic(fmt.Sprintf("bench: %v", err))
	}
	g := &Generated{Series: Series{Set: k.name, File: fmt.Sprint(n), Step: step}, Noise: k.noise, Zone: zone}
	next := k.start(r)
	for t := start; t.Before(start.Add(length)); t = t.Add(step) {
		g.Times, g.Values = append(g.Times, t), append(g.Values, next(t.In(zone), step))
	}
	if name == "counter" {
		g.Noise = math.Sqrt(5 / step.Seconds())
	}
	return g
}

// start is a Sunday, three weeks before European clocks change.
var start = time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)
