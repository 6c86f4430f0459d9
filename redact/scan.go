package redact

import (
	"strings"
	"unicode/utf8"
)

// scanner walks once over a text. At each byte that can begin or announce a secret it asks the rules for that byte;
// a rule that finds one moves the scanner behind it, a rule that finds none has looked at a bounded stretch only, so
// that the whole stays linear.
type scanner struct {
	s     string
	spans []span
	floor int // keys are not looked for before it: the end of the last secret or placeholder
	depth int // how often the text was decoded before
	// tableEnd and manifestEnd are where the last table and the last manifest of a Kubernetes secret end.
	tableEnd, manifestEnd int
	// listEnd, listed and inlineEnd are where the last list ends, the last one with secrets, and the last one without brackets.
	listEnd, listed, inlineEnd int
}

// phrasesByByte are the phrases by their first byte.
var phrasesByByte [256][]phrase

// beginnings are the first two bytes of shapes and of phrases, so that nearly no word is compared with them.
var beginnings [256][256]uint8

const (
	ofShape uint8 = 1 << iota
	ofPhrase
)

// rules are the rules by the first byte they care for.
var rules [256]func(*scanner, int) int

func init() {
	for _, shapes := range shapesByByte {
		for _, sh := range shapes {
			rules[sh.prefix[0]] = (*scanner).word
			beginnings[sh.prefix[0]][sh.prefix[1]] |= ofShape
		}
	}
	for _, p := range commandPhrases {
		phrases = append(phrases, phrase{p.words, fromPhrase(p.value, p.kind)})
	}
	for _, p := range phrases {
		phrasesByByte[p.words[0]] = append(phrasesByByte[p.words[0]], p)
		rules[p.words[0]] = (*scanner).word
		rules[p.words[0]-'a'+'A'] = (*scanner).word
		for _, first := range []byte{p.words[0] | 0x20, p.words[0] &^ 0x20} {
			beginnings[first][p.words[1]|0x20] |= ofPhrase
			beginnings[first][p.words[1]&^0x20] |= ofPhrase
		}
	}
	for first, words := range foreignByByte {
		if len(words) > 0 && rules[first] == nil {
			rules[first] = (*scanner).word
		}
	}
	for _, c := range []byte("=:>") {
		rules[c] = (*scanner).pair
	}
	for first, words := range foreignByByte {
		if len(words) > 0 && first >= utf8.RuneSelf {
			rules[first] = (*scanner).foreign
		}
	}
	rules['/'] = (*scanner).pairOfUser
	rules['~'] = (*scanner).tilde
	rules['|'] = (*scanner).table
	rules['['] = (*scanner).placeholder
	rules['-'] = (*scanner).dash
	rules['@'] = (*scanner).at
	rules['$'] = (*scanner).crypt
	rules['{'] = (*scanner).brace
	rules['*'] = (*scanner).star
	rules['<'] = (*scanner).hereString
}

func (c *scanner) run() {
	for i := 0; i < len(c.s); {
		if rule := rules[c.s[i]]; rule != nil {
			if next := rule(c, i); next > i {
				i, c.floor = next, next
				continue
			}
		}
		if !isWord[c.s[i]] || c.escapeBefore(i+1) { // the n of \n begins no word, the letter behind it does
			i++
			continue
		}
		end := isWord.run(c.s, i) // a word is looked at where it begins, and where it ends
		if end-i >= minEncoded/2 {
			if next := c.encoded(i); next > i {
				i, c.floor = next, next
				continue
			}
		}
		if end < len(c.s) && c.s[end] == '.' && end-i >= 14 {
			if next := c.dotted(i, end); next > i {
				i, c.floor = next, next
				continue
			}
		}
		if next := c.noun(i, end); next > end {
			c.floor = next
			i = next
			continue
		}
		i = end
	}
}

// found records a secret and returns where to go on.
func (c *scanner) found(start, end int, kind string) int {
	if start >= end || isPlaceholder(c.s[start:end]) {
		return end
	}
	c.spans = append(c.spans, span{start, end, kind})
	return end
}

func (c *scanner) placeholder(i int) int {
	n, _ := placeholderAt(c.s[i:])
	return i + n
}

// word is the rule for bytes that begin a shape or a phrase.
func (c *scanner) word(i int) int {
	first := c.s[i]
	longest, second := i, byte(0)
	if i+1 < len(c.s) {
		second = c.s[i+1]
	}
	var best *shape
	begins := beginnings[first][second]
	if begins&ofShape != 0 {
		longest, best = c.shape(i, second)
	}
	if longest > i {
		if best.keep {
			i += len(best.prefix)
		}
		return c.accessKey(c.found(i, longest, best.kind), best.prefix)
	}
	if len(foreignByByte[first]) > 0 {
		if next := c.foreign(i); next > i {
			return next
		}
	}
	if begins&ofPhrase == 0 {
		return i
	}
	for _, p := range phrasesByByte[first|0x20] {
		if p.words[1] == second|0x20 && hasPrefixFold(c.s[i:], p.words) {
			if next := p.rule(c, i, i+len(p.words)); next > i {
				return next
			}
		}
	}
	return i
}

// shape returns the longest shape that starts at i and goes on with the byte second, and its end; i when there is none.
func (c *scanner) shape(i int, second byte) (longest int, best *shape) {
	longest = i
	all := shapesByByte[c.s[i]]
	for n := range all {
		if all[n].prefix[1] != second {
			continue
		}
		if end := all[n].end(c.s, i); end > longest {
			longest, best = end, &all[n]
		}
	}
	return longest, best
}

// escapeBefore reports whether an escape like \n ends right before i, whose letter belongs to no word.
func (c *scanner) escapeBefore(i int) bool {
	return i >= 2 && i <= len(c.s) && c.s[i-2] == '\\' && strings.IndexByte("nrt", c.s[i-1]) >= 0
}

// lineBefore returns up to limit bytes of the line before i.
func (c *scanner) lineBefore(i, limit int) string {
	s := c.s[max(0, i-limit):i]
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// skip returns the first offset from i on, at most limit further, whose byte is not in set.
func (c *scanner) skip(i, limit int, set string) int {
	for end := min(len(c.s), i+limit); i < end && strings.IndexByte(set, c.s[i]) >= 0; i++ {
		continue
	}
	return i
}

// restOfLine returns the end of the line or of the string that i is in: the next line break or double quote.
func (c *scanner) restOfLine(i int) int {
	end := len(c.s)
	if n := strings.IndexAny(c.s[i:], "\"\r\n"); n >= 0 {
		end = i + n
	}
	for end > i && (c.s[end-1] == '\\' || c.s[end-1] == ' ' || c.s[end-1] == '\'') {
		end--
	}
	return end
}

// set is a set of bytes.
type set [256]bool

func newSet(ranges string) *set {
	var s set
	for i := 0; i < len(ranges); i++ {
		if i+2 < len(ranges) && ranges[i+1] == '-' {
			for c := int(ranges[i]); c <= int(ranges[i+2]); c++ {
				s[c] = true
			}
			i += 2
			continue
		}
		s[ranges[i]] = true
	}
	return &s
}

// run returns the end of the run of the set's bytes that starts at i.
func (s *set) run(text string, i int) int {
	for i < len(text) && s[text[i]] {
		i++
	}
	return i
}

var (
	isWord       = newSet("a-zA-Z0-9_")
	keyChars     = newSet("a-zA-Z0-9_.-")
	alnum        = newSet("a-zA-Z0-9")
	upperNum     = newSet("A-Z0-9")
	hexChars     = newSet("a-f0-9")
	hexUpper     = newSet("a-fA-F0-9")
	b64Std       = newSet("a-zA-Z0-9+/=\\\n")
	querySafe    = newSet("a-zA-Z0-9_./:@%=?&-")
	urlSafe      = newSet("a-zA-Z0-9_-")
	dotted       = newSet("a-zA-Z0-9_.-")
	pathSafe     = newSet("a-zA-Z0-9_./:@%=+-")
	b64Chars     = newSet("a-zA-Z0-9+/=_-")
	isCookieName = newSet("a-zA-Z0-9_.%$!-")
	tokens       = newSet("a-zA-Z0-9._~+/=:-")
)

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
