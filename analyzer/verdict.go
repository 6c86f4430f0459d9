package analyzer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// Why an answer could not be read. What is wrong with its shape is an error of its own.
var (
	errNoJSON = errors.New("it holds no json object")
	errCutOff = errors.New("its json ends in the middle or is not valid")
)

const (
	maxContent     = 256 << 10 // bytes of an answer that are looked at
	maxProse       = 8000      // runes, as are the limits below
	maxOverview    = 2000
	maxSentence    = 1000
	maxCommand     = 2000
	maxCitation    = 40
	maxCauses      = 10
	maxActions     = 20
	maxCitations   = 20
	maxItems       = 20 // of prevention, missing evidence, checks
	maxObjects     = 50 // places in an answer at which a JSON object is looked for
	verdictSummary = "summary"
	verdictCauses  = "causes"
)

// answerJSON is the verdict as the model writes it.
type answerJSON struct {
	Summary              string `json:"summary"`
	Category             string `json:"category"`
	Severity             string `json:"severity"`
	InsufficientEvidence bool   `json:"insufficient_evidence"`
	Causes               []struct {
		Hypothesis string    `json:"hypothesis"`
		Likelihood string    `json:"likelihood"`
		Evidence   citations `json:"evidence"`
		Disproof   string    `json:"disproof"`
	} `json:"causes"`
	Actions []struct {
		Step    string `json:"step"`
		Why     string `json:"why"`
		Command string `json:"command"`
		Risk    string `json:"risk"`
	} `json:"actions"`
	Prevention      []string `json:"prevention"`
	MissingEvidence []string `json:"missing_evidence"`
	Checks          []struct {
		PromQL      string `json:"promql"`
		WouldRefute string `json:"would_refute"`
	} `json:"checks"`
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

// readVerdict reads the model's answer: one JSON object, alone or with a code fence or words around it. The error is errNoJSON, errCutOff, or says what is wrong with the shape.
func readVerdict(content string) (*incident.Verdict, error) {
	raw, err := findObject(content)
	if err != nil {
		return nil, err
	}
	var a answerJSON
	if err := json.Unmarshal(raw, &a); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, fmt.Errorf("the key %q must be a %s, not a %s", wrong.Field, kindName(wrong), wrong.Value)
		}
		return nil, fmt.Errorf("reading the verdict: %w", err)
	}
	if strings.TrimSpace(text.Clean(a.Summary)) == "" {
		return nil, errors.New(`the key "summary" is empty`)
	}
	for i, c := range a.Causes {
		if strings.TrimSpace(text.Clean(c.Hypothesis)) == "" {
			return nil, fmt.Errorf(`the key "hypothesis" of cause %d is empty`, i+1)
		}
	}
	return a.verdict(), nil
}

func kindName(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "slice":
		return "list"
	case "bool":
		return "boolean"
	case "struct":
		return "object"
	}
	return e.Type.Kind().String()
}

// findObject returns the last JSON object in content that has the required keys.
func findObject(content string) (json.RawMessage, error) {
	content = text.CutBytes(content, maxContent)
	var found json.RawMessage
	err := errNoJSON
	at := 0
	for range maxObjects {
		next := strings.IndexByte(content[at:], '{')
		if next < 0 {
			break
		}
		at += next
		decoder := json.NewDecoder(strings.NewReader(content[at:]))
		var raw json.RawMessage
		if decodeErr := decoder.Decode(&raw); decodeErr != nil {
			if looksLikeJSON(content[at:]) || errors.Is(decodeErr, io.ErrUnexpectedEOF) {
				err = errCutOff
			}
			at++
			continue
		}
		if missing := missingKey(raw); missing == "" {
			found = raw
			at += int(decoder.InputOffset())
			continue
		} else if !errors.Is(err, errCutOff) {
			err = fmt.Errorf("the key %q is missing", missing)
		}
		at++ // it may hold the verdict as a part
	}
	if found != nil {
		return found, nil
	}
	return nil, err
}

var objectStart = regexp.MustCompile(`^\{\s*"[^"]*"\s*:`)

func looksLikeJSON(s string) bool { return objectStart.MatchString(text.CutBytes(s, 200)) }

func missingKey(raw json.RawMessage) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil {
		return verdictSummary
	}
	for _, key := range []string{verdictSummary, verdictCauses} {
		if v := keys[key]; len(v) == 0 || string(v) == "null" {
			return key
		}
	}
	return ""
}

func (a *answerJSON) verdict() *incident.Verdict {
	v := &incident.Verdict{
		Summary: line(a.Summary, maxOverview), InsufficientEvidence: a.InsufficientEvidence,
		Category: oneOf(a.Category, incident.Categories(), incident.Unknown),
		Severity: oneOf(a.Severity, incident.Severities(), "none"),
		Causes:   []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
		Prevention: lines(a.Prevention), MissingEvidence: lines(a.MissingEvidence),
	}
	for _, c := range a.Causes[:min(len(a.Causes), maxCauses)] {
		v.Causes = append(v.Causes, incident.Cause{
			Hypothesis: line(c.Hypothesis, maxSentence), Disproof: line(c.Disproof, maxSentence),
			Likelihood: oneOf(c.Likelihood, incident.Likelihoods(), incident.Unknown), Evidence: distinct(c.Evidence),
		})
	}
	for _, x := range a.Actions {
		if step := line(x.Step, maxSentence); step != "" && len(v.Actions) < maxActions {
			v.Actions = append(v.Actions, incident.Action{
				Step: step, Why: line(x.Why, maxSentence), Command: block(x.Command, maxCommand),
				Risk: oneOf(x.Risk, incident.Risks(), incident.Unknown),
			})
		}
	}
	for _, x := range a.Checks {
		if promql := line(x.PromQL, maxCommand); promql != "" && len(v.Checks) < maxItems {
			v.Checks = append(v.Checks, incident.Check{PromQL: promql, WouldRefute: line(x.WouldRefute, maxSentence)})
		}
	}
	return v
}

func idsOf(evidence []incident.Evidence) []string {
	var ids []string
	for _, e := range evidence {
		ids = append(ids, e.ID)
	}
	return ids
}

// proseVerdict keeps an answer that is not JSON as what it is.
func proseVerdict(content string) *incident.Verdict {
	return &incident.Verdict{
		Category: incident.Unknown, Severity: "none", Prose: block(content, maxProse),
		Causes: []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
		Prevention: []string{}, MissingEvidence: []string{},
	}
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

func line(s string, runes int) string { return text.Cut(text.OneLine(s), runes) }

func block(s string, runes int) string { return text.Cut(strings.TrimSpace(text.Clean(s)), runes) }

func lines(list []string) []string {
	kept := []string{}
	for _, s := range list {
		if s = line(s, maxSentence); s != "" && len(kept) < maxItems {
			kept = append(kept, s)
		}
	}
	return kept
}
