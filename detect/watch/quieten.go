package watch

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// quietFactor is by how much feedback lowers the rate of a series, and maxQuiet how often: to an eighth at most.
const (
	quietFactor = 2
	maxQuiet    = 3
)

// Quieten halves the rate of false alarms of the series behind an alert, since somebody said that the alert was no problem.
// id names the incident: it counts once, however often it is said. At three of them no more are taken. It reports whether
// anything changed.
func (w *Watcher) Quieten(alertLabels map[string]string, id string) bool {
	for _, r := range w.rules {
		if r.Alert == alertLabels[model.AlertNameLabel] && r.quieten(alertLabels, id) {
			return true
		}
	}
	return false
}

func (w *watched) quieten(labels map[string]string, id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.find(labels)
	if s == nil || len(s.quiet) >= maxQuiet || slices.Contains(s.quiet, id) {
		return false
	}
	s.quiet = append(s.quiet, id)
	state, err := s.detector.MarshalBinary()
	if err == nil {
		s.detector = detect.New(s.options(w.Rule))
		err = s.detector.UnmarshalBinary(state)
	}
	if err != nil {
		w.log.Error("Series learns anew after feedback", "series", s.labels, "err", err)
		w.metrics.errors.WithLabelValues(errorState).Inc()
	}
	s.changed = true
	w.log.Info("Feedback lowered the rate of false alarms of a series", "series", s.labels, "factor", fmt.Sprintf("1/%d", 1<<len(s.quiet)))
	return true
}

// find returns the series of an alert's labels: those that are not the rule's own must be the series' and all of them. Where a label
// of the rule hides what tells series apart, it is one that fires.
func (w *watched) find(labels map[string]string) *series {
	var found *series
	for _, s := range w.series {
		if w.fits(s, labels) && (found == nil || byState(s, found) < 0) {
			found = s
		}
	}
	return found
}

func (w *watched) fits(s *series, labels map[string]string) bool {
	for name, v := range s.labels {
		if _, overridden := w.Labels[string(name)]; !overridden && labels[string(name)] != string(v) {
			return false
		}
	}
	return true
}
