package analyzer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
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
	Hypothesis string    `json:"hypothesis"`
	Likelihood string    `json:"likelihood"`
	Evidence   citations `json:"evidence"`
	Disproof   string    `json:"disproof"`
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

// citations are ids of evidence, read as models write them: a list, or one string.
type citations []string

// UnmarshalJSON implements json.Unmarshaler.
func (c *citations) UnmarshalJSON(b []byte) error {
	var list []string
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte(`"`)) {
		list = make([]string, 1)
		if err := json.Unmarshal(b, &list[0]); err != nil {
			return fmt.Errorf("reading a citation: %w", err)
		}
	} else if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("reading citations: %w", err)
	}
	*c = nil
	for _, s := range list {
		*c = append(*c, evidenceIDs(s)...)
	}
	return nil
}

var evidenceID = regexp.MustCompile(`(?i)\bE0*(\d{1,6})\b`)

// evidenceIDs reads "E1", "[e1]", "E1: the rate", "E1, E3"; what holds no id is returned as it is, to be marked.
func evidenceIDs(s string) []string {
	head, _, _ := strings.Cut(s, ":") // what follows is the model's own words
	found := evidenceID.FindAllStringSubmatch(head, maxCitations)
	if found == nil {
		found = evidenceID.FindAllStringSubmatch(s, maxCitations)
	}
	var ids []string
	for _, m := range found {
		ids = append(ids, "E"+m[1])
	}
	if s = text.Cut(text.OneLine(s), maxCitation); len(ids) == 0 && s != "" {
		ids = append(ids, s)
	}
	return ids
}

// verdict returns the answer as a verdict: bounded, without what is not of the schema.
func (a answer) verdict() *incident.Verdict {
	v := &incident.Verdict{
		Summary: boundedLine(a.Summary, maxOverview), InsufficientEvidence: a.InsufficientEvidence,
		Category: oneOf(a.Category, incident.Categories(), incident.Unknown),
		Severity: oneOf(a.Severity, incident.Severities(), "none"),
		Causes:   []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
		Prevention: boundedLines(a.Prevention), MissingEvidence: boundedLines(a.MissingEvidence),
	}
	for _, c := range a.Causes[:min(len(a.Causes), maxCauses)] {
		v.Causes = append(v.Causes, incident.Cause{
			Hypothesis: boundedLine(c.Hypothesis, maxSentence), Disproof: boundedLine(c.Disproof, maxSentence),
			Likelihood: oneOf(c.Likelihood, incident.Likelihoods(), incident.Unknown), Evidence: distinct(c.Evidence),
		})
	}
	for _, x := range a.Actions {
		if step := boundedLine(x.Step, maxSentence); step != "" && len(v.Actions) < maxActions {
			v.Actions = append(v.Actions, incident.Action{
				Step: step, Why: boundedLine(x.Why, maxSentence), Command: boundedBlock(x.Command, maxCommand),
				Risk: oneOf(x.Risk, incident.Risks(), incident.Unknown),
			})
		}
	}
	for _, x := range a.Checks {
		if promql := boundedLine(x.PromQL, maxCommand); promql != "" && len(v.Checks) < maxItems {
			v.Checks = append(v.Checks, incident.Check{PromQL: promql, WouldRefute: boundedLine(x.WouldRefute, maxSentence)})
		}
	}
	return v
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

func oneOf(s string, values []string, otherwise string) string {
	if s = strings.ToLower(strings.TrimSpace(s)); slices.Contains(values, s) {
		return s
	}
	return otherwise
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
