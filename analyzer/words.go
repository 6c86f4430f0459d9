package analyzer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

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
			if key := strings.ToLower(m.Key); slices.Contains([]string{"id", "ids", "evidence", "ref", "evidence_id", "name"}, key) {
				return r.citations(n, m.Value)
			}
		}
		var ids []string
		for _, m := range v.Members { // {"E1": "what it says"}
			if evidenceID.MatchString(m.Key) && (m.Value.Kind != loosejson.Bool || m.Value.True) {
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
	evidenceID = regexp.MustCompile(`(?i)(?:\bE[-_# ]?|\bevidence[ _#]*|证据[ #]*|^#)0*(\d{1,6})\b`)
	bareIDs    = regexp.MustCompile(`^[\s\[(]*\d{1,4}(?:\.0)?(?:[\s,、，;；/&和与\[\]]+\d{1,4}|-\d{1,4}|\.{2,3}\d{1,4})*[\s\])]*$`)
	digits     = regexp.MustCompile(`\d+`)
	// idRange is E1-E3 and what else stands for it; a bare second number, only where nothing follows that it could count.
	idRange   = regexp.MustCompile(`(?i)\bE0*(\d{1,4})[ \t]*(?:[-‐–—~]|\.{2,3}|to|through|thru|至|到)[ \t]*E0*(\d{1,4})\b`)
	bareRange = regexp.MustCompile(`(?i)(?:\bE|^\s*|[\s,，、;；])0*(\d{1,4})(?:[-–—~]|\.{2,3})0*(\d{1,4})(\s*(?:$|[,，、;；\]]))`)
)

// evidenceIDs reads "E1", "[e1]", "E1: the rate", "E1, E3", "E1-E3", "1"; what holds no id is returned as it is, to be marked.
func evidenceIDs(s string) []string {
	s = norm.NFKC.String(text.CutBytes(s, maxSentence))
	bare := bareIDs.MatchString(s)
	head, _, _ := strings.Cut(s, ":") // what follows is the model's own words
	if !bare && !evidenceID.MatchString(head) {
		head = s
	}
	head = bareRange.ReplaceAllStringFunc(idRange.ReplaceAllStringFunc(head, listed(idRange)), listed(bareRange))
	var ids []string
	if bare {
		for _, n := range digits.FindAllString(strings.TrimSuffix(head, ".0"), maxCitations) {
			ids = append(ids, "E"+strings.TrimLeft(n, "0"))
		}
		return ids
	}
	for _, m := range evidenceID.FindAllStringSubmatch(head, maxCitations) {
		ids = append(ids, "E"+m[1])
	}
	if s = text.Cut(text.OneLine(s), maxCitation); len(ids) == 0 && s != "" && !nothingWords.MatchString(s) {
		ids = append(ids, s)
	}
	return ids
}

// listed returns what writes a range of ids out, where it goes upward and is short.
func listed(form *regexp.Regexp) func(string) string {
	return func(s string) string {
		m := form.FindStringSubmatch(s)
		from, _ := strconv.Atoi(m[1]) // digits
		to, _ := strconv.Atoi(m[2])
		if from >= to || to-from >= maxCitations {
			return s
		}
		var b strings.Builder
		for n := from; n <= to; n++ {
			fmt.Fprintf(&b, " E%d,", n)
		}
		return b.String()
	}
}

// firstWord matches a word with nothing behind it, or a remark: yes, logs are missing.
var firstWord = regexp.MustCompile(`^[^\pL\pN]*(\pL+|\d+(?:\.\d+)?)\s*(?:$|[^\s\pL\pN])`)

// yesOrNo reads a boolean as models write it; known is false where it is none.
func yesOrNo(v loosejson.Value) (yes, known bool) {
	if v.Kind == loosejson.Bool {
		return v.True, true
	}
	m := firstWord.FindStringSubmatch(strings.ToLower(v.Text))
	if m == nil {
		return false, false
	}
	switch m[1] {
	case "true", "yes", "y", "t", "on", "insufficient", "是", "是的", "有", "真", "对", "不足":
		return true, true
	case "false", "no", "n", "f", "off", "sufficient", "enough", "否", "假", "不", "不是", "没有", "无", "充足", "充分", "足够":
		return false, true
	}
	n, err := strconv.ParseFloat(m[1], 64)
	return n == 1, err == nil && (n == 0 || n == 1)
}

func isYes(v loosejson.Value) bool {
	yes, _ := yesOrNo(v)
	return yes
}

// The words for the values of an enum that models use instead.
var (
	likelihoodWords = map[string][]string{
		"high":   {"likely", "probable", "certain", "高", "很可能", "非常可能"},
		"medium": {"moderate", "med", "possible", "average", "mid", "中", "中等", "可能", "一般"},
		"low":    {"unlikely", "improbable", "slight", "低", "不太可能", "不大可能"},
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

// degrees are words that make a value stronger or weaker and leave it what it is: very high, 较低.
var degrees = regexp.MustCompile(`^(?:(?:very|quite|most|highly|extremely|fairly|rather)\s+|极其|极|非常|十分|比较|很|较)`)

// oneOf returns the value that a word stands for.
func oneOf(s string, values []string, words map[string][]string, otherwise string) string {
	s = strings.ToLower(norm.NFKC.String(text.Clean(s)))
	if head, _, found := strings.Cut(s, "("); found { // high (80 %)
		s = head
	}
	s = strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, s := range []string{s, degrees.ReplaceAllString(s, "")} {
		if slices.Contains(values, s) {
			return s
		}
		for value, list := range words {
			if slices.Contains(list, s) {
				return value
			}
		}
	}
	return otherwise
}

// share is a number that stands for a likelihood: 0.8, 0,8, 80 %, ~80%, 8/10, 9 out of 10, 70-90 %.
var share = regexp.MustCompile(`^(?:p\s*=|about|around|roughly|approx\w*\.?|ca\.?|大约|约|[\s~≈<>≤≥=+])*(\d*[.,]?\d+(?:e-?\d+)?)\s*(%|percent\b)?(?:\s*(-|–|—|to|/|out of|of)\s*(\d*[.,]?\d+)\s*(%)?)?\s*(?:$|[^\s\pL\d.,/%])`)

// likelihoodOf reads a word, a share from 0 to 1 or of a whole, or percent.
func likelihoodOf(v loosejson.Value) string {
	s := strings.ToLower(strings.TrimSpace(norm.NFKC.String(v.Text)))
	m := share.FindStringSubmatch(s)
	if m == nil {
		return oneOf(s, incident.Likelihoods(), likelihoodWords, incident.Unknown)
	}
	n, other := decimal(m[1]), decimal(m[4])
	switch m[3] {
	case "/", "out of", "of":
		if m[2] != "" || m[5] != "" || other == 0 || n == other && n > 10 { // 50/50
			return incident.Unknown
		}
		n /= other
	case "":
	default: // from one to another
		n = (n + other) / 2
	}
	if (m[3] == "" || strings.Contains("-–—to", m[3])) && (n > 1 || m[2] != "" || m[5] != "") {
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

func decimal(s string) float64 {
	n, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	if err != nil {
		return 0
	}
	return n
}
