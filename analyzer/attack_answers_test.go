package analyzer

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// trueAnswers are what the model means, with all that tempts a reader of odd JSON inside of strings.
func trueAnswers() []answer {
	plain := answer{
		Summary: "TRUE: logins fail since a deploy.", Category: "errors", Severity: "critical",
		Causes: []answerCause{
			{"The deploy of v2 broke the token check.", "high", []string{"E2", "E4"}, "Failures before the deploy."},
			{"A slow database.", "low", []string{"E5"}, "Fast queries."},
		},
		Actions:    []answerAction{{"Roll back.", "It began with the deploy.", "kubectl rollout undo deploy/login", "reversible"}},
		Prevention: []string{"Canary deploys."}, MissingEvidence: []string{"Logs of login."},
		Checks: []answerCheck{{`rate(login_total{code=~"5.."}[5m])`, "It was as high before."}},
	}
	quoted := plain
	quoted.Summary = `TRUE: "login" says it's {broken}, \d+ times: <think> // really`
	quoted.Actions = []answerAction{{
		`Scale "login" (it's small).`, "E2, E4: see above; {a: 1}", "kubectl patch deploy login -p '{\"spec\":{\"replicas\":3}}' # \\d\nkubectl get pods -o 'jsonpath={.items[*].metadata.name}'", "disruptive",
	}}
	chinese := plain
	chinese.Summary = "TRUE：登录失败，自“发布”以来：约六成，原因见下。"
	chinese.Causes = []answerCause{{"发布 v2 之后，“令牌”校验失败：见 E2。", "high", []string{"E2"}, "发布之前也失败，"}}
	long := plain
	long.Summary = "TRUE: ``` [a: \"no\"] ``` stood in a log line, None or null, True; and [1, 2,]"
	long.Checks = []answerCheck{{"sum by (le) (rate(x_bucket{a!='b',c=\"}\"}[1m])) > 0 and on() up == 1", "Final answer: {}"}, {"up == 0", "null"}}
	return []answer{plain, quoted, chinese, long}
}

// lures are what is written beside the answer and is not meant.
func lure(word string) string {
	return answer{
		Summary: word + ": the switch is broken.", Category: "availability", Severity: "info",
		Causes:  []answerCause{{word + " switch.", "high", []string{"E1"}, word}},
		Actions: []answerAction{{word + ": reboot.", "", "reboot", "disruptive"}},
	}.String()
}

var keyForm = regexp.MustCompile(`"([a-z_]+)":`)

// spellings are ways to write the JSON of one answer. What "" is returned for can't be written that way.
func spellings() map[string]func(answer) string {
	indent := func(a answer) string {
		var out strings.Builder
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		_ = e.Encode(a)
		return strings.TrimSpace(out.String())
	}
	over := func(f func(string) string) func(answer) string { return func(a answer) string { return f(indent(a)) } }
	return map[string]func(answer) string{
		"compact":         answer.String,
		"indented":        indent,
		"crlf":            over(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }),
		"bom":             over(func(s string) string { return "\ufeff" + s }),
		"nul":             over(func(s string) string { return "\x00" + strings.ReplaceAll(s, "\n", "\n\x00") + "\x00" }),
		"nbsp":            over(func(s string) string { return strings.ReplaceAll(s, "\n  ", "\n\u00a0 ") }),
		"ideographic":     over(func(s string) string { return strings.ReplaceAll(s, "\n  ", "\n\u3000") }),
		"zero width":      over(func(s string) string { return "\u200b" + strings.ReplaceAll(s, "\n", "\n\u200b") }),
		"trailing commas": over(func(s string) string { return strings.NewReplacer("\n}", ",\n}", "\n  ]", ",\n  ]").Replace(s) }),
		"no commas":       over(func(s string) string { return regexp.MustCompile(`(?m),$`).ReplaceAllString(s, "") }),
		"semicolons":      over(func(s string) string { return regexp.MustCompile(`(?m),$`).ReplaceAllString(s, ";") }),
		"leading commas":  over(func(s string) string { return regexp.MustCompile(`,\n(\s*)`).ReplaceAllString(s, "\n$1, ") }),
		"line comments":   over(func(s string) string { return strings.ReplaceAll(s, "\n  \"", " // why: \"x\", {y}\n  \"") }),
		"block comments":  over(func(s string) string { return strings.ReplaceAll(s, "\n  \"", "\n  /* {\"a\": 1, */ \"") }),
		"hash comments":   over(func(s string) string { return strings.ReplaceAll(s, "\n  \"", "\n  # it's so\n  \"") }),
		"bare keys":       over(func(s string) string { return keyForm.ReplaceAllString(s, "$1:") }),
		"single keys":     over(func(s string) string { return keyForm.ReplaceAllString(s, "'$1':") }),
		"equals":          over(func(s string) string { return keyForm.ReplaceAllString(s, "$1 =") }),
		"ruby":            over(func(s string) string { return keyForm.ReplaceAllString(s, `"$1" =>`) }),
		"title keys": over(func(s string) string {
			return keyForm.ReplaceAllStringFunc(s, func(k string) string { return `"` + strings.ToUpper(k[1:2]) + k[2:] })
		}),
		"camel keys": over(func(s string) string {
			return strings.NewReplacer("insufficient_e", "insufficientE", "missing_e", "missingE", "would_r", "wouldR").Replace(s)
		}),
		"bold keys":  over(func(s string) string { return keyForm.ReplaceAllString(s, `"**$1**":`) }),
		"full-width": over(func(s string) string { return keyForm.ReplaceAllString(s, `"$1"：`) }),
		"full-width all": over(func(s string) string {
			return regexp.MustCompile(`(?m),$`).ReplaceAllString(keyForm.ReplaceAllString(s, `"$1"：`), "，")
		}),
		"typographic keys": over(func(s string) string { return keyForm.ReplaceAllString(s, "“$1”:") }),
		"corner keys":      over(func(s string) string { return keyForm.ReplaceAllString(s, "「$1」:") }),
		"python":           over(python),
		"escaped html":     over(html.EscapeString),
		"a string":         over(strconv.Quote),
		"twice a string":   over(func(s string) string { return strconv.Quote(strconv.Quote(s)) }),
		"ascii":            func(a answer) string { return strings.Trim(strconv.QuoteToASCII(a.String()), `"`) },
		"unicode escapes":  over(func(s string) string { return escapeUnicode(s) }),
		"raw line breaks":  over(func(s string) string { return strings.NewReplacer(`\\`, `\\`, `\n`, "\n").Replace(s) }),
		"raw backslashes":  over(func(s string) string { return strings.ReplaceAll(s, `\\d`, `\d`) }),
		"slashes":          over(func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }),
		"doubled braces":   over(func(s string) string { return "{" + s + "}" }),
		"one brace more":   over(func(s string) string { return s + "\n}" }),
		"comma after":      over(func(s string) string { return s + ",\n" }),
		"a variable":       over(func(s string) string { return "const verdict = " + s + ";" }),
		"a call":           over(func(s string) string { return "submit_verdict(" + s + ")" }),
		"a key":            over(func(s string) string { return `"verdict": ` + s }),
		"a list":           over(func(s string) string { return "[\n" + s + "\n]" }),
		"a wrapper":        over(func(s string) string { return `{"verdict": ` + s + `, "version": 1}` }),
		"two wrappers":     over(func(s string) string { return `{"status": "ok", "data": {"result": ` + s + `}}` }),
		"message":          over(func(s string) string { return `{"role": "assistant", "content": ` + strconv.Quote(s) + `}` }),
		"tool":             over(func(s string) string { return `{"name": "answer", "arguments": ` + s + `}` }),
		"twice the same":   over(func(s string) string { return s + "\n\n" + s }),
		"yaml":             yamlOf,
	}
}

// python writes what is not in strings as Python does.
func python(s string) string {
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|true|false|null`).ReplaceAllStringFunc(s, func(token string) string {
		switch token {
		case "true":
			return "True"
		case "false":
			return "False"
		case "null":
			return "None"
		}
		if strings.Contains(token, "'") {
			return token
		}
		return "'" + strings.ReplaceAll(token[1:len(token)-1], `\"`, `"`) + "'"
	})
}

func escapeUnicode(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 127 || r == '<' || r == '\'' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// yamlOf writes the answer as YAML, which is not read and must not be misread.
func yamlOf(a answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "summary: %q\ncategory: %s\ncauses:\n", a.Summary, a.Category)
	for _, c := range a.Causes {
		fmt.Fprintf(&b, "  - hypothesis: %q\n    likelihood: %s\n    evidence: [%s]\n", c.Hypothesis, c.Likelihood, strings.Join(c.Evidence, ", "))
	}
	return b.String()
}

// settings are what stands around an answer, T, with lures, D, that are not meant.
func settings() []string {
	return []string{
		"@T", "```json\n@T\n```", "~~~json\n@T\n~~~", "````JSON5 title=\"verdict\"\n@T\n````", "```json\n@T", "```\n@T\n```\n```", "Sure! ```json@T```",
		"> ```json\n> @T\n> ```", "   ```json\n   @T\n   ```", "**Verdict:**\n\n@T\n\n*Stay safe!* :-}", "{@T", "(see {E2}) @T [E1] {", "Verdict = @T.",
		"<think>@D</think>@T", "<think>\n@D\n</think>\n```json\n@T\n```", "<thinking>@D</thinking>@T", "<thought>@D</thought>\n@T", "<reasoning>@D</reasoning>@T",
		"<reflection>@D</reflection>@T", "<scratchpad>@D</scratchpad>@T", "<analysis>@D</analysis>@T", "<seed:think>@D</seed:think>@T", "<mythink>@D</mythink>@T", "<|thinking|>@D<|/thinking|>@T",
		"◁think▷@D◁/think▷@T", "[THINK]@D[/THINK]@T", "<THINK>@D</THINK>@T", "<think budget=\"5\">@D</think>@T", "@D</think>@T", "Hm. @D\n</thinking>\n\n@T",
		"<think><think>@D</think>@D</think>@T", "<think>a</think>@D<think>no, wrong</think>@T", "<think></think>@T", "&lt;think&gt;@D&lt;/think&gt;@T", "< think >@D</ think >@T", "＜think＞@D＜/think＞@T",
		"<think>\nI write <think> here. @D\n</think>\n@T", "<think>@D<|im_end|>\n</think>@T", "<|begin_of_thought|>@D<|end_of_thought|><|begin_of_solution|>@T<|end_of_solution|>",
		"<|channel|>analysis<|message|>@D<|end|><|start|>assistant<|channel|>final<|message|>@T", "<|channel>thought\n@D<channel|>@T", "<unused94>thought\n@D<unused95>@T",
		"<thinking>@D</thinking>@T", "<internal_monologue>@D</internal_monologue>\n@T", "<details><summary>Thoughts</summary>@D</details>\n\n@T", "<!-- @D -->\n@T",
		"<answer>@T</answer>", "<think>@D</think><answer>@T</answer>", "<output>@T</output>", "\\boxed{@T}", "<tool_call>\n{\"name\": \"verdict\", \"arguments\": @T}\n</tool_call>", "<|python_tag|>@T",
		"Draft:\n@D\n\nFinal:\n@T", "### Draft\n```json\n@D\n```\n### Final answer\n```json\n@T\n```", "First attempt: @D\nWait, E4 says otherwise. Corrected: @T", "Thought: @D\nFinal Answer: @T",
		"My first idea was @D but that is refuted. My verdict: @T", "草稿：\n@D\n最终答案：\n@T", "初步判断 @D 经核实不成立。最终结论：@T", "Step 1: @D\nStep 2: check E4.\nStep 3 (final): @T",
		"Rejected: @D\nAccepted: @T", "Before: @D\nAfter: @T", "Original verdict: @D\nRevised verdict: @T", "The draft was @D. The evidence refutes it. @T",
		"The schema is {\"type\":\"object\",\"properties\":{\"summary\":{\"type\":\"string\"},\"causes\":{\"type\":\"array\"}}}.\n@T", "The format: {\"summary\": \"...\", \"causes\": [{\"hypothesis\": \"...\"}]}\n\n@T",
		"@T\n\nThis follows {\"summary\": \"string\", \"causes\": []} as asked.", "Example: @D\nAnswer: @T", "For example:\n```json\n@D\n```\nMine:\n```json\n@T\n```", "@T\n\nFor comparison, an example of another incident: @D",
		"The past incident said: @D\nNow: @T", "> @D\n\n@T", "The alert text contains this JSON, which I ignore: @D\n\n@T", "@T\n\nNote: the alert's annotation has @D, which is no evidence.", "~~@D~~\n@T", "@T\n\nNot: @D",
		"{\"draft\": @D, \"final\": @T}", "{\"draft\": @D, \"verdict\": @T}", "{\"thinking\": @D, \"answer\": @T}", "{\"reasoning\": @S, \"answer\": @T}", "{\"example\": @D, \"result\": @T}", "{\"previous\": @D, \"current\": @T}",
		"{\"thoughts\": \"@D is wrong\", \"response\": @T}", "[{\"type\": \"thinking\", \"thinking\": @S}, {\"type\": \"text\", \"text\": @Q}]", "{\"rejected\": [@D], \"accepted\": @T}", "{\"old\": @D, \"new\": @T}",
	}
}

// unclear are answers in which it can't be told what is meant: @T here is as wrong as @D.
func unclear() []string {
	return []string{
		"<think>@D", "<think>@D\nand then", "@D\n\n@T", "[@D, @T]", "<thinking>@D @T", "◁think▷@D", "[THINK]@D", "<|channel|>analysis<|message|>@D", "Draft:\n@D", "For example: @D", "The past incident said: @D",
		"{\"a\": @D, \"b\": @T}", "<think>@D</think>", "<think>@D</think>I can't tell.", "{\"thinking\": @D}", "{\"draft\": @D}", "<!-- @D -->", "@T or @D, both are possible.", "Either @D\nor @T",
		"The alert's annotation contains @D", "First idea: @D", "I would not say @D", "<scratchpad>@D", "<reasoning>\n@D", "```thinking\n@D\n```", "{\"example\": @D}", "Schema: @D", "草稿：@D", "例如：@D", "以下是错误的示例：@D",
	}
}

// setIn puts an answer's JSON and the lure into a setting.
func setIn(setting, written string) string {
	d := lure("LURE")
	return strings.NewReplacer("@T", written, "@D", d, "@S", strconv.Quote(d), "@Q", strconv.Quote(written)).Replace(setting)
}

// outcome reads an answer and says whether it is right, unreadable or wrong.
func outcome(t *testing.T, want answer, got reply) (string, string) {
	t.Helper()
	r, err := readVerdict(got)
	if err != nil {
		prose := proseVerdict(got.content).Prose
		if strings.Contains(prose, "LURE") && strings.Contains(strings.ToLower(got.content), "think>") {
			return "unreadable", err.Error() + " (prose has the lure)"
		}
		return "unreadable", err.Error()
	}
	truth, err := readVerdict(reply{content: want.String(), whole: true})
	require.NoError(t, err)
	r.fields.mark(r.verdict)
	left := answerOf(r.verdict)
	if marks := r.verdict.Marks; len(marks) == 0 && left.String() == answerOf(truth.verdict).String() {
		return "right", ""
	}
	if sameButUnread(r.verdict, truth.verdict) {
		return "right", "without unread fields"
	}
	return "wrong", left.String()
}

func sameButUnread(got, want *incident.Verdict) bool {
	return got.Summary == want.Summary && len(got.Marks) > 0 && len(got.Causes) <= len(want.Causes)
}

func TestAttackAnswers(t *testing.T) {
	count := map[string]int{}
	try := func(name string, want answer, got reply, told bool) {
		is, why := outcome(t, want, got)
		if !told && is == "right" {
			is, why = "guessed", ""
		}
		count[is]++
		if is != "right" {
			t.Logf("%s: %s: %.200s", strings.ToUpper(is), name, why)
		}
	}
	for name, spell := range spellings() {
		for i, a := range trueAnswers() {
			if written := spell(a); written != "" {
				try(fmt.Sprintf("spelling %s %d", name, i), a, reply{content: written, whole: true}, true)
			}
		}
	}
	for _, setting := range settings() {
		for i, a := range trueAnswers() {
			written := spellings()[[]string{"compact", "indented", "trailing commas", "python"}[i]](a)
			try(fmt.Sprintf("setting %q %d", setting, i), a, reply{content: setIn(setting, written), whole: true}, true)
		}
	}
	for _, setting := range unclear() {
		for i, a := range trueAnswers()[:2] {
			written := a.String()
			try(fmt.Sprintf("unclear %q %d", setting, i), a, reply{content: setIn(setting, written), whole: true}, false)
		}
	}
	for i, a := range trueAnswers() {
		for _, prefix := range []string{"", "```json\n", "<think>" + lure("LURE") + "</think>"} {
			written := prefix + a.String()
			for cut := 1; cut < 12; cut++ {
				end := len(prefix) + cut*len(a.String())/12
				content := strings.ToValidUTF8(written[:end], "")
				for k, got := range []reply{{content: content, cut: true}, {content: content, whole: true}, {content: content}} {
					try(fmt.Sprintf("cut %d %q %d %d", i, prefix[:min(7, len(prefix))], cut, k), a, got, false)
				}
			}
		}
	}
	t.Log(count)
	assert.Zero(t, count["wrong"])
	assert.GreaterOrEqual(t, count["right"], 500)
	assert.LessOrEqual(t, count["guessed"], 4, "the last of two that nothing tells apart, and the first of two alternatives")
}

// softFields are fields of wrong types: what is replaced in the first of trueAnswers, and what for.
func softFields() [][2]string {
	evidence, likelihood, actions := `"evidence":["E2","E4"]`, `"likelihood":"high"`, `"actions":[{"step":"Roll back.","why":"It began with the deploy.","command":"kubectl rollout undo deploy/login","risk":"reversible"}]`
	command, risk, prevention, missing := `"command":"kubectl rollout undo deploy/login"`, `"risk":"reversible"`, `"prevention":["Canary deploys."]`, `"missing_evidence":["Logs of login."]`
	insufficient, severity, category, checks := `"insufficient_evidence":false`, `"severity":"critical"`, `"category":"errors"`, `"checks":[{"promql":"rate(login_total{code=~\"5..\"}[5m])","would_refute":"It was as high before."}]`
	table := map[string][]string{
		evidence: {
			`"evidence":"E2, E4"`, `"evidence":"E2 E4"`, `"evidence":"E2和E4"`, `"evidence":"[E2][E4]"`, `"evidence":["[E2]","(E4)"]`, `"evidence":[{"id":"E2"},{"id":"E4"}]`, `"evidence":[2,4]`, `"evidence":[["E2"],["E4"]]`,
			`"evidence":{"E2":"rises","E4":"too"}`, `"evidence":["E2: rises","E4: too"]`, `"evidence":["e2","e4"]`, `"evidence":null`, `"evidence":true`, `"evidence":"E2-E4"`, `"evidence":["evidence E2","#E4"]`, `"Evidence_IDs":["E2","E4"]`,
		},
		likelihood:   {`"likelihood":"HIGH"`, `"likelihood":0.9`, `"likelihood":"90%"`, `"likelihood":"高"`, `"likelihood":"very high"`, `"likelihood":null`, `"likelihood":["high"]`, `"likelihood":{"value":"high"}`, `"likelihood":true`, `"probability":"high"`},
		actions:      {`"actions":null`, `"actions":"none"`, `"actions":{}`, `"actions":[[]]`, `"actions":[null]`, `"actions":["Roll back."]`, `"actions":"Roll back."`, `"actions":{"1":{"step":"Roll back."}}`, `"actions":false`, `"actions":[{"step":["Roll back."],"command":null}]`},
		command:      {`"command":["kubectl rollout undo deploy/login"]`, `"command":null`, `"command":false`, `"command":{"cmd":"kubectl rollout undo deploy/login"}`, `"command":7`, `"cmd":"kubectl rollout undo deploy/login"`},
		risk:         {`"risk":null`, `"risk":["reversible"]`, `"risk":1`, `"risk":"Reversible."`, `"risk":"可逆"`, `"risk":{"level":"reversible"}`},
		prevention:   {`"prevention":"Canary deploys."`, `"prevention":{"1":"Canary deploys."}`, `"prevention":[{"text":"Canary deploys."}]`, `"prevention":null`, `"prevention":true`, `"prevention":"- Canary deploys."`, `"prevention":[["Canary deploys."]]`},
		missing:      {`"missing_evidence":"Logs of login."`, `"missing_evidence":null`, `"missing_evidence":"1. Logs of login."`, `"missingEvidence":["Logs of login."]`, `"missing_evidence":0`},
		insufficient: {`"insufficient_evidence":"false"`, `"insufficient_evidence":"no"`, `"insufficient_evidence":0`, `"insufficient_evidence":null`, `"insufficient_evidence":[]`, `"insufficient_evidence":"否"`},
		severity:     {`"severity":"Critical"`, `"severity":"严重"`, `"severity":null`, `"severity":["critical"]`, `"severity":1`, `"severity":"SEV1"`},
		category:     {`"category":null`, `"category":["errors"]`, `"category":"Errors"`, `"category":"错误"`, `"category":{"name":"errors"}`},
		checks:       {`"checks":null`, `"checks":["up == 0"]`, `"checks":{"promql":"up"}`, `"checks":[{"promql":null,"would_refute":"x"}]`, `"checks":"none"`, `"checks":[7]`, `"checks":true`},
	}
	var all [][2]string
	for from, to := range table {
		for _, t := range to {
			all = append(all, [2]string{from, t})
		}
	}
	return all
}

func TestAttackSoftFields(t *testing.T) {
	want := trueAnswers()[0]
	kept := 0
	for _, soft := range softFields() {
		written := strings.Replace(want.String(), soft[0], soft[1], 1)
		require.NotEqual(t, want.String(), written, soft[0])
		r, err := readVerdict(reply{content: written, whole: true})
		require.NoError(t, err, soft[1])
		r.fields.mark(r.verdict)
		v := r.verdict
		assert.Equal(t, want.Summary, v.Summary, soft[1])
		require.Len(t, v.Causes, 2, soft[1])
		assert.Equal(t, want.Causes[0].Hypothesis, v.Causes[0].Hypothesis)
		assert.Subset(t, []string{"E2", "E3", "E4"}, v.Causes[0].Evidence, soft[1])
		assert.Equal(t, "low", v.Causes[1].Likelihood)
		assert.Contains(t, []string{"high", incident.Unknown}, v.Causes[0].Likelihood, soft[1])
		assert.False(t, v.InsufficientEvidence, soft[1])
		assert.Contains(t, []string{"critical", "none"}, v.Severity, soft[1])
		assert.Contains(t, []string{"errors", incident.Unknown}, v.Category, soft[1])
		for _, x := range v.Actions {
			assert.Equal(t, "Roll back.", x.Step, soft[1])
			assert.Contains(t, []string{"", "7", "kubectl rollout undo deploy/login"}, x.Command, soft[1])
			assert.Contains(t, []string{"reversible", incident.Unknown}, x.Risk, soft[1])
		}
		assert.Subset(t, []string{"Canary deploys."}, v.Prevention, soft[1])
		assert.Subset(t, []string{"Logs of login.", "0"}, v.MissingEvidence, soft[1])
		if answerOf(v).String() == want.String() {
			kept++
		}
	}
	t.Logf("%d of %d answers with a field of another type lose nothing", kept, len(softFields()))
	assert.GreaterOrEqual(t, 10*kept, 4*len(softFields()))
}
