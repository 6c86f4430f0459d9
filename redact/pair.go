package redact

import (
	"regexp"
	"strings"
)

// pair is the rule for the separators = : > between a key and its value.
func (c *scanner) pair(i int) int {
	if c.s[i] == ':' && strings.HasPrefix(c.s[i:], "://") {
		return c.url(i)
	}
	start, end := c.keyBefore(i)
	if start == end {
		return i
	}
	name := c.s[start:end]
	k := classify(name)
	if k.kind == "" {
		if k = c.otherKey(start, name); k.kind == "" {
			return i
		}
	}
	if c.s[i] == '>' && !c.opensElement(start) || c.s[i] == ':' && c.nameOfSeries(start, i) {
		return i
	}
	value, ok := c.afterSeparator(i, k)
	if !ok {
		return i
	}
	switch k.kind {
	case Authorization:
		return c.authorization(i, value)
	case Cookie:
		return c.cookie(i, value)
	}
	return c.value(i, value, surroundings{key: k, keyStart: start, separator: c.s[i]})
}

// opensElement reports whether the name that starts at i is that of an XML element, with a prefix or without.
func (c *scanner) opensElement(i int) bool {
	if i > 0 && c.s[i-1] == ':' {
		for i--; i > c.floor && alnum[c.s[i-1]]; {
			i--
		}
	}
	return i > 0 && c.s[i-1] == '<'
}

// maxQuotes bounds the quote around a key or value, with the backslashes of JSON within JSON: four levels have 15.
const maxQuotes = 40

// keyBefore returns where the key before the separator at i stands; start equals end when there is none.
func (c *scanner) keyBefore(i int) (start, end int) {
	end = i
	for n := 0; end > c.floor && n < 8 && (c.s[end-1] == ' ' || c.s[end-1] == '\t'); n++ {
		end--
	}
	if end > c.floor && c.s[end-1] == ')' { // password (root): …
		if open := strings.LastIndexByte(c.s[max(c.floor, end-40):end], '('); open >= 0 {
			end = max(c.floor, end-40) + open
			for end > c.floor && c.s[end-1] == ' ' {
				end--
			}
		}
	}
	for n := 0; end > c.floor && n < maxQuotes && strings.IndexByte("\"'`\\]*", c.s[end-1]) >= 0; n++ {
		end--
	}
	start = end
	for limit := max(c.floor, end-80); start > limit && keyChars[c.s[start-1]]; {
		start--
	}
	if start < end && c.escapeBefore(start+1) { // the n of \n is no letter of the key
		start++
	}
	return start, end
}

// valueOfSecretName matches the end of a text in which a name that comes before a value announces it, as in the
// environment of a Kubernetes container.
var valueOfSecretName = regexp.MustCompile(`(?i)\b(?:name|key)\\*["']?\s*[:=]\s*\\*["']?([\w.-]{2,64})\\*["']?\s*,?\s*(?:\\[nr]|-|\s)*\\*["']?$`)

// otherKey knows the names that are a secret's by what stands before them: value after name: DB_PASSWORD, and key in
// the query of a URL.
func (c *scanner) otherKey(start int, name string) key {
	switch {
	case strings.EqualFold(name, "key") && start > 0 && (c.s[start-1] == '?' || c.s[start-1] == '&'):
		return key{kind: APIKey, weak: true, name: "key"}
	case strings.EqualFold(name, "value"):
		if m := valueOfSecretName.FindStringSubmatch(c.s[max(c.floor, start-160):start]); m != nil {
			return classify(m[1])
		}
	}
	return key{}
}

// nameOfSeries reports whether the colon at i, behind a key that starts at start, belongs to the name of a recorded
// series (job:token:rate5m), a host and port (http://token:8080), or an image (ghcr.io/auth-token:v1).
func (c *scanner) nameOfSeries(start, i int) bool {
	if start == 0 || i+1 == len(c.s) {
		return false
	}
	rest := c.s[i+1 : min(len(c.s), i+1+64)]
	switch c.s[start-1] {
	case ':':
		return seriesTail.MatchString(rest)
	case '/':
		return portOrTag.MatchString(rest)
	}
	return false
}

var (
	seriesTail = regexp.MustCompile(`^[a-z_]+(?:\d+[smhdwy])?(?:[^\w]|$)`)
	portOrTag  = regexp.MustCompile(`^(?:\d{2,5}|latest|main|stable|v?\d+(?:\.\d+)+[\w.-]*)(?:[^\w]|$)`)
)

// afterSeparator returns where the value of the separator at i starts.
func (c *scanner) afterSeparator(i int, k key) (value int, ok bool) {
	at := i + 1
	quotedOnly := false
	if at < len(c.s) {
		switch next := c.s[at]; {
		case c.s[i] == ':' && next == ':', c.s[i] == '=' && next == '~':
			return 0, false
		case c.s[i] == ':' && next == '=', c.s[i] == '=' && next == '>':
			at++
		case c.s[i] == '=' && next == '=':
			at++
			quotedOnly = true
		}
	}
	value = c.skip(at, 64, " \t")
	if value == len(c.s) {
		return 0, false
	}
	if next := c.lineBreaks(value); next > value { // JSON may break the line here
		if quote := c.skip(next, maxQuotes, `\`); quote == len(c.s) || c.s[quote] != '"' {
			return 0, false
		}
		value = next
	}
	if c.s[i] == '=' && value > at && c.s[i-1] != ' ' && c.pairAhead(value, "=") { // password= user=x
		return 0, false
	}
	if quotedOnly && c.s[value] != '"' && c.s[value] != '\'' {
		return 0, false
	}
	return value, !c.labelMatcher(i, value, k)
}

// lineBreaks returns where the text goes on behind line breaks and the blanks around them, i when none is there. Within JSON they
// are escaped, with as many backslashes as it is deep.
func (c *scanner) lineBreaks(i int) int {
	for at := i; at < min(len(c.s), i+64); {
		at = c.skip(at, 64, " \t")
		letter := c.skip(at, maxQuotes, `\`)
		switch {
		case at < len(c.s) && (c.s[at] == '\n' || c.s[at] == '\r'):
			at++
		case letter > at && letter < len(c.s) && strings.IndexByte("nrt", c.s[letter]) >= 0:
			at = letter + 1
		default:
			return at
		}
	}
	return i
}

// labelMatcher reports whether the pair at i is a label matcher or label of a series whose value is a mere name:
// kube_secret_info{secret="grafana-tls"}. A label that is called password is redacted all the same.
func (c *scanner) labelMatcher(i, value int, k key) bool {
	if c.s[i] != '=' || c.s[value] != '"' || k.kind == Password && !k.weak {
		return false
	}
	before := c.lineBefore(i, 512)
	brace := strings.LastIndexByte(before, '{')
	if brace < 1 || strings.IndexByte(before[brace:], '}') >= 0 || !isWord[before[brace-1]] && before[brace-1] != ':' {
		return false
	}
	name := c.s[value+1:]
	end := strings.IndexByte(name[:min(len(name), 256)], '"')
	return end >= 0 && plainName(name[:end])
}

// pairAhead reports whether a key and one of the separators come next, so that a value ends before them.
func (c *scanner) pairAhead(i int, separators string) bool {
	i = c.skip(i, 8, " \t-\"'\\{")
	end := min(keyChars.run(c.s[:min(len(c.s), i+64)], i), len(c.s))
	after := c.skip(end, 4, "\\\"' ")
	return end > i && after < len(c.s) && strings.IndexByte(separators, c.s[after]) >= 0
}
