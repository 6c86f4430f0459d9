package analyzer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// completion is what a body with a good status says, whatever its form.
type completion struct {
	found   bool   // there was a choice
	content string // the answer, without thoughts that came apart from it
	finish  string
	refusal string
	thought bool   // there were thoughts, or tokens that went into them
	tool    string // arguments of a tool that was called, though none was offered
	model   string
	usage   usage
	wrong   any // an error in place of an answer, or beside one
}

// usage holds the counts of all dialects; what is not told is 0.
type usage struct{ prompt, completion, cacheHit, cacheMiss, thinking int }

// spend makes sense of the counts, which come from outside.
func (u usage) spend() incident.Spend {
	const most = 1 << 30
	prompt := min(max(u.prompt, u.cacheHit+u.cacheMiss, 0), most)
	return incident.Spend{
		Calls: 1, Prompt: prompt, Cached: min(max(u.cacheHit, 0), prompt), Completion: min(max(u.completion, 0), most),
	}
}

// How a provider says that an answer was cut at a limit, that it ended by itself, and that the content was blocked.
var (
	cutReasons     = []string{"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "context_length", "incomplete"}
	wholeReasons   = []string{"stop", "end_turn", "eos", "eos_token", "stop_sequence", "completed", "tool_calls", "function_call"}
	policyReasons  = []string{"content_filter", "sensitive", "safety", "recitation", "prohibited_content", "blocklist", "moderation"}
	failureReasons = []string{"error", "network_error", "insufficient_system_resource", "abort", "aborted"}
)

// is reports whether the answer ended for one of the reasons.
func (c completion) is(reasons []string) bool {
	return slices.Contains(reasons, strings.ToLower(strings.TrimSpace(c.finish)))
}

// readCompletion reads a body: a chat completion, the events of a stream, or lines of JSON. What it holds may have odd types: a fault of a
// field costs that field.
func readCompletion(body []byte) completion {
	var c completion
	parts, ended := chunks(body)
	for _, part := range parts {
		c.add(part)
	}
	if len(parts) > 1 && c.finish == "" && !ended {
		c.finish = "length" // a stream that broke off
	}
	if strings.TrimSpace(text.Clean(c.content)) == "" && strings.HasPrefix(strings.TrimSpace(c.tool), "{") {
		c.content = c.tool
	}
	return c
}

// chunks returns the JSON values of a body; ended says that a stream has said that it ends.
func chunks(body []byte) (parts []any, ended bool) {
	body = bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff"))
	if len(body) == 0 || body[0] == '{' || body[0] == '[' {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		for {
			var v any
			if d.Decode(&v) != nil {
				return parts, false
			}
			if list, ok := v.([]any); ok { // Gemini's errors
				parts = append(parts, list...)
			} else {
				parts = append(parts, v)
			}
		}
	}
	if at := bytes.IndexByte(body, '{'); at > 0 && !bytes.Contains(body, []byte("data:")) { // comments of a queue, before the answer
		return chunks(body[at:])
	}
	for line := range bytes.Lines(body) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data:"))
		if !ok {
			continue
		}
		if data = bytes.TrimSpace(data); string(data) == "[DONE]" {
			ended = true
			continue
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			parts = append(parts, v)
		}
	}
	return parts, ended
}

// add adds a whole answer, or a piece of a streamed one.
func (c *completion) add(v any) {
	for _, wrapper := range []string{"data", "output", "result"} { // some relays wrap the answer
		if inner := get(v, wrapper, "choices"); inner != nil && get(v, "choices") == nil {
			c.usage.add(get(v, "usage"))
			v = get(v, wrapper)
		}
	}
	if e := get(v, "error"); e != nil && e != "" && e != false {
		c.wrong = v
	}
	if name := str(get(v, "model")); name != "" {
		c.model = name
	}
	c.usage.add(get(v, "usage"))
	choices, _ := get(v, "choices").([]any)
	if parts, ok := get(v, "content").([]any); ok && len(choices) == 0 { // Anthropic's own form
		choices = []any{map[string]any{"message": map[string]any{"content": parts}, "finish_reason": get(v, "stop_reason")}}
	}
	own := len(choices) == 0
	if message := get(v, "message"); len(choices) == 0 && get(message, "content") != nil { // Ollama's own form
		choices = []any{v}
	}
	if len(choices) == 0 {
		return
	}
	choice := choices[0]
	if index := str(get(choice, "index")); c.found && index != "" && index != "0" {
		return // a piece of another answer, which nobody asked for
	}
	c.found = true
	if e := get(choice, "error"); e != nil {
		c.wrong = choice
	}
	for _, name := range []string{"finish_reason", "done_reason"} {
		if s := str(get(choice, name)); s != "" && s != "null" {
			c.finish = s
		}
	}
	message := get(choice, "message")
	if said, _ := contentOf(get(message, "content")); said != "" && !own { // the whole, which some send after its pieces
		c.content = ""
	}
	if message == nil {
		message = get(choice, "delta")
	}
	if message == nil {
		message = map[string]any{"content": get(choice, "text")}
	}
	c.message(message)
}

func (c *completion) message(m any) {
	said, thought := contentOf(get(m, "content"))
	c.content += said
	for _, name := range []string{"reasoning_content", "reasoning", "reasoning_details", "thinking"} {
		thought = thought || said == "" && notEmpty(get(m, name))
	}
	c.thought = c.thought || thought
	c.refusal += str(get(m, "refusal"))
	calls, _ := get(m, "tool_calls").([]any)
	if call := get(m, "function_call"); call != nil {
		calls = append(calls, map[string]any{"function": call})
	}
	for _, call := range calls[:min(len(calls), 1)] {
		switch a := get(call, "function", "arguments").(type) {
		case string:
			c.tool += a
		case map[string]any:
			b, _ := json.Marshal(a) // it was JSON
			c.tool += string(b)
		}
	}
}

// contentOf returns the text of a content: a text, or a list of parts; thought says that parts of it were thoughts.
func contentOf(v any) (said string, thought bool) {
	switch v := v.(type) {
	case string:
		return v, false
	case []any:
		var b strings.Builder
		for _, part := range v {
			s, t := contentOf(part)
			b.WriteString(s)
			thought = thought || t
		}
		return b.String(), thought
	case map[string]any:
		kind := str(v["type"])
		if strings.Contains(kind, "think") || strings.Contains(kind, "reason") {
			return "", true
		}
		for _, name := range []string{"text", "content", "value"} {
			if inner, ok := v[name]; ok {
				return contentOf(inner)
			}
		}
		if _, ok := v["summary"]; ok && kind == "" { // somebody has read the JSON already
			b, _ := json.Marshal(v) // it was JSON
			return string(b), false
		}
	}
	return "", false
}

func (u *usage) add(v any) {
	set := func(to *int, path ...string) {
		if n := countOf(get(v, path...)); n > 0 {
			*to = n
		}
	}
	set(&u.prompt, "input_tokens")
	set(&u.prompt, "prompt_tokens")
	set(&u.completion, "output_tokens")
	set(&u.completion, "completion_tokens")
	set(&u.cacheHit, "prompt_tokens_details", "cached_tokens")
	set(&u.cacheHit, "prompt_cache_hit_tokens")
	set(&u.cacheMiss, "prompt_cache_miss_tokens")
	set(&u.thinking, "reasoning_tokens")
	set(&u.thinking, "completion_tokens_details", "reasoning_tokens")
}

// get returns the value at a path of keys; nil when there is none.
func get(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// str returns a text or a number as text.
func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// countOf reads a count, which may be a float or a text.
func countOf(v any) int {
	f, err := strconv.ParseFloat(str(v), 64)
	if err != nil || f != f || f < 0 {
		return 0
	}
	return int(min(f, 1<<30))
}

func notEmpty(v any) bool {
	list, ok := v.([]any)
	return str(v) != "" || ok && len(list) > 0
}
