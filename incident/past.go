package incident

import (
	"slices"
	"time"
)

// The bounds of a PastRecord.
const (
	MaxPastLabels     = 20  // label sets
	MaxPastFeedback   = 3   // the newest
	MaxPastHypothesis = 300 // characters
)

// PastRecord is what is kept at hand about an incident for later ones of its alert name. In JSON it lacks what the store
// keeps in columns.
type PastRecord struct {
	ID         string              `json:"-"`
	OpenedAt   time.Time           `json:"-"`
	Status     Status              `json:"status"`
	StartedAt  time.Time           `json:"started_at"`
	ResolvedAt time.Time           `json:"resolved_at,omitzero"`
	ReportPath string              `json:"report_path"`
	Labels     []map[string]string `json:"labels"`             // of its alerts, at most MaxPastLabels
	Feedback   []Feedback          `json:"feedback,omitempty"` // the newest MaxPastFeedback, oldest first
	// Hypothesis is the first cause of the verdict, cut to MaxPastHypothesis characters, "" when there is none. Marked says
	// that our checks have marked it.
	Hypothesis string `json:"-"`
	Marked     bool   `json:"-"`
}

// PastRecord returns what later incidents are told of this one, without the verdict's part in it.
func (inc *Incident) PastRecord() PastRecord {
	p := PastRecord{
		ID: inc.ID, OpenedAt: inc.OpenedAt, Status: inc.Status, StartedAt: inc.StartedAt, ResolvedAt: inc.ResolvedAt,
		ReportPath: inc.ReportPath, Feedback: slices.Clone(inc.Feedback[max(0, len(inc.Feedback)-MaxPastFeedback):]),
	}
	for _, a := range inc.Alerts[:min(len(inc.Alerts), MaxPastLabels)] { // by fingerprint: no two have the same labels
		p.Labels = append(p.Labels, a.Labels)
	}
	return p
}

// SamePast reports whether two states of an incident have equal PastRecords.
func (inc *Incident) SamePast(other *Incident) bool {
	const n = MaxPastLabels
	return inc.Status == other.Status && inc.StartedAt.Equal(other.StartedAt) && inc.ResolvedAt.Equal(other.ResolvedAt) &&
		slices.Equal(inc.Feedback, other.Feedback) &&
		slices.EqualFunc(inc.Alerts[:min(len(inc.Alerts), n)], other.Alerts[:min(len(other.Alerts), n)],
			func(a, b Alert) bool { return a.Fingerprint == b.Fingerprint })
}
