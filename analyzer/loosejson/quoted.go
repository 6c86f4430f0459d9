package loosejson

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// closers are the marks that can end what a mark has begun.
var closers = map[rune]string{
	'"': `"`, '\'': `'`, '`': "`", '“': "”“\"", '”': "”“\"", '„': "“”\"", '‘': "’‘'", '’': "’‘'", '＂': "＂\"", '＇': "＇'", '«': "»",
}

func isQuote(c rune) bool { return closers[c] != "" }

// quoted reads a string. A quotation mark ends it only where what follows is what can follow a string there: else the model forgot
// to escape it.
func (r *reader) quoted(key bool) (string, error) {
	if s, ok, err := r.tripleQuoted(); ok {
		return s, err
	}
	first, size := r.peek()
	start := r.at
	r.at += size
	var b strings.Builder
	path := false // within C:\a\b a backslash is a backslash
	for r.at < len(r.s) {
		c, size := utf8.DecodeRuneInString(r.s[r.at:])
		switch {
		case c == '\\' && r.at+1 < len(r.s):
			path = path || isDrive(b.String())
			if path && r.s[r.at+1] != '"' && r.s[r.at+1] != '\\' {
				b.WriteByte('\\')
				r.at++
			} else {
				r.escape(&b)
			}
			continue
		case strings.ContainsRune(closers[first], c) && (key && r.colonAt(r.at+size) || !key && r.endsAt(r.at+size)):
			r.at += size
			return b.String(), nil
		case key && r.at-start > maxKey:
			return "", &SyntaxError{r.at, "the end of a key"}
		case unicode.IsSpace(c):
			path = false
		}
		b.WriteString(r.s[r.at : r.at+size])
		r.at += size
	}
	return b.String(), ErrCut
}

// tripleQuoted reads Python's long strings.
func (r *reader) tripleQuoted() (s string, ok bool, err error) {
	mark := r.s[r.at:min(r.at+3, len(r.s))]
	if mark != `"""` && mark != `'''` {
		return "", false, nil
	}
	n := strings.Index(r.s[r.at+3:], mark)
	if n < 0 {
		return "", true, ErrCut
	}
	s = r.s[r.at+3 : r.at+3+n]
	r.at += n + 6
	return s, true, nil
}

// isDrive reports whether the text ends like the beginning of a path of Windows.
func isDrive(s string) bool {
	n := len(s)
	if n < 2 || s[n-1] != ':' || !unicode.IsLetter(rune(s[n-2])) {
		return false
	}
	return n == 2 || !unicode.IsLetter(rune(s[n-3])) && !unicode.IsDigit(rune(s[n-3]))
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 'f': "\f", '/': "/", '\\': `\`, '"': `"`, '\'': `'`, '`': "`", '\n': ""}

// escape reads one escape. One that JSON does not have is what it looks like: the model meant the backslash.
func (r *reader) escape(b *strings.Builder) {
	c := r.s[r.at+1]
	if c == 'u' {
		if n, size := r.unicode(); size > 0 {
			b.WriteRune(n)
			r.at += size
			return
		}
	}
	s, ok := escapes[c]
	if !ok {
		b.WriteByte('\\')
		r.at++
		return
	}
	b.WriteString(s)
	r.at += 2
}

// unicode reads \uXXXX, and two of them where they are a pair; size is 0 where there is none.
func (r *reader) unicode() (c rune, size int) {
	hex := func(at int) (rune, bool) {
		if at+6 > len(r.s) || r.s[at:at+2] != `\u` {
			return 0, false
		}
		n, err := strconv.ParseUint(r.s[at+2:at+6], 16, 32)
		return rune(n), err == nil
	}
	c, ok := hex(r.at)
	if !ok {
		return 0, 0
	}
	if low, ok := hex(r.at + 6); ok && utf16.IsSurrogate(c) {
		if pair := utf16.DecodeRune(c, low); pair != unicode.ReplacementChar {
			return pair, 12
		}
	}
	return c, 6
}

// colonAt reports whether a key can end before the offset.
func (r *reader) colonAt(at int) bool {
	at = near(r.s, at)
	c, _ := runeAt(r.s, at)
	return c == ':' || c == 0 || strings.HasPrefix(r.s[at:], "=>") || c == '='
}

// near is skip for a look ahead, which has to be short.
func near(s string, at int) int {
	const most = 2 << 10
	end := min(len(s), at+most)
	next, cut := skip(s[:end], at)
	if (cut || next == end) && end < len(s) {
		return at
	}
	return next
}

// endsAt reports whether a string that is a value can end before the offset: what follows closes what is open, or begins the next
// item or key.
func (r *reader) endsAt(at int) bool { return r.fits(at, len(r.open)) }

func (r *reader) fits(at, depth int) bool {
	begin := at
	at = near(r.s, at)
	c, size := runeAt(r.s, at)
	if c == 0 {
		return true // the end is missing, or there is none to come
	}
	if depth == 0 {
		return at > begin || strings.ContainsRune("`<\"'”’,.。，！!", c) || unicode.Is(unicode.Han, c) ||
			strings.Trim(r.s[at:], "}]) \t\r\n`") == "" // one bracket too many
	}
	container := r.open[depth-1]
	switch c {
	case '}':
		return container == '{' && r.fits(at+size, depth-1)
	case ']':
		return container == '[' && r.fits(at+size, depth-1)
	case ',':
		at = near(r.s, at+size)
		return r.begins(at, container)
	case '+':
		at = near(r.s, at+size)
		next, _ := runeAt(r.s, at)
		return isQuote(next)
	}
	return at > begin && r.beginsClearly(begin, at, container) // a comma is missing
}

// begins reports whether a key, an item, or the end of the container stands at the offset.
func (r *reader) begins(at int, container rune) bool {
	c, _ := runeAt(r.s, at)
	switch {
	case c == 0, c == '}' && container == '{', c == ']' && container == '[':
		return true
	case container == '{':
		return r.keyAt(at)
	case strings.ContainsRune("{[-", c), unicode.IsDigit(c):
		return true
	case isQuote(c):
		return true
	}
	word := r.s[at:bareKey(r.s, at)]
	return word == "null" || word == "true" || word == "false" || word == "None" || strings.HasPrefix(r.s[at:], "...")
}

// beginsClearly is begins where no comma says that something begins.
func (r *reader) beginsClearly(from, at int, container rune) bool {
	c, _ := runeAt(r.s, at)
	if container == '{' {
		return (isQuote(c) || strings.Contains(r.s[from:at], "\n")) && r.keyAt(at)
	}
	return isQuote(c) || c == '{' || c == '['
}

// keyAt reports whether a key with its colon stands at the offset.
func (r *reader) keyAt(at int) bool {
	c, size := runeAt(r.s, at)
	if !isQuote(c) {
		end := bareKey(r.s, at)
		if end == at {
			return false
		}
		at = near(r.s, end)
		c, _ = runeAt(r.s, at)
		return c == ':'
	}
	from := at + size
	end := strings.IndexAny(r.s[from:min(from+maxKey, len(r.s))], closers[c]+"\n")
	if end < 0 {
		return from+maxKey > len(r.s) // cut within the key
	}
	c, size = runeAt(r.s, from+end)
	if c == '\n' {
		return false
	}
	at = near(r.s, from+end+size)
	c, _ = runeAt(r.s, at)
	return c == ':' || c == '=' || c == 0
}
