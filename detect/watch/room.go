package watch

import (
	"cmp"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// absentFor is for how long a series must have been without a sample before one that has some takes its place, where there are
// max_series of them: instances come and go.
const absentFor = 15 * time.Minute

// addAt is add for a series that has a sample at a time: one without any makes room for it.
func (w *watched) addAt(v value, at time.Time) *series {
	if len(w.series) >= w.MaxSeries && !w.full.Equal(at) {
		if s := w.absent(at); s != nil {
			delete(w.series, s.id)
			w.left = append(w.left, s)
		} else {
			w.full = at // nobody else needs to be looked for
		}
	}
	return w.add(v)
}

// absent returns the series that has been without a sample for longest, and has no alert to be told of; nil for none.
func (w *watched) absent(at time.Time) *series {
	var longest *series
	for _, s := range w.series {
		gone := !s.seen.IsZero() && at.Sub(s.seen) >= max(absentFor, 3*w.interval)
		if gone && s.idle(at) && (longest == nil || s.seen.Before(longest.seen) || s.seen.Equal(longest.seen) && s.id < longest.id) {
			longest = s
		}
	}
	return longest
}

// idle tells whether a series has no alert that somebody is told of.
func (s *series) idle(at time.Time) bool {
	return s.alert.State != detect.Firing && s.alert.State != detect.Pending && at.Sub(s.alert.ResolvedAt) > resolvedFor
}

// forget drops series that have had no sample for so long that their absence is normal, once all is told of their alerts, and
// returns them.
func (w *watched) forget(at time.Time) []*series {
	w.mu.Lock()
	defer w.mu.Unlock()
	gone := slices.DeleteFunc(w.left, func(s *series) bool { return w.series[s.id] != nil }) // it is there again
	w.left = nil
	for id, s := range w.series {
		newest := s.seen
		if newest.IsZero() {
			newest = s.stepped
		}
		if s.idle(at) && at.Sub(newest) >= w.adaptAfter() {
			delete(w.series, id)
			gone = append(gone, s)
		}
	}
	return gone
}

// most returns as many series as the rule may have, what fires first: with one that is left out its alert would resolve. Copies
// choose the same.
func (w *watched) most(all []*series) []*series {
	if len(all) <= w.MaxSeries {
		return all
	}
	slices.SortFunc(all, byState)
	return all[:w.MaxSeries]
}

// byState orders series: what fires first, then what is pending.
func byState(a, b *series) int {
	rank := map[detect.State]int{detect.Firing: -2, detect.Pending: -1}
	return cmp.Or(cmp.Compare(rank[a.alert.State], rank[b.alert.State]), cmp.Compare(a.id, b.id))
}
