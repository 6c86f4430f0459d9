package handler

import (
	"cmp"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// step is one of the steps of an incident on its way to a verdict.
type step struct {
	Name, State string // State: done, now, waiting, or failed
	Word        string // of the state; what is done now is told by the page
	At          time.Time
	Note        string
}

// steps tells how far an incident is while something is still to come of it; nil when nothing is.
func (h *handler) steps(inc *incident.Incident) []step {
	a := inc.Analysis
	if !collecting(inc) && a.State != incident.Pending {
		return nil
	}
	w := h.words
	steps := []step{
		{Name: w.StepReceived, State: "done", At: inc.OpenedAt},
		{Name: w.StepEvidence, State: "done", At: inc.LookedAt},
		{Name: w.StepDraft, State: "waiting"},
		{Name: w.StepVerify, State: "waiting"},
	}
	evidence, draft, verify := &steps[1], &steps[2], &steps[3]
	switch {
	case collecting(inc):
		evidence.State, evidence.At = "now", time.Time{}
	case a.Verifying():
		draft.State, draft.At = "done", happened(inc, incident.EventDrafted)
		h.under(verify, inc)
	case a.State == incident.Pending:
		h.under(draft, inc)
	default:
		draft.State, draft.Note = "failed", cmp.Or(w.Reasons[a.Reason], w.States[a.State])
	}
	for i := range steps {
		steps[i].Word = map[string]string{"done": w.StepDone, "waiting": w.StepWaiting, "failed": w.StepFailed}[steps[i].State]
	}
	return steps
}

// under marks the step that the model is at, or that waits for its next try.
func (h *handler) under(s *step, inc *incident.Incident) {
	s.State = "now"
	if due := inc.Due[incident.WorkAnalysis]; inc.Analysis.Attempts > 0 && due.After(h.Now()) {
		s.State, s.Note, s.At = "failed", h.words.StepRetry, due
	}
}

// happened returns when a kind of event was entered last; zero for never.
func happened(inc *incident.Incident, kind incident.EventKind) (at time.Time) {
	for _, e := range inc.Timeline {
		if e.Kind == kind {
			at = e.At
		}
	}
	return at
}
