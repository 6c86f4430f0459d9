package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestInvisible(t *testing.T) {
	for name, r := range map[string]rune{
		"NUL": 0, "escape": 0x1b, "DEL": 0x7f, "C1 control": 0x9b, "soft hyphen": 0xad, "grapheme joiner": 0x34f,
		"Arabic letter mark": 0x61c, "Hangul filler": 0x3164, "half-width Hangul filler": 0xffa0, "Mongolian separator": 0x180e,
		"zero-width space": 0x200b, "zero-width joiner": 0x200d, "right-to-left override": 0x202e, "isolate": 0x2066,
		"word joiner": 0x2060, "byte order mark": 0xfeff, "variation selector": 0xfe0f, "supplementary selector": 0xe0100,
		"tag": 0xe0041, "Khmer inherent vowel": 0x17b4, "private use": 0xe000, "no character": 0xfffe, "no character either": 0x1ffff,
		"Braille blank": 0x2800, "interlinear anchor": 0xfff9, "musical control": 0x1d173, "reserved ignorable": 0xe0fff,
	} {
		assert.True(t, Invisible(r), "%s U+%04X", name, r)
	}
	for name, r := range map[string]rune{
		"letter": 'a', "space": ' ', "tab": '\t', "line feed": '\n', "no-break space": 0xa0, "ideographic space": 0x3000,
		"Han": '告', "full-width colon": '：', "replacement": 0xfffd, "accent": 0x301, "emoji": 0x1f525, "line separator": 0x2028,
	} {
		assert.False(t, Invisible(r), "%s U+%04X", name, r)
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, in, clean, line string }{
		{"plain", "all is well", "all is well", "all is well"},
		{"line breaks", "a\r\nb\rc\u2028d\ve\u0085f", "a\nb\nc\nd\ne\nf", "a b c d e f"},
		{"tabs", "\ta\t\tb ", "\ta\t\tb ", "a b"},
		{"a hidden word", "pass\u034fword=\u3164hunter22", "password=hunter22", "password=hunter22"},
		{"turned around", "\u202eevil\u202c", "evil", "evil"},
		{"a color", "\x1b[36mpassword\x1b[0m=x", "password=x", "password=x"},
		{"a color in one character", "\u009b1;31mred\u009bm", "red", "red"},
		{"a title and a link", "\x1b]0;title\ago \x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\", "go here", "go here"},
		{"no complete sequence", "a\x1b[31", "a[31", "a[31"},
		{"a sequence within a sequence", "\x1b\x1b[1m[31mred", "[31mred", "[31mred"},
		{"a spelling and a range", `\u001b[31m rate(x[5m])`, `\u001b[31m rate(x[5m])`, `\u001b[31m rate(x[5m])`},
		{"not UTF-8", "a\xffb", "a\uFFFDb", "a\uFFFDb"},
		{"Chinese", "磁盘　已满\u00a0!", "磁盘　已满\u00a0!", "磁盘 已满 !"},
		{"nothing", "\u200b\ufeff", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.clean, Clean(test.in))
			assert.Equal(t, test.line, OneLine(test.in))
		})
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"ab cd", 4, "ab…"},
		{"磁盘已满", 4, "磁盘已满"},
		{"磁盘已满了", 4, "磁盘已…"},
		{"", 1, ""},
		{"ab", 1, "…"},
	} {
		assert.Equal(t, test.want, Cut(test.in, test.n), "%q %d", test.in, test.n)
	}
	assert.Equal(t, "磁", CutBytes("磁盘", 5))
	assert.Empty(t, CutBytes("磁盘", 2))
	assert.Equal(t, "ab", CutBytes("ab", 2))
}

func FuzzText(f *testing.F) {
	f.Add("a\r\n\u202e磁盘\xff", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = max(n&0xff, 1)
		clean, line := Clean(s), OneLine(s)
		assert.Equal(t, clean, Clean(clean))
		assert.Equal(t, line, OneLine(line))
		for _, out := range []string{clean, line} {
			assert.True(t, utf8.ValidString(out))
			assert.Negative(t, strings.IndexFunc(out, Invisible), "%q", out)
		}
		assert.LessOrEqual(t, utf8.RuneCountInString(Cut(clean, n)), n)
		assert.LessOrEqual(t, len(CutBytes(clean, n)), n)
		assert.True(t, utf8.ValidString(CutBytes(clean, n)))
	})
}
