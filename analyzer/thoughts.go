package analyzer

import (
	"regexp"
	"strings"
)

// aside is a pair of marks around what a model writes for itself, or quotes: never the answer.
type aside struct{ opens, closes *regexp.Regexp }

const asideNames = `(?:think(?:ing)?|thoughts?|reasoning|reflection|scratch_?pad|inner_?monologue|draft|examples?|schema|quote|blockquote|[a-z]+:think(?:ing)?)`

// asides are the marks of the common models and templates: DeepSeek, Qwen, MiniMax and most others; Mistral; Kimi; OpenThinker; gpt-oss;
// Gemma; Ollama's command line; and what Markdown has for it.
var asides = []aside{
	{regexp.MustCompile(`(?i)(?:<|&lt;)\s*` + asideNames + `(?:\s[^<>]{0,80})?(?:>|&gt;)`), regexp.MustCompile(`(?i)(?:<|&lt;)\s*/\s*` + asideNames + `\s*(?:>|&gt;)`)},
	{regexp.MustCompile(`(?i)\[think(?:ing)?\]`), regexp.MustCompile(`(?i)\[/think(?:ing)?\]`)},
	{regexp.MustCompile(`◁think▷`), regexp.MustCompile(`◁/think▷`)},
	{regexp.MustCompile(`<\|(?:begin_of_)?(?:thought|think(?:ing)?)\|>`), regexp.MustCompile(`<\|(?:/|end_of_)(?:thought|think(?:ing)?)\|>`)},
	{regexp.MustCompile(`<\|channel\|>\s*(?:analysis|commentary)[^<]{0,40}<\|message\|>`), regexp.MustCompile(`<\|end\|>|<\|start\|>|<\|channel\|>\s*final`)},
	{regexp.MustCompile(`<unused94>`), regexp.MustCompile(`<unused95>`)},
	{regexp.MustCompile(`(?m)^Thinking\.\.\.\s*$`), regexp.MustCompile(`\.\.\.done thinking\.?`)},
	{regexp.MustCompile(`<!--`), regexp.MustCompile(`-->`)},
	{regexp.MustCompile("(?mi)^[ \t]*```[ \t]*(?:" + asideNames + `)[ \t]*$`), regexp.MustCompile("(?m)^[ \t]*```[ \t]*$")},
}

// The marks whose end alone says that all before it was a thought: templates swallow the first one.
const strayAsides = 4

// nextAside returns the first aside that opens at or after the offset, as which kind, and where what it opens begins.
func nextAside(s string, from int) (kind, at, begins int) {
	kind, at = -1, len(s)
	for k, a := range asides {
		if m := a.opens.FindStringIndex(s[from:]); m != nil && from+m[0] < at {
			kind, at, begins = k, from+m[0], from+m[1]
		}
	}
	return kind, at, begins
}

// nextStray returns the first end of an aside at or after the offset; len(s) when there is none.
func nextStray(s string, from int) (at, ends int) {
	at = len(s)
	for _, a := range asides[:strayAsides] {
		if m := a.closes.FindStringIndex(s[from:]); m != nil && from+m[0] < at {
			at, ends = from+m[0], from+m[1]
		}
	}
	return at, ends
}

// spoken returns an answer without its asides: what the model says to the reader.
func spoken(s string) string {
	var b strings.Builder
	for {
		kind, at, begins := nextAside(s, 0)
		if stray, ends := nextStray(s, 0); stray < at { // all that was said before it was a thought, too
			b.Reset()
			s = s[ends:]
			continue
		}
		b.WriteString(s[:at])
		if kind < 0 {
			return strings.TrimSpace(b.String())
		}
		m := asides[kind].closes.FindStringIndex(s[begins:])
		if m == nil {
			return strings.TrimSpace(b.String())
		}
		s = s[begins+m[1]:]
	}
}
