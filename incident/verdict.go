package incident

import (
	"slices"
	"time"
)

// Verdict is the model's structured answer, with where it came from. The JSON of the answer itself is what the model
// is asked for; reading it tolerantly is the analyzer's work.
type Verdict struct {
	Summary              string   `json:"summary"`
	Category             string   `json:"category"` // one of Categories
	Severity             string   `json:"severity"` // one of Severities
	InsufficientEvidence bool     `json:"insufficient_evidence"`
	Causes               []Cause  `json:"causes"` // most likely first
	Actions              []Action `json:"actions"`
	Prevention           []string `json:"prevention"`
	MissingEvidence      []string `json:"missing_evidence"`
	Checks               []Check  `json:"checks"`
	// Prose is the model's answer where it was not the JSON that was asked for: kept and labelled, all else is empty.
	Prose string `json:"prose,omitempty"`

	Model      string    `json:"model"`      // the model that answered, as it calls itself
	At         time.Time `json:"at"`         // when the answer was read
	Generation int64     `json:"generation"` // of the incident that the model was told about
	Spend      Spend     `json:"spend"`      // of this verdict, repairs included
}

func (v *Verdict) cites(id string) bool {
	return slices.ContainsFunc(v.Causes, func(c Cause) bool { return slices.Contains(c.Evidence, id) })
}

// Cause is one hypothesis, with what supports and what would refute it.
type Cause struct {
	Hypothesis string   `json:"hypothesis"`
	Likelihood string   `json:"likelihood"` // one of Likelihoods
	Evidence   []string `json:"evidence"`   // ids of evidence
	Disproof   string   `json:"disproof"`
	Marks      []Mark   `json:"marks,omitempty"` // what our checks found wrong with it
}

// Action is one step that the person on call can take.
type Action struct {
	Step    string `json:"step"`
	Why     string `json:"why"`
	Command string `json:"command"`
	Risk    string `json:"risk"` // one of Risks
}

// Check is a query by which the model proposes to refute itself.
type Check struct {
	PromQL      string `json:"promql"`
	WouldRefute string `json:"would_refute"`
}

// MarkKind classes what a check by code found wrong.
type MarkKind string

// The kinds of marks.
const (
	// MarkUnknownEvidence: the cause cites an id that no evidence has; Text is the id.
	MarkUnknownEvidence MarkKind = "unknown_evidence"
	// MarkUncited: the cause cites nothing.
	MarkUncited MarkKind = "uncited"
)

// Mark is one finding of our checks against a cause: shown beside it, never a reason to drop it.
type Mark struct {
	Kind MarkKind `json:"kind"`
	Text string   `json:"text,omitempty"`
}

// Unknown is what an enum of the verdict becomes when the model made up a value of its own; for severities it is none.
const Unknown = "unknown"

// Categories of a verdict.
func Categories() []string {
	return []string{"security", "capacity", "availability", "latency", "errors", "configuration", "monitoring", Unknown}
}

// Severities of a verdict.
func Severities() []string { return []string{"critical", "warning", "info", "none"} }

// Likelihoods of a cause, besides Unknown.
func Likelihoods() []string { return []string{"high", "medium", "low"} }

// Risks of an action, besides Unknown.
func Risks() []string { return []string{"read-only", "reversible", "disruptive"} }
