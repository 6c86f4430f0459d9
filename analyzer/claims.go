package analyzer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// claims are what a text says that can be looked up: numbers with their units, times, names, and ids of evidence.
type claims struct {
	quantities []quantity
	moments    []moment
	names      []name
	ids        []string
}

// name is a token that looks like the name of one thing.
type name struct {
	text   string
	strong bool // an address, a host, a version, a label's value: made by no rule of grammar
	prefix bool // it was cut off
}

const (
	maxClaims = 60  // of a kind, in one text
	maxTried  = 300 // words, numbers and quotations of one text that are looked at closely
	maxQuoted = 100 // bytes between quotes
	maxCode   = 400 // bytes between backticks
	lookBack  = 24  // bytes before a number that tell how it is meant
)

// reader reads the claims of one text from left to right, each byte a bounded number of times.
type reader struct {
	s      string
	source bool // the text is what claims are looked up in: all of its numbers count
	claims
	end   int // of the last quantity
	tried int // that were looked at closely
}

// readClaims reads what a text of the model says.
func readClaims(s string) claims {
	r := reader{s: uniform(s)}
	r.read()
	return r.claims
}

// readFacts reads the numbers and times of a text that others are checked against.
func readFacts(s string) claims {
	r := reader{s: uniform(s), source: true}
	r.read()
	return r.claims
}

// uniform writes what looks the same in the same way: full-width letters and digits, dashes, spaces, quotes.
func uniform(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '！' && c <= '～':
			return c - '！' + '!'
		case c >= '‐' && c <= '―' || c == '−':
			return '-'
		case c == '“' || c == '”' || c == '„' || c == '「' || c == '」' || c == '『' || c == '』':
			return '"'
		case c == '‘' || c == '’':
			return '\''
		case c != '\n' && unicode.IsSpace(c):
			return ' '
		}
		return c
	}, s)
}

func (r *reader) read() {
	for i := 0; i < len(r.s); {
		switch b := r.s[i]; {
		case b == '[' && strings.HasPrefix(r.s[i:], "[REDACTED:"):
			i += max(strings.IndexByte(r.s[i:], ']'), 1)
		case b == '`' && !r.source:
			i += r.code(i)
		case (b == '"' || b == '\'') && !r.source:
			i += r.quoted(i)
		case b == '/' && !r.source && (i == 0 || !wordByte(r.s[i-1])):
			i += r.path(i)
		case wordByte(b):
			i += r.word(i)
		default:
			i++
		}
	}
}

// word reads what begins with a letter or digit: a time, a number, an id, or a name.
func (r *reader) word(i int) int {
	rest := r.s[i:]
	if m, n := momentAt(rest); n > 0 {
		r.moment(m, i, n)
		return n
	}
	if digit(rest[0]) {
		if n := r.quantity(i); n > 0 {
			return n
		}
	}
	run := runAt(rest)
	if run == "" {
		return 1
	}
	if n := r.matcher(run, rest); n > 0 {
		return n
	}
	r.run(run, i)
	return len(run)
}

// quantity reads a number; 0 says that what stands here is something else.
func (r *reader) quantity(i int) int {
	q, n := quantityAt(r.s[i:])
	if n == 0 || !r.endsQuantity(i+n) {
		if found := compound.FindString(r.s[i:]); found != "" && found == runAt(r.s[i:]) {
			return len(found)
		}
		return 0
	}
	if found := always.FindString(r.s[i:]); found != "" {
		return len(found)
	}
	switch {
	case r.merge(q, i, i+n):
	case r.source:
		r.quantities = append(r.quantities, q)
	case r.tried < maxTried && len(r.quantities) < maxClaims:
		r.tried++
		r.claim(q, i, n)
	}
	r.end = i + n
	return n
}

// endsQuantity reports whether a number may end at i, and is no part of an address, a version or a word.
func (r *reader) endsQuantity(i int) bool {
	if i >= len(r.s) {
		return true
	}
	b, next := r.s[i], byte(0)
	if i+1 < len(r.s) {
		next = r.s[i+1]
	}
	switch {
	case wordByte(b), b == '@':
		// 1h30m goes on with a digit, and ends as what comes then.
		return digit(b) && i > 0 && letter(r.s[i-1]) && r.partEnds(i)
	case b == '.':
		return !digit(next) && (next < 'a' || next > 'z')
	case b == ':':
		return !digit(next)
	case b == '-':
		return !wordByte(next) || digit(next) && r.partEnds(i+1)
	}
	return true
}

// partEnds reports whether a quantity stands at i, and nothing that makes it a part of a name behind it.
func (r *reader) partEnds(i int) bool {
	_, n := quantityAt(r.s[i:])
	return n > 0 && (i+n == len(r.s) || !wordByte(r.s[i+n]) && r.s[i+n] != '-' && r.s[i+n] != ':' &&
		(r.s[i+n] != '.' || i+n+1 == len(r.s) || !wordByte(r.s[i+n+1])))
}

// merge adds the minutes to the hours of 1h30m, and reports whether that is what q was.
func (r *reader) merge(q quantity, start, end int) bool {
	if len(r.quantities) == 0 || q.dim != span || r.end == 0 || strings.TrimSpace(r.s[r.end:start]) != "" || start-r.end > 1 {
		return false
	}
	last := &r.quantities[len(r.quantities)-1]
	if last.dim != span || last.scale <= q.scale {
		return false
	}
	*last = quantity{
		text: last.text + r.s[r.end:end], value: last.base() + q.base(), ulp: q.ulp * q.scale, scale: 1, dim: span,
		slack: last.slack, change: last.change,
	}
	return true
}

func (r *reader) name(n name) {
	if !r.source && len(r.names) < maxClaims && !slices.Contains(r.names, n) {
		r.names = append(r.names, n)
	}
}

// quoted reads one word in quotation marks that follows what names it, or that has the look of a name.
func (r *reader) quoted(i int) int {
	mark := r.s[i]
	if mark == '\'' && i > 0 && wordByte(r.s[i-1]) || r.tried >= maxTried {
		return 1 // an apostrophe, or enough
	}
	r.tried++
	inner := cutBytes(r.s[i+1:], maxQuoted)
	end := strings.IndexByte(inner, mark)
	if end <= 0 {
		return 1
	}
	inner = inner[:end]
	before, after := r.around(i, len(inner)+2)
	if runAt(inner) != inner || digits(inner) || ordinary(inner) || evidenceRun.MatchString(inner) ||
		!kindBefore.MatchString(before) && !kindAfter.MatchString(after) && !strings.Contains(inner, "_") {
		return 1 // its parts are read as any others
	}
	r.name(name{text: inner, strong: true})
	return len(inner) + 2
}

const kindsOfThing = `region|zone|service|host|node|instance|job|pod|container|namespace|cluster|database|table|topic|queue|user|account|device|` +
	`endpoint|handler|path|version|value|label|deployment|tenant|customer|source|metric|series|alert|slot|channel|地区|区域|机房|可用区|服务|主机|节点|` +
	`实例|任务|容器|命名空间|集群|数据库|用户|账号|设备|接口|路径|版本|标签|取值|来源|指标|告警|渠道`

var (
	kindBefore = regexp.MustCompile(`(?i)(?:=~?|\b(?:named|called)|名为|` + kindsOfThing + `) ?$`)
	kindAfter  = regexp.MustCompile(`(?i)^ ?(?:` + kindsOfThing + `)`)
)

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789.,") == "" }

// matcher reads label="value" and returns its length; 0 when run is not followed by one.
func (r *reader) matcher(run, rest string) int {
	after := rest[len(run):]
	value, ok := strings.CutPrefix(after, "=")
	if r.source || !ok || value == "" || !letter(run[0]) || strings.ContainsAny(value[:1], "=~ ") {
		return 0
	}
	skipped := len(run) + 1
	if mark := value[0]; mark == '"' || mark == '\'' {
		value = cutBytes(value[1:], maxQuoted)
		end := strings.IndexByte(value, mark)
		if end <= 0 || digits(value[:end]) {
			return skipped
		}
		r.name(name{text: value[:end], strong: true})
		return skipped + end + 2
	}
	value = runAt(value)
	if value == "" || digits(value) {
		return skipped
	}
	r.name(name{text: value, strong: true})
	return skipped + len(value)
}

// code reads what stands between backticks: a name, or code whose numbers are not claims.
func (r *reader) code(i int) int {
	inner := cutBytes(r.s[i+1:], maxCode)
	end := strings.IndexByte(inner, '`')
	if end <= 0 {
		return 1
	}
	inner = inner[:end]
	if run := runAt(inner); run == inner && !digits(inner) && !evidenceRun.MatchString(inner) && !ordinary(inner) {
		r.name(name{text: inner, strong: classify(inner) == strongName})
		return end + 2
	}
	part := reader{s: inner}
	part.read()
	for _, n := range part.names {
		r.name(n)
	}
	r.ids = append(r.ids, part.ids...)
	return end + 2
}

var systemPath = regexp.MustCompile(`^/(?:etc|var|proc|sys|tmp|usr|opt|home|root|dev|run|bin|lib|srv|data|metrics|graph|api/v1/query)\b`)

// path reads /login, as handlers are named.
func (r *reader) path(i int) int {
	rest := r.s[i+1:]
	run := runAt(rest)
	if run == "" || !letter(run[0]) {
		return 1
	}
	if path := "/" + strings.TrimRight(run, "/"); !systemPath.MatchString(path) {
		r.name(name{text: path})
	}
	return 1 + len(run)
}

// runAt returns the letters, digits and signs of which names are made, at the start of s.
func runAt(s string) string {
	end := strings.IndexFunc(s, func(c rune) bool {
		return c >= utf8.RuneSelf || !wordByte(byte(c)) && !strings.ContainsRune("._:/@-*", c)
	})
	if end < 0 {
		end = len(s)
	}
	return strings.TrimRight(s[:end], "._:/@-*")
}

var evidenceRun = regexp.MustCompile(`^E\d{1,3}(?:[-/:.]E?\d{1,3})*$`)

// run files a run of letters, digits and signs.
func (r *reader) run(run string, i int) {
	if r.source || r.tried >= maxTried {
		return
	}
	if evidenceRun.MatchString(run) {
		for _, part := range strings.FieldsFunc(run, func(c rune) bool { return c == '-' || c == '/' || c == ':' || c == '.' }) {
			if part[0] == 'E' && len(r.ids) < maxClaims {
				r.ids = append(r.ids, evidenceIDs(part)...)
			}
		}
		return
	}
	if strings.ToLower(run[1:]) == run[1:] && !strings.ContainsAny(run, "0123456789._:/@-") {
		return // a word
	}
	r.tried++
	before, after := r.around(i, len(run))
	cutOff := strings.HasPrefix(after, "…") || strings.HasPrefix(after, "*")
	for _, part := range parts(run) {
		kind := classify(part)
		if kind == noName && alertName.MatchString(part) && (alertBefore.MatchString(before) || alertAfter.MatchString(after)) {
			kind = weakName
		}
		if kind != noName {
			r.name(name{text: part, strong: kind == strongName, prefix: cutOff})
		}
	}
}

var (
	alertName   = regexp.MustCompile(`^(?:[A-Z][a-z0-9]+){2,}[A-Z]*$`)
	alertBefore = regexp.MustCompile(`(?i)(?:\balerts?|告警) ?$`)
	alertAfter  = regexp.MustCompile(`(?i)^ ?(?:alerts?\b|告警)`)
)
