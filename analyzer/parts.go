package analyzer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
)

// form matches what stands for a text in a description of the form.
var form = regexp.MustCompile(`(?i)^(?:string|str|text|summary|hypothesis|\.{2,}|…+|<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|your (?:summary|text|hypothesis).*|字符串|文本|摘要|概要|假设)$`)

// isForm reports whether a verdict is the form that was asked for, or the example, and not an answer.
func isForm(v loosejson.Value) bool {
	f := fieldsOf(v)
	said := []string{strings.TrimSpace(f["summary"].Text)}
	for _, c := range f["causes"].Items {
		said = append(said, strings.TrimSpace(fieldsOf(c)["hypothesis"].Text))
	}
	for _, t := range said {
		if t != "" && (form.MatchString(t) || len(t) > 12 && strings.Contains(instructions, `"`+t+`"`)) {
			return true
		}
	}
	return elided(v)
}

func elided(v loosejson.Value) bool {
	dots := (v.Kind == loosejson.Word) && strings.Trim(v.Text, ".… ") == ""
	return dots || slices.ContainsFunc(v.Items, elided) ||
		slices.ContainsFunc(v.Members, func(m loosejson.Member) bool { return elided(m.Value) })
}

var (
	otherParts  = regexp.MustCompile(`(?i)think|thought|reason|draft|example|schema|previous|old|discard|reject|alternative|initial|first|wrong|hypothe|before|properties|草稿|示例|思考|初步|最初|原来`)
	answerParts = regexp.MustCompile(`(?i)final|answer|verdict|result|revised|corrected|最终|答案|结论|结果`)
)

// verdictIn returns the verdict in a JSON value: itself or the one that it holds. errNoJSON says that it has nothing to do with one.
func verdictIn(v loosejson.Value, depth int) (loosejson.Value, error) {
	if v.Kind == loosejson.Object {
		if missing := missingKey(v); missing == "" {
			return v, nil
		} else if f := fieldsOf(v); f["causes"].Kind == loosejson.Array || f["summary"].Kind == loosejson.String && len(f) > 1 {
			return v, fmt.Errorf("the key %q is missing", missing)
		}
	}
	var found, final, doubtful []loosejson.Value
	var problem error
	look := func(key string, part loosejson.Value) {
		inner, err := verdictWithin(part, depth)
		switch {
		case errors.Is(err, errNoJSON) || otherParts.MatchString(key) && !answerParts.MatchString(key):
		case err != nil:
			problem = err
		case answerParts.MatchString(key) && otherParts.MatchString(key): // draft_answer, or final_draft
			doubtful = append(doubtful, inner)
		case answerParts.MatchString(key):
			final = append(final, inner)
		default:
			found = append(found, inner)
		}
	}
	for _, item := range v.Items {
		look("", item)
	}
	for _, m := range v.Members {
		look(m.Key, m.Value)
	}
	switch {
	case len(final) > 0:
		found = final
	case len(doubtful) > 0:
		found = doubtful
	}
	switch {
	case problem != nil:
		return v, problem
	case len(found) > 1:
		return v, errUnclear
	case len(found) == 1:
		return found[0], nil
	case fieldsOf(v)["summary"].Kind == loosejson.String:
		return v, errors.New(`the key "causes" is missing`)
	}
	return v, errNoJSON
}

// verdictWithin is verdictIn for a part, which may be a string that holds JSON.
func verdictWithin(v loosejson.Value, depth int) (loosejson.Value, error) {
	if depth >= maxInner {
		return v, errNoJSON
	}
	if v.Kind == loosejson.String && strings.HasPrefix(strings.TrimSpace(v.Text), "{") {
		inner, end, err := loosejson.Read(v.Text)
		if err != nil || strings.TrimSpace(v.Text[end:]) != "" {
			return v, errNoJSON
		}
		v = inner
	}
	if v.Kind != loosejson.Object && v.Kind != loosejson.Array {
		return v, errNoJSON
	}
	return verdictIn(v, depth+1)
}

// isSchema reports whether a value describes a value.
func isSchema(v loosejson.Value) bool {
	_, typed := v.Member("type")
	return v.Kind == loosejson.Object && (typed || len(v.Members) == 0)
}

// missingKey returns which required key an object lacks. An answer that says that there is too little evidence may name no cause.
func missingKey(v loosejson.Value) string {
	f := fieldsOf(v)
	if k := f["summary"].Kind; k == loosejson.Null || k == loosejson.Bool || isSchema(f["summary"]) {
		return "summary"
	}
	if f["causes"].Kind == loosejson.Null && !isYes(f["insufficient_evidence"]) {
		return "causes"
	}
	return ""
}
