package bench

import (
	"math"
	"slices"
	"time"
)

// Quiet is how long nothing must exceed the threshold for an alert to end: what follows is a new alert. The labels of
// cloud-monitoring are single events, often an hour long and some hours apart; those of NAB, and the promise, are of episodes.
const Quiet, quietCloud = 3 * time.Hour, time.Hour

func (s *Series) quiet() time.Duration {
	if s.Set == CloudMonitoring {
		return quietCloud
	}
	return Quiet
}

// Starts returns the indexes at which alerts start: scores at or above the threshold after a quiet time without any.
func Starts(s *Series, scores []float64, threshold float64) []int {
	var starts []int
	last := time.Time{}
	for i, x := range scores {
		if !(x >= threshold) {
			continue
		}
		if last.IsZero() || s.Times[i].Sub(last) > s.quiet() {
			starts = append(starts, i)
		}
		last = s.Times[i]
	}
	return starts
}

// sigmoid is NAB's weight of a detection at a relative position: -1 is a window's first sample, 0 its end.
func sigmoid(position float64) float64 {
	if position > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*position)) - 1
}

// falsePositive is the cost of a false detection in NAB's standard profile; detecting a window earns up to 1, missing it costs 1.
const falsePositive = .11

// Tally counts what alerts hit and missed.
type Tally struct {
	Windows, Hit  int     // labeled anomalies in scored time, and those in which an alert started
	Alerts, False int     // alerts, and those outside of all windows
	Days          float64 // healthy time, in series-days
	nab           float64
}

// Count adds the alerts of a series, by the indexes of their starts.
func (t *Tally) Count(s *Series, starts []int) {
	probation := s.probation()
	best := map[int]float64{}
	for _, i := range starts {
		if i < probation {
			continue
		}
		t.Alerts++
		in := slices.IndexFunc(s.Windows, func(w Window) bool { return i >= w.First && i <= w.Last })
		if in < 0 {
			t.False++
			t.nab += s.falseWeight(i)
			continue
		}
		w := s.Windows[in]
		length := float64(w.Last - w.First + 1)
		best[in] = max(best[in], sigmoid(-float64(w.Last-i+1)/length)/sigmoid(-1))
	}
	for k, w := range s.Windows {
		if w.Last < probation {
			continue
		}
		t.Windows++
		if earned, ok := best[k]; ok {
			t.Hit++
			t.nab += earned
		} else {
			t.nab--
		}
	}
	t.Days += s.HealthyDays()
}

// falseWeight is what a false detection costs: less, the sooner it follows a window.
func (s *Series) falseWeight(i int) float64 {
	weight := -falsePositive
	for _, w := range s.Windows {
		if length := float64(w.Last - w.First + 1); w.Last < i && length > 1 {
			weight = falsePositive * sigmoid(float64(i-w.Last)/(length-1))
		}
	}
	return weight
}

// NAB is the score of the standard profile: 100 is perfect, 0 no detection at all.
func (t *Tally) NAB() float64 { return 50 * (t.nab + float64(t.Windows)) / float64(max(1, t.Windows)) }

// Precision is the share of alerts that are right.
func (t *Tally) Precision() float64 { return 1 - float64(t.False)/float64(max(1, t.Alerts)) }

// Recall is the share of anomalies that had an alert.
func (t *Tally) Recall() float64 { return float64(t.Hit) / float64(max(1, t.Windows)) }

// F1 is the harmonic mean of precision and recall.
func (t *Tally) F1() float64 {
	p, r := t.Precision(), t.Recall()
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

// FalsePerDay is the number of false alerts per series and healthy day.
func (t *Tally) FalsePerDay() float64 { return float64(t.False) / t.Days }

// Evaluate counts the alerts of all series at a threshold.
func Evaluate(all []*Series, scores [][]float64, threshold float64) *Tally {
	t := &Tally{}
	for i, s := range all {
		t.Count(s, Starts(s, scores[i], threshold))
	}
	return t
}

// Best returns the threshold, of 240 quantiles of the scores, that maximizes what is asked for.
func Best(all []*Series, scores [][]float64, of func(*Tally) float64) float64 {
	var sorted []float64
	for _, s := range scores {
		for _, x := range s {
			if x > 0 {
				sorted = append(sorted, x)
			}
		}
	}
	slices.Sort(sorted)
	best, threshold, last := math.Inf(-1), math.Inf(1), math.NaN()
	for k := range 240 { // dense at the top: from the 5 % of the largest scores, by equal factors, to the very largest
		share := math.Pow(float64(len(sorted)), -float64(k)/240)
		i := len(sorted) - 1 - int(share*float64(len(sorted)))
		if i < 0 || i >= len(sorted) || sorted[i] == last {
			continue
		}
		last = sorted[i]
		if x := of(Evaluate(all, scores, last)); x > best {
			best, threshold = x, last
		}
	}
	return threshold
}
