package redact

import (
	"regexp"
	"strings"
)

// setsName matches the beginning of a call that gives a name a value, up to the name: define('DB_PASSWORD', 'V').
var setsName = regexp.MustCompile(`(?i)\b(?:define|putenv|setenv|setproperty|setdefault|environ\.set|env\.set)\(\s*\\*["']$`)

// argument reads a value that a call or a list holds behind the name from start to end of a secret: ("password", "V"),
// set("db.password", "V"), setPassword("V").
func (c *scanner) argument(start, end int, k key) int {
	if end == len(c.s) {
		return end
	}
	name := c.s[start:end]
	setter := false
	var at int
	switch c.s[end] {
	case '(':
		verb := strings.ToLower(name)
		for _, v := range readers {
			if strings.HasPrefix(verb, v) {
				return end
			}
		}
		if next := c.secondArgument(end, end+1); next > end { // changePassword("bob", "V")
			return next
		}
		setter = strings.HasPrefix(verb, "set") || strings.HasPrefix(verb, "with")
		at = c.skip(end+1, 4, " \t\n")
	case '"', '\'', '`', '\\':
		if start == 0 || strings.IndexByte("\"'`.:", c.s[start-1]) < 0 {
			return end
		}
		comma := c.skip(end, maxQuotes, "\"'`\\")
		if comma == len(c.s) || c.s[comma] != ',' {
			return end
		}
		at = c.skip(comma+1, 64, " \t\r\n")
		setter = k.kind == Password && !k.weak && setsName.MatchString(c.lineBefore(start, 48))
	default:
		return end
	}
	quote := c.skip(at, maxQuotes, `\`)
	if quote == len(c.s) || strings.IndexByte("\"'`", c.s[quote]) < 0 {
		return end
	}
	from, to, next := c.quoted(quote, quote-at)
	v := c.s[from:to]
	if from == to || !setter && len(v) <= maxHarmless && (plainWord(v) || plainName(v) && !letterAndDigit(v)) && !longSecret(v) {
		return end
	}
	if harmless(v, surroundings{key: key{kind: k.kind, name: k.name}, separator: '=', quoted: true}, c) ||
		!setter && len(v) <= maxHarmless && !longSecret(v) && (notSpoken.MatchString(v) || len(v) < 6) {
		return end
	}
	c.found(from, to, k.kind)
	return next
}

// readers begin the names of calls whose argument is the name of a secret, and not its value.
var readers = []string{"get", "read", "find", "fetch", "load", "lookup", "delete", "remove", "list", "describe", "has", "is", "valid", "check", "contains", "new_", "by", "log"}

// longSecret reports whether a quoted value is too long and too mixed to be a name or a measure.
func longSecret(v string) bool {
	return looksLikeKey(v) || len(v) >= 15 && strings.Trim(v, "0123456789") == "" || len(v) == 36 && strings.Count(v, "-") == 4
}

// plainWord reports whether v is a word, or words, of letters.
func plainWord(v string) bool {
	for i := range len(v) {
		if c := v[i]; !alnum[c] && c != ' ' && c != '_' && c != '-' && c != '.' || c >= '0' && c <= '9' {
			return false
		}
	}
	return !mixedCase(v)
}
