package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHarmless bounds what is looked at to call a value harmless: nothing longer is.
const maxHarmless = 256

// harmless reports whether a value is no secret although its key says so: a reference, a mask, a word of prose, a
// count. Values of weak keys are harmless unless they look random.
func harmless(v string, ctx surroundings, c *scanner) bool {
	if n, _ := placeholderAt(v); n > 0 && strings.Trim(v[n:], "?!.,;:)]}") == "" { // the sentence's
		return true
	}
	if len(v) > maxHarmless {
		return false
	}
	if first, _ := utf8.DecodeRuneInString(v); unicode.Is(unicode.Han, first) || first >= 0x3000 && first <= 0x303F {
		return true
	}
	word := strings.ToLower(strings.Trim(v, ".,;:!?()"))
	if literals[word] || reference.MatchString(v) || mask.MatchString(v) {
		return true
	}
	if prose[word] && !ctx.quoted && strings.IndexByte(": -", ctx.separator) >= 0 {
		return true
	}
	if ctx.weak || ctx.separator == ' ' {
		short := ctx.kind == Password && strings.Contains(ctx.name, "pass") && len(v) >= 6 && letterAndDigit(v) && alnum.run(v, 0) == len(v)
		return !looksRandom(v) && !short
	}
	if ctx.kind != Password || strings.HasPrefix(ctx.name, "max_") || strings.HasPrefix(ctx.name, "min_") {
		if number.MatchString(v) {
			return true
		}
	}
	return ctx.separator == ':' && complaint.MatchString(c.lineBefore(ctx.keyStart, 32)) && letters.MatchString(v)
}

var (
	// reference matches what stands for a secret that is elsewhere: variables, templates, paths.
	reference = regexp.MustCompile(`^(?:\$\{[^}]*\}?|\$\([^)]*\)?|\$[A-Z_][A-Z0-9_]*|\$\d|\$?\{\{.*|\$labels\..*|\$value|%[svqdw]|%\([a-z_]+\)s|` +
		`%[A-Z_]+%|<[A-Za-z_ -]+>|&lt;[a-z_ -]+&gt;|arn:aws:\S*|` +
		`\.{0,2}/(?:etc|run|var|opt|home|usr|tmp|srv|root|secrets|mnt|data|app|vault|certs)(?:/\S*)?|\./\S+|~/\S+)$`)
	// standIn matches what a manual writes for a secret.
	standIn = regexp.MustCompile(`^<[A-Za-z_ -]+>`)
	mask    = regexp.MustCompile(`^(?:\*+|[xX]{3,}|\.+|-+|_+|#+|•+|…+|\(.*\)|)$`)
	// number matches counts, ports, durations and versions.
	number    = regexp.MustCompile(`^[+-]?(?:\d{1,5}|\d+\.\d+|\d+(?:ms|[smhdwy%])(?:\d+(?:ms|[smhdwy]))*|v?\d+(?:\.\d+)+)$`)
	complaint = regexp.MustCompile(`(?i)\b(?:invalid|bad|wrong|incorrect|expired|missing|unknown|no|malformed|unsupported|unexpected)\s+[\w-]*$`)
	letters   = regexp.MustCompile(`^[A-Za-z]+$`)
	dateLike  = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
)

// literals are the values of data formats that say that there is no secret, or what type one has.
var literals = newWords(`true false null none nil undefined unset empty n/a na <secret> <redacted> <hidden> redacted
	hidden masked [redacted] [hidden] [masked]`)

// prose are the words that follow the name of a secret in a sentence or a message: token: expired.
var prose = newWords(`yes no on off enabled disabled required optional string bool boolean int integer object array
	text any default invalid expired expires expiring missing incorrect wrong bad not is was are were has have had too
	must may cannot can can't could should will would failed fails fail failure failures unauthorized unauthenticated
	forbidden denied rejected revoked signature mismatch mismatched unknown error errors malformed ok success
	succeeded successful valid accepted verified checked changed rotated reset renewed leaked exposed and or but the a
	an of in to for from with by at as that this these those it its we you we're your our their visit see click please
	go use check contact ask try enter type set update rotate change renew run look flag option argument parameter
	value field file path length policy strength attempt attempts authentication authorization permission access high
	low bearer basic digest unable when while after before if because since until there user login who which what how
	why where new old more less than same different spraying stuffing guessing cracking brute bruteforce rotation
	expiry`)

func newWords(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// looksRandom tells a secret from a word, a name, an address or a date.
func looksRandom(v string) bool {
	if len(v) < 8 || plainName(v) || strings.Contains(v, "://") || dateLike.MatchString(v) {
		return false
	}
	digit, lower, upper := false, false, false
	for i := range len(v) {
		digit = digit || v[i] >= '0' && v[i] <= '9'
		lower = lower || v[i] >= 'a' && v[i] <= 'z'
		upper = upper || isUpper(v[i])
	}
	return digit && (lower || upper) || len(v) >= 16 && lower && upper || len(v) >= 32
}

// plainName reports whether v is made like the names of Kubernetes, hosts, addresses, versions and UUIDs: lower case
// in short parts, and either letters only or more than one part.
func plainName(v string) bool {
	part, parts, digit := 0, 1, false
	for i := range len(v) {
		switch c := v[i]; {
		case strings.IndexByte("-./:_", c) >= 0:
			part = 0
			parts++
			continue
		case c >= '0' && c <= '9':
			digit = true
		case c < 'a' || c > 'z':
			return false
		}
		if part++; part > 15 {
			return false
		}
	}
	return parts > 1 || !digit || len(v) < 8
}
