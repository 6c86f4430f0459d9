package analyzer

import (
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

func (m *made) pen(faults int) *pen {
	p := &pen{m: m, open: `"`, close: `"`, indent: m.IntN(2) == 0}
	for range faults {
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
	case rawJSON:
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

type rawJSON string

func (p *pen) mark(s string) string {
	if p.fullWidth && p.m.IntN(2) == 0 {
		return map[string]string{":": "：", ",": "，", "{": "｛", "}": "｝", "[": "［", "]": "］"}[s]
	}
	return s
}

func (p *pen) list(open, shut string, items []string, depth int, object bool) string {
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
	return b.String() + p.mark(shut)
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
		evidence := strs(c.Evidence)
		switch {
		case is[0]:
			evidence = strings.Join(c.Evidence, ", ")
		case is[1]:
			var ids []any
			for _, id := range c.Evidence {
				ids = append(ids, rawJSON(id[1:]))
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
			likelihood = rawJSON(map[string]string{"high": "0.8", "medium": "50", "low": "0.1"}[c.Likelihood])
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
		insufficient = pick[any](m, "false", "no", rawJSON("0"), nil)
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
		{"summary", a.Summary},
		{"category", a.Category},
		{"severity", a.Severity},
		{"insufficient_evidence", insufficient},
		{"causes", causeList},
		{"actions", actions},
		{"prevention", prevention},
		{"missing_evidence", missing},
		{"checks", checks},
	}
	if is[9] {
		f = append(f, [2]any{"confidence", rawJSON("0.7")}, [2]any{"note", "as asked"})
	}
	return f
}

func (m *made) json(a *answer, faults, soft int) string {
	return m.pen(faults).write(m.form(a, soft), 0)
}
