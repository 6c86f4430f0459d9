package factcheck

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// claims are what a text says that can be looked up: numbers with their units, times, names, and ids of evidence.
type claims struct {
	quantities []quantity
	timestamps []timestamp
	names      []nameClaim
	ids        []string
}

// nameClaim is a token that looks like the name of one thing.
type nameClaim struct {
	text   string
	strong bool // an address, a host, a version, a label's value: made by no rule of grammar
	prefix bool // it was cut off
}

const (
	maxClaims    = 60  // of a kind, in one text
	maxCitations = 20  // of evidence, in one text
	maxTried     = 300 // words, numbers and quotations of one text that are looked at closely
	maxQuoted    = 100 // bytes between quotes
	maxCode      = 400 // bytes between backticks
	lookBack     = 24  // bytes before a number that tell how it is meant
)

// claimParser reads the claims of one text from left to right, each byte a bounded number of times.
type claimParser struct {
	s      string
	source bool // the text is what claims are looked up in: all of its numbers count
	claims
	end   int // of the last quantity
	tried int // that were looked at closely
}

// parseClaims reads what a text of the model says.
func parseClaims(s string) claims {
	p := claimParser{s: uniform(s)}
	p.parse()
	return p.claims
}

// parseFacts reads the numbers and times of a text that others are checked against.
func parseFacts(s string) claims {
	p := claimParser{s: uniform(s), source: true}
	p.parse()
	return p.claims
}

// uniform writes what looks the same in the same way: full-width letters and digits, dashes, spaces, quotes.
func uniform(s string) string {
	if isASCII(s) && !strings.ContainsAny(s, "\t\v\f\r") {
		return s
	}
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

func (p *claimParser) parse() {
	for i := 0; i < len(p.s); {
		switch b := p.s[i]; {
		case b == '[' && strings.HasPrefix(p.s[i:], "[REDACTED:"):
			i += max(strings.IndexByte(p.s[i:], ']'), 1)
		case b == '`' && !p.source:
			i += p.code(i)
		case (b == '"' || b == '\'') && !p.source:
			i += p.quoted(i)
		case b == '/' && !p.source && (i == 0 || !isWordByte(p.s[i-1])):
			i += p.path(i)
		case isWordByte(b):
			i += p.word(i)
		default:
			i++
		}
	}
}

// word reads what begins with a letter or digit: a time, a number, an id, or a name.
func (p *claimParser) word(i int) int {
	rest := p.s[i:]
	if at, n := timestampAt(rest); n > 0 {
		p.addTimestamp(at, i, n)
		return n
	}
	if isDigit(rest[0]) {
		if n := p.quantity(i); n > 0 {
			return n
		}
	}
	run := runAt(rest)
	if run == "" {
		return 1
	}
	if n := p.matcher(run, rest); n > 0 {
		return n
	}
	p.run(run, i)
	return len(run)
}

// quantity reads a number; 0 says that what stands here is something else.
func (p *claimParser) quantity(i int) int {
	q, n := quantityAt(p.s[i:])
	if n == 0 || !p.endsQuantity(i+n) {
		if found := compoundForm.FindString(p.s[i:]); found != "" && found == runAt(p.s[i:]) {
			return len(found)
		}
		return 0
	}
	if found := alwaysForm.FindString(p.s[i:]); found != "" {
		return len(found)
	}
	switch {
	case p.merge(q, i, i+n):
	case p.source:
		p.quantities = append(p.quantities, q)
	case p.tried < maxTried && len(p.quantities) < maxClaims:
		p.tried++
		p.claim(q, i, n)
	}
	p.end = i + n
	return n
}

// endsQuantity reports whether a number may end at i, and is no part of an address, a version or a word.
func (p *claimParser) endsQuantity(i int) bool {
	if i >= len(p.s) {
		return true
	}
	b, next := p.s[i], byte(0)
	if i+1 < len(p.s) {
		next = p.s[i+1]
	}
	switch {
	case isWordByte(b), b == '@':
		// 1h30m goes on with a digit, and ends as what comes then.
		return isDigit(b) && i > 0 && isLetter(p.s[i-1]) && p.partEnds(i)
	case b == '.':
		return !isDigit(next) && (next < 'a' || next > 'z')
	case b == ':':
		return !isDigit(next)
	case b == '-':
		return !isWordByte(next) || isDigit(next) && p.partEnds(i+1)
	}
	return true
}

// partEnds reports whether a quantity stands at i, and nothing that makes it a part of a name behind it.
func (p *claimParser) partEnds(i int) bool {
	_, n := quantityAt(p.s[i:])
	return n > 0 && (i+n == len(p.s) || !isWordByte(p.s[i+n]) && p.s[i+n] != '-' && p.s[i+n] != ':' &&
		(p.s[i+n] != '.' || i+n+1 == len(p.s) || !isWordByte(p.s[i+n+1])))
}

// merge adds the minutes to the hours of 1h30m, and reports whether that is what q was.
func (p *claimParser) merge(q quantity, start, end int) bool {
	if len(p.quantities) == 0 || q.dim != dimSpan || p.end == 0 || strings.TrimSpace(p.s[p.end:start]) != "" || start-p.end > 1 {
		return false
	}
	last := &p.quantities[len(p.quantities)-1]
	if last.dim != dimSpan || last.scale <= q.scale {
		return false
	}
	*last = quantity{
		text: last.text + p.s[p.end:end], value: last.base() + q.base(), ulp: q.ulp * q.scale, scale: 1, dim: dimSpan,
		slack: last.slack, change: last.change,
	}
	return true
}

func (p *claimParser) name(n nameClaim) {
	if !p.source && len(p.names) < maxClaims && !slices.Contains(p.names, n) {
		p.names = append(p.names, n)
	}
}

// quoted reads one word in quotation marks that follows what names it, or that has the look of a name.
func (p *claimParser) quoted(i int) int {
	mark := p.s[i]
	if mark == '\'' && i > 0 && isWordByte(p.s[i-1]) || p.tried >= maxTried {
		return 1 // an apostrophe, or enough
	}
	p.tried++
	inner := text.CutBytes(p.s[i+1:], maxQuoted)
	end := strings.IndexByte(inner, mark)
	if end <= 0 {
		return 1
	}
	inner = inner[:end]
	before, after := p.around(i, len(inner)+2)
	if runAt(inner) != inner || isNumeral(inner) || isCommonForm(inner) || evidenceRun.MatchString(inner) ||
		!kindBefore.MatchString(before) && !kindAfter.MatchString(after) && !strings.Contains(inner, "_") {
		return 1 // its parts are read as any others
	}
	p.name(nameClaim{text: inner, strong: true})
	return len(inner) + 2
}

const kindsOfThing = `region|zone|service|host|node|instance|job|pod|container|namespace|cluster|database|table|topic|queue|user|account|device|` +
	`endpoint|handler|path|version|value|label|deployment|tenant|customer|source|metric|series|alert|slot|channel|地区|区域|机房|可用区|服务|主机|节点|` +
	`实例|任务|容器|命名空间|集群|数据库|用户|账号|设备|接口|路径|版本|标签|取值|来源|指标|告警|渠道`

var (
	kindBefore = regexp.MustCompile(`(?i)(?:=~?|\b(?:named|called)|名为|` + kindsOfThing + `) ?$`)
	kindAfter  = regexp.MustCompile(`(?i)^ ?(?:` + kindsOfThing + `)`)
)

func isNumeral(s string) bool { return s != "" && strings.Trim(s, "0123456789.,") == "" }

// matcher reads label="value" and returns its length; 0 when run is not followed by one.
func (p *claimParser) matcher(run, rest string) int {
	after := rest[len(run):]
	value, ok := strings.CutPrefix(after, "=")
	if p.source || !ok || value == "" || !isLetter(run[0]) || strings.ContainsAny(value[:1], "=~ ") {
		return 0
	}
	skipped := len(run) + 1
	if mark := value[0]; mark == '"' || mark == '\'' {
		value = text.CutBytes(value[1:], maxQuoted)
		end := strings.IndexByte(value, mark)
		if end <= 0 || isNumeral(value[:end]) {
			return skipped
		}
		p.name(nameClaim{text: value[:end], strong: true})
		return skipped + end + 2
	}
	value = runAt(value)
	if value == "" || isNumeral(value) {
		return skipped
	}
	p.name(nameClaim{text: value, strong: true})
	return skipped + len(value)
}

// code reads what stands between backticks: a name, or code whose numbers are not claims.
func (p *claimParser) code(i int) int {
	inner := text.CutBytes(p.s[i+1:], maxCode)
	end := strings.IndexByte(inner, '`')
	if end <= 0 {
		return 1
	}
	inner = inner[:end]
	if run := runAt(inner); run == inner && !isNumeral(inner) && !evidenceRun.MatchString(inner) && !isCommonForm(inner) {
		p.name(nameClaim{text: inner, strong: classify(inner) == strongName})
		return end + 2
	}
	part := claimParser{s: inner}
	part.parse()
	for _, n := range part.names {
		p.name(n)
	}
	p.ids = append(p.ids, part.ids...)
	return end + 2
}

var systemPath = regexp.MustCompile(`^/(?:etc|var|proc|sys|tmp|usr|opt|home|root|dev|run|bin|lib|srv|data|metrics|graph|api/v1/query)\b`)

// path reads /login, as handlers are named.
func (p *claimParser) path(i int) int {
	rest := p.s[i+1:]
	run := runAt(rest)
	if run == "" || !isLetter(run[0]) {
		return 1
	}
	if path := "/" + strings.TrimRight(run, "/"); !systemPath.MatchString(path) {
		p.name(nameClaim{text: path})
	}
	return 1 + len(run)
}

// runAt returns the letters, digits and signs of which names are made, at the start of s.
func runAt(s string) string {
	end := strings.IndexFunc(s, func(c rune) bool {
		return c >= utf8.RuneSelf || !isWordByte(byte(c)) && !strings.ContainsRune("._:/@-*", c)
	})
	if end < 0 {
		end = len(s)
	}
	return strings.TrimRight(s[:end], "._:/@-*")
}

var evidenceRun = regexp.MustCompile(`^E\d{1,3}(?:[-/:.]E?\d{1,3})*$`)

// run files a run of letters, digits and signs.
func (p *claimParser) run(run string, i int) {
	if p.source || p.tried >= maxTried {
		return
	}
	if evidenceRun.MatchString(run) {
		for _, part := range strings.FieldsFunc(run, func(c rune) bool { return c == '-' || c == '/' || c == ':' || c == '.' }) {
			if part[0] == 'E' && len(p.ids) < maxClaims {
				p.ids = append(p.ids, "E"+strconv.Itoa(atoi(part[1:])))
			}
		}
		return
	}
	if strings.ToLower(run[1:]) == run[1:] && !strings.ContainsAny(run, "0123456789._:/@-") {
		return // a word
	}
	p.tried++
	before, after := p.around(i, len(run))
	cutOff := strings.HasPrefix(after, "…") || strings.HasPrefix(after, "*")
	for _, part := range nameParts(run) {
		kind := classify(part)
		if kind == noName && alertName.MatchString(part) && (alertBefore.MatchString(before) || alertAfter.MatchString(after)) {
			kind = weakName
		}
		if kind != noName {
			p.name(nameClaim{text: part, strong: kind == strongName, prefix: cutOff})
		}
	}
}

var (
	alertName   = regexp.MustCompile(`^(?:[A-Z][a-z0-9]+){2,}[A-Z]*$`)
	alertBefore = regexp.MustCompile(`(?i)(?:\balerts?|告警) ?$`)
	alertAfter  = regexp.MustCompile(`(?i)^ ?(?:alerts?\b|告警)`)
)
