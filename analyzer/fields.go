package analyzer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
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
		if name, ok := keyNames[strings.ToLower(keyNoise.Replace(m.Key))]; ok {
			f[name] = m.Value
		}
	}
	return f
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
func (r *fieldReader) verdict(answer loosejson.Value) (*incident.Verdict, error) {
	f := fieldsOf(answer)
	v := &incident.Verdict{
		Summary:              boundedLine(r.string("", 0, "summary", f["summary"]), maxOverview),
		InsufficientEvidence: isYes(f["insufficient_evidence"]),
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
		Likelihood: likelihood(c["likelihood"]), Evidence: distinct(r.citations(n, c["evidence"])),
	})
}

func (r *fieldReader) action(v *incident.Verdict, a map[string]loosejson.Value) {
	n := len(v.Actions)
	step := boundedLine(r.string("", 0, "step", a["step"]), maxSentence)
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
		for _, line := range lines(v.Text) {
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
		return lines(v.Text)
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
	bullet  = regexp.MustCompile(`^\s*(?:[-*•·]|\d{1,2}[.)、])\s*`)
	nothing = regexp.MustCompile(`(?i)^(?:none|no|nothing|n/?a|null|nil|unknown|empty|-+|无|没有|暂无|未知|不适用|\[\])\.?$`)
)

// lines returns the items of a list that is written as a text.
func lines(s string) []string {
	if nothing.MatchString(strings.TrimSpace(s)) {
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

// citations reads ids of evidence: a list or a text, of E1, [e1], "E1: the rate", 1, or of objects that have an id.
func (r *fieldReader) citations(cause int, v loosejson.Value) []string {
	switch v.Kind {
	case loosejson.Null:
		return nil
	case loosejson.String, loosejson.Word, loosejson.Number:
		return evidenceIDs(v.Text)
	case loosejson.Array:
		var ids []string
		for _, item := range v.Items {
			ids = append(ids, r.citations(cause, item)...)
		}
		return ids
	case loosejson.Object:
		for _, m := range v.Members {
			if key := strings.ToLower(m.Key); key == "id" || key == "evidence" || key == "ref" || key == "evidence_id" {
				return r.citations(cause, m.Value)
			}
		}
		var ids []string
		for _, m := range v.Members { // {"E1": "what it says"}
			if evidenceID.MatchString(m.Key) {
				ids = append(ids, evidenceIDs(m.Key)...)
			}
		}
		if len(ids) > 0 {
			return ids
		}
	case loosejson.Bool:
	}
	r.miss("causes", cause, "evidence")
	return nil
}

var (
	evidenceID = regexp.MustCompile(`(?i)(?:\bE|\bevidence[ _#]*|证据[ #]*|^#)0*(\d{1,6})\b`)
	bareIDs    = regexp.MustCompile(`^\s*\[?\s*\d{1,4}(?:\.0)?(?:\s*[,、，;]\s*\d{1,4})*\s*\]?\s*$`)
	digits     = regexp.MustCompile(`\d+`)
)

// evidenceIDs reads "E1", "[e1]", "E1: the rate", "E1, E3", "1"; what holds no id is returned as it is, to be marked.
func evidenceIDs(s string) []string {
	var ids []string
	if bareIDs.MatchString(s) {
		s = strings.TrimSuffix(s, ".0")
		for _, n := range digits.FindAllString(s, maxCitations) {
			ids = append(ids, "E"+strings.TrimLeft(n, "0"))
		}
		return ids
	}
	head, _, _ := strings.Cut(s, ":") // what follows is the model's own words
	found := evidenceID.FindAllStringSubmatch(head, maxCitations)
	if found == nil {
		found = evidenceID.FindAllStringSubmatch(s, maxCitations)
	}
	for _, m := range found {
		ids = append(ids, "E"+m[1])
	}
	if s = text.Cut(text.OneLine(s), maxCitation); len(ids) == 0 && s != "" && !nothing.MatchString(s) {
		ids = append(ids, s)
	}
	return ids
}

// isYes reads a boolean as models write it.
func isYes(v loosejson.Value) bool {
	switch strings.ToLower(strings.TrimSpace(v.Text)) {
	case "true", "yes", "y", "1", "是", "真":
		return true
	}
	return v.True
}

// The words for the values of an enum that models use instead.
var (
	likelihoodWords = map[string][]string{
		"high":   {"very high", "very likely", "highly likely", "likely", "probable", "certain", "高", "很高", "较高", "极高", "很可能", "非常可能"},
		"medium": {"moderate", "med", "possible", "average", "mid", "中", "中等", "可能", "一般"},
		"low":    {"very low", "unlikely", "improbable", "slight", "低", "很低", "较低", "不太可能", "不大可能"},
	}
	severityWords = map[string][]string{
		"critical": {"crit", "fatal", "high", "urgent", "disaster", "严重", "紧急", "致命", "灾难", "高"},
		"warning":  {"warn", "medium", "moderate", "警告", "告警", "中", "中等"},
		"info":     {"informational", "information", "low", "notice", "信息", "提示", "低"},
		"none":     {"ok", "normal", "no", "无", "正常"},
	}
	categoryWords = map[string][]string{
		"security": {"安全"}, "capacity": {"容量", "saturation"}, "availability": {"可用性"}, "latency": {"延迟", "performance"},
		"errors": {"错误", "error"}, "configuration": {"配置", "config"}, "monitoring": {"监控"},
	}
	riskWords = map[string][]string{
		"read-only":  {"readonly", "read only", "read_only", "none", "只读", "无"},
		"reversible": {"可逆", "可回滚", "可撤销"}, "disruptive": {"destructive", "有影响", "破坏性", "中断性"},
	}
)

// oneOf returns the value that a word stands for.
func oneOf(s string, values []string, words map[string][]string, otherwise string) string {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(text.Clean(s)), ".。!！*`\"'"))
	if head, _, found := strings.Cut(strings.ReplaceAll(s, "（", "("), "("); found { // high (80 %)
		s = strings.TrimSpace(head)
	}
	if slices.Contains(values, s) {
		return s
	}
	for value, list := range words {
		if slices.Contains(list, s) {
			return value
		}
	}
	return otherwise
}

var share = regexp.MustCompile(`^\+?\d*\.?\d+`)

// likelihood reads a word, a share from 0 to 1, or percent.
func likelihood(v loosejson.Value) string {
	s := strings.TrimSpace(v.Text)
	n, err := strconv.ParseFloat(share.FindString(s), 64)
	switch {
	case err != nil:
		return oneOf(s, incident.Likelihoods(), likelihoodWords, incident.Unknown)
	case n > 1 || strings.ContainsAny(s, "%％"):
		n /= 100
	}
	switch {
	case n < 0 || n > 1:
		return incident.Unknown
	case n >= 2./3:
		return "high"
	case n >= 1./3:
		return "medium"
	}
	return "low"
}
