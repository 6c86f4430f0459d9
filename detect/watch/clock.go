package watch

import "time"

// leastAhead is how far ahead of the clock what is known may be before the clock is taken to have been set back: two intervals at
// least. What is nearer waits until its time has come: copies' clocks differ, and clocks are put right by seconds.
const leastAhead = 5 * time.Minute

// ahead tells whether a time is of a clock that was ahead of this one.
func (w *watched) ahead(t, at time.Time) bool { return t.Sub(at) > max(leastAhead, 2*w.interval) }

// setBack puts what is ahead of the clock at its time: what was learned of a time that has not been is to be learned anew, and alerts
// stand. Else nothing would be judged until that time has come.
func (w *watched) setBack(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ahead(w.evaluated, at) {
		w.evaluated = time.Time{}
	}
	for _, s := range w.series {
		if w.ahead(s.stepped, at) {
			s.setBack(at)
		}
	}
	for _, t := range []*time.Time{&w.widened, &w.narrowed} {
		*t = notAfter(*t, at)
	}
}

// setBack makes a series one whose alert stands at a time, and whose history is to be read.
func (s *series) setBack(at time.Time) {
	s.relearn, s.changed = true, true
	a := &s.alert
	for _, t := range []*time.Time{
		&s.stepped, &s.settled, &s.seen, &s.saved, &s.judged, &s.peakAt, &s.backAt, &a.ActiveAt, &a.FiredAt, &a.AnomalousAt, &a.ResolvedAt,
	} {
		*t = notAfter(*t, at)
	}
}

func notAfter(t, at time.Time) time.Time {
	if t.After(at) {
		return at
	}
	return t
}

// after returns the slot to wait for: the next one, or that of a clock that was set back. Nobody is told of what fires while
// one waits for the former time to come.
func (g *Group) after(next, now time.Time) time.Time {
	if next.Sub(now) > g.Interval {
		return g.slot(now).Add(g.Interval)
	}
	return next
}
