package rcaeval

import (
	"maps"
	"slices"
)

// Tally collects the places at which the services at fault were ranked, by kind of fault. Its zero value is empty.
type Tally struct {
	places map[string][]int
}

// Figures are the usual measures over a number of cases.
type Figures struct {
	Cases    int
	AC1, AC3 float64 // share of cases whose cause is the first, among the first three
	Avg5     float64 // mean of AC@1 … AC@5
}

// Add records one case.
func (t *Tally) Add(fault string, place int) {
	if t.places == nil {
		t.places = map[string][]int{}
	}
	t.places[fault] = append(t.places[fault], place)
}

// Faults returns the kinds of fault that were recorded, sorted.
func (t *Tally) Faults() []string { return slices.Sorted(maps.Keys(t.places)) }

// Figures returns the measures for one kind of fault, or over all cases for "".
func (t *Tally) Figures(fault string) Figures {
	places := t.places[fault]
	if fault == "" {
		for _, f := range t.Faults() {
			places = append(places, t.places[f]...)
		}
	}
	f := Figures{Cases: len(places)}
	if f.Cases == 0 {
		return f
	}
	for k := 1; k <= 5; k++ {
		f.Avg5 += accuracy(places, k) / 5
	}
	f.AC1, f.AC3 = accuracy(places, 1), accuracy(places, 3)
	return f
}

func accuracy(places []int, k int) float64 {
	hits := 0
	for _, p := range places {
		if p <= k {
			hits++
		}
	}
	return float64(hits) / float64(len(places))
}
