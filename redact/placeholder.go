package redact

import (
	"slices"
	"strconv"
	"strings"
)

const placeholderStart = "[REDACTED:"

// present is a placeholder that a text already has.
type present struct{ start, end, number int }

// placeholdersIn returns the placeholders in text, in order.
func placeholdersIn(text string) []present {
	var found []present
	for i := 0; ; {
		at := strings.Index(text[i:], placeholderStart)
		if at < 0 {
			return found
		}
		i += at
		n, number := placeholderAt(text[i:])
		if n > 0 {
			found = append(found, present{i, i + n, number})
		}
		i += max(n, len(placeholderStart))
	}
}

// placeholderAt returns the length and the number of the placeholder that text starts with, 0 if it starts with none.
// Only our own kinds count, so that nothing can be hidden in the form of a placeholder.
func placeholderAt(text string) (length, number int) {
	rest, ok := strings.CutPrefix(text, placeholderStart)
	if !ok {
		return 0, 0
	}
	rest = rest[:min(len(rest), 32)]
	colon, end := strings.IndexByte(rest, ':'), strings.IndexByte(rest, ']')
	if colon < 0 || end < colon || !slices.Contains(allKinds, rest[:colon]) {
		return 0, 0
	}
	number, err := strconv.Atoi(rest[colon+1 : end])
	if err != nil || number < 1 || strconv.Itoa(number) != rest[colon+1:end] {
		return 0, 0
	}
	return len(placeholderStart) + end + 1, number
}

var allKinds = Kinds()

// endsWithPlaceholder reports whether text ends with a placeholder.
func endsWithPlaceholder(text string) bool {
	if !strings.HasSuffix(text, "]") {
		return false
	}
	tail := text[max(0, len(text)-len(placeholderStart)-32):]
	at := strings.LastIndex(tail, placeholderStart)
	if at < 0 {
		return false
	}
	n, _ := placeholderAt(tail[at:])
	return n > 0 && at+n == len(tail)
}

// isPlaceholder reports whether text is a placeholder and nothing else.
func isPlaceholder(text string) bool {
	n, _ := placeholderAt(text)
	return n > 0 && n == len(text)
}
