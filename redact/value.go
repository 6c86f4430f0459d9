package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// surroundings are what is known about a value before it is read.
type surroundings struct {
	key
	keyStart  int
	separator byte // = : > or a space; - behind a flag
	quoted    bool
	compared  bool // what stands between them compares, so that a word that is not quoted is a name
}

const maxEncrypted = 4200 // bytes that are looked at to tell an encrypted value

// value reads the value that starts at i, behind the separator at sep, and returns where to go on; sep when there is
// nothing to redact.
func (c *scanner) value(sep, i int, ctx surroundings) int {
	if end := encrypted.FindString(c.s[i:min(len(c.s), i+maxEncrypted)]); end != "" {
		return i + len(end)
	}
	if n, _ := placeholderAt(c.s[i:]); n == 0 {
		switch c.s[i] {
		case '[':
			if i < c.listed {
				return sep
			}
			if next := c.skip(i+1, 64, " \t\r\n\\"); next == len(c.s) || strings.IndexByte("\"'[]{", c.s[next]) >= 0 {
				if l := c.flow(i+1, min(len(c.s), i+maxList), 1); c.redactItems(l, ctx.key) {
					return l.end
				}
				return sep
			}
		case '{':
			if i+1 == len(c.s) || strings.IndexByte(" \"'{}\n\r\t\\", c.s[i+1]) >= 0 || c.pairAhead(i+1, ":=") {
				return sep
			}
		case '<':
			if standIn.MatchString(c.s[i:min(len(c.s), i+64)]) {
				return sep
			}
		case '|', '>':
			if start, end := c.block(i, ctx); start < end && !ctx.loose {
				return c.found(start, end, ctx.kind)
			}
		}
	}
	start, end, _ := c.extent(i)
	if ctx.separator == '>' {
		start, end = i, c.element(i)
	}
	ctx.quoted = start != i
	if ctx.many && start < end && start >= c.inlineEnd {
		if next := c.inline(start, end, ctx.quoted, ctx.key); next > start {
			return next
		}
	}
	ctx.weak = ctx.weak || ctx.compared && !ctx.quoted
	if start == end || harmless(c.s[start:end], ctx, c) {
		return sep
	}
	return c.found(start, end, ctx.kind)
}

// extent returns where the value that starts at i stands, without quotes, and where the text goes on behind them.
func (c *scanner) extent(i int) (start, end, next int) {
	n := i
	for n < len(c.s) && c.s[n] == '\\' && n-i < maxQuotes {
		n++
	}
	if n < len(c.s) && strings.IndexByte("\"'`", c.s[n]) >= 0 {
		return c.quoted(n, n-i)
	}
	start, end = i, c.bare(i)
	return start, end, end
}

// quoted reads a quoted value; its quote, at i, has so many backslashes before it (JSON within a JSON string).
// Within, a quote of the same level ends the value, a deeper one belongs to it, and a shallower one ends the string
// all around. A quote that never ends ends with the line.
func (c *scanner) quoted(i, backslashes int) (start, end, next int) {
	start = i + 1
	for j := start; j < len(c.s); j++ {
		b := c.s[j]
		if b == '\n' && !c.closesLater(j, c.s[i]) {
			return start, j, j
		}
		if b != c.s[i] && (b != '"' || backslashes == 0) {
			continue
		}
		before := 0
		for j-before > start && c.s[j-before-1] == '\\' {
			before++
		}
		if before < backslashes || before%(2*(backslashes+1)) == backslashes {
			if b == '\'' && j+1 < len(c.s) && alnum[c.s[j+1]] { // an apostrophe
				continue
			}
			return start, j - min(before, backslashes), j + 1
		}
	}
	return start, len(c.s), len(c.s)
}

// closesLater reports whether a quoted value goes on behind the line break at i: its quote comes soon, and looks like
// a closing one.
func (c *scanner) closesLater(i int, quote byte) bool {
	rest := c.s[i:min(len(c.s), i+4096)]
	n := strings.IndexByte(rest, quote)
	if n < 0 {
		return false
	}
	return n+1 == len(rest) || strings.IndexByte(",;)]}\r\n ", rest[n+1]) >= 0 && rest[n-1] != '=' && rest[n-1] != ' '
}

// bare returns the end of the unquoted value that starts at i.
func (c *scanner) bare(i int) int { return c.bareWithin(i, len(c.s)) }

// bareWithin is bare for a value of at most limit bytes, or what of it is within them.
func (c *scanner) bareWithin(i, limit int) int {
	end := i
	for end < len(c.s) && end-i < limit {
		b := c.s[end]
		if b == '[' {
			n, _ := placeholderAt(c.s[end:])
			end += max(n, 1)
			if n > 0 && c.escapeBefore(end+2) { // behind what is redacted already, a line break ends the value
				break
			}
			continue
		}
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(c.s[end:])
			if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r <= 0x303F || unicode.IsSpace(r) {
				break
			}
			end += size
			continue
		}
		if b <= ' ' || b == 0x7F || c.endsBare(end) {
			break
		}
		end++
	}
	return c.trim(i, end)
}

// endsBare reports whether the byte at j ends an unquoted value: a quote of the text around, or a separator that the
// next pair follows. Passwords may hold such bytes too.
func (c *scanner) endsBare(j int) bool {
	last := j+1 == len(c.s)
	switch c.s[j] {
	case '"', '\'', '`':
		return last || !alnum[c.s[j+1]]
	case '<':
		return !last && c.s[j+1] == '/'
	case '&', ';':
		return last || strings.IndexByte(" \"'", c.s[j+1]) >= 0 || c.pairAhead(j+1, "=")
	case ',':
		return last || strings.IndexByte(" \"'\n", c.s[j+1]) >= 0 || c.pairAhead(j+1, "=:")
	case '\\':
		if last || strings.IndexByte("nrt", c.s[j+1]) < 0 {
			return false
		}
		return j+2 == len(c.s) || strings.IndexByte("\\\"' -", c.s[j+2]) >= 0 || c.pairAhead(j+2, "=:")
	}
	return false
}

// trim takes off what follows a value in a sentence or in a structure: commas, closing brackets, backslashes of a quote.
func (c *scanner) trim(start, end int) int {
	for limit := max(start, end-16); end > limit && !endsWithPlaceholder(c.s[start:end]); {
		b := c.s[end-1]
		open := map[byte]string{')': "(", ']': "[", '}': "{", '>': "<"}[b]
		if open != "" && strings.Contains(c.s[start:end], open) || open == "" && strings.IndexByte(",;.:\\|", b) < 0 {
			break
		}
		end--
	}
	return end
}

// maxElement bounds the text of an XML element.
const maxElement = 4096

// element returns the end of the text of the XML element that begins at i; i when nothing closes it, as in <secret> of a manual.
func (c *scanner) element(i int) int {
	text := c.s[i:min(len(c.s), i+maxElement)]
	end := strings.IndexByte(text, '<')
	switch {
	case end >= 0 && strings.HasPrefix(text[end:], "</"), end >= 0 && strings.HasPrefix(text[end:], `<\/`):
		return i + len(strings.TrimRight(text[:end], " \t\r\n"))
	case end == 0 && strings.HasPrefix(text, "<![CDATA["):
		if end = strings.Index(text, "]]>"); end > 0 {
			return i + end
		}
	case end < 0 && c.bareWithin(i, maxElement) == len(c.s): // cut off
		return len(c.s)
	}
	return i
}

var blockHeader = regexp.MustCompile(`^[|>][+-]?[0-9]?[+-]?[ \t]*\r?\n`)

// block returns where the lines of a YAML block scalar stand, whose header is at i: those that are indented deeper
// than the line of the key.
func (c *scanner) block(i int, ctx surroundings) (start, end int) {
	head := blockHeader.FindString(c.s[i:min(len(c.s), i+64)])
	if head == "" {
		return 0, 0
	}
	line := c.lineBefore(ctx.keyStart, 256)
	indent := len(line) - len(strings.TrimLeft(line, " -"))
	at := i + len(head)
	for at < len(c.s) {
		text := c.skip(at, 256, " ")
		eol := len(c.s)
		if n := strings.IndexByte(c.s[text:], '\n'); n >= 0 {
			eol = text + n
		}
		if text-at <= indent && text < eol {
			break
		}
		if text < eol {
			if start == 0 {
				start = text
			}
			end = eol
		}
		at = eol + 1
	}
	return start, end
}
