package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSequence(t *testing.T) {
	for in, want := range map[string]int{
		"\x1b[31mx": 5, "\x1b[x": 3, "\x1b[": 0, "\x1b[31": 0, "\x1b": 0, "\x1bM": 0, "\x1b(Bx": 3, "\x1b( ": 0, "\x1b]0;a\ab": 6, "\x1b]0;a\x1b\\b": 7,
		"\x1b]0;a\nb\a": 0, "\x1b]0;\x1b[0m\a": 0, "\u009b1mx": 4, "\u00a0": 0, "[0m": 3, "[mx": 0, "[m[K": 2, "[m ": 2, "[5m]": 0, "[5m:1m]": 0, "[0m: x": 3, "[12K": 0, "[abc": 0,
		`\u001b[0m`: 9, `\u001c[0m`: 0, "^[[1mx": 5, "^x": 0, "#033[0m": 7, "#34": 0, "\x1b[" + strings.Repeat("1;", maxControl) + "m": 0,
		"\x1b]" + strings.Repeat("x", maxString) + "\a": 0, "%1b[K": 5, "%20": 0,
	} {
		assert.Equal(t, want, Sequence(in), "%q", in)
	}
}
