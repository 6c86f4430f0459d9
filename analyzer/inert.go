package analyzer

import "strings"

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
