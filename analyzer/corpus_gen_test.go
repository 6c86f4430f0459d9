package analyzer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// This is a grammar of the answers that models give: a verdict, written with slips, put into words, behind thoughts, within an envelope.
// It knows what a reader should make of each.

// oddAnswer is one answer of the corpus.
type oddAnswer struct {
	about string // what is odd about it
	body  string // of the response
	// truth is the verdict that it holds; nil where it holds none that is whole.
	truth *answer
}

// made makes random answers.
type made struct {
	*rand.Rand
	about []string
}

func (m *made) is(about string) { m.about = append(m.about, about) }

func pick[T any](m *made, list ...T) T { return list[m.IntN(len(list))] }

// What the texts of verdicts are made of: all that gets into the way of a reader.
var (
	plainTexts = []string{
		"inodes are used up on n1 since 10:02 UTC (E1)", "the node ran out of inodes", "节点 n1 的 inode 已用尽，自 10:02 起（E1）", "登录失败集中在 shenzhen",
		"100% of {a, b} fail: see [E1], [E2]", "it's the pod's cache", "http://wiki.example/run//book#top says so", "a, b; c: d", "50 % – 60 %", "大部分失败来自同一个来源：网关。",
		"# of open files > limit", "the rate is /* not */ constant", "null and true are words here", "wait for the release, then look again", "an example of a leak",
	}
	quotedTexts = []string{
		`rate(http_requests_total{job="api",code="500"}[5m]) > 5`, `he calls it "full", and it is`, `sum(x{a="b"}) by (c)`, `the pod said "no space left"`, `the value "42" is old`,
	}
	commands = []string{
		"", "df -i /var", `kubectl get po -o jsonpath='{.items[*].metadata.name}'`, `awk '{print $1}' /etc/passwd`, `psql -c 'select count(*) from pg_stat_activity'`,
		"find /tmp -type f\nwc -l", `grep "error" /var/log/app.log`,
	}
	backslashed = []string{`grep '\d+' app.log`, `match ^\w+\.pod$`, `look into C:\Windows\Logs`, `sed 's/\./_/g' f`}
)

func (m *made) text() string {
	if m.IntN(4) == 0 {
		return pick(m, quotedTexts...)
	}
	return pick(m, plainTexts...)
}

// verdict makes a verdict of which each text begins with the tag.
func (m *made) verdict(tag string) *answer {
	a := &answer{
		Summary: tag + " " + m.text(), Category: pick(m, "capacity", "errors", "unknown"), Severity: pick(m, "critical", "warning", "info"),
		Causes: []answerCause{}, Actions: []answerAction{}, Checks: []answerCheck{}, Prevention: []string{}, MissingEvidence: []string{},
	}
	for i := range 1 + m.IntN(3) {
		a.Causes = append(a.Causes, answerCause{
			Hypothesis: fmt.Sprint(tag, i, " ", m.text()), Likelihood: pick(m, "high", "medium", "low"),
			Evidence: pick(m, []string{"E1"}, []string{"E1", "E3"}, []string{"E2"}), Disproof: m.text(),
		})
	}
	for i := range m.IntN(3) {
		command := pick(m, commands...)
		if m.IntN(6) == 0 {
			command = pick(m, backslashed...)
		}
		a.Actions = append(a.Actions, answerAction{fmt.Sprint(tag, i, " ", m.text()), m.text(), command, pick(m, "read-only", "reversible", "disruptive")})
	}
	for range m.IntN(3) {
		a.Prevention = append(a.Prevention, m.text())
	}
	for range m.IntN(2) {
		a.MissingEvidence = append(a.MissingEvidence, m.text())
	}
	if m.IntN(2) == 0 {
		a.Checks = append(a.Checks, answerCheck{pick(m, quotedTexts...), m.text()})
	}
	return a
}

// pen is how a model writes JSON.
type pen struct {
	m                                        *made
	open, close                              string // quotation marks
	indent, python, fullWidth, capitals      bool
	camel, bareKeys                          bool
	rawBreaks, rawTabs, badEscapes, unquoted bool
	trailing, comments, missingCommas        bool
	bareWords                                bool
}

func (m *made) pen(slips int) *pen {
	p := &pen{m: m, open: `"`, close: `"`, indent: m.IntN(2) == 0}
	for range slips {
		switch m.IntN(16) {
		case 0:
			p.open, p.close = "'", "'"
			m.is("single quotes")
		case 1:
			p.open, p.close = "“", "”"
			m.is("typographic quotes")
		case 2:
			p.python, p.open, p.close = true, "'", "'"
			m.is("python")
		case 3:
			p.fullWidth = true
			m.is("full width")
		case 4:
			p.capitals = true
			m.is("capital keys")
		case 5:
			p.camel = true
			m.is("camel case")
		case 6:
			p.bareKeys = true
			m.is("bare keys")
		case 7:
			p.rawBreaks = true
			m.is("raw breaks")
		case 8:
			p.badEscapes = true
			m.is("bad escapes")
		case 9, 10:
			p.unquoted = true
			m.is("unescaped quotes")
		case 11:
			p.trailing = true
			m.is("trailing commas")
		case 12:
			p.comments, p.indent = true, true
			m.is("comments")
		case 13:
			p.missingCommas, p.indent = true, true
			m.is("missing commas")
		case 14:
			p.rawTabs = true
			m.is("raw tabs")
		case 15:
			p.bareWords = true
			m.is("bare words")
		}
	}
	return p
}

// write writes a value of map, list, string, bool and nil; maps are [][2]any for their order.
func (p *pen) write(v any, depth int) string {
	switch v := v.(type) {
	case string:
		return p.text(v)
	case raw:
		return string(v)
	case bool:
		if p.python {
			return map[bool]string{true: "True", false: "False"}[v]
		}
		return fmt.Sprint(v)
	case nil:
		if p.python {
			return "None"
		}
		return "null"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, p.write(item, depth+1))
		}
		return p.list("[", "]", items, depth, false)
	case [][2]any:
		var items []string
		for _, kv := range v {
			items = append(items, p.key(kv[0].(string))+p.mark(":")+pick(p.m, "", " ")+p.write(kv[1], depth+1))
		}
		return p.list("{", "}", items, depth, true)
	}
	panic(fmt.Sprintf("%T", v))
}

type raw string

func (p *pen) mark(s string) string {
	if p.fullWidth && p.m.IntN(2) == 0 {
		return map[string]string{":": "：", ",": "，", "{": "｛", "}": "｝", "[": "［", "]": "］"}[s]
	}
	return s
}

func (p *pen) list(open, closing string, items []string, depth int, object bool) string {
	var b strings.Builder
	b.WriteString(p.mark(open))
	for i, item := range items {
		if p.indent {
			b.WriteString("\n" + strings.Repeat("  ", depth+1))
		}
		b.WriteString(item)
		last := i == len(items)-1
		switch {
		case !last && p.missingCommas && object && p.m.IntN(3) == 0 && p.indent:
		case !last || p.trailing && p.m.IntN(2) == 0:
			b.WriteString(p.mark(","))
		}
		if p.comments && p.m.IntN(4) == 0 {
			b.WriteString(pick(p.m, ` // as "E1" says`, " # 见 E1, {x}", " /* sure: 'yes' */"))
		}
	}
	if p.indent && len(items) > 0 {
		b.WriteString("\n" + strings.Repeat("  ", depth))
	}
	return b.String() + p.mark(closing)
}

func (p *pen) key(k string) string {
	if p.capitals {
		k = strings.ToUpper(k[:1]) + k[1:]
	}
	if p.camel {
		words := strings.Split(k, "_")
		for i := range words[1:] {
			words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
		}
		k = strings.Join(words, "")
	}
	if p.bareKeys {
		return k
	}
	return p.open + k + p.close
}

func (p *pen) text(s string) string {
	if p.bareWords && (s == "high" || s == "low" || s == "medium" || s == "critical" || s == "capacity") {
		return s
	}
	if !p.badEscapes || strings.Contains(s, `\n`) || strings.Contains(s, `\b`) || strings.Contains(s, `\f`) {
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	if !p.rawBreaks {
		s = strings.ReplaceAll(s, "\n", `\n`)
	} else if p.m.IntN(2) == 0 {
		s = strings.Replace(s, " ", "\n", 1)
	}
	if p.rawTabs {
		s = strings.Replace(s, " ", "\t", 1)
	}
	if !p.unquoted {
		for _, q := range []string{p.open, p.close} {
			if q == `"` || q == "'" {
				s = strings.ReplaceAll(strings.ReplaceAll(s, `\`+q, q), q, `\`+q)
				if q == p.close {
					break
				}
			}
		}
	}
	return p.open + s + p.close
}

// form returns a verdict as a value to write, with some fields in soft forms.
func (m *made) form(a *answer, soft int) [][2]any {
	is := map[int]bool{}
	for range soft {
		is[m.IntN(10)] = true
	}
	strs := func(list []string) any {
		out := []any{}
		for _, s := range list {
			out = append(out, s)
		}
		return out
	}
	var causes, actions, checks []any
	for _, c := range a.Causes {
		var evidence any = strs(c.Evidence)
		switch {
		case is[0]:
			evidence = strings.Join(c.Evidence, ", ")
		case is[1]:
			var ids []any
			for _, id := range c.Evidence {
				ids = append(ids, raw(id[1:]))
			}
			evidence = ids
		case is[2]:
			var ids []any
			for _, id := range c.Evidence {
				ids = append(ids, "["+id+"] the rate")
			}
			evidence = ids
		}
		var likelihood any = c.Likelihood
		if is[3] {
			likelihood = raw(map[string]string{"high": "0.8", "medium": "50", "low": "0.1"}[c.Likelihood])
		} else if is[4] {
			likelihood = map[string]string{"high": "很可能", "medium": "Medium (50%)", "low": "unlikely"}[c.Likelihood]
		}
		causes = append(causes, [][2]any{{"hypothesis", c.Hypothesis}, {"likelihood", likelihood}, {"evidence", evidence}, {"disproof", c.Disproof}})
	}
	for _, x := range a.Actions {
		actions = append(actions, [][2]any{{"step", x.Step}, {"why", x.Why}, {"command", x.Command}, {"risk", x.Risk}})
	}
	for _, c := range a.Checks {
		checks = append(checks, [][2]any{{"promql", c.PromQL}, {"would_refute", c.WouldRefute}})
	}
	var prevention, missing, insufficient any = strs(a.Prevention), strs(a.MissingEvidence), a.InsufficientEvidence
	if is[5] && len(a.Prevention) > 0 {
		prevention = strings.Join(a.Prevention, "\n")
	}
	if is[6] && len(a.MissingEvidence) == 0 {
		missing = pick[any](m, nil, "none", "无", false)
	}
	if is[7] {
		insufficient = pick[any](m, "false", "no", raw("0"), nil)
	}
	var causeList any = causes
	if is[8] && len(causes) == 1 {
		causeList = causes[0]
	}
	if len(is) > 0 {
		m.is("soft fields")
	}
	if actions == nil {
		actions = []any{}
	}
	if checks == nil {
		checks = []any{}
	}
	f := [][2]any{
		{"summary", a.Summary}, {"category", a.Category}, {"severity", a.Severity}, {"insufficient_evidence", insufficient}, {"causes", causeList},
		{"actions", actions}, {"prevention", prevention}, {"missing_evidence", missing}, {"checks", checks},
	}
	if is[9] {
		f = append(f, [2]any{"confidence", raw("0.7")}, [2]any{"note", "as asked"})
	}
	return f
}

func (m *made) json(a *answer, slips, soft int) string { return m.pen(slips).write(m.form(a, soft), 0) }

const draftTag = "DISCARDED"

// clean writes a draft or an example as valid JSON.
func (m *made) draft() string {
	return (&pen{m: m, open: `"`, close: `"`, indent: m.IntN(2) == 0}).write(m.form(m.verdict(draftTag), 0), 0)
}

var thoughtMarks = [][2]string{
	{"<think>", "</think>"}, {"<thinking>", "</thinking>"}, {"<Think>\n", "\n</Think>"}, {"<reasoning>", "</reasoning>"}, {"[THINK]", "[/THINK]"},
	{"◁think▷", "◁/think▷"}, {"<|begin_of_thought|>", "<|end_of_thought|>"}, {"<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"},
	{"<thought>", "</thought>"}, {"<seed:think>", "</seed:think>"}, {"<scratchpad>", "</scratchpad>"}, {"<think>\n", "\n</think>\n"}, {"<!-- ", " -->"},
	{"```thinking\n", "\n```\n"}, {"<unused94>thought\n", "<unused95>"}, {"<draft>", "</draft>"},
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
