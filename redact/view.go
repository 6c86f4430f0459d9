package redact

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/alertscribe/alertscribe/text"
)

// view is a text as a reader takes it, and knows where its bytes came from.
type view struct {
	text  string
	marks []mark
	under *view // what it is a view of; nil for the original
}

// mark says that from the offset at on, the original offset is larger by delta (smaller when it is negative).
type mark struct{ at, delta int }

// origin returns the offset in the original text.
func (v view) origin(offset int) int {
	if i := sort.Search(len(v.marks), func(i int) bool { return v.marks[i].at > offset }); i > 0 {
		offset += v.marks[i-1].delta
	}
	if v.under != nil {
		return v.under.origin(offset)
	}
	return offset
}

// folding says what a view leaves out or rewrites; characters that do not show are always left out.
type folding uint8

const (
	forms     folding = 1 << iota // full-width forms, accents, typographic quotes and spaces become ASCII
	sequences                     // what controls a terminal is left out; colors always are
	escapes                       // percent-encoding, \uXXXX and HTML entities are decoded
	pluses                        // and so are the spaces of a query, which are pluses there
	twins                         // letters of other scripts that look like ours become ours, where they stand beside ours
)

// views returns the views of text that are worth scanning, the plain one first. The others come beside it, not in its place:
// a password may well hold %20 without being encoded, and what a terminal would swallow may be a secret.
func views(s string) []view {
	plain, seen := fold(s, forms)
	all := []view{plain}
	if seen&sequences != 0 {
		v, _ := fold(s, forms|sequences)
		all = append(all, v)
	}
	if seen&escapes != 0 {
		v, _ := fold(s, forms|sequences|escapes|seen&pluses)
		all = append(all, v)
		if strings.Contains(s, "%25") { // encoded twice
			twice, more := fold(v.text, forms|sequences|escapes)
			if twice.under = &v; more&escapes != 0 {
				all = append(all, twice)
			}
		}
	}
	if seen&twins != 0 {
		v, _ := fold(s, forms|sequences|twins)
		all = append(all, v)
	}
	return all
}

// shown returns s without what does not show, terminal sequences included, and all else as it is.
func shown(s string) view {
	v, _ := fold(s, sequences)
	return v
}

// inert are the bytes that stand for themselves in every view.
var inert = func() *set {
	s := newSet(" -~")
	for _, c := range []byte("\t\n\r") {
		s[c] = true
	}
	for _, c := range []byte(`%\&[^#+`) { // they may begin an escape or a terminal sequence
		s[c] = false
	}
	return s
}()

// fold rewrites s, which is valid UTF-8. It also returns which foldings there is something to do for, asked for or not.
func fold(s string, how folding) (v view, seen folding) {
	var b []byte
	copied := 0
	for i := 0; i < len(s); {
		if inert[s[i]] {
			i++
			continue
		}
		if s[i] >= 0xE4 && s[i] <= 0xE9 { // U+4000 to U+9FFF: nearly all of Chinese stands for itself
			i += 3
			continue
		}
		to, size, changed, saw := foldAt(s[i:], how)
		if twin := letterTwins[string(s[i:i+size])]; twin != "" {
			switch beside := i > 0 && alnum[s[i-1]] || i+size < len(s) && alnum[s[i+size]]; {
			case how&twins != 0:
				to, changed = twin, true
			case beside:
				saw |= twins
			}
		}
		seen |= saw
		if changed {
			b = append(append(b, s[copied:i]...), to...)
			copied = i + size
			v.marks = append(v.marks, mark{len(b), copied - len(b)})
		}
		i += size
	}
	if v.marks == nil {
		return view{text: s}, seen
	}
	v.text = string(append(b, s[copied:]...))
	return v, seen
}

// foldAt returns what the start of s becomes, how many bytes that takes the place of, and whether it is changed at all.
func foldAt(s string, how folding) (to string, size int, changed bool, seen folding) {
	if n := text.Sequence(s); n > 0 {
		if how&sequences != 0 || text.Color(s[:n]) {
			return "", n, true, 0
		}
		seen |= sequences
	}
	switch s[0] {
	case '+':
		return " ", 1, how&pluses != 0, seen
	case '%', '\\', '&':
		r, n := decodeAt(s)
		if n == 0 {
			return "", 1, false, seen
		}
		if seen |= escapes; s[0] == '%' {
			seen |= pluses
		}
		if how&escapes == 0 {
			return "", 1, false, seen
		}
		if to, changed = foldRune(r, how); !changed {
			to = string(r)
		}
		return to, n, true, seen
	}
	r, size := utf8.DecodeRuneInString(s)
	to, changed = foldRune(r, how)
	return to, size, changed, seen
}

// foldRune returns what a character becomes, and whether it is changed at all.
func foldRune(r rune, how folding) (to string, changed bool) {
	switch {
	case text.Invisible(r):
		return "", true
	case how&forms == 0 || r < ' ' && r != '\v' && r != '\f' || r >= ' ' && r < utf8.RuneSelf:
		return "", false
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ASCII
		c := r - 0xFEE0
		return ascii[c : c+1], true
	case unicode.IsSpace(r):
		if r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return "\n", true
		}
		return " ", true
	case unicode.In(r, unicode.Mn, unicode.Me): // accents upon the character before
		return "", true
	}
	if to, known := lookalikes[r]; known {
		return to, true
	}
	return decomposed(r)
}

// lookalikes are the quotes, colons, equals signs and dashes that people, editors and input methods write for those of ASCII.
// Unicode's own decomposition knows some of them only.
var lookalikes = func() map[rune]string {
	m := map[rune]string{}
	for to, from := range map[string]string{
		`"`: "“”„‟«»「」『』〝〞〟❝❞″ʺ˝", "'": "‘’‚‛‹›❛❜′ʹʻʼʽ´", "`": "ˋ", ":": "∶꞉˸։׃︓﹕", "=": "⹀꓿﹦", "-": "‐‑‒–—―−﹘﹣",
	} {
		for _, r := range from {
			m[r] = to
		}
	}
	return m
}()

// letterTwins are letters of Cyrillic and Greek by the letter of ours that they look like.
var letterTwins = func() map[string]string {
	m := map[string]string{}
	const from, to = "аеорсухіѕјкмтвнАВЕКМНОРСТХУІЅЈԁԛԝοαερτυνικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxisjkmtbhABEKMHOPCTXYISJdqwoaeptuvikABEZHIKMNOPTYX"
	at := 0
	for _, r := range from {
		m[string(r)] = to[at : at+1]
		at++
	}
	return m
}()

// decomposed returns the ASCII that a character is a form of: é, 𝐩 and ㏂ are e, p and a.m.
func decomposed(r rune) (to string, changed bool) {
	var buf [utf8.UTFMax]byte
	whole := norm.NFKD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	out := whole[:0:0]
	for _, part := range string(whole) {
		switch {
		case part < utf8.RuneSelf:
			out = append(out, byte(part))
		case !unicode.In(part, unicode.Mn, unicode.Me):
			return "", false
		}
	}
	return string(out), len(out) > 0
}

// ascii is each ASCII character at its own offset.
var ascii = func() string {
	var b [utf8.RuneSelf]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()

// visible returns a secret without what does not show in it, so that it is known again.
func visible(secret string) string {
	return strings.TrimSpace(shown(secret).text)
}
