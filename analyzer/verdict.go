package analyzer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// Why an answer could not be read. What is wrong with its shape is an error of its own. The model is told.
var (
	errNoJSON = errors.New("no json object found")
	errCutOff = errors.New("the json is truncated or invalid")
)

const (
	maxContent = 256 << 10 // bytes of an answer that are looked at
	maxObjects = 50        // places in an answer at which a JSON object is looked for
)

// readVerdict reads the model's answer: one JSON object, alone or with a code fence or words around it. The error is
// errNoJSON, errCutOff, or says what is wrong with the shape.
func readVerdict(content string) (*incident.Verdict, error) {
	raw, err := findObject(content)
	if err != nil {
		return nil, err
	}
	var a answer
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
		return "summary"
	}
	for _, key := range []string{"summary", "causes"} {
		if v := keys[key]; len(v) == 0 || string(v) == "null" {
			return key
		}
	}
	return ""
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
		Category: incident.Unknown, Severity: "none", Prose: boundedBlock(content, maxProse),
		Causes: []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
		Prevention: []string{}, MissingEvidence: []string{},
	}
}
