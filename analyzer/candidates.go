package analyzer

import (
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
	"github.com/alertscribe/alertscribe/text"
)

// Why an answer could not be read. What is wrong with its shape is an error of its own. The model is told.
var (
	errNoJSON  = errors.New("no json object found")
	errCutOff  = errors.New("the json is truncated or invalid")
	errUnclear = errors.New("it can't be told which json object is the answer")
)

const (
	maxContent = 256 << 10 // bytes of an answer that are looked at
	maxObjects = 100       // objects in an answer, and places where one begins that can't be read
	maxEffort  = 2 << 20   // bytes that are read in search of them
	maxInner   = 3         // how deep JSON is looked for in strings of JSON
)

// object is a JSON object or list of them that stands in an answer.
type object struct {
	from       int // where the words begin that may introduce it
	start, end int
	value      loosejson.Value
}

// scan is what stands in an answer outside of its asides.
type scan struct {
	content string
	whole   bool     // the model says that it has ended by itself
	cut     bool     // the provider says that it was cut
	objects []object // complete ones
	broken  []int    // where an object begins that can't be read
	open    int      // where an aside begins that has no end; len(content) when there is none
	from    int      // where what was looked at last ends: an aside or an object
	effort  int      // bytes that were read
}

var (
	mayBegin  = regexp.MustCompile(`[{｛]|\[\s*[{｛]|"\s*[{｛]`)
	keyBegins = regexp.MustCompile(`^[\[\s]*[{｛]\s*(?:["'“”‘’＂` + "`" + `]|\\")?[\p{L}_ -]{1,40}(?:["'“”‘’＂` + "`" + `]|\\")?\s*[:：]`)
)

// endsInKey matches an object that ends before its first colon.
var endsInKey = regexp.MustCompile("^[\\[\\s]*[{｛]\\s*[\"'“”‘’＂`]?[\\p{L}_ -]{0,40}[\"'“”‘’＂`]?\\s*`*\\s*$")

// scanAnswer looks at an answer from its beginning to its end.
func scanAnswer(content string, cut, whole bool) scan {
	s := scan{content: content, open: len(content), cut: cut, whole: whole}
	signs, at := signsIn(content), 0
	for at < len(content) && s.effort < maxEffort && len(s.objects)+len(s.broken) < maxObjects {
		var g *sign
		g, signs = nextSign(signs, at)
		begin := len(content)
		if m := mayBegin.FindStringIndex(content[at:]); m != nil {
			begin = at + m[0]
		}
		switch {
		case g == nil && begin == len(content):
			return s
		case g == nil || begin < g.at:
			at = s.read(begin)
		case !g.opens: // all before it was a thought
			s.objects, s.broken = nil, nil
			at, s.from = g.ends, g.ends
		default:
			if at = asideEnd(signs, *g); at == 0 {
				s.open = g.at
				return s
			}
			s.from = at
		}
	}
	if at < len(content) { // there is too much in it to say what is the answer
		s.broken = append(s.broken, at)
	}
	return s
}

// read reads the object at an offset and returns where to go on.
func (s *scan) read(at int) (next int) {
	rest := s.content[at:]
	s.effort += 100
	if rest[0] == '"' { // JSON in a string
		text, n, err := loosejson.Read(rest)
		if err != nil || text.Loose {
			return at + 1
		}
		value, end, err := loosejson.Read(text.Text)
		if err != nil || strings.TrimSpace(text.Text[end:]) != "" {
			return at + 1
		}
		return s.add(at, at+n, value)
	}
	value, n, err := loosejson.Read(rest)
	s.effort += n
	if errors.Is(err, loosejson.ErrCut) && s.whole && !s.cut {
		if tail := strings.TrimRight(rest, " \t\r\n`"); strings.HasSuffix(tail, "]") { // one brace was forgotten: no item is missing
			if v, end, again := loosejson.Read(tail + "}"); again == nil && end == len(tail)+1 && hasAll(v) {
				value, n, err = v, len(rest), nil
			}
		}
	}
	if err == nil && value.Loose && swallowed(value) {
		err = errCutOff
	}
	if err == nil {
		return s.add(at, at+n, value)
	}
	if keyBegins.MatchString(text.CutBytes(rest, 200)) || endsInKey.MatchString(rest) && (len(rest) > 2 || s.beginsLine(at)) {
		s.broken = append(s.broken, at)
	}
	return at + 1
}

func (s *scan) add(start, end int, value loosejson.Value) (next int) {
	s.objects = append(s.objects, object{s.from, start, end, value})
	s.from = end
	return end
}

// hasAll reports whether a verdict has the keys that matter.
func hasAll(v loosejson.Value) bool {
	f := fieldsOf(v)
	return f["summary"].Kind == loosejson.String && f["causes"].Kind == loosejson.Array && f["actions"].Kind == loosejson.Array &&
		f["missing_evidence"].Kind == loosejson.Array
}

// swallows matches what no string of a verdict holds: the end of a string was missed.
var swallows = regexp.MustCompile(`(?i)</\s*think|` + "```" + `\s*(?:json)?\s*[{｛]` +
	`|["'“”‘’＂]\s*(?:summary|category|severity|insufficient_?evidence|causes|hypothesis|likelihood|evidence|disproof|actions|step|why|command|risk|prevention|missing_?evidence|checks|promql|would_?refute)\s*["'“”‘’＂]\s*[:：]`)

// swallowed reports whether a string of a value that was read with tolerance goes on over its end.
func swallowed(v loosejson.Value) bool {
	if v.Kind == loosejson.String && swallows.MatchString(v.Text) && !strings.HasPrefix(strings.TrimSpace(v.Text), "{") {
		return true
	}
	return slices.ContainsFunc(v.Items, swallowed) ||
		slices.ContainsFunc(v.Members, func(m loosejson.Member) bool { return swallowed(m.Value) || swallows.MatchString(m.Key) })
}

// findVerdict returns the verdict in an answer: the last whole object outside of thoughts, quotations, examples and schemas. Where that
// can't be told, or where something follows that may have replaced it, there is none.
func findVerdict(content string, cut, whole bool) (loosejson.Value, error) {
	content = text.CutBytes(content, maxContent)
	return findIn(content, cut, whole, 0)
}

func findIn(content string, cut, whole bool, depth int) (loosejson.Value, error) {
	if inner, ok := unwrapString(content); ok && depth < maxInner {
		return findIn(inner, cut, whole, depth+1)
	}
	if strings.Contains(content, "{&quot;") || strings.Contains(content, "&quot;summary&quot;") {
		content = html.UnescapeString(content)
	}
	s := scanAnswer(content, cut, whole)
	v, err := s.choose(depth)
	if err != nil && depth < maxInner && len(s.objects) == 0 && strings.Contains(content, `{\"`) || strings.Contains(content, `{ \"`) || strings.Contains(content, `{\n`) && err != nil {
		if inner, again := findIn(unescape.Replace(content), cut, whole, maxInner); again == nil {
			return inner, nil
		}
	}
	return v, err
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t")

// unwrapString returns the text of an answer that is one JSON string.
func unwrapString(content string) (inner string, ok bool) {
	content = strings.TrimSpace(content)
	if !strings.HasPrefix(content, `"`) {
		return "", false
	}
	v, end, err := loosejson.Read(content)
	return v.Text, err == nil && end == len(content) && v.Kind == loosejson.String
}

// choose returns the verdict among what was found.
func (s *scan) choose(depth int) (loosejson.Value, error) {
	problem := error(errNoJSON)
	if slices.ContainsFunc(s.objects, func(o object) bool { return !o.value.Loose && len(o.value.Members) > 0 }) {
		problem = errors.New(`the key "summary" is missing`)
	}
	if len(s.broken) > 0 {
		problem = errCutOff
	}
	last, chosen := -1, loosejson.Value{}
	for i, o := range s.objects {
		v, err := verdictIn(o.value, depth)
		switch {
		case errors.Is(err, errNoJSON):
			continue
		case err != nil:
			last, problem = -1, err
		case s.isAside(i):
			if problem = errUnclear; last >= 0 {
				continue
			}
		default:
			last, chosen = i, v
		}
	}
	if last < 0 {
		return loosejson.Value{}, problem
	}
	return chosen, s.doubt(last)
}

// doubt returns why the object may not be the answer; nil when it is.
func (s *scan) doubt(i int) error {
	o := s.objects[i]
	for _, at := range s.broken {
		if at >= o.end {
			return errCutOff
		}
		if at < o.start && !s.beginsLine(o.start) { // it may be a part of what could not be read
			return errCutOff
		}
	}
	after, from := "", o.end
	for j, later := range s.objects[i+1:] {
		f := fieldsOf(later.value)
		part := f["summary"].Kind + f["causes"].Kind + f["hypothesis"].Kind + f["actions"].Kind + f["step"].Kind
		if part != loosejson.Null && !s.isAside(i+1+j) {
			return errUnclear // it may replace a part
		}
		after, from = after+s.content[from:later.start], later.end
	}
	tail := spoken(s.content[from:s.open])
	after = spoken(after) + "\n" + tail
	switch {
	case s.open < len(s.content) && (s.cut || strings.ContainsAny(s.content[s.open:], "{｛")):
		return errCutOff
	case s.cut && strings.Trim(after, "`*_ \t\r\n}])") != "" && !closingTag.MatchString(after):
		return errCutOff
	case strings.HasSuffix(tail, ":") || strings.HasSuffix(tail, "："): // what it announces is missing
		return errCutOff
	case retracts.MatchString(after):
		return errUnclear
	}
	return nil
}

var closingTag = regexp.MustCompile(`^\s*(?:</?[\w|:-]+>|<\|[\w]+\|>|\s|` + "`" + `)*$`)

// beginsLine reports whether nothing but a fence stands before an offset in its line.
func (s *scan) beginsLine(at int) bool {
	line := s.content[strings.LastIndexByte(s.content[:at], '\n')+1 : at]
	return strings.Trim(line, "`") == "" || strings.Trim(line, "`") == "json"
}

var (
	// asideWords introduce what is not the answer, mentionWords what may be a quotation or one of several; answerWords and finalWords what is the answer.
	// Of asides and final words those count that stand next to the object.
	asideWords   = regexp.MustCompile(`(?i)\b(?:examples?|e\.g\.?|for instance|such as|schemas?|templates?|placeholders?|drafts?|first (?:idea|attempt|version|thought|guess|pass)|at first|discard(?:ed)?|dismiss(?:ed)?|reject(?:ed)?|wrong|incorrect|not correct|instead of|rather than|would have|could have|hypothetical(?:ly)?|suppose|if it were|(?:do not|don't|never) (?:answer|write|send|use)|not (?:the|my) (?:final )?(?:answer|verdict))\b|示例|例如|比如|例子|样例|模板|草稿|初稿|备选|假设为|若是|不是|不要`)
	mentionWords = regexp.MustCompile(`(?i)\b(?:initial(?:ly)?|previous(?:ly)?|earlier|old|alternatives?|options?|variants?|versions?|candidates?|quot(?:e[sd]?|ing|ation)|annotations?|labels?|descriptions?|text|log|says?|said|reads?|contain(?:s|ed)?|inject(?:ed|ion)?|planted|ignor(?:e[sd]?|ing)|not)\b|最初|起初|之前|原来|先前|错误|另一种|方案|注解|描述|引用|注入|忽略|写着|包含`)
	answerWords  = regexp.MustCompile(`(?i)\b(?:answer|verdict|result|output|response|conclusion|analysis|json|therefore|below|sure|certainly|okay|ok|follows|following)\b|正确|答案|回答|结果|如下|分析|以下|输出|判定`)
	finalWords   = regexp.MustCompile(`(?i)\b(?:here(?:'s| is| are)|final(?:ly)?|corrected|revised|updated|actual|real)\b|最终|修正|结论|正式`)
	// asAsked is how a model says that it kept to the form.
	asAsked  = regexp.MustCompile(`(?i)\b(?:in|to|follow\w*|match\w*|per|with|under|using|by)\s+(?:the|your|this|a|an)\s+(?:\w+\s+){0,3}(?:schema|template|format|example)\b|按.{0,8}(?:格式|模板|示例)`)
	retracts = regexp.MustCompile(`(?i)\bwait\s*[,.!—–…-]|\bwait\b.{0,20}\b(?:no|that|this)\b|\bscrap (?:that|this)|\bon (?:second thought|reflection)|\bcorrection\b|\blet me (?:re|correct|fix|think|try)|` +
		`\b(?:ignore|disregard) (?:that|this|it|my|the) (?:json|object|answer|verdict|above|previous|first|last|draft)|\b(?:that|this|it|which) (?:is|was|looks) (?:wrong|not right|incorrect)|` +
		`\b(?:this|that|the above|above|object above|json above) (?:is|was) (?:only |just |merely )?an? (?:example|draft|template|schema|illustration|placeholder)|\bnot (?:the|my) (?:final )?(?:answer|verdict)|\bi was wrong|` +
		`(?m:^\s*(?:no|hmm|actually|oh)\s*[,.!—–…])|\b(?:only|just) an example|\b(?:speaks?|spoke) against (?:it|this|that)|\bcontradicts? (?:it|this|that|the)|\b(?:i )?(?:reject|drop|discard|withdraw|retract) (?:it|this|that|the)\b|` +
		`\b(?:can't|cannot|can not) be (?:it|right|the (?:cause|answer))|不对|等等，|等一下|更正|我错了|上面.{0,8}(?:示例|例子|草稿|错)|仅为?示例|只是.{0,4}(?:示例|例子|草稿)|仅供参考|作废|请忽略(?:上|前|该|此)|与.{0,10}矛盾|不成立|推翻|撤回`)
)

// isAside reports whether the i-th object is an example, a schema, a draft or a quotation.
func (s *scan) isAside(i int) bool {
	o := s.objects[i]
	from := o.from
	if v, err := verdictIn(o.value, 0); err == nil && isForm(v) {
		return true
	}
	lineStart := strings.LastIndexByte(s.content[:o.start], '\n') + 1
	before := s.content[max(lineStart, from):o.start]
	if strings.HasPrefix(strings.TrimSpace(s.content[lineStart:o.start]), ">") {
		return true
	}
	same := strings.Trim(before, " \t`*_\"'“”")
	intro := same
	if intro == "" || strings.EqualFold(intro, "json") { // then what is said stands above it
		above := strings.Trim(s.content[from:max(lineStart, from)], " \t\r\n`*_")
		above = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(above, "json"), "```"))
		intro = above[strings.LastIndexByte(above, '\n')+1:]
	}
	intro = lastRunes(intro, 160)
	intro = asAsked.ReplaceAllString(intro, "")
	aside, final := lastIndex(asideWords, intro), lastIndex(finalWords, intro)
	if same != "" || strings.HasSuffix(intro, ":") || strings.HasSuffix(intro, "：") { // else it is a sentence of its own
		aside = max(aside, lastIndex(mentionWords, intro))
	}
	if aside > final {
		return true
	}
	rest, _, _ := strings.Cut(s.content[o.end:], "\n")
	rest = strings.Trim(rest, " \t`*_\"'“”.。,，;；!！")
	return same != "" && rest != "" && !strings.ContainsAny(rest[:1], "{[<") && final < 0 && !answerWords.MatchString(intro)
}

func lastIndex(r *regexp.Regexp, s string) int {
	at := -1
	for _, m := range r.FindAllStringIndex(s, -1) {
		at = m[0]
	}
	return at
}

func lastRunes(s string, n int) string {
	runes := []rune(s)
	return string(runes[max(len(runes)-n, 0):])
}

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
	otherParts  = regexp.MustCompile(`(?i)think|thought|reason|draft|example|schema|previous|old|discard|reject|alternative|initial|before|properties|草稿|示例|思考`)
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
	var found, final []loosejson.Value
	var problem error
	look := func(key string, part loosejson.Value) {
		inner, err := verdictWithin(part, depth)
		switch {
		case errors.Is(err, errNoJSON) || otherParts.MatchString(key) && !answerParts.MatchString(key):
		case err != nil:
			problem = err
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
	if len(final) > 0 {
		found = final
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
