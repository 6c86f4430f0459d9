package bench

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// Scorer gives each sample of one series a score; 1 and more is an alert at its default setting.
type Scorer func(t time.Time, v float64) float64

// Method makes scorers.
type Method struct {
	Name string
	New  func(step time.Duration, zone *time.Location) Scorer
}

// Ours is the shipped default.
var Ours = Method{"alertscribe", func(_ time.Duration, zone *time.Location) Scorer { return ours(detect.Options{Location: zone}) }}

// Methods are ours and those that it is held against. Grafana's rules and Netdata's models are emulated from their
// documentation, at the interval of the series; neither was run.
var Methods = []Method{
	Ours,
	{"mean ± 3σ, 1 day", func(time.Duration, *time.Location) Scorer { return ours(detect.Options{Method: detect.Sigma}) }},
	{"mean ± 3σ, 100 samples", func(step time.Duration, _ *time.Location) Scorer {
		return ours(detect.Options{Method: detect.Sigma, Window: min(max(100*step, 10*time.Minute), 35*24*time.Hour)})
	}},
	{"median ± 4 MAD, 1 day", func(time.Duration, *time.Location) Scorer { return medianMAD(24 * time.Hour) }},
	{"Grafana adaptive (emulated)", func(step time.Duration, _ *time.Location) Scorer { return grafanaAdaptive(step) }},
	{"Grafana robust (emulated)", func(step time.Duration, _ *time.Location) Scorer { return grafanaRobust(step) }},
	{"Netdata (emulated)", func(step time.Duration, _ *time.Location) Scorer { return netdata(step) }},
}

func ours(o detect.Options) Scorer {
	s := detect.New(o)
	return func(t time.Time, v float64) float64 {
		r := s.Observe(t, v)
		if r.Anomalous {
			return math.Max(1, r.Score) // it goes on a while below the score that it starts at
		}
		return r.Score
	}
}

// medianMAD is the robust z-score of Iglewicz and Hoaglin, with a threshold of 4 scaled deviations.
func medianMAD(span time.Duration) Scorer {
	values, off := &window{span: span}, &window{span: span}
	return func(t time.Time, v float64) float64 {
		score := 0.
		if len(values.values) >= 20 {
			scale := math.Max(1.4826*off.quantile(.5), .02*math.Abs(values.quantile(.5))+1e-9)
			score = math.Abs(v-values.quantile(.5)) / scale / 4
			off.push(t, math.Abs(v-values.quantile(.5)))
		} else {
			off.push(t, 0)
		}
		values.push(t, v)
		return score
	}
}

// past keeps what a recorded series had at each step.
type past[T any] struct {
	step   time.Duration
	values map[int64]T
}

func newPast[T any](step time.Duration) past[T] { return past[T]{step, map[int64]T{}} }

func (p past[T]) put(t time.Time, x T) { p.values[t.UnixNano()/int64(p.step)] = x }

func (p past[T]) before(t time.Time, offset time.Duration) (T, bool) {
	x, ok := p.values[t.Add(-offset).UnixNano()/int64(p.step)]
	return x, ok
}

// band is a score of how far a value is from the middle of a band, in half widths.
func band(v, lower, upper float64) float64 {
	lower = math.Max(lower, 0)
	return math.Abs(v-(lower+upper)/2) / math.Max((upper-lower)/2, 1e-12)
}

// grafanaAdaptive emulates rules/adaptive.yml of grafana/promql-anomaly-detection: the mean of an hour ± 2 of the mean of
// those deviations of an hour, over 26 hours, that exceed half of the mean; ± half of the mean at least; as wide as the
// same hour a day and a week before. Its selectors have only values over zero.
func grafanaAdaptive(step time.Duration) Scorer {
	last := &window{span: max(time.Hour, 2*step)}
	wide := &window{span: 26 * time.Hour}
	recorded := newPast[[2]float64](step)
	return func(t time.Time, v float64) float64 {
		if v <= 0 || math.IsNaN(v) {
			return 0
		}
		last.push(t, v)
		mean, deviation := last.mean(), last.deviation()
		if deviation > .5*mean {
			wide.push(t, deviation)
		}
		wide.trim(t)
		recorded.put(t, [2]float64{mean, deviation})
		lower, upper := .5*mean, 1.5*mean
		if len(wide.values) > 0 {
			lower, upper = math.Min(lower, mean-2*wide.mean()), math.Max(upper, mean+2*wide.mean())
		}
		for _, offset := range []time.Duration{23*time.Hour + 30*time.Minute, 167*time.Hour + 30*time.Minute} {
			if x, ok := recorded.before(t, offset); ok {
				lower, upper = math.Min(lower, x[0]-2*x[1]), math.Max(upper, x[0]+2*x[1])
			}
		}
		return band(v, lower, upper)
	}
}

// grafanaRobust emulates rules/robust.yml of the same: the median of an hour against the median of a day ± 2 MAD, ± half
// of it at least, and as wide as the median of the same hour a day and a week before.
func grafanaRobust(step time.Duration) Scorer {
	whole, off, last := &window{span: 24 * time.Hour}, &window{span: 24 * time.Hour}, &window{span: max(time.Hour, step)}
	recorded := newPast[float64](step)
	return func(t time.Time, v float64) float64 {
		if v <= 0 || math.IsNaN(v) {
			return 0
		}
		whole.push(t, v)
		last.push(t, v)
		mid := whole.quantile(.5)
		off.push(t, math.Abs(v-mid))
		mad := off.quantile(.5)
		lower, upper := math.Min(mid-2*mad, .5*mid), math.Max(mid+2*mad, 1.5*mid)
		level := last.quantile(.5)
		recorded.put(t, level)
		for _, offset := range []time.Duration{23*time.Hour + 45*time.Minute, 167*time.Hour + 45*time.Minute} {
			if x, ok := recorded.before(t, offset); ok {
				lower, upper = math.Min(lower, x-2*mad), math.Max(upper, x+2*mad)
			}
		}
		return band(level, lower, upper)
	}
}

// Netdata's defaults, by its documentation: models of 6 hours, one each 3 hours, the last 18 of them; an anomaly bit where
// all agree on a score of 99 or more.
const (
	netdataTrain  = 6 * time.Hour
	netdataEvery  = 3 * time.Hour
	netdataModels = 18
	netdataBit    = 99
)

// point is a sample with the difference from the one before and its lags, as Netdata's models have it.
type point [6]float64

func (p point) distance(q point) float64 {
	sum := 0.
	for i := range p {
		sum += (p[i] - q[i]) * (p[i] - q[i])
	}
	return math.Sqrt(sum)
}

// clusters is a k-means model with k of 2, and the least and largest distance of what it was trained on.
type clusters struct {
	centers  [2]point
	min, max float64
}

func (c *clusters) distance(p point) float64 {
	return math.Min(p.distance(c.centers[0]), p.distance(c.centers[1]))
}

// score is 0 to 100 for what is as near as the training was, more for what is farther.
func (c *clusters) score(p point) float64 {
	d := c.distance(p)
	switch {
	case c.max > c.min:
		return 100 * (d - c.min) / (c.max - c.min)
	case d > c.max:
		return 100
	default:
		return 0
	}
}

func train(points []point, r *rand.Rand) clusters {
	c := clusters{centers: [2]point{points[r.IntN(len(points))], points[r.IntN(len(points))]}}
	for range 20 {
		var sums [2]point
		var counts [2]float64
		for _, p := range points {
			k := 0
			if p.distance(c.centers[1]) < p.distance(c.centers[0]) {
				k = 1
			}
			counts[k]++
			for i := range p {
				sums[k][i] += p[i]
			}
		}
		for k := range sums {
			for i := range sums[k] {
				if counts[k] > 0 {
					c.centers[k][i] = sums[k][i] / counts[k]
				}
			}
		}
	}
	c.min = math.Inf(1)
	for _, p := range points {
		c.min, c.max = math.Min(c.min, c.distance(p)), math.Max(c.max, c.distance(p))
	}
	return c
}

func netdata(step time.Duration) Scorer {
	r := rand.New(rand.NewPCG(1, 1))
	trained, every := max(8, int(netdataTrain/step)), max(1, int(netdataEvery/step))
	var values []float64
	var points []point
	var models []clusters
	n := 0
	return func(_ time.Time, v float64) float64 {
		if math.IsNaN(v) {
			return 0
		}
		values = append(values, v)
		k := len(values) - 1
		if k < 5 {
			return 0
		}
		p := point{values[k] - values[k-1], values[k], values[k-1], values[k-2], values[k-3], values[k-4]}
		values = values[1:]
		score := 0.
		if len(models) >= 2 {
			score = math.Inf(1)
			for i := range models {
				score = math.Min(score, models[i].score(p)/netdataBit)
			}
		}
		points = append(points, p)
		points = points[max(0, len(points)-trained):]
		if n++; n%every == 0 && len(points) == trained {
			models = append(models, train(points, r))
			models = models[max(0, len(models)-netdataModels):]
		}
		return score
	}
}
