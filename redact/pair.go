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
	if c.s[i] == ':' && i > 0 && c.s[i-1] >= '0' && c.s[i-1] <= '9' && i+1 < len(c.s) && c.s[i+1] == 'A' {
		if next := c.bot(i); next > i {
			return next
		}
	}
	if c.s[i] == ':' && i+1 < len(c.s) && (c.s[i+1] >= '0' && c.s[i+1] <= '9' || c.s[i+1] == '*') {
		if next := c.pgpass(i); next > i {
			return next
		}
		if m := dumped.FindStringSubmatchIndex(c.s[i:min(len(c.s), i+80)]); m != nil {
			return c.found(i+m[2], i+m[3], Password)
		}
	}
	start, end := c.keyBefore(i)
	if start == end {
		return i
	}
	k := c.keyAt(start, end)
	k.weak = k.weak || strings.HasPrefix(c.s[start:end], "var-") && start > 0 && strings.IndexByte("?&", c.s[start-1]) >= 0 // a variable of a dashboard
	if k.kind == Password && k.many && end < i && c.s[end] == '[' {                                                         // passwords[0]
		k.weak, k.many = false, false
	}
	if start > 0 && c.s[start-1] == '/' && checksums[c.wordBeforeSlash(start)] { // checksum/secret: the sum of one
		return i
	}
	if k.kind == "" || c.s[i] == '>' && !c.opensElement(start) && c.s[i-1] != '-' || c.s[i] == ':' && c.nameOfSeries(start, i) {
		return i
	}
	value, ok := c.afterSeparator(i, k)
	if !ok {
		return i
	}
	if k.name == "passwd" && c.s[i] == ':' && programSays.MatchString(c.s[value.at:min(len(c.s), value.at+80)]) {
		return i
	}
	switch k.kind {
	case Authorization:
		return c.authorization(i, value.at)
	case Cookie:
		return c.cookie(i, value.at)
	}
	ctx := surroundings{key: k, keyStart: start, separator: c.s[i], compared: value.compared}
	ctx.weak = ctx.weak || value.alone || c.quotedNoun(start, i)
	if c.s[i] == '>' && c.s[i-1] == '-' {
		ctx.separator, ctx.compared = '=', true
	}
	return c.value(i, value.at, ctx)
}

// programSays matches a sentence of at least three words, which the program called passwd says of itself.
var programSays = regexp.MustCompile(`^[A-Za-z]+ [a-z]+ [a-z]+\b`)

// keyAt says what the name that stands from start to end names, together with what stands before it if need be.
func (c *scanner) keyAt(start, end int) key {
	name := c.s[start:end]
	if k := classify(name); k.kind != "" {
		return k
	}
	if k := c.otherKey(start, name); k.kind != "" {
		return k
	}
	return classifyLoosely(name)
}

// quotedNoun reports whether the key that starts at start is a quoted name in a sentence, as in volume "token" : secret not found.
func (c *scanner) quotedNoun(start, i int) bool {
	return c.s[i] == ':' && c.s[i-1] == ' ' && start > 1 && c.s[start-1] == '"' && c.s[start-2] == ' ' && start > 2 && alnum[c.s[start-3]]
}

// keyAttribute matches the beginning of an XML element up to the name of an entry, as in <entry key="password">.
var keyAttribute = regexp.MustCompile(`<\w+ (?:[^<>]* )?(?:key|name|id)=\\*["']$`)

// opensElement reports whether the name that starts at i is that of an XML element, with a prefix or without, or of its key.
func (c *scanner) opensElement(i int) bool {
	if i > 0 && (c.s[i-1] == '"' || c.s[i-1] == '\'') {
		return keyAttribute.MatchString(c.lineBefore(i, 80))
	}
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
	start, end = c.nameBefore(i)
	if typeNames[c.s[start:end]] && c.s[i] == '=' { // var password string = …, password: str = …, password As String = …
		before := c.skipBack(start, 8, " &:'")
		if before < start {
			if s, e := c.nameBefore(before); strings.EqualFold(c.s[s:e], "as") || c.s[s:e] == "static" {
				before = c.skipBack(s, 8, " &:'")
			}
			if s, e := c.nameBefore(before); s < e {
				return s, e
			}
		}
	}
	return start, end
}

// typeNames are the types of texts, which stand between a name and its value in a declaration.
var typeNames = map[string]bool{
	"string": true, "String": true, "str": true, "Str": true, "text": true, "Text": true, "byte": true, "char": true, "any": true,
	"varchar": true, "VARCHAR": true, "VARCHAR2": true, "NVARCHAR": true, "QString": true, "CharSequence": true, "SecureString": true, "String?": true,
}

// skipBack returns the first offset from i back, at most limit before, whose byte before it is not in set.
func (c *scanner) skipBack(i, limit int, set string) int {
	for floor := max(c.floor, i-limit); i > floor && strings.IndexByte(set, c.s[i-1]) >= 0; {
		i--
	}
	return i
}

// nameBefore returns where the name before i stands, without the quotes, brackets, markup and operators between them.
func (c *scanner) nameBefore(i int) (start, end int) {
	end = i
	if i < len(c.s) && c.s[i] == '=' {
		end = c.skipBack(end, 3, "?+!|~^*%/<=.")
	}
	if i < len(c.s) && c.s[i] == '>' {
		end = c.skipBack(end, 1, "-")
	}
	end = c.skipBack(end, 8, " \t")
	if end > c.floor && (c.s[end-1] == ')' || c.s[end-1] == ']') { // password (root): …, char password[64] = …
		open := "("
		if c.s[end-1] == ']' {
			open = "["
		}
		from := max(c.floor, end-40)
		if at := strings.LastIndex(c.s[from:end], open); at >= 0 && (open == "(" || strings.Trim(c.s[from+at:end], "[]0123456789") == "") {
			end = c.skipBack(from+at, 8, " ")
		}
	}
	if end > c.floor && c.s[end-1] == '>' && i < len(c.s) && c.s[i] != '>' { // <b>password</b>: …
		from := max(c.floor, end-16)
		if at := strings.LastIndex(c.s[from:end], "</"); at >= 0 {
			end = from + at
		}
	}
	end = c.skipBack(end, maxQuotes, "\"'`\\]*")
	start = end
	for limit := max(c.floor, end-80); start > limit && keyChars[c.s[start-1]]; {
		start--
	}
	if start < end && c.escapeBefore(start+1) { // the n of \n is no letter of the key
		start++
	}
	return start, end
}

// nameOfSeries reports whether the colon at i, behind a key that starts at start, belongs to the name of a recorded
// series (job:token:rate5m), a host and port (http://token:8080), or an image (ghcr.io/auth-token:v1).
func (c *scanner) nameOfSeries(start, i int) bool {
	if i+1 == len(c.s) {
		return false
	}
	rest := c.s[i+1 : min(len(c.s), i+1+64)]
	if strings.IndexByte(c.s[start:i], '.') > 0 && artifact.MatchString(rest) {
		return true
	}
	if start == 0 {
		return false
	}
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
	artifact   = regexp.MustCompile(`^[a-z][a-z0-9-]*[-:]v?\d+(?:\.\d+)+`) // of Maven
	portOrTag  = regexp.MustCompile(`^(?:\d{2,5}|latest|main|stable|v?\d+(?:\.\d+)+[\w.-]*)(?:[^\w]|$)`)
)

// place is where a value starts, and what its separator says about it.
type place struct {
	at       int
	compared bool // the separator is one of comparison, or may be none
	alone    bool // the value stands on the next line
}

// afterSeparator returns where the value of the separator at i starts.
func (c *scanner) afterSeparator(i int, k key) (p place, ok bool) {
	end := i + 1
	for end < len(c.s) && end < i+4 && strings.IndexByte("=:>~", c.s[end]) >= 0 {
		end++
	}
	operator := c.s[i:end]
	blank := end < len(c.s) && c.s[end] == ' ' || i > 0 && c.s[i-1] == ' '
	switch {
	case strings.HasSuffix(operator, "~"):
		return place{}, false
	case operator == "::" && !blank, strings.HasPrefix(operator, "=="), operator == "=" && i > 0 && c.s[i-1] == '!':
		p.compared = true
	}
	p.at = c.skip(end, 64, " \t")
	if p.at == len(c.s) {
		return place{}, false
	}
	if next := c.lineBreaks(p.at); next > p.at { // JSON may break the line here
		if quote := c.skip(next, maxQuotes, `\`); quote == len(c.s) || c.s[quote] != '"' {
			switch {
			case operator == ">" && c.s[next] != '<': // the text of an element may have lines of its own
			case !c.alone(next):
				return place{}, false
			default:
				p.alone = true
			}
		}
		p.at = next
	} else if c.s[i] == '=' && p.at > end && c.s[i-1] != ' ' && strings.IndexByte("\"'", c.s[p.at]) < 0 && c.pairAhead(p.at, "=") { // password= user=x
		return place{}, false
	}
	if at := c.wrapped(p.at); at != p.at {
		p.compared = p.compared || c.s[p.at] == '*' // a term in bold is defined as often as given
		p.at = at
	}
	return p, p.at < len(c.s) && !c.labelMatcher(i, p.at, k)
}

// alone reports whether one word stands at i, and nothing else on its line.
func (c *scanner) alone(i int) bool {
	end := c.bareWithin(i, maxHarmless)
	rest := c.skip(end, 8, " \t\r")
	if end == i || rest < len(c.s) && c.s[rest] != '\n' && !strings.HasPrefix(c.s[rest:], `\n`) && c.s[rest] != '"' {
		return false
	}
	return letterAndDigit(c.s[i:min(end, i+maxHarmless)])
}

// wrapper matches what may stand before a value that belongs to it: types, anchors, prefixes of quotes, and markup.
var wrapper = regexp.MustCompile(`^(?:!!\w+ |&\w[\w-]* |(?i:b|u|r|f|n|rb|br|@|\$)(?:["'])|(?:Some|Optional|Ok|Just|str|String|Secret|SecretStr|SecretString|new \w+|\[\]byte)[(\[]["']?|` +
	`(?:string|str|\(string\)) ?\((?:len=)?\d+\):? ?|\*\* ?|__ |</?(?:b|i|code|strong|em|tt|pre|span|value|string|kbd)>)`)

// wrapped returns where the value at i starts behind its wrapper.
func (c *scanner) wrapped(i int) int {
	if strings.IndexByte("!&bBuUrRfFnN@$SsOJ(*_<[", c.s[i]) < 0 {
		return i
	}
	head := c.s[i:min(len(c.s), i+64)]
	m := wrapper.FindString(head)
	if m == "" || len(m) < len(head) && head[len(m)] == '=' {
		return i
	}
	next := i + len(m)
	if last := m[len(m)-1]; last == '"' || last == '\'' { // the value's own quote
		next--
	}
	return c.skip(next, 8, " ")
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
