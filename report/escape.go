package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// oneLine returns s as one visible line of at most n characters, which is also fit for XML and YAML.
func oneLine(s string, n int) string { return text.Cut(text.OneLine(s), n) }

// cleanLines returns the visible lines of s, for what goes into a code block: indentation stays.
func cleanLines(s string, maxRunes int) []string {
	s = strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(text.Clean(s), "\t", "    "))
	return strings.Split(strings.TrimRight(strings.TrimLeft(text.Cut(s, maxRunes), "\n"), " \n"), "\n")
}

// escaped returns an untrusted text of at most n characters, escaped for any place in Markdown: paragraph, heading, list, link text,
// table cell. A word that looks like an address is shown as code: readers link bare URLs, mail addresses and mentions on their
// own, and no backslash stops them. Pipes and backticks become entities, since readers disagree on what a backslash
// before them means within a table.
func escaped(s string, n int) string {
	s = oneLine(s, n)
	var b strings.Builder
	for rest := s; rest != ""; {
		word := rest[:len(rest)-len(strings.TrimLeftFunc(rest, isWordByte))]
		switch {
		case word == "":
			r, size := utf8.DecodeRuneInString(rest)
			b.WriteString(escapeRune(r))
			rest = rest[size:]
		case isAddress(word):
			b.WriteString("`" + word + "`")
			rest = rest[len(word):]
		default:
			escapeWord(&b, word)
			rest = rest[len(word):]
		}
	}
	return escapeStart(b.String())
}

// isWordByte reports whether r may stand within a code span that holds a word: ASCII, not blank, no pipe or backtick.
func isWordByte(r rune) bool {
	return r > ' ' && r < 0x7f && r != '|' && r != '`' && r != '\\'
}

func isAddress(word string) bool {
	return strings.ContainsRune(word, '@') || strings.Contains(word, "//") || strings.Contains(strings.ToLower(word), "www.")
}

func escapeRune(r rune) string {
	switch r {
	case '|':
		return "&#124;"
	case '`':
		return "&#96;"
	case '\\':
		return `\\`
	}
	return string(r)
}

// escapeWord escapes what means something within a line. Underscores inside of a word do not, which keeps metric names
// readable.
func escapeWord(b *strings.Builder, word string) {
	for i := range len(word) {
		c := word[i]
		special := strings.IndexByte("*[]<>~$", c) >= 0
		switch c {
		case '_':
			special = i == 0 || i == len(word)-1 || !alphanumeric(word[i-1]) || !alphanumeric(word[i+1])
		case '&':
			special = i+1 < len(word) && (word[i+1] == '#' || alphanumeric(word[i+1]))
		case '(', ':': // after a bracket they would make a link or the definition of one
			special = i > 0 && word[i-1] == ']'
		case '!':
			special = i+1 < len(word) && word[i+1] == '['
		}
		if special {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

var listNumber = regexp.MustCompile(`^(\d{1,9})([.)])( |$)`)

// escapeStart escapes what means something at the start of a line: headings, lists, rules.
func escapeStart(s string) string {
	if s != "" && strings.IndexByte("#-+=:", s[0]) >= 0 {
		return `\` + s
	}
	return listNumber.ReplaceAllString(s, `$1\$2$3`)
}

// code shows an untrusted text of at most n runes as code, or as escaped text where a code span could not hold it
// everywhere, table cells included.
func code(s string, n int) string {
	s = oneLine(s, n)
	if s == "" {
		return `""`
	}
	if !codeHolds(s) {
		return escaped(s, n)
	}
	return "`" + s + "`"
}

// excerpt is code, or in quotation marks where code could not hold it: one sees where it ends within a sentence.
func excerpt(s string, n int) string {
	if !codeHolds(s) {
		return "“" + escaped(s, n) + "”"
	}
	return code(s, n)
}

func codeHolds(s string) bool { return !strings.ContainsAny(s, "|`\\") }

// fence returns the lines of a code block that holds s, at most n runes, whatever backticks it has.
func fence(language, s string, n int) []string { return fenced(language, cleanLines(s, n)) }

// fenced returns the lines of a code block around lines that are clean already.
func fenced(language string, lines []string) []string {
	longest := 2
	for _, line := range lines {
		for run := range strings.FieldsFuncSeq(line, func(r rune) bool { return r != '`' }) {
			longest = max(longest, len(run))
		}
	}
	marker := strings.Repeat("`", longest+1)
	return append(append([]string{marker + language}, lines...), marker)
}

var entity = regexp.MustCompile(`&#\d+;`)

// slug returns the id that a heading gets from its text: the rule of GitHub, which other readers share. The HTML page
// uses it too, so that links within the report work everywhere.
func slug(heading string) string {
	heading = entity.ReplaceAllString(heading, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(heading))
}
