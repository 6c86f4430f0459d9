// Package text makes text from outside fit to be shown, stored or sent: valid, visible and bounded.
//
// What a reader can't see can hide a secret from a pattern, or turn what is read around. So there is one definition of it, and
// every place that takes text from a stranger uses that.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Invisible reports whether a character does not show and is no white space: control and format characters (bidirectional
// controls, zero-width characters, tags), variation selectors, fillers and other ignorable ones, private use, surrogates,
// and code points that are no characters. The sets are Unicode's (UAX #44: Cc, Cf, Co, Cs, Default_Ignorable_Code_Point), and
// U+2800, the Braille pattern without dots.
func Invisible(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f: // nearly all text
		return false
	case unicode.IsSpace(r):
		return false
	case r == '\u2800', r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector,
		unicode.Other_Default_Ignorable_Code_Point)
}

// Clean returns s as valid UTF-8 without terminal sequences, such as colors, and without what is Invisible. Line breaks of all
// kinds become \n; tabs stay.
func Clean(s string) string {
	s = withoutSequences(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
			return '\n'
		}
		if Invisible(r) {
			return -1
		}
		return r
	}, s)
}

// OneLine is Clean in one line: white space of all kinds becomes single spaces, none at the ends.
func OneLine(s string) string { return strings.Join(strings.Fields(Clean(s)), " ") }

// Cut bounds s to n characters (n ≥ 1). Where something is cut, the last of them is an ellipsis, without a space before it.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes, end := 0, 0 // end: where the character begins that the ellipsis replaces
	for i := range s {
		if runes++; runes == n {
			end = i
		}
		if runes > n {
			return strings.TrimRightFunc(s[:end], unicode.IsSpace) + "…"
		}
	}
	return s
}

// CutBytes bounds s to n bytes without splitting a character.
func CutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
