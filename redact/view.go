package redact

import (
	"html"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// view is a text as a reader takes it: without characters that do not show, with full-width forms and typographic
// quotes as ASCII, and, in a second view, with encoded characters decoded. It knows where its bytes came from.
type view struct {
	text  string
	marks []mark
}

// mark says that from the offset at on, the original offset is larger by delta.
type mark struct{ at, delta int }

// origin returns the offset in the original text.
func (v view) origin(offset int) int {
	i := sort.Search(len(v.marks), func(i int) bool { return v.marks[i].at > offset })
	if i == 0 {
		return offset
	}
	return offset + v.marks[i-1].delta
}

// views returns the views of text that are worth scanning. A decoded view comes beside the plain one, not in its
// place: a password may well hold %20 without being encoded.
func views(text string) []view {
	plain := fold(text, foldRune)
	if !strings.Contains(text, "%3") && !strings.Contains(text, "%2") && !strings.Contains(text, `\u00`) &&
		!strings.Contains(text, "&quot;") && !strings.Contains(text, "&#") {
		return []view{plain}
	}
	decoded := fold(text, decodeRune)
	if len(decoded.text) == len(plain.text) {
		return []view{plain}
	}
	return []view{plain, decoded}
}

// fold rewrites text. step returns what the start of its argument becomes, how many bytes that takes the place of,
// and whether it is changed at all.
func fold(text string, step func(string) (to string, size int, changed bool)) view {
	var b []byte
	var marks []mark
	copied := 0
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf && c != '%' && c != '\\' && c != '&' {
			i++
			continue
		}
		to, size, changed := step(text[i:])
		if changed {
			b = append(b, text[copied:i]...)
			b = append(b, to...)
			i += size
			copied = i
			marks = append(marks, mark{len(b), i - len(b)})
			continue
		}
		i += size
	}
	if marks == nil {
		return view{text: text}
	}
	return view{string(append(b, text[copied:]...)), marks}
}

func foldRune(s string) (to string, size int, changed bool) {
	if s[0] < utf8.RuneSelf {
		return "", 1, false
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == 0xAD, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2069, r == 0xFEFF,
		r == 0x180E, r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE007F: // they do not show
		return "", size, true
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ASCII
		c := byte(r - 0xFEE0)
		return ascii[c : c+1], size, true
	case r == 0xA0, r == 0x3000, r >= 0x2000 && r <= 0x200A, r == 0x202F:
		return " ", size, true
	case strings.ContainsRune("“”„«»「」『』", r):
		return `"`, size, true
	case r == '‘', r == '’':
		return "'", size, true
	}
	return "", size, false
}

// ascii is each ASCII character at its own offset.
var ascii = func() string {
	var b [utf8.RuneSelf]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()

// decodeRune is foldRune that also decodes percent-encoding, \u00XX and HTML entities of printable ASCII.
func decodeRune(s string) (to string, size int, changed bool) {
	switch {
	case s[0] == '%' && len(s) >= 3:
		return decodeHex(s[1:3], 3)
	case len(s) >= 6 && strings.HasPrefix(s, `\u00`):
		return decodeHex(s[4:6], 6)
	case s[0] == '&':
		end := strings.IndexByte(s[:min(len(s), 8)], ';')
		if end < 0 {
			return "", 1, false
		}
		if c := html.UnescapeString(s[:end+1]); len(c) == 1 {
			return c, end + 1, true
		}
		return "", 1, false
	}
	return foldRune(s)
}

func decodeHex(hex string, size int) (string, int, bool) {
	n, err := strconv.ParseUint(hex, 16, 8)
	if err != nil || n != '\n' && (n < ' ' || n > '~') {
		return "", 1, false
	}
	return ascii[n : n+1], size, true
}
