package layout

import (
	"strings"
	"unicode"

	"github.com/alertscribe/alertscribe/text"
)

// MaxSearchText bounds, in bytes, the words that an incident is found by.
const MaxSearchText = 16 << 10

// SearchWords returns a text as it is searched: letters of scripts without spaces stand alone, and a word in which capitals begin
// words is there in its parts, too.
func SearchWords(s string) string {
	s = text.CutBytes(text.Clean(s), MaxSearchText)
	var whole, parts strings.Builder
	before, split := ' ', false
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			whole.WriteString(" " + string(r) + " ")
			parts.WriteByte(' ')
		default:
			if unicode.IsUpper(r) && unicode.IsLower(before) {
				parts.WriteByte(' ')
				split = true
			}
			whole.WriteRune(r)
			parts.WriteRune(r)
		}
		before = r
	}
	whole.WriteByte('\n')
	if split {
		whole.WriteString(parts.String() + "\n")
	}
	return whole.String()
}

// Spaced returns a word with the letters of scripts without spaces alone.
func Spaced(word string) string {
	first, _, _ := strings.Cut(SearchWords(word), "\n")
	return first
}
