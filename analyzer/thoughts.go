package analyzer

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// asideMarks is a pair of marks around what a model writes for itself, or quotes: never the answer.
type asideMarks struct {
	hints         []string // one of them is in every text that has a mark: looking for them is much faster
	opens, closes *regexp.Regexp
}

const asideNames = `(?:think(?:ing)?(?:_process)?|thoughts?(?:_process)?|reason(?:ing)?(?:_process)?|chain_of_thought|cot|analysis|reflection|scratch_?pad|(?:inner|internal)(?:_?\w{1,20})?|plan|notes?|critique|brainstorm|思考(?:过程)?|推理(?:过程)?|草稿|draft|examples?|schema|quote|blockquote|[a-z]+:think(?:ing)?)`

// asides are the marks of the common models and templates: DeepSeek, Qwen, MiniMax and most others; Mistral; Kimi; OpenThinker; gpt-oss;
// Gemma; Ollama's command line; and what Markdown has for it.
var asides = []asideMarks{
	{[]string{"<", "&lt;"}, regexp.MustCompile(`(?i)(?:<|&lt;)\s*` + asideNames + `(?:\s[^<>]{0,80})?(?:>|&gt;)`), regexp.MustCompile(`(?i)(?:<|&lt;)\s*/\s*` + asideNames + `\s*(?:>|&gt;)`)},
	{[]string{"THINK", "think", "Think"}, regexp.MustCompile(`(?i)\[think(?:ing)?\]`), regexp.MustCompile(`(?i)\[/think(?:ing)?\]`)},
	{[]string{"think▷"}, regexp.MustCompile(`◁think▷`), regexp.MustCompile(`◁/think▷`)},
	{[]string{"<|"}, regexp.MustCompile(`<\|(?:begin_of_)?(?:thought|think(?:ing)?)\|>`), regexp.MustCompile(`<\|(?:/|end_of_)(?:thought|think(?:ing)?)\|>`)},
	{[]string{"<|channel|>"}, regexp.MustCompile(`<\|channel\|>\s*(?:analysis|commentary)[^<]{0,40}<\|message\|>`), regexp.MustCompile(`<\|end\|>|<\|start\|>|<\|channel\|>\s*final`)},
	{[]string{"<|channel>"}, regexp.MustCompile(`<\|channel>\s*thought`), regexp.MustCompile(`<channel\|>`)},
	{[]string{"<unused9"}, regexp.MustCompile(`<unused94>`), regexp.MustCompile(`<unused95>`)},
	{[]string{"hinking"}, regexp.MustCompile(`(?m)^Thinking\.\.\.\s*$`), regexp.MustCompile(`\.\.\.done thinking\.?`)},
	{[]string{"<!--"}, regexp.MustCompile(`<!--`), regexp.MustCompile(`-->`)},
	{[]string{"```"}, regexp.MustCompile("(?mi)^[ \t]*```[ \t]*(?:" + asideNames + `)[ \t]*$`), regexp.MustCompile("(?m)^[ \t]*```[ \t]*$")},
}

// The marks whose end alone says that all before it was a thought: templates swallow the first one.
const strayAsides = 4

// sign is a mark of an aside in a text.
type sign struct {
	at, ends int
	kind     int  // of aside
	opens    bool // else it closes
}

// signsIn returns the marks of asides in a text, in their order; of two at one place the longer one.
func signsIn(s string) []sign {
	var signs []sign
	for kind, a := range asides {
		if !slices.ContainsFunc(a.hints, func(hint string) bool { return strings.Contains(s, hint) }) {
			continue
		}
		for _, m := range a.opens.FindAllStringIndex(s, maxSigns) {
			signs = append(signs, sign{m[0], m[1], kind, true})
		}
		for _, m := range a.closes.FindAllStringIndex(s, maxSigns) {
			signs = append(signs, sign{m[0], m[1], kind, false})
		}
	}
	slices.SortStableFunc(signs, func(a, b sign) int { return cmp.Or(a.at-b.at, b.ends-a.ends) })
	return signs
}

// maxSigns bounds how many marks of one kind are looked at.
const maxSigns = 200

// nextSign drops the marks before an offset and returns the first that opens an aside or ends one that was not opened; nil when none is left.
func nextSign(signs []sign, from int) (first *sign, rest []sign) {
	for i, g := range signs {
		if g.at >= from && (g.opens || g.kind < strayAsides) {
			return &signs[i], signs[i:]
		}
	}
	return nil, nil
}

// asideEnd returns where the aside ends that a mark opens; 0 when it does not.
func asideEnd(signs []sign, opened sign) (ends int) {
	for _, g := range signs {
		if !g.opens && g.kind == opened.kind && g.at >= opened.ends {
			return g.ends
		}
	}
	return 0
}

// spoken returns an answer without its asides: what the model says to the reader.
func spoken(s string) string {
	var b strings.Builder
	signs, at := signsIn(s), 0
	for {
		var g *sign
		g, signs = nextSign(signs, at)
		switch {
		case g == nil:
			b.WriteString(s[at:])
			return strings.TrimSpace(b.String())
		case !g.opens: // all that was said before it was a thought, too
			b.Reset()
			at = g.ends
			continue
		}
		b.WriteString(s[at:g.at])
		if at = asideEnd(signs, *g); at == 0 {
			return strings.TrimSpace(b.String())
		}
	}
}
