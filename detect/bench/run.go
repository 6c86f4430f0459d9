package bench

import (
	"runtime"
	"strings"
	"sync"
	"time"
)

// Run scores all samples of all series.
func Run(m Method, all []*Series, zone *time.Location) [][]float64 {
	scores := make([][]float64, len(all))
	work := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				scorer := m.New(all[i].Step, zone)
				for k, t := range all[i].Times {
					scores[i] = append(scores[i], scorer(t, all[i].Values[k]))
				}
			}
		})
	}
	for i := range all {
		work <- i
	}
	close(work)
	wg.Wait()
	return scores
}

// Halves splits series, and their scores, by even and odd place: the files of a set are sorted by name.
func Halves(all []*Series, scores [][]float64) (series [2][]*Series, split [2][][]float64) {
	for i := range all {
		series[i%2] = append(series[i%2], all[i])
		split[i%2] = append(split[i%2], scores[i])
	}
	return series, split
}

// Fitted returns the mean of two figures: each half of the series at the threshold that is best for the other.
func Fitted(all []*Series, scores [][]float64, of func(*Tally) float64) float64 {
	series, split := Halves(all, scores)
	sum := 0.
	for k := range 2 {
		threshold := Best(series[1-k], split[1-k], of)
		sum += of(Evaluate(series[k], split[k], threshold))
	}
	return sum / 2
}

// Part returns the series whose files have a prefix, with their scores.
func Part(all []*Series, scores [][]float64, prefix string) (series []*Series, part [][]float64) {
	for i, s := range all {
		if strings.HasPrefix(s.File, prefix) {
			series, part = append(series, s), append(part, scores[i])
		}
	}
	return series, part
}

// Promise is how many false alarms a method gave on healthy series.
type Promise struct {
	Kind    string
	Alarms  int
	Days    float64 // series-days
	Promise float64 // per series-day
}

// Factor is the number of false alarms over what was promised.
func (p Promise) Factor() float64 { return float64(p.Alarms) / p.Days / p.Promise }

// Promises runs a method over n healthy series of each kind.
func Promises(m Method, perDay float64, seed uint64, n int, step, length time.Duration) []Promise {
	var out []Promise
	for _, kind := range Kinds() {
		var all []*Series
		var zone *time.Location
		for i := range n {
			g := Healthy(kind, seed, i, step, length)
			all, zone = append(all, &g.Series), g.Zone
		}
		t := Evaluate(all, Run(m, all, zone), 1)
		out = append(out, Promise{kind, t.False, t.Days, perDay})
	}
	return out
}
