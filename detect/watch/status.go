package watch

import (
	"cmp"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// learning is the state of a series that is not judged yet; the others are those of its alert.
const learning = "learning"

// RuleStatus tells how a rule stands.
type RuleStatus struct {
	Rule      string         `json:"rule"` // GROUP/ALERT
	Evaluated time.Time      `json:"evaluated,omitzero"`
	Error     string         `json:"error,omitempty"`  // why the newest evaluation failed
	Series    map[string]int `json:"series"`           // by state: learning, inactive, pending, firing
	Judged    int64          `json:"judged"`           // samples since the start
	Points    int64          `json:"points,omitempty"` // of a source: all that were taken of the series that are known
	Coverage  float64        `json:"coverage"`         // share of them that were among the usual 95 %
	Firing    []SeriesStatus `json:"firing"`
	Quiet     []SeriesStatus `json:"quiet"` // those whose rate feedback has lowered
}

// SeriesStatus tells how a series stands.
type SeriesStatus struct {
	Labels  map[string]string `json:"labels"`
	Summary string            `json:"summary,omitempty"`
	Since   time.Time         `json:"since,omitzero"`
	Rate    string            `json:"rate"` // of false alarms, as a share of the rule's: 1, 1/2, 1/4, 1/8
}

// Status tells how all rules stand, in the order of the files.
func (w *Watcher) Status() []RuleStatus {
	out := []RuleStatus{}
	for _, g := range w.groups {
		for _, r := range g.rules {
			out = append(out, r.status())
		}
	}
	return out
}

func (w *watched) status() RuleStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := RuleStatus{
		Rule: w.Key(), Evaluated: w.evaluated, Judged: w.judged, Firing: []SeriesStatus{}, Quiet: []SeriesStatus{},
		Series: map[string]int{learning: 0, string(detect.Inactive): 0, string(detect.Pending): 0, string(detect.Firing): 0},
	}
	if w.failing != nil {
		s.Error = w.failing.Error()
	}
	if w.judged > 0 {
		s.Coverage = float64(w.usual) / float64(w.judged)
	}
	var quiet []*series
	for _, x := range w.series {
		s.Points += x.origin.points
		state := cmp.Or(string(x.alert.State), string(detect.Inactive))
		if x.now.Status == detect.Learning {
			state = learning
		}
		s.Series[state]++
		if len(x.quiet) > 0 {
			quiet = append(quiet, x)
		}
	}
	for _, x := range w.firing() {
		s.Firing = append(s.Firing, x.status())
	}
	slices.SortFunc(quiet, func(a, b *series) int { return cmp.Or(cmp.Compare(len(b.quiet), len(a.quiet)), compare(a.id, b.id)) })
	for _, x := range quiet {
		s.Quiet = append(s.Quiet, x.status())
	}
	return s
}

func (s *series) status() SeriesStatus {
	out := SeriesStatus{Labels: plain(s.labels), Rate: []string{"1", "1/2", "1/4", "1/8"}[min(len(s.quiet), maxQuiet)]}
	if s.alert.State == detect.Firing {
		out.Since, out.Summary = s.alert.ActiveAt, s.summary(s.now.Value)
	}
	return out
}
