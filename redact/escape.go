package redact

import (
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxControl = 64   // bytes of a terminal sequence without text
	maxString  = 4096 // bytes of one with text, as of a hyperlink or a window's title
	maxEntity  = 24   // bytes of an HTML entity
)

// introducers are what writers make of the escape character: itself, and the forms of JSON, Go, C, shells, cat -v, rsyslog, URLs
// and HTML.
var introducers = []string{
	"\x1b", `\u001b`, `\u001B`, `\x1b`, `\x1B`, `\033`, `\e`, `^[`, "#033", "\u241b", "%1b", "%1B", "&#27;", "&#x1b;",
}

// terminators end a control string, besides the bell.
var terminators = []string{
	"\x1b\\", "\u009c", `\u001b\\`, `\u0007`, `\x1b\\`, `\x07`, `\033\\`, `\007`, `\e\\`, `\a`, `^[\`, "^G", "#033\\", "#007",
}

// sequenceAt returns the length of the complete terminal sequence (ECMA-48) that s starts with, 0 if it starts with none: it
// shows as nothing, or as a color. One that has lost its escape character, as [0m, is one too.
func sequenceAt(s string) int {
	switch s[0] {
	case '[':
		return lostEscape(s)
	case 0xC2: // introducer and escape in one character
		if strings.HasPrefix(s, "\u009b") {
			return after(2, control(s[2:]))
		}
		if strings.HasPrefix(s, "\u009d") || strings.HasPrefix(s, "\u0090") {
			return after(2, controlString(s[2:], s[0]))
		}
		return 0
	case 0x1b, '\\', '^', '#', '%', '&', 0xE2:
		if len(s) < 2 || s[0] == '%' && s[1] != '1' || s[0] == '\\' && strings.IndexByte("ux0e", s[1]) < 0 {
			return 0
		}
	default:
		return 0
	}
	for _, esc := range introducers {
		rest, ok := strings.CutPrefix(s, esc)
		if !ok || rest == "" {
			continue
		}
		switch rest[0] {
		case '[':
			return after(len(esc)+1, control(rest[1:]))
		case ']', 'P', 'X', '^', '_':
			return after(len(esc)+1, controlString(rest[1:], esc[0]))
		case '(', ')', '*', '+': // a character set, as tput sgr0 writes
			if len(rest) > 1 && alnum[rest[1]] {
				return len(esc) + 2
			}
		}
		return 0
	}
	return 0
}

// isColor reports whether a terminal sequence sets a color, by number and with its escape character: one that nothing else is
// written like, so that no secret and no name of one hides in it.
func isColor(sequence string) bool {
	bracket, last := strings.IndexByte(sequence, '['), len(sequence)-1
	return bracket > 0 && sequence[last] == 'm' && last > bracket+1 && digits.run(sequence, bracket+1) == last
}

func after(before, n int) int {
	if n == 0 {
		return 0
	}
	return before + n
}

var (
	parameters    = newSet("0-?")
	intermediates = newSet(" -/")
	finals        = newSet("@-~")
)

// control returns the length of a control sequence behind its introducer.
func control(s string) int {
	s = s[:min(len(s), maxControl)]
	i := intermediates.run(s, parameters.run(s, 0))
	if i == len(s) || !finals[s[i]] {
		return 0
	}
	return i + 1
}

// controlString returns the length of a control string behind its introducer, its terminator included. It ends with the line, and
// where another sequence begins: so a text made of beginnings is read once.
func controlString(s string, esc byte) int {
	s = s[:min(len(s), maxString)]
	for i := range len(s) {
		switch s[i] {
		case '\a':
			return i + 1
		case '\n':
			return 0
		case esc, 0xC2:
			for _, end := range terminators {
				if strings.HasPrefix(s[i:], end) {
					return i + len(end)
				}
			}
			if s[i] == esc {
				return 0
			}
		}
	}
	return 0
}

var digits = newSet("0-9;")

// lostEscape returns the length of a color ([1;31m) or an erased line ([K) whose escape character was taken out before. The range
// of a query ([5m], [5m:1m]) is none.
func lostEscape(s string) int {
	i := digits.run(s[:min(len(s), 16)], 1)
	if i == len(s) || s[i] != 'm' && s[i] != 'K' || s[i] == 'K' && i > 2 {
		return 0
	}
	if i+1 < len(s) && (s[i+1] == ']' || s[i+1] == ':' && i > 1 && strings.IndexByte(s[:min(len(s), i+16)], ']') > 0) {
		return 0
	}
	return i + 1
}

// decodeAt returns the character that the escape at the start of s stands for, and the length of the escape, 0 if there is none.
func decodeAt(s string) (r rune, size int) {
	switch s[0] {
	case '%':
		r, size = decodePercent(s)
	case '\\':
		r, size = decodeBackslash(s)
	case '&':
		end := strings.IndexByte(s[:min(len(s), maxEntity)], ';')
		if end < 0 {
			return 0, 0
		}
		c := html.UnescapeString(s[:end+1])
		if r, size = utf8.DecodeRuneInString(c); size != len(c) {
			return 0, 0
		}
		size = end + 1
	}
	if r == utf8.RuneError {
		return 0, 0
	}
	return r, size
}

// decodePercent decodes the one to four bytes of a character in a URL.
func decodePercent(s string) (rune, int) {
	var b [utf8.UTFMax]byte
	for n := range b {
		if len(s) < 3*n+3 || s[3*n] != '%' {
			break
		}
		c, ok := hexadecimal(s[3*n+1 : 3*n+3])
		if !ok {
			break
		}
		b[n] = byte(c)
		if utf8.FullRune(b[:n+1]) {
			r, _ := utf8.DecodeRune(b[:n+1])
			return r, 3*n + 3
		}
	}
	return 0, 0
}

// decodeBackslash decodes \uXXXX, two of them where they are halves of one character. What does not show takes all the
// backslashes along that JSON within JSON puts before it; for any other character they tell how deep its quotes are.
func decodeBackslash(s string) (rune, int) {
	slashes := 0
	for slashes < min(len(s), 16) && s[slashes] == '\\' {
		slashes++
	}
	r, ok := hexRune(s[slashes-1:])
	if !ok {
		return 0, 0
	}
	size := slashes - 1 + 6
	if utf16.IsSurrogate(r) {
		low, ok := hexRune(s[size:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, 0
		}
		size += 6
	}
	if slashes > 1 {
		if _, gone := foldRune(r, 0); !gone {
			return 0, 0
		}
	}
	return r, size
}

// hexRune reads \uXXXX.
func hexRune(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	return hexadecimal(s[2:6])
}

// hexadecimal reads a number; it is asked at each percent sign.
func hexadecimal(s string) (n rune, ok bool) {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}
