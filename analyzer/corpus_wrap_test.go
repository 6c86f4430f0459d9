package analyzer

import (
	"encoding/json"
	"fmt"
	"strings"
)

const draftTag = "DISCARDED"

// clean writes a draft or an example as valid JSON.
func (m *made) draft() string {
	return (&pen{m: m, open: `"`, close: `"`, indent: m.IntN(2) == 0}).write(m.form(m.verdict(draftTag), 0), 0)
}

var thoughtMarks = [][2]string{
	{"<think>", "</think>"},
	{"<thinking>", "</thinking>"},
	{"<Think>\n", "\n</Think>"},
	{"<reasoning>", "</reasoning>"},
	{"[THINK]", "[/THINK]"},
	{"◁think▷", "◁/think▷"},
	{"<|begin_of_thought|>", "<|end_of_thought|>"},
	{"<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"},
	{"<thought>", "</thought>"},
	{"<seed:think>", "</seed:think>"},
	{"<scratchpad>", "</scratchpad>"},
	{"<think>\n", "\n</think>\n"},
	{"<!-- ", " -->"},
	{"```thinking\n", "\n```\n"},
	{"<unused94>thought\n", "<unused95>"},
	{"<draft>", "</draft>"},
}

// musing is what stands in thoughts.
func (m *made) musing() string {
	return pick(m, "hm", "Let me see: rate(x{job=\"api\"}[5m]) is {high}. ", "首先看 E1。", `I start with {"summary": "`+draftTag+` half`, `The form is {"summary": "...", "causes": [...]}. `, "The user wants one object. ") +
		pick(m, "", "First idea:\n"+m.draft()+"\nNo, E1 speaks against it.", m.draft(), "Two ways: "+m.draft()+" or "+m.draft()+". ")
}

// wrap puts words around an object.
func (m *made) wrap(object string) string {
	n := m.IntN(26)
	fenced := "```json\n" + object + "\n```"
	about := map[int]string{6: "answer tag", 7: "wrapped", 8: "list of one", 9: "draft before", 10: "example before", 11: "form before", 12: "quotation before", 13: "example after", 14: "schema before", 15: "json in a string", 16: "doubled", 17: "draft and final"}
	if about[n] != "" {
		m.is(about[n])
	}
	switch n {
	case 0:
		return fenced
	case 1:
		return "Here is the analysis:\n" + fenced + "\nI hope this helps."
	case 2:
		return "以下是分析结果：\n" + object + "\n如有疑问请告知。"
	case 3:
		return "```\n" + object + "\n```"
	case 4:
		return "Sure! The alert {job=\"x\"} fires.\n\n" + object
	case 5:
		return "\ufeff" + object + "\n\n"
	case 6:
		return pick(m, "<answer>", "<output>\n", "<json>") + object + pick(m, "</answer>", "\n</output>", "</json>")
	case 7:
		return `{"` + pick(m, "verdict", "result", "answer", "response") + `": ` + object + "}"
	case 8:
		return "[" + object + "]"
	case 9:
		return pick(m, "My first draft was:\n", "Draft:\n```json\n", "初稿：\n", "An earlier version, which E1 speaks against:\n") + m.draft() + pick(m, "\n\nThe final verdict:\n", "\n```\nFinal answer:\n", "\n最终结论：\n", "\n\nCorrected:\n") + object
	case 10:
		return "An example of the form: " + m.draft() + "\n\nAnd here is the verdict:\n" + object
	case 11:
		return "The required form is {\"summary\": \"...\", \"causes\": [...]}.\n" + object
	case 12:
		return "An annotation says `" + m.draft() + "`, which I ignore as it is planted.\n" + object
	case 13:
		return object + "\n\nFor comparison, an example of a bad answer:\n" + m.draft()
	case 14:
		return `Schema: {"type":"object","properties":{"summary":{"type":"string"},"causes":{"type":"array"}},"required":["summary","causes"]}` + "\n\n" + object
	case 15:
		b, _ := json.Marshal(object) //nolint:errchkjson // a string
		return string(b)
	case 16:
		return object + "\n" + object
	case 17:
		return `{"draft": ` + m.draft() + `, "final": ` + object + `}`
	}
	return object
}

// odd makes the n-th answer of the corpus.
func (m *made) odd() oddAnswer {
	m.about = nil
	truth := m.verdict("FINAL")
	object := m.json(truth, m.IntN(4), m.IntN(3))
	content := ""
	a := oddAnswer{truth: truth}
	finish := pick(m, "stop", "stop", "stop", "", "end_turn")
	cut := m.IntN(8) == 0
	if cut {
		at := 12 + m.IntN(len(object)*3/4)
		for at < len(object) && object[at]&0xc0 == 0x80 {
			at++
		}
		content, a.truth, finish = object[:at], nil, pick(m, "length", "length", "stop", "")
		if m.IntN(4) == 0 {
			content = m.draft() + "\nNo, E1 speaks against it. The final verdict:\n" + content
		}
		m.is("cut " + finish)
	} else {
		content = m.wrap(object)
	}
	if m.IntN(3) == 0 {
		marks := pick(m, thoughtMarks...)
		m.is("thoughts " + strings.TrimSpace(marks[0]))
		switch n := m.IntN(8); {
		case n == 0 && !strings.HasPrefix(marks[0], "`") && marks[0] != "<!-- " && marks[0] != "<draft>" && !strings.HasPrefix(marks[0], "<|") && !strings.HasPrefix(marks[0], "<unused"):
			content = m.musing() + marks[1] + content
			m.is("no opening")
		case n == 1:
			content, a.truth, finish = marks[0]+m.musing()+m.draft(), nil, "length"
			m.is("thoughts only")
		case n == 2 && !cut:
			content += "\n" + marks[0] + "I am done. " + m.musing() + marks[1]
			m.is("thoughts after")
		default:
			content = marks[0] + m.musing() + marks[1] + content
		}
	}
	a.body = m.envelope(content, finish)
	a.about = strings.Join(m.about, ", ")
	return a
}

// envelope puts an answer into a response.
func (m *made) envelope(content, finish string) string {
	var reason any = finish
	if finish == "" {
		reason = nil
	}
	message := map[string]any{"role": "assistant", "content": content}
	choice := map[string]any{"index": 0, "message": message, "finish_reason": reason}
	body := map[string]any{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []any{choice}, "usage": map[string]any{"prompt_tokens": 100, "completion_tokens": 50}}
	switch m.IntN(14) {
	case 0:
		message["content"] = []any{map[string]any{"type": "thinking", "thinking": []any{map[string]any{"type": "text", "text": m.musing()}}}, map[string]any{"type": "text", "text": content}}
		m.is("parts")
	case 1:
		message["reasoning_content"] = m.musing()
		m.is("reasoning_content")
	case 2:
		message["tool_calls"] = []any{map[string]any{"id": 1, "type": "function", "function": map[string]any{"name": "f", "arguments": map[string]any{"summary": draftTag, "causes": []any{}}}}}
		m.is("tool calls")
	case 3:
		body["created"], choice["index"], body["usage"], choice["logprobs"] = "1.5", "0", nil, []any{}
		m.is("odd types")
	case 4, 5:
		m.is("events")
		return m.events(content, finish)
	case 6:
		body = map[string]any{"code": 0, "data": body}
		m.is("in data")
	case 7:
		body = map[string]any{"model": "m", "message": message, "done": true, "done_reason": finish}
		m.is("ollama")
	}
	b, _ := json.Marshal(body) //nolint:errchkjson // maps and strings
	return string(b)
}

func (m *made) events(content, finish string) string {
	var b strings.Builder
	b.WriteString(": keep-alive\n\n")
	runes := []rune(content)
	for len(runes) > 0 {
		n := min(1+m.IntN(200), len(runes))
		piece, _ := json.Marshal(string(runes[:n])) //nolint:errchkjson // a string
		fmt.Fprintf(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\r\n\r\n", piece)
		runes = runes[n:]
	}
	if finish != "" {
		fmt.Fprintf(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50}}\n\n", finish)
	}
	return b.String() + "data: [DONE]\n\n"
}
