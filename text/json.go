package text

import (
	"bytes"
	"fmt"
	"unicode/utf16"
)

// JSON returns encoded JSON in which what is [Invisible] is written as \uXXXX, so that a terminal that shows it obeys nothing and
// hides nothing. Its values stay the same.
func JSON(encoded []byte) []byte {
	if bytes.IndexFunc(encoded, Invisible) < 0 {
		return encoded
	}
	out := make([]byte, 0, len(encoded)+64)
	for _, r := range string(encoded) {
		switch {
		case !Invisible(r):
			out = append(out, string(r)...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
