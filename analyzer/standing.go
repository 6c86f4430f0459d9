package analyzer

import (
	"regexp"
	"strings"
)

var closingTag = regexp.MustCompile(`^\s*(?:</?[\w|:-]+>|<\|[\w]+\|>|\s|` + "`" + `)*$`)

// beginsLine reports whether nothing but a fence stands before an offset in its line.
func (s *scan) beginsLine(at int) bool {
	line := s.content[strings.LastIndexByte(s.content[:at], '\n')+1 : at]
	return strings.Trim(line, "`") == "" || strings.Trim(line, "`") == "json"
}

var (
	// asideWords introduce what is not the answer, mentionWords what may be a quotation or one of several; answerWords and finalWords what is the answer.
	// Of asides and final words those count that stand next to the object.
	asideWords   = regexp.MustCompile(`(?i)\b(?:examples?|e\.g\.?|for instance|such as|schemas?|templates?|placeholders?|drafts?|first (?:idea|attempt|version|thought|guess|pass)|at first|discard(?:ed)?|dismiss(?:ed)?|reject(?:ed)?|wrong|incorrect|not correct|instead of|rather than|would have|could have|hypothetical(?:ly)?|suppose|if it were|if\b[^.!?\n]{0,100}\b(?:would|were|then)\b|(?:do not|don't|never) (?:answer|write|send|use)|not (?:the|my) (?:final )?(?:answer|verdict))\b|示例|例如|比如|例子|样例|模板|草稿|初稿|备选|假设为|若是|(?:如果|假如|假使|倘若)[^。！？\n]{0,40}|不是|不要`)
	mentionWords = regexp.MustCompile(`(?i)\b(?:initial(?:ly)?|previous(?:ly)?|earlier|old|alternative(?:s|ly)?|options?|variants?|versions?|candidates?|quot(?:e[sd]?|ing|ation)|reference|record|appendix|compar\w+|naive|prior|former(?:ly)?|first|original(?:ly)?|samples?|illustrations?|hypothesis|annotations?|labels?|descriptions?|text|log|says?|said|reads?|contain(?:s|ed)?|inject(?:ed|ion)?|planted|ignor(?:e[sd]?|ing)|not)\b|最初|起初|之前|原来|先前|错误|另一种|方案|注解|描述|引用|注入|忽略|写着|包含|附[:：]|参考|对比|备查`)
	answerWords  = regexp.MustCompile(`(?i)\b(?:answer|verdict|result|output|response|conclusion|analysis|json|therefore|below|sure|certainly|okay|ok|follows|following|then|so|thus|hence|now|next|instead|better|improved|refined|new|second)\b|所以|因此|于是|现在|改为|正确|答案|回答|结果|如下|分析|以下|输出|判定`)
	finalWords   = regexp.MustCompile(`(?i)\b(?:here(?:'s| is| are)|final(?:ly)?|corrected|revised|updated|actual|real)\b|最终|修正|结论|正式`)
	// asAsked is how a model says that it kept to the form.
	asAsked  = regexp.MustCompile(`(?i)\b(?:in|to|follow\w*|match\w*|per|with|under|using|by)\s+(?:the|your|this|a|an)\s+(?:\w+\s+){0,3}(?:schema|template|format|example)\b|按.{0,8}(?:格式|模板|示例)`)
	retracts = regexp.MustCompile(`(?i)\bwait\s*[,.!—–…-]|\bwait\b.{0,20}\b(?:no|that|this)\b|\bscrap (?:that|this)|\bon (?:second thought|reflection)|\bcorrection\b|\blet me (?:re|correct|fix|think|try)|` +
		`\b(?:ignore|disregard) (?:that|this|it|my|the) (?:json|object|answer|verdict|above|previous|first|last|draft)|\b(?:that|this|it|which) (?:is|was|looks) (?:wrong|not right|incorrect)|` +
		`\b(?:this|that|the above|above|object above|json above) (?:is|was) (?:only |just |merely )?an? (?:example|draft|template|schema|illustration|placeholder)|\bnot (?:the|my) (?:final )?(?:answer|verdict)|\bi was wrong|` +
		`(?m:^\s*(?:no|hmm|actually|oh)\s*[,.!—–…])|\b(?:only|just) an example|\b(?:speaks?|spoke) against (?:it|this|that)|\bcontradicts? (?:it|this|that|the)|\b(?:i )?(?:reject|drop|discard|withdraw|retract) (?:it|this|that|the)\b|` +
		`\b(?:can't|cannot|can not) be (?:it|right|the (?:cause|answer))|不对|等等，|等一下|更正|我错了|上面.{0,8}(?:示例|例子|草稿|错)|仅为?示例|只是.{0,4}(?:示例|例子|草稿)|作废|请忽略(?:上|前|该|此)|与.{0,10}矛盾|不成立|推翻|撤回`)
)

var sentence = regexp.MustCompile(`[.!?;]\s|[。！？；]`) // its end

// pointsBack matches words about one of several objects that stand before them.
var pointsBack = regexp.MustCompile(`(?i)\babove\b|\b(?:preceding|first|1st|former|other|previous) (?:one|object|json|answer|verdict|version|block)\b|上面|上述|以上|前者|前一|第一个`)

var (
	tagBefore  = regexp.MustCompile(`<([A-Za-z][\w-]{1,40})(?:\s[^<>]{0,80})?>[^<>]*$`)
	answerTags = regexp.MustCompile(`(?i)^(?:.*answer.*|.*final.*|output|result|response|json|verdict|code|pre|tool_call|function(?:_call)?|data|body|p|div|details|summary)$`)
)

// tagged reports whether an object stands between tags that are no answer's, with more beside them.
func (s *scan) tagged(o foundObject) bool {
	before, after := s.content[o.from:o.start], s.content[o.end:]
	m := tagBefore.FindStringSubmatchIndex(before)
	if m == nil {
		return false
	}
	name := before[m[2]:m[3]]
	_, rest, closed := strings.Cut(after, "</"+name)
	beside := strings.TrimSpace(s.content[:o.from]) + strings.TrimSpace(before[:m[0]]) + strings.TrimSpace(strings.TrimLeft(rest, "> \t\r\n"))
	return closed && !answerTags.MatchString(name) && beside != ""
}

// isAside reports whether the i-th object is an example, a schema, a draft or a quotation.
func (s *scan) isAside(i int) bool {
	o := s.objects[i]
	from := o.from
	if v, err := verdictIn(o.value, 0); err == nil && isForm(v) {
		return true
	}
	if s.tagged(o) {
		return true
	}
	lineStart := strings.LastIndexByte(s.content[:o.start], '\n') + 1
	before := s.content[max(lineStart, from):o.start]
	if strings.HasPrefix(strings.TrimSpace(s.content[lineStart:o.start]), ">") {
		return true
	}
	same := strings.Trim(before, " \t`*_\"'“”{}()[]")
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
		from := lastIndex(sentence, strings.TrimRight(intro, ".。!！?？:： "))
		if m := lastIndex(mentionWords, intro[from+1:]); m >= 0 {
			aside = max(aside, from+1+m)
		}
	}
	if aside > final {
		return true
	}
	rest, _, _ := strings.Cut(s.content[o.end:], "\n")
	rest = strings.Trim(rest, " \t`*_\"'“”.。,，;；!！{}()[]")
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
