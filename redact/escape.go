package redact

import (
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const maxEntity = 24 // bytes of an HTML entity

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
