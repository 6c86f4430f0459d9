package analyzer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// citations reads ids of evidence: a list or a text, of E1, [e1], "E1: the rate", 1, or of objects that have an id.
func (r *fieldReader) citations(n int, v loosejson.Value) []string {
	switch v.Kind {
	case loosejson.Null:
		return nil
	case loosejson.String, loosejson.Word, loosejson.Number:
		return evidenceIDs(v.Text)
	case loosejson.Array:
		var ids []string
		for _, item := range v.Items {
			ids = append(ids, r.citations(n, item)...)
		}
		return ids
	case loosejson.Object:
		for _, m := range v.Members {
			if key := strings.ToLower(m.Key); key == "id" || key == "evidence" || key == "ref" || key == "evidence_id" {
				return r.citations(n, m.Value)
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
	r.miss("causes", n, "evidence")
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
	if s = text.Cut(text.OneLine(s), maxCitation); len(ids) == 0 && s != "" && !nothingWords.MatchString(s) {
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

// likelihoodOf reads a word, a share from 0 to 1, or percent.
func likelihoodOf(v loosejson.Value) string {
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
