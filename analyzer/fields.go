package analyzer

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// keyNames are the keys of a verdict by what models call them, without case, blanks and underscores.
var keyNames = map[string]string{
	"summary": "summary", "摘要": "summary", "总结": "summary", "概要": "summary",
	"category": "category", "类别": "category", "分类": "category",
	"severity": "severity", "严重程度": "severity", "严重性": "severity", "级别": "severity",
	"insufficientevidence": "insufficient_evidence", "证据不足": "insufficient_evidence",
	"causes": "causes", "rootcauses": "causes", "possiblecauses": "causes", "可能原因": "causes", "原因": "causes", "根因": "causes",
	"hypothesis": "hypothesis", "cause": "hypothesis", "假设": "hypothesis", "可能的原因": "hypothesis",
	"likelihood": "likelihood", "probability": "likelihood", "可能性": "likelihood",
	"evidence": "evidence", "evidenceids": "evidence", "证据": "evidence",
	"disproof": "disproof", "disprovedby": "disproof", "反证": "disproof", "证伪": "disproof",
	"actions": "actions", "recommendations": "actions", "recommendedactions": "actions", "建议操作": "actions", "操作": "actions", "行动": "actions", "措施": "actions",
	"step": "step", "action": "step", "步骤": "step",
	"why": "why", "reason": "why", "理由": "why",
	"command": "command", "cmd": "command", "命令": "command", "risk": "risk", "风险": "risk",
	"prevention": "prevention", "预防": "prevention", "预防措施": "prevention",
	"missingevidence": "missing_evidence", "缺失证据": "missing_evidence", "缺少的证据": "missing_evidence",
	"checks": "checks", "检查": "checks", "promql": "promql", "query": "promql",
	"wouldrefute": "would_refute", "refutes": "would_refute",
}

var keyNoise = strings.NewReplacer("_", "", "-", "", " ", "", "*", "", "\u200b", "", `\`, "")

// fieldsOf returns an object's values by the verdict's keys. What no key means is left out; of two the last one counts, as everywhere.
func fieldsOf(v loosejson.Value) map[string]loosejson.Value {
	f := map[string]loosejson.Value{}
	for _, m := range v.Members {
		if name := keyName(strings.ToLower(keyNoise.Replace(m.Key))); name != "" {
			f[name] = m.Value
		}
	}
	return f
}

// keyName returns the verdict's key that a key means, one letter more, less or other at most; "" for none.
func keyName(key string) string {
	if name, ok := keyNames[key]; ok {
		return name
	}
	for known, name := range keyNames {
		if len(known) >= 6 && len(known) == len(name)-strings.Count(name, "_") && slips(known, key) {
			return name
		}
	}
	return ""
}

// slips reports whether two words differ in one place.
func slips(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}

// unread is a field of an answer that could not be made sense of: it is left out, and marked where it stood.
type unread struct {
	list  string // causes, actions; "" for the verdict itself
	index int    // in the verdict's list
	field string
}

// fieldReader reads an answer's fields as models write them.
type fieldReader struct{ unread []unread }

func (r *fieldReader) miss(list string, index int, field string) {
	r.unread = append(r.unread, unread{list, index, field})
}

// mark marks in the verdict what could not be read.
func (r *fieldReader) mark(v *incident.Verdict) {
	for _, u := range r.unread {
		m := incident.Mark{Kind: incident.MarkUnreadField, Text: text.Cut(text.OneLine(u.field), maxLabelName)}
		switch {
		case u.list == "causes" && u.index < len(v.Causes):
			v.Causes[u.index].Marks = append(v.Causes[u.index].Marks, m)
		case u.list == "actions" && u.index < len(v.Actions):
			v.Actions[u.index].Marks = append(v.Actions[u.index].Marks, m)
		default:
			v.Marks = append(v.Marks, m)
		}
	}
}

// verdict returns the answer as a verdict: bounded, without what is not of the schema. An error names what it can't be without.
func (r *fieldReader) verdict(written loosejson.Value) (*incident.Verdict, error) {
	f := fieldsOf(written)
	if _, ok := f["actions"]; !ok && f["step"].Kind == loosejson.Array { // its key in the singular
		f["actions"] = f["step"]
	}
	v := &incident.Verdict{
		Summary:              boundedLine(r.string("", 0, "summary", f["summary"]), maxOverview),
		InsufficientEvidence: r.yes("insufficient_evidence", f["insufficient_evidence"]),
		Category:             oneOf(r.word("", 0, "category", f["category"]), incident.Categories(), categoryWords, incident.Unknown),
		Severity:             oneOf(r.word("", 0, "severity", f["severity"]), incident.Severities(), severityWords, "none"),
		Prevention:           boundedLines(r.strings("prevention", f["prevention"])),
		MissingEvidence:      boundedLines(r.strings("missing_evidence", f["missing_evidence"])),
		Causes:               []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
	}
	if v.Summary == "" {
		return nil, errEmptySummary
	}
	causes := r.parts("causes", "hypothesis", f["causes"])
	for _, c := range causes[:min(len(causes), maxCauses)] {
		r.cause(v, c)
	}
	if len(causes) > 0 && len(v.Causes) == 0 {
		return nil, fmt.Errorf(`the key "hypothesis" of cause 1 is empty`)
	}
	for _, a := range r.parts("actions", "step", f["actions"]) {
		r.action(v, a)
	}
	for _, c := range r.parts("checks", "promql", f["checks"]) {
		promql := boundedLine(r.string("", 0, "promql", c["promql"]), maxCommand)
		if promql == "" && c["would_refute"].Text != "" {
			r.miss("", 0, "promql")
		}
		if promql != "" && len(v.Checks) < maxItems {
			v.Checks = append(v.Checks, incident.Check{
				PromQL: promql, WouldRefute: boundedLine(r.string("", 0, "would_refute", c["would_refute"]), maxSentence),
			})
		}
	}
	return v, nil
}

func (r *fieldReader) cause(v *incident.Verdict, c map[string]loosejson.Value) {
	n := len(v.Causes)
	hypothesis := boundedLine(r.string("", 0, "hypothesis", c["hypothesis"]), maxSentence)
	if hypothesis == "" {
		r.miss("", 0, "hypothesis")
		return
	}
	r.word("causes", n, "likelihood", c["likelihood"])
	v.Causes = append(v.Causes, incident.Cause{
		Hypothesis: hypothesis, Disproof: boundedLine(r.string("causes", n, "disproof", c["disproof"]), maxSentence),
		Likelihood: likelihoodOf(c["likelihood"]), Evidence: distinct(r.citations(n, c["evidence"])),
	})
}

func (r *fieldReader) action(v *incident.Verdict, a map[string]loosejson.Value) {
	n := len(v.Actions)
	step := boundedLine(r.string("", 0, "step", a["step"]), maxSentence)
	if step == "" && a["command"].Text+a["why"].Text != "" {
		r.miss("", 0, "step")
	}
	if step == "" || n >= maxActions {
		return
	}
	command := r.strings("command", a["command"])
	if a["command"].Kind == loosejson.String {
		command = []string{a["command"].Text}
	}
	v.Actions = append(v.Actions, incident.Action{
		Step: step, Why: boundedLine(r.string("actions", n, "why", a["why"]), maxSentence),
		Command: boundedBlock(strings.Join(command, "\n"), maxCommand),
		Risk:    oneOf(r.word("actions", n, "risk", a["risk"]), incident.Risks(), riskWords, incident.Unknown),
	})
}

// string reads a text: a list of texts is joined.
func (r *fieldReader) string(list string, index int, field string, v loosejson.Value) string {
	switch v.Kind {
	case loosejson.String, loosejson.Word, loosejson.Number:
		return drive.ReplaceAllStringFunc(v.Text, func(s string) string { return s[:2] + driveEscapes[s[2]] })
	case loosejson.Null:
		return ""
	case loosejson.Array:
		var parts []string
		for _, item := range v.Items {
			if item.Kind == loosejson.String {
				parts = append(parts, item.Text)
			}
		}
		if len(parts) == len(v.Items) {
			return strings.Join(parts, " ")
		}
	case loosejson.Object:
		if field == "summary" {
			return r.texts(field, v)
		}
	case loosejson.Bool:
	}
	r.miss(list, index, field)
	return ""
}

// word reads the value of an enum.
func (r *fieldReader) word(list string, index int, field string, v loosejson.Value) string {
	switch v.Kind {
	case loosejson.Bool, loosejson.Array, loosejson.Object:
		r.miss(list, index, field)
	case loosejson.Null, loosejson.Number, loosejson.String, loosejson.Word:
	}
	return v.Text
}

// yes reads a boolean.
func (r *fieldReader) yes(field string, v loosejson.Value) bool {
	yes, known := yesOrNo(v)
	if !known && len(v.Text)+len(v.Items)+len(v.Members) > 0 {
		r.miss("", 0, field)
	}
	return yes
}

// drive matches what becomes of a path like C:\temp when the model does not escape the backslash.
var (
	drive        = regexp.MustCompile("\\b[A-Za-z]:[\t\b\f]")
	driveEscapes = map[byte]string{'\t': `\t`, '\b': `\b`, '\f': `\f`}
)

// parts reads a list of objects. A single object stands for a list of one, a text for an object with the main key alone.
func (r *fieldReader) parts(field, main string, v loosejson.Value) []map[string]loosejson.Value {
	items := v.Items
	switch v.Kind {
	case loosejson.Array:
	case loosejson.Null:
		return nil
	case loosejson.Object:
		items = []loosejson.Value{v}
		if _, ok := fieldsOf(v)[main]; !ok { // numbered instead of listed
			items = nil
			for _, m := range v.Members { // or in groups
				if m.Value.Kind == loosejson.Array {
					items = append(items, m.Value.Items...)
				} else {
					items = append(items, m.Value)
				}
			}
		}
	case loosejson.String, loosejson.Word:
		for _, line := range linesOf(v.Text) {
			items = append(items, loosejson.Value{Kind: loosejson.String, Text: line})
		}
	case loosejson.Bool, loosejson.Number:
		if v.Kind == loosejson.Bool && !v.True {
			return nil
		}
		r.miss("", 0, field)
		return nil
	}
	var parts []map[string]loosejson.Value
	for _, item := range items {
		switch item.Kind {
		case loosejson.Object:
			parts = append(parts, fieldsOf(item))
		case loosejson.String, loosejson.Word:
			parts = append(parts, map[string]loosejson.Value{main: item})
		case loosejson.Null:
		case loosejson.Bool, loosejson.Number, loosejson.Array:
			r.miss("", 0, field)
		}
	}
	return parts
}

// strings reads a list of texts: one text is a list of its lines, and an object among them is its own texts.
func (r *fieldReader) strings(field string, v loosejson.Value) []string {
	switch v.Kind {
	case loosejson.String, loosejson.Word:
		return linesOf(v.Text)
	case loosejson.Array:
		var out []string
		for _, item := range v.Items {
			switch item.Kind {
			case loosejson.String, loosejson.Word, loosejson.Number:
				out = append(out, item.Text)
			case loosejson.Object:
				out = append(out, r.texts(field, item))
			case loosejson.Null:
			case loosejson.Bool, loosejson.Array:
				r.miss("", 0, field)
			}
		}
		return out
	case loosejson.Object:
		return []string{r.texts(field, v)}
	case loosejson.Bool:
		if v.True {
			r.miss("", 0, field)
		}
	case loosejson.Number:
		r.miss("", 0, field)
	case loosejson.Null:
	}
	return nil
}

// texts returns the texts of an object in their order, as one.
func (r *fieldReader) texts(field string, v loosejson.Value) string {
	var parts []string
	for _, m := range v.Members {
		if m.Value.Kind == loosejson.String {
			parts = append(parts, m.Value.Text)
		}
	}
	if len(parts) == 0 {
		r.miss("", 0, field)
	}
	return strings.Join(parts, ": ")
}

var (
	bullet       = regexp.MustCompile(`^\s*(?:[-*•·]|\d{1,2}[.)、])\s*`)
	nothingWords = regexp.MustCompile(`(?i)^(?:none|no|nothing|n/?a|null|nil|unknown|empty|-+|无|没有|暂无|未知|不适用|\[\])\.?$`)
)

// linesOf returns the items of a list that is written as a text.
func linesOf(s string) []string {
	if nothingWords.MatchString(strings.TrimSpace(s)) {
		return nil
	}
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(bullet.ReplaceAllString(line, "")); line != "" {
			out = append(out, line)
		}
	}
	return out
}
