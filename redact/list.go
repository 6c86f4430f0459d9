package redact

import (
	"regexp"
	"strings"
)

const (
	maxItems = 64      // items of a list
	maxList  = 1 << 12 // bytes of one
)

// item is a value of a list; quoted is whether quotes stand around it, name what a mapping calls it.
type item struct {
	span
	quoted bool
	listed bool // it stands in brackets, or on a line of its own
	name   string
}

// opener matches what stands before the first item of a list in a data format or in source code.
var opener = regexp.MustCompile(`^(?:&[\w-]+[ \t]*|!!\w+[ \t]*)?((?:new )?(?:\[\]\w+|map\[\w+\]\w+|[A-Za-z_][\w.:]{0,24}!?)?(?:<\w*>)?[\[({][ \t]*\[?|$|\r?\n|\\+n)`)

// list redacts the items of the list, or the values of the mapping, that the name before i announces. It reports whether it found any.
// A name in the singular announces lists only, since the mapping of a password describes it.
func (c *scanner) list(i int, k key) bool {
	if i < c.listEnd {
		return false
	}
	sign := c.skip(i, maxQuotes, "\"'`]\\ \t")
	at := c.skip(sign, 3, ":=>")
	if at == sign {
		if !k.many || at >= len(c.s) {
			return false
		}
		if !codeNames[lastWords(k.name, 2)] || strings.IndexByte("[(", c.s[at]) < 0 {
			if at = c.announced(i); at == i || k.kind != Password {
				return false
			}
		}
	}
	at = c.skip(at, 64, " \t")
	if at == len(c.s) || !k.many && strings.IndexByte("[\r\n\\", c.s[at]) < 0 {
		return false
	}
	if n, _ := placeholderAt(c.s[at:]); n > 0 {
		return false
	}
	head := opener.FindString(c.s[at:min(len(c.s), at+64)])
	if head == "" {
		return false
	}
	limit := min(len(c.s), at+maxList)
	var l list
	if last := head[len(head)-1]; last == '\n' || last == 'n' {
		l = c.lines(i, at, limit, k.many)
	} else {
		depth := strings.Count(head, "[") + strings.Count(head, "(") + strings.Count(head, "{") - strings.Count(head, "]")
		l = c.flow(at+len(head), limit, depth)
		l.data = l.data && head[len(head)-1] != '('
	}
	c.listEnd = l.end
	l.data = l.data && c.keyPosition(i)
	if !c.redactItems(l, k) {
		return false
	}
	c.listed = l.end
	return true
}

// announced returns the end of the line of i when its words end with a colon, as in Passwords in the paste: with values below; else i.
func (c *scanner) announced(i int) int {
	end := lineEnd(c.s[:min(len(c.s), i+80)], i)
	if end < len(c.s) && c.s[end] == '\n' && strings.HasSuffix(strings.TrimRight(c.s[i:end], " \r"), ":") && strings.Count(c.s[i:end], ":") == 1 {
		return end
	}
	return i
}

// list is what was read of a list: data is whether words without quotes are its items too, and not those of a sentence.
type list struct {
	items []item
	end   int
	data  bool
}

// keyPosition reports whether the name that ends at i begins a line, or stands behind a separator: in a sentence, a word stands before it.
func (c *scanner) keyPosition(i int) bool {
	start := i
	for limit := max(c.floor, i-80); start > limit && keyChars[c.s[start-1]]; {
		start--
	}
	before := c.skipBack(start, 80, " \t")
	return before == 0 || before == start && before == c.floor || !alnum[c.s[before-1]] || c.escapeBefore(before)
}

// redactItems redacts the secrets among the items of a list. In one in which some are secrets for certain, passwords that are words are as well.
func (c *scanner) redactItems(l list, k key) bool {
	sure := l.data && (k.kind == Password || !k.many && !k.weak)
	for _, it := range l.items {
		sure = sure || c.secretItem(it, k, false)
	}
	some := false
	for _, it := range l.items {
		if c.secretItem(it, k, sure) {
			c.found(it.start, it.end, k.kind)
			some = true
		}
	}
	return some
}

// settings are the words of a mapping that describe secrets or their owners, and hold none.
var settings = newWords(`policy min max length size integrity resolved checksum digest fingerprint pattern title format items properties enum const comment label default example hash algorithm alg encoding type mode kind expires expiry expiration rotation ttl age format store source
	provider file path enabled required from ref name user username login account email id host url endpoint region project bucket key version
	namespace description role scope issuer audience count limit used total created updated status state owner input output port server database`)

// secretItem reports whether an item is a secret. Where the list holds secrets for certain, sure, a word is one too.
func (c *scanner) secretItem(it item, k key, sure bool) bool {
	v := c.s[it.start:it.end]
	if v == "" || len(v) > maxHarmless {
		return len(v) > maxHarmless && looksRandom(v[:maxHarmless])
	}
	ctx := surroundings{key: key{kind: k.kind, name: k.name}, keyStart: it.start, separator: ':', quoted: it.quoted}
	if harmless(v, ctx, c) || settings[lastWords(normalize(strings.TrimLeft(it.name, "$@")), 1)] || strings.Trim(v, "0123456789") == "" && (len(v) < 4 || !it.quoted && len(v) < 6) {
		return false
	}
	if (k.kind == Password || !k.many && !k.weak) && (it.quoted || sure) && !strings.Contains(v, " ") {
		return true
	}
	if codeNames[lastWords(k.name, 2)] {
		return len(v) >= 5 && strings.ContainsAny(v, "0123456789") && codeChars.run(v, 0) == len(v)
	}
	oneWord := alnum.run(v, 0) == len(v)
	return looksRandom(v) || uuidForm.MatchString(v) || oneWord && (it.listed || it.quoted) && len(v) >= 6 && letterAndDigit(v) && !notSpoken.MatchString(v) ||
		k.kind == Password && spoken(v, k, true) || oneWord && len(v) >= 16 && strings.ToLower(v) == v || oneWord && sure && len(v) >= 9 && k.kind != GenericSecret
}

var codeChars = newSet("a-zA-Z0-9-")

// flow reads the items behind the bracket of a list, over lists and mappings within it, up to the one that closes it. One that
// nothing closes is none, unless the text is cut off in it.
func (c *scanner) flow(at, limit, depth int) (l list) {
	name, commas := "", false
	for len(l.items) < maxItems {
		next := c.itemStart(at, limit)
		if next >= limit {
			break
		}
		commas = commas || strings.ContainsAny(c.s[at:next], ",;")
		at = next
		if strings.IndexByte("[{(", c.s[at]) >= 0 {
			n, _ := placeholderAt(c.s[at:])
			if at += max(n, 1); n == 0 {
				depth++
			}
			continue
		}
		if strings.IndexByte("]})", c.s[at]) >= 0 {
			at++
			if depth--; depth <= 0 {
				l.end, l.data = at, commas || len(l.items) == 1 || at < len(c.s) && strings.IndexByte(" ]", c.s[at]) >= 0
				return l
			}
			continue
		}
		it, next := c.flowItem(at, limit)
		if next <= at {
			break
		}
		if value := c.skip(c.skip(next, 8, " \t"), 2, ":=>"); strings.IndexByte(":=>", c.s[value-1]) >= 0 {
			name, at = c.s[it.start:it.end], value
			continue
		}
		it.name, name = name, ""
		l.items, at = append(l.items, it), next
	}
	if l.end = at; limit < len(c.s) || len(l.items) > 0 && !l.items[0].quoted {
		l.items = nil
	}
	return l
}

// itemStart skips what stands between the items of a list, line breaks as JSON escapes them included.
func (c *scanner) itemStart(at, limit int) int {
	for at < limit {
		if letter := c.skip(at, maxQuotes, `\`); letter > at && letter < limit && strings.IndexByte("nrt", c.s[letter]) >= 0 {
			at = letter + 1
			continue
		}
		if strings.IndexByte(" \t\r\n,;", c.s[at]) < 0 {
			return at
		}
		at++
	}
	return limit
}

// bareEnd are the bytes that end an item without quotes.
var bareEnd = newSet(" \t\r\n,;:=[](){}\"'`\\")

// flowItem reads one item of a list in brackets.
func (c *scanner) flowItem(at, limit int) (it item, next int) {
	quote := c.skip(at, maxQuotes, `\`)
	if quote < limit && strings.IndexByte("\"'`", c.s[quote]) >= 0 {
		start, end, next := c.quoted(quote, quote-at)
		return item{span: span{start: start, end: end}, quoted: true}, next
	}
	end := at
	for end < limit && (!bareEnd[c.s[end]] || c.s[end] == ':' && end+1 < limit && !bareEnd[c.s[end+1]]) {
		end++
	}
	return item{span: span{start: at, end: end}, listed: true}, end
}

// lines reads the items of a list, or the values of a mapping, on the lines below the name that ends at i.
func (c *scanner) lines(i, at, limit int, many bool) (l list) {
	outer := c.indent(i)
	if c.s[at] == '&' {
		at = c.skip(at, 64, "&abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
	}
	l.data = true
	for l.end = at; l.end < limit && len(l.items) < maxItems; {
		start := c.lineBreaks(l.end)
		if start == l.end || start >= limit {
			return l
		}
		text := c.skip(start, 1, "-*")
		switch {
		case text > start && text < limit && strings.IndexByte(" \t", c.s[text]) >= 0: // - V
			text = c.skip(text, 16, " \t")
		case text == start && listNumber.MatchString(c.s[start:min(limit, start+6)]): // 1. V
			text += len(listNumber.FindString(c.s[start:min(limit, start+6)]))
		case text == start && many && (c.indent(start) > outer || c.s[l.end] == '\n' && c.alone(start)): // name: V, or V
		default:
			return l
		}
		it, next := c.lineItem(text)
		if text == start && it.name == "" && !c.alone(start) && !listNumber.MatchString(c.s[start:min(limit, start+6)]) || next <= text {
			return l
		}
		l.items, l.end = append(l.items, it), next
	}
	return l
}

// indent returns how far the line of i is indented, also one behind an escaped line break.
func (c *scanner) indent(i int) int {
	line := c.lineBefore(i, 256)
	if n := strings.LastIndex(line, `\n`); n >= 0 {
		line = line[n+len(`\n`):]
	}
	return len(line) - len(strings.TrimLeft(line, " \t"))
}

var (
	listNumber = regexp.MustCompile(`^\(?\d{1,2}[.):] +`)
	mappedName = regexp.MustCompile(`^["']?([\w./@-]{1,64})["']?[ \t]*[:=][ \t]+`)
)

// lineItem reads the value of one line, which may have a name of its own. Several words are a sentence, and no value.
func (c *scanner) lineItem(at int) (it item, next int) {
	if m := mappedName.FindStringSubmatchIndex(c.s[at:min(len(c.s), at+96)]); m != nil {
		it.name = c.s[at+m[2] : at+m[3]]
		at += m[1]
	}
	if at >= len(c.s) {
		return it, at
	}
	start, end, next := c.extent(at)
	it.quoted, it.listed = start != at, true
	after := c.skip(next, 16, " \t\r,")
	if it.start, it.end = start, end; after < len(c.s) && !it.quoted && c.s[after] != '\n' && c.s[after] != '#' && c.lineBreaks(after) == after && strings.IndexByte("\"}", c.s[after]) < 0 {
		it.end = start
	}
	eol := c.restOfLine(next)
	if n := strings.Index(c.s[next:eol], `\n`); n >= 0 {
		eol = next + n
	}
	return it, max(next, eol)
}

var between = regexp.MustCompile(`^["'\x60]?(?:[ \t]*[,;|/、，；][ \t]*|[ \t]+(?:and|or|und|et|y|e|和|与|及|以及|then)[ \t]+|[ \t]*(?:和|与|及|以及)[ \t]*|[ \t]+|\r?\n[ \t]*(?:-[ \t]+)?)["'\x60]?`)

// more redacts the secrets that follow another one on its line, or on lines of their own, as in passwords: V, V and V. It returns
// where the last one ends.
func (c *scanner) more(end int, k key) int {
	for range maxItems {
		m := between.FindString(c.s[end:min(len(c.s), end+24)])
		start := end + len(m)
		if m == "" || start >= len(c.s) {
			return end
		}
		if n, _ := placeholderAt(c.s[start:]); n > 0 {
			end = start + n
			continue
		}
		next := start + len(strings.TrimRight(c.s[start:c.bareWithin(start, maxHarmless)], ",;|/\"'`"))
		if strings.Contains(m, "\n") && !c.alone(start) || !c.secretItem(item{span: span{start: start, end: next}}, k, false) {
			return end
		}
		end = c.found(start, next, k.kind)
	}
	return end
}

// inline redacts the values of a list without brackets, which stands from start to end, or up to where it becomes a sentence. It
// returns start when it found none.
func (c *scanner) inline(start, end int, quoted bool, k key) int {
	if !quoted {
		end = lineEnd(c.s[:min(len(c.s), start+maxList)], start)
	}
	end = min(end, start+maxList)
	last := start
	for at, n := start, 0; at < end && n < maxItems; n++ {
		c.inlineEnd = at
		if n, _ := placeholderAt(c.s[at:]); n > 0 {
			at += n
		}
		next := at
		for next < end && !inlineEnd[c.s[next]] {
			next++
		}
		if it := (item{span: span{start: at, end: next}}); c.secretItem(it, k, false) {
			last = c.found(at, next, k.kind)
		} else if !quoted && n > 0 {
			return last
		}
		m := between.FindString(c.s[next:min(end, next+24)])
		if m == "" {
			return last
		}
		at = next + len(m)
	}
	return last
}

var inlineEnd = newSet(" \t\r\n,;|/\"'`\\[](){}")
