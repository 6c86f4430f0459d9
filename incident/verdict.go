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
	// Marks are what our checks found wrong with the summary and all else that is neither cause nor action; those against
	// a cause or an action stand beside it.
	Marks []Mark `json:"marks,omitempty"`
	// Prose is the model's answer where it was not the JSON that was asked for: kept and labeled, all else is empty.
	Prose string `json:"prose,omitempty"`

	Model      string    `json:"model"`      // the model that answered, as it calls itself
	At         time.Time `json:"at"`         // when the answer was read
	Generation int64     `json:"generation"` // of the incident that the model was told about
	Spend      Spend     `json:"spend"`      // of this verdict, repairs and its draft included
	// Verification says whether the verdict was held against what could refute it; nil for a draft that waits for that.
	Verification *Verification `json:"verification,omitempty"`
}

// Verification is what became of the second look at a verdict.
type Verification struct {
	// Reason says why there was none; "" for a verdict that is verified: the model has seen what was looked up to
	// refute its draft, and has answered again.
	Reason UnverifiedReason `json:"reason,omitempty"`
	Detail string           `json:"detail,omitempty"` // of a failure, in one line without secrets
	// Evidence are the ids of what was looked up to refute the draft. It may be there although the model did not answer.
	Evidence []string `json:"evidence,omitempty"`
}

// UnverifiedReason says why a verdict was not verified.
type UnverifiedReason string

// The reasons, as they stand in the API.
const (
	UnverifiedOff      UnverifiedReason = "off"           // by the setting analysis.verify
	UnverifiedNoServer UnverifiedReason = "no_prometheus" // there is nobody to ask
	UnverifiedProse    UnverifiedReason = "prose"         // the answer was not in a form that can be verified
	UnverifiedNothing  UnverifiedReason = "nothing_found" // nothing could be looked up
	UnverifiedBudget   UnverifiedReason = "budget"        // no call was left
	UnverifiedModel    UnverifiedReason = "model"         // the second call failed, or its answer could not be read
	UnverifiedEnded    UnverifiedReason = "ended"         // the analysis ended before it came to that
)

// UnverifiedReasons lists all reasons.
func UnverifiedReasons() []UnverifiedReason {
	return []UnverifiedReason{
		UnverifiedOff, UnverifiedNoServer, UnverifiedProse, UnverifiedNothing, UnverifiedBudget, UnverifiedModel, UnverifiedEnded,
	}
}

// restsOn reports whether the verdict cites the evidence, or was held against it.
func (v *Verdict) restsOn(id string) bool {
	return v.Verification != nil && slices.Contains(v.Verification.Evidence, id) ||
		slices.ContainsFunc(v.Causes, func(c Cause) bool { return slices.Contains(c.Evidence, id) })
}

// Cause is one hypothesis, with what supports and what would refute it.
type Cause struct {
	Hypothesis string   `json:"hypothesis"`
	Likelihood string   `json:"likelihood"` // one of Likelihoods
	Evidence   []string `json:"evidence"`   // ids of evidence
	Disproof   string   `json:"disproof"`
	Marks      []Mark   `json:"marks,omitempty"` // what our checks found wrong with it
	// Confidence is measured by our checks, 0 to 1, and owes nothing to what the model says of itself. 0, which is left
	// out of the JSON, stands for a cause that nothing supports, and for one that was never measured.
	Confidence float64 `json:"confidence,omitempty"`
}

// Action is one step that the person on call can take.
type Action struct {
	Step    string `json:"step"`
	Why     string `json:"why"`
	Command string `json:"command"`
	Risk    string `json:"risk"` // one of Risks
	Marks   []Mark `json:"marks,omitempty"`
}

// Check is a query by which the model proposes to refute itself.
type Check struct {
	PromQL      string `json:"promql"`
	WouldRefute string `json:"would_refute"`
	Evidence    string `json:"evidence,omitempty"` // id of its answer, once it was run
}

// MarkKind classes what a check by code found wrong.
type MarkKind string

// The kinds of marks.
const (
	// MarkUnknownEvidence: the cause cites an id that no evidence has; Text is the id.
	MarkUnknownEvidence MarkKind = "unknown_evidence"
	// MarkUncited: the cause cites nothing.
	MarkUncited MarkKind = "uncited"
	// MarkEvidenceMissing: the evidence cited could not be looked up, or the model was never shown it; Text is the id.
	MarkEvidenceMissing MarkKind = "evidence_missing"
	// MarkNumberNotFound: a number, time or date is not in the evidence cited; Text is the number as it was written.
	MarkNumberNotFound MarkKind = "number_not_found"
	// MarkNameNotFound: a label value, host, version or address is in no evidence and no alert; Text is the name.
	MarkNameNotFound MarkKind = "name_not_found"
	// MarkWrongDirection: what is said to rise falls in the evidence cited, or the other way round; Text names it.
	MarkWrongDirection MarkKind = "wrong_direction"
	// MarkFromAlertText: a command, an address or a sentence that comes from the text of the alerts alone, where anybody
	// may have put it; Text is the part that does.
	MarkFromAlertText MarkKind = "from_alert_text"
	// MarkFromFeedback: the same, of feedback that came without a token: what people said about this incident or a past one.
	MarkFromFeedback MarkKind = "from_feedback"
	// MarkUnreadField: the model's answer has a field that could not be read, and is shown without it; Text is its key.
	MarkUnreadField MarkKind = "unread_field"
	// MarkPromptCut: the model's server has left out a part of what it was sent; Text says how much it read.
	MarkPromptCut MarkKind = "prompt_cut"
)

// MarkKinds lists all kinds.
func MarkKinds() []MarkKind {
	return []MarkKind{
		MarkUnknownEvidence, MarkUncited, MarkEvidenceMissing, MarkNumberNotFound, MarkNameNotFound, MarkWrongDirection,
		MarkFromAlertText, MarkFromFeedback, MarkUnreadField, MarkPromptCut,
	}
}

// Mark is one finding of our checks: shown beside what it was found in, never a reason to drop that.
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
