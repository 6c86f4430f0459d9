package analyzer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text from outside safe to read on: valid UTF-8, without control characters other than line breaks and
// tabs, and without what a reader cannot see: bidirectional controls, zero-width characters, variation selectors.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.Is(unicode.Cc, r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Variation_Selector, r),
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return -1
		}
		return r
	}, s)
}

// cut shortens s to at most n runes; an ellipsis takes the place of the last one.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := 0
	last := 0 // where the rune begins that the ellipsis replaces
	for i := range s {
		runes++
		if runes == n {
			last = i
		}
		if runes > n {
			return s[:last] + "…"
		}
	}
	return s
}

// cutBytes shortens s to at most n bytes without splitting a rune.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// oneLine joins lines by single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// inert makes cleaned text fit for a line of the data block: line breaks become ⏎, and runs of angle brackets, of
// which the markers are made, become quotation marks that look alike.
func inert(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(s), "\n", " ⏎ "), "\t", " ")
	var b strings.Builder
	b.Grow(len(s))
	runes := []rune(s)
	for i, r := range runes {
		doubled := i > 0 && bracket(runes[i-1]) == bracket(r) || i+1 < len(runes) && bracket(runes[i+1]) == bracket(r)
		switch side := bracket(r); {
		case side == 0 || !doubled:
			b.WriteRune(r)
		case side == '<':
			b.WriteRune('‹')
		default:
			b.WriteRune('›')
		}
	}
	return b.String()
}

// bracket returns '<' or '>' for what looks like one, else 0.
func bracket(r rune) rune {
	switch r {
	case '<', '＜', '﹤':
		return '<'
	case '>', '＞', '﹥':
		return '>'
	}
	return 0
}
