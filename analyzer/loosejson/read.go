package loosejson

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrCut says that the text ended within the value.
var ErrCut = errors.New("the text ends within the value")

var errDeep = errors.New("nested too deep")

const (
	maxDepth = 40  // of arrays and objects in each other
	maxWord  = 200 // bytes of a value without quotes
	maxKey   = 120 // bytes of a key
)

// SyntaxError says what could not be read, and where.
type SyntaxError struct {
	Offset int // in bytes
	Want   string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s expected at byte %d", e.Want, e.Offset) }

// Read reads the value at the beginning of s, after white space, and returns the number of bytes up to its end. The error is ErrCut
// or a *SyntaxError.
func Read(s string) (v Value, end int, err error) {
	if v, end, ok := strict(s); ok {
		return v, end, nil
	}
	r := &reader{s: s}
	if err := r.space(); err != nil {
		return Value{}, 0, err
	}
	v, err = r.value()
	v.Loose = true
	return v, r.at, err
}

// reader reads with tolerance.
type reader struct {
	s    string
	at   int
	open []rune // the containers that are open: { or [
}

func (r *reader) syntax(want string) error {
	if r.at >= len(r.s) {
		return ErrCut
	}
	return &SyntaxError{r.at, want}
}

// peek returns the next character, its full-width form made plain; 0 at the end.
func (r *reader) peek() (rune, int) { return runeAt(r.s, r.at) }

func runeAt(s string, at int) (rune, int) {
	if at >= len(s) {
		return 0, 0
	}
	c, size := utf8.DecodeRuneInString(s[at:])
	if plain, ok := fullWidth[c]; ok {
		return plain, size
	}
	return c, size
}

// fullWidth are the marks that stand for JSON's own outside of strings.
var fullWidth = map[rune]rune{'｛': '{', '｝': '}', '［': '[', '］': ']', '：': ':', '，': ',', '、': ',', ';': ',', '；': ','}

// space skips white space and comments.
func (r *reader) space() error {
	at, cut := skip(r.s, r.at)
	r.at = at
	if cut {
		return ErrCut
	}
	return nil
}

// skip returns where white space and comments end; cut says that a comment has no end.
func skip(s string, at int) (next int, cut bool) {
	for at < len(s) {
		c, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case unicode.IsSpace(c) || c == 0 || unicode.Is(unicode.Cf, c):
			at += size
		case strings.HasPrefix(s[at:], "/*"):
			n := strings.Index(s[at:], "*/")
			if n < 0 {
				return len(s), true
			}
			at += n + 2
		case c == '#' || strings.HasPrefix(s[at:], "//"):
			n := strings.IndexByte(s[at:], '\n')
			if n < 0 {
				return len(s), false
			}
			at += n
		default:
			return at, false
		}
	}
	return at, false
}

func (r *reader) value() (Value, error) {
	c, size := r.peek()
	switch {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case isQuote(c):
		return r.text()
	case strings.ContainsRune("uUbBrRfF", c) && r.quoteAt(r.at+size):
		r.at += size // Python's prefix
		return r.text()
	}
	return r.word()
}

func (r *reader) quoteAt(at int) bool {
	c, _ := runeAt(r.s, at)
	return c == '"' || c == '\''
}

// text reads a string, and those that are joined to it by +.
func (r *reader) text() (Value, error) {
	v := Value{Kind: String}
	for {
		s, err := r.quoted(false)
		v.Text += s
		if err != nil {
			return v, err
		}
		at, _ := skip(r.s, r.at)
		if at >= len(r.s) || r.s[at] != '+' {
			return v, nil
		}
		at, _ = skip(r.s, at+1)
		if c, _ := runeAt(r.s, at); !isQuote(c) {
			return v, nil
		}
		r.at = at
	}
}

// word reads a value without quotes.
func (r *reader) word() (Value, error) {
	start := r.at
	for r.at < len(r.s) {
		c, size := r.peek()
		if strings.ContainsRune(",}]\n\r", c) || strings.HasPrefix(r.s[r.at:], "//") || strings.HasPrefix(r.s[r.at:], "/*") ||
			c == '#' && r.at > start && r.s[r.at-1] == ' ' {
			break
		}
		if isQuote(c) && c != '\'' && c != '’' || strings.ContainsRune("{[:", c) || r.at-start > maxWord {
			return Value{}, r.syntax("a value")
		}
		r.at += size
	}
	if r.at >= len(r.s) {
		return Value{}, ErrCut
	}
	word := strings.TrimSpace(r.s[start:r.at])
	switch strings.ToLower(word) {
	case "":
		return Value{}, r.syntax("a value")
	case "true":
		return Value{Kind: Bool, True: true}, nil
	case "false":
		return Value{Kind: Bool}, nil
	case "null", "none", "nil", "undefined", "nan":
		return Value{Kind: Null}, nil
	}
	if isNumber(word) {
		return Value{Kind: Number, Text: word}, nil
	}
	return Value{Kind: Word, Text: word}, nil
}

func isNumber(s string) bool {
	digits := false
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case (c == '+' || c == '-') && i == 0, c == '.':
		default:
			return false
		}
	}
	return digits
}

func (r *reader) push(c rune, size int) error {
	if len(r.open) >= maxDepth {
		return &SyntaxError{r.at, "less nesting"}
	}
	r.open = append(r.open, c)
	r.at += size
	return nil
}

func (r *reader) pop(size int) {
	r.open = r.open[:len(r.open)-1]
	r.at += size
}

func (r *reader) array() (Value, error) {
	v := Value{Kind: Array}
	_, size := r.peek()
	if err := r.push('[', size); err != nil {
		return v, err
	}
	for {
		if err := r.space(); err != nil {
			return v, err
		}
		switch c, size := r.peek(); c {
		case ']':
			r.pop(size)
			return v, nil
		case ',':
			r.at += size
			continue
		case 0, '}', ':':
			return v, r.syntax("a value or ]")
		}
		item, err := r.value()
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
	}
}

func (r *reader) object() (Value, error) {
	v := Value{Kind: Object}
	_, size := r.peek()
	if err := r.push('{', size); err != nil {
		return v, err
	}
	for {
		if err := r.space(); err != nil {
			return v, err
		}
		switch c, size := r.peek(); c {
		case '}':
			r.pop(size)
			return v, nil
		case ',':
			r.at += size
			continue
		case 0, ']', ':':
			return v, r.syntax("a key or }")
		}
		m, err := r.member()
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, m)
	}
}

func (r *reader) member() (m Member, err error) {
	if m.Key, err = r.key(); err != nil {
		return m, err
	}
	if err = r.space(); err != nil {
		return m, err
	}
	switch c, size := r.peek(); {
	case strings.HasPrefix(r.s[r.at:], "=>"):
		r.at += 2
	case c == ':' || c == '=':
		r.at += size
	default:
		return m, r.syntax("a colon")
	}
	if err = r.space(); err != nil {
		return m, err
	}
	if c, _ := r.peek(); c == ',' || c == '}' {
		return m, r.syntax("a value")
	}
	m.Value, err = r.value()
	return m, err
}

func (r *reader) key() (string, error) {
	if c, _ := r.peek(); isQuote(c) {
		return r.quoted(true)
	}
	end := bareKey(r.s, r.at)
	if end == r.at {
		return "", r.syntax("a key")
	}
	key := r.s[r.at:end]
	r.at = end
	return key, nil
}

// bareKey returns where a key without quotes ends.
func bareKey(s string, at int) int {
	start := at
	for at < len(s) && at-start < maxKey {
		c, size := utf8.DecodeRuneInString(s[at:])
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' && c != '$' {
			break
		}
		at += size
	}
	return at
}
