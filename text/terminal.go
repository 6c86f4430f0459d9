package text

import "strings"

const (
	maxControl = 64   // bytes of a terminal sequence without text
	maxString  = 4096 // bytes of one with text, as of a hyperlink or a window's title
)

// introducers are what writers make of the escape character: itself, and the forms of JSON, Go, C, shells, cat -v, rsyslog, URLs
// and HTML.
var introducers = []string{
	"\x1b", `\u001b`, `\u001B`, `\x1b`, `\x1B`, `\033`, `\e`, `^[`, "#033", "\u241b", "%1b", "%1B", "&#27;", "&#x1b;",
}

// terminators end a control string, besides the bell.
var terminators = []string{
	"\x1b\\", "\u009c", `\u001b\\`, `\u0007`, `\x1b\\`, `\x07`, `\033\\`, `\007`, `\e\\`, `\a`, `^[\`, "^G", "#033\\", "#007",
}

// Sequence returns the length of the complete terminal sequence (ECMA-48) that s starts with, 0 if it starts with none: it
// shows as nothing, or as a color. The spellings that writers of logs give the escape character count, as \u001b[31m, and so
// does one that has lost it, as [0m.
func Sequence(s string) int {
	if s == "" {
		return 0
	}
	switch s[0] {
	case '[':
		return lostEscape(s)
	case 0xC2: // introducer and escape in one character
		if strings.HasPrefix(s, "\u009b") {
			return after(2, control(s[2:]))
		}
		if strings.HasPrefix(s, "\u009d") || strings.HasPrefix(s, "\u0090") {
			return after(2, controlString(s[2:], s[0]))
		}
		return 0
	case 0x1b, '\\', '^', '#', '%', '&', 0xE2:
		if len(s) < 2 || s[0] == '%' && s[1] != '1' || s[0] == '\\' && strings.IndexByte("ux0e", s[1]) < 0 {
			return 0
		}
	default:
		return 0
	}
	for _, esc := range introducers {
		rest, ok := strings.CutPrefix(s, esc)
		if !ok || rest == "" {
			continue
		}
		switch rest[0] {
		case '[':
			return after(len(esc)+1, control(rest[1:]))
		case ']', 'P', 'X', '^', '_':
			return after(len(esc)+1, controlString(rest[1:], esc[0]))
		case '(', ')', '*', '+': // a character set, as tput sgr0 writes
			if len(rest) > 1 && (byteRange{'a', 'z'}.has(rest[1]|0x20) || byteRange{'0', '9'}.has(rest[1])) {
				return len(esc) + 2
			}
		}
		return 0
	}
	return 0
}

// Color reports whether a terminal sequence sets a color, by number and with its escape character: one that nothing else is
// written like, so that no secret and no name of one hides in it.
func Color(sequence string) bool {
	bracket, last := strings.IndexByte(sequence, '['), len(sequence)-1
	return bracket > 0 && sequence[last] == 'm' && last > bracket+1 && digits.run(sequence, bracket+1) == last
}

// withoutSequences returns s without the sequences that a terminal would obey. Spellings of them are text, and stay.
func withoutSequences(s string) string {
	if strings.IndexByte(s, 0x1b) < 0 && !strings.ContainsAny(s, "\u0090\u009b\u009d") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		if s[i] == 0x1b || s[i] == 0xC2 {
			n = Sequence(s[i:])
		}
		if n == 0 {
			b.WriteByte(s[i])
			n = 1
		}
		i += n
	}
	return b.String()
}

func after(before, n int) int {
	if n == 0 {
		return 0
	}
	return before + n
}

var (
	parameters    = byteRange{'0', '?'}
	intermediates = byteRange{' ', '/'}
	finals        = byteRange{'@', '~'}
)

// control returns the length of a control sequence behind its introducer.
func control(s string) int {
	s = s[:min(len(s), maxControl)]
	i := intermediates.run(s, parameters.run(s, 0))
	if i == len(s) || !finals.has(s[i]) {
		return 0
	}
	return i + 1
}

// controlString returns the length of a control string behind its introducer, its terminator included. It ends with the line, and
// where another sequence begins: so a text made of beginnings is read once.
func controlString(s string, esc byte) int {
	s = s[:min(len(s), maxString)]
	for i := range len(s) {
		switch s[i] {
		case '\a':
			return i + 1
		case '\n':
			return 0
		case esc, 0xC2:
			for _, end := range terminators {
				if strings.HasPrefix(s[i:], end) {
					return i + len(end)
				}
			}
			if s[i] == esc {
				return 0
			}
		}
	}
	return 0
}

var digits = byteRange{'0', ';'} // and the colon, which separates parts of a color too

// byteRange is the bytes from the first to the second.
type byteRange [2]byte

func (r byteRange) has(c byte) bool { return c >= r[0] && c <= r[1] }

// run returns the end of the run of such bytes that starts at i.
func (r byteRange) run(s string, i int) int {
	for i < len(s) && r.has(s[i]) {
		i++
	}
	return i
}

// lostEscape returns the length of a color ([1;31m) or an erased line ([K) whose escape character was taken out before. The range
// of a query ([5m], [5m:1m]) is none.
func lostEscape(s string) int {
	i := digits.run(s[:min(len(s), 16)], 1)
	if i == len(s) || s[i] != 'm' && s[i] != 'K' || s[i] == 'K' && i > 2 {
		return 0
	}
	if s[i] == 'm' && i == 1 && i+1 < len(s) && (byteRange{'a', 'z'}).has(s[i+1]) { // of a word: [missing]
		return 0
	}
	if i+1 < len(s) && (s[i+1] == ']' || s[i+1] == ':' && i > 1 && strings.IndexByte(s[:min(len(s), i+16)], ']') > 0) {
		return 0
	}
	return i + 1
}
