package incident

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// FeedbackKind says what a person thinks of an analysis.
type FeedbackKind string

// The kinds of feedback, as they stand in the API.
const (
	Confirm FeedbackKind = "confirm" // the analysis was right; the text may say more
	Correct FeedbackKind = "correct" // it was not; the text says what was
)

// FeedbackKinds lists all kinds, for metrics that start at zero.
func FeedbackKinds() []FeedbackKind { return []FeedbackKind{Confirm, Correct} }

// Feedback is what a person said about an incident. It is a hint for the next analysis of the same kind: worth more
// than what a model thought, and to be tested against the evidence like that.
type Feedback struct {
	Kind FeedbackKind `json:"kind"`
	Text string       `json:"text,omitempty"`
	By   string       `json:"by,omitempty"` // who says it, as they call themselves
	At   time.Time    `json:"at"`
	// WithToken says that whoever gave it showed the webhook's token; without it, anybody may have.
	WithToken bool `json:"with_token,omitempty"`
}

// The bounds of feedback.
const (
	MaxFeedbackText = 2000 // bytes
	MaxFeedbackBy   = 80   // bytes
	maxFeedback     = 20   // kept of one incident, the newest
)

// Validate returns what is wrong with the feedback, naming the field, or nil.
func (f Feedback) Validate() error {
	switch {
	case !slices.Contains(FeedbackKinds(), f.Kind):
		return fmt.Errorf("kind: %q is neither confirm nor correct", string(f.Kind))
	case f.Kind == Correct && strings.TrimSpace(f.Text) == "":
		return fmt.Errorf("text: is empty; give the cause")
	case len(f.Text) > MaxFeedbackText:
		return fmt.Errorf("text: is %d bytes; at most %d allowed", len(f.Text), MaxFeedbackText)
	case len(f.By) > MaxFeedbackBy:
		return fmt.Errorf("by: is %d bytes; at most %d allowed", len(f.By), MaxFeedbackBy)
	}
	return nil
}

// ErrNothingToConfirm says that feedback confirms an analysis that the incident does not have yet.
var ErrNothingToConfirm = errors.New("no analysis to confirm yet; use correct to give the cause")

// AddFeedback records what a person said about the incident. It costs no analysis: the next one of the same kind gets it.
// [ErrNothingToConfirm], with the incident unchanged, when there is no analysis that could be confirmed.
func (inc *Incident) AddFeedback(f Feedback) error {
	if f.Kind == Confirm && len(inc.Analysis.Covered) == 0 {
		return ErrNothingToConfirm
	}
	inc.Feedback = append(slices.Clone(inc.Feedback), f)
	if n := len(inc.Feedback) - maxFeedback; n > 0 {
		inc.Feedback = inc.Feedback[n:]
	}
	inc.addEvent(Event{At: f.At, Kind: EventFeedback})
	inc.touch(f.At)
	return nil
}

// PastIncident is an earlier incident of the same kind. What was thought of it then is a hypothesis for the present one
// and never evidence.
type PastIncident struct {
	Incident   string    `json:"incident"` // its id
	ReportPath string    `json:"report_path"`
	StartedAt  time.Time `json:"started_at"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	// Similarity is the share of labels that are the same, 0 to 1; Weight is that, halved for every month of age.
	Similarity float64 `json:"similarity"`
	Weight     float64 `json:"weight"`
	// Hypothesis is the first cause of the verdict then, "" when there was none; Marked says that our checks had
	// marked it.
	Hypothesis string     `json:"hypothesis,omitempty"`
	Marked     bool       `json:"marked,omitempty"`
	Feedback   []Feedback `json:"feedback,omitempty"` // of people, about that incident
}

// memoryHalfLife is the age at which what is remembered weighs half: systems change within months.
const memoryHalfLife = 30 * 24 * time.Hour

// MemoryWeight returns the weight of something remembered, 0 to 1: its similarity, halved for every 30 days of age.
func MemoryWeight(similarity float64, age time.Duration) float64 {
	return similarity * math.Exp2(-max(age, 0).Hours()/memoryHalfLife.Hours())
}
