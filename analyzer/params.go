package analyzer

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// params are the fields of a chat request besides the model and its messages. Providers refuse what others require: what one refuses by
// name is left out, renamed or lowered, and that is remembered as long as we run. What the user has set is never changed.
type params struct {
	mu     sync.Mutex
	fields map[string]json.RawMessage // of the request's JSON: replaced, or removed by null
	fixed  map[string]bool            // set by llm.extra_body
}

// snapshot returns the fields as they are now.
func (p *params) snapshot() map[string]json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.fields)
}

// maxChanges bounds how often one call is made again with other fields. A refused request is not billed.
const maxChanges = 5

// The names that a message gives to a field.
var fieldWords = map[string]*regexp.Regexp{
	"response_format":       regexp.MustCompile(`(?i)\bresponse_format\b|\bjson_object\b|json mode`),
	"thinking":              regexp.MustCompile(`(?i)\bthinking\b`),
	"reasoning_effort":      regexp.MustCompile(`(?i)\breasoning_effort\b|reasoning effort|\breasoning value\b|think value`),
	"max_tokens":            regexp.MustCompile(`(?i)\bmax_tokens\b`),
	"max_completion_tokens": regexp.MustCompile(`(?i)\bmax_completion_tokens\b`),
}

var (
	wordJSONMissing = regexp.MustCompile(`(?i)must contain the word .?json`)
	thinkingOff     = regexp.MustCompile(`(?i)enable_thinking.{0,20} must be (?:set to )?false`)
	atMost          = regexp.MustCompile(`(?i)(?:at most|less than or equal to|<=|maximum (?:value )?(?:is|of)|\[\d+, ?)\s*(\d{2,7})`)
)

// adapt changes the fields so that the refusal does not come again, and says how; "" when it can't. The fields are those that were sent.
func (p *params) adapt(r refusal, sent map[string]json.RawMessage) (change string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := strings.Join(r.messages, " ")
	if wordJSONMissing.MatchString(said) || refusals.tooLong.MatchString(said) {
		return "" // no field is at fault
	}
	if thinkingOff.MatchString(said) && !p.fixed["enable_thinking"] && sent["enable_thinking"] == nil {
		p.fields["enable_thinking"] = json.RawMessage("false")
		return "enable_thinking: false is sent"
	}
	for _, name := range []string{"thinking", "reasoning_effort", "response_format", "enable_thinking", "max_completion_tokens", "max_tokens"} {
		if sent[name] == nil || p.fixed[name] || !p.names(r, said, name) {
			continue
		}
		if name == "max_tokens" || name == "max_completion_tokens" {
			if change := p.limit(name, said, sent); change != "" {
				return change
			}
			continue
		}
		p.fields[name] = json.RawMessage("null")
		return name + " is left out"
	}
	return ""
}

// names reports whether a refusal is about a field.
func (p *params) names(r refusal, said, name string) bool {
	about := func(s string) bool { head, _, _ := strings.Cut(s, "."); return head == name }
	if slices.ContainsFunc(r.params, about) {
		return true
	}
	if words := fieldWords[name]; words != nil {
		return words.MatchString(said)
	}
	return strings.Contains(said, name)
}

// limit lowers or renames the field that bounds the answer: without one, a call's cost has no bound.
func (p *params) limit(name, said string, sent map[string]json.RawMessage) (change string) {
	had, _ := strconv.Atoi(string(sent[name]))
	if m := atMost.FindStringSubmatch(said); m != nil {
		if most, err := strconv.Atoi(m[1]); err == nil && most > 0 && most < had {
			p.fields[name] = json.RawMessage(m[1])
			return name + " is lowered to " + m[1]
		}
	}
	other := "max_completion_tokens"
	if name == other {
		other = "max_tokens"
	}
	if _, tried := p.fields[other]; tried || p.fixed[other] || sent[other] != nil {
		return ""
	}
	p.fields[name], p.fields[other] = json.RawMessage("null"), sent[name]
	return name + " is renamed to " + other
}
