package analyzer

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// How much of an answer is kept: characters of a text, or items of a list.
const (
	maxProse     = 8000
	maxOverview  = 2000
	maxSentence  = 1000
	maxCommand   = 2000
	maxCitation  = 40
	maxCauses    = 10
	maxActions   = 20
	maxCitations = 20
	maxItems     = 20 // of prevention, missing evidence, checks
)

// answer is the verdict as the model writes it.
type answer struct {
	Summary              string         `json:"summary"`
	Category             string         `json:"category"`
	Severity             string         `json:"severity"`
	InsufficientEvidence bool           `json:"insufficient_evidence"`
	Causes               []answerCause  `json:"causes"`
	Actions              []answerAction `json:"actions"`
	Prevention           []string       `json:"prevention"`
	MissingEvidence      []string       `json:"missing_evidence"`
	Checks               []answerCheck  `json:"checks"`
}

type answerCause struct {
	Hypothesis string   `json:"hypothesis"`
	Likelihood string   `json:"likelihood"`
	Evidence   []string `json:"evidence"`
	Disproof   string   `json:"disproof"`
}

type answerAction struct {
	Step    string `json:"step"`
	Why     string `json:"why"`
	Command string `json:"command"`
	Risk    string `json:"risk"`
}

type answerCheck struct {
	PromQL      string `json:"promql"`
	WouldRefute string `json:"would_refute"`
}

// answerOf returns a verdict as the model would write it: without what we have added.
func answerOf(v *incident.Verdict) answer {
	a := answer{
		Summary: v.Summary, Category: v.Category, Severity: v.Severity, InsufficientEvidence: v.InsufficientEvidence,
		Causes: []answerCause{}, Actions: []answerAction{}, Checks: []answerCheck{},
		Prevention: v.Prevention, MissingEvidence: v.MissingEvidence,
	}
	for _, c := range v.Causes {
		a.Causes = append(a.Causes, answerCause{c.Hypothesis, c.Likelihood, c.Evidence, c.Disproof})
	}
	for _, x := range v.Actions {
		a.Actions = append(a.Actions, answerAction{x.Step, x.Why, x.Command, x.Risk})
	}
	for _, c := range v.Checks {
		a.Checks = append(a.Checks, answerCheck{c.PromQL, c.WouldRefute})
	}
	return a
}

// String returns the answer's JSON, without the escapes for HTML, which cost tokens.
func (a answer) String() string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return "{}" // not reached: strings always encode
	}
	return strings.TrimSpace(b.String())
}

func distinct(ids []string) []string {
	kept := []string{}
	for _, id := range ids {
		if !slices.Contains(kept, id) && len(kept) < maxCitations {
			kept = append(kept, id)
		}
	}
	return kept
}

func boundedLine(s string, runes int) string { return text.Cut(text.OneLine(s), runes) }

func boundedBlock(s string, runes int) string {
	return text.Cut(strings.TrimSpace(text.Clean(s)), runes)
}

func boundedLines(list []string) []string {
	kept := []string{}
	for _, s := range list {
		if s = boundedLine(s, maxSentence); s != "" && len(kept) < maxItems {
			kept = append(kept, s)
		}
	}
	return kept
}
