package factcheck

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// closedUp returns a text whose letters stand apart, as in r m  - r f, with them together: more than one blank divides words.
func closedUp(s string) string {
	fields, single := 0, 0
	for field := range strings.FieldsSeq(s) {
		fields++
		if utf8.RuneCountInString(field) == 1 {
			single++
		}
	}
	if single < leastBlob/2 || 3*single < 2*fields {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		alone := s[i] == ' ' && i > 0 && i+1 < len(s) && s[i-1] != ' ' && s[i+1] != ' '
		if !alone {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

var (
	digitWord    = regexp.MustCompile(`\b[A-Za-z]+[013457@$]+[A-Za-z][A-Za-z013457@$]*\b`)
	digitLetters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s")
)

const leastDigitWords = 3 // which one text has to have

// withoutDigits returns a text with letters in place of the digits that look like them, as in v3nd0r; "" where hardly any word has some.
func withoutDigits(s string) string {
	between := 0 // digits that stand between letters
	for i := 1; i+1 < len(s); i++ {
		if strings.IndexByte("013457@$", s[i]) >= 0 && isLetter(s[i-1]) && isLetter(s[i+1]) {
			between++
		}
	}
	if between < leastDigitWords || len(digitWord.FindAllStringIndex(s, leastDigitWords)) < leastDigitWords {
		return ""
	}
	return digitWord.ReplaceAllStringFunc(s, digitLetters.Replace)
}

// turned returns what a text says backward, and by the alphabet turned by half.
func turned(s string) []string {
	if s = text.Clean(s); len(s) > maxTurned {
		return nil
	}
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	rotated := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
	return []string{folded(string(runes)), folded(rotated)}
}
