package redact

import (
	"regexp"
	"strings"
)

// longWord reads a long random word behind a phrase that says that something is a key: authenticate with key V.
func (c *scanner) longWord(i, value int) int {
	end := tokens.run(c.s[:min(len(c.s), value+maxHarmless)], value)
	if v := strings.TrimRight(c.s[value:end], ".,:"); looksLikeKey(v) || uuidForm.MatchString(v) {
		return c.found(value, value+len(v), Token)
	}
	return i
}

var uuidForm = regexp.MustCompile(`(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// redisAuth reads AUTH V of Redis, at the beginning of a line or of a string.
func (c *scanner) redisAuth(i, value int) int {
	if !strings.HasPrefix(c.s[i:], "AUTH") || i > 0 && strings.IndexByte("\n\"'`", c.s[i-1]) < 0 {
		return i
	}
	end := c.bareWithin(value, maxHarmless)
	if v := c.s[value:end]; len(v) >= 8 && letterAndDigit(v) && spoken(v, key{kind: Password, name: "password"}, false) {
		return c.found(value, end, Password)
	}
	return i
}

var forAccount = regexp.MustCompile(`^\\*['"\x60]?[\w.%*-]{1,64}\\*['"\x60]?(?:@\\*['"\x60]?[\w.%*:-]{0,64}\\*['"\x60]?)?\s*(?:=|TO|to)\s*(?:(?:PASSWORD|password)\()?`)

// passwordFor reads SET PASSWORD FOR 'bob'@'%' = 'V' of SQL.
func (c *scanner) passwordFor(i, value int) int {
	m := forAccount.FindString(c.s[value:min(len(c.s), value+200)])
	if at := value + len(m); m != "" && at < len(c.s) {
		return c.setting(i, at)
	}
	return i
}

var firstArgument = regexp.MustCompile(`^\s*\\*["'\x60][^"'\x60\n\\]{1,64}\\*["'\x60]\s*,\s*`)

// secondArgument reads the password of a call that takes a user and a password: auth("bob", "V").
func (c *scanner) secondArgument(i, value int) int {
	m := firstArgument.FindString(c.s[value:min(len(c.s), value+100)])
	at := value + len(m)
	quote := c.skip(at, maxQuotes, `\`)
	if m == "" || quote >= len(c.s) || strings.IndexByte("\"'`", c.s[quote]) < 0 {
		return i
	}
	start, end, next := c.quoted(quote, quote-at)
	v := c.s[start:end]
	if len(v) < 6 || plainWord(v) || plainName(v) && !digitInWord.MatchString(v) || harmless(v, surroundings{key: key{kind: Password, name: "password"}, separator: '=', quoted: true}, c) {
		return i
	}
	c.found(start, end, Password)
	return next
}

var digitCode = regexp.MustCompile(`(?i)^(?:is |was |lautet |ist |es |est |for (?:the |my |our )?\S+(?: is |: ))?[:="'\s]*(\d{4,8})\b`)

// digits reads a code of digits: PIN code is 123456.
func (c *scanner) digits(i, value int) int {
	m := digitCode.FindStringSubmatchIndex(c.s[value:min(len(c.s), value+80)])
	if m == nil {
		return i
	}
	return c.found(value+m[2], value+m[3], Token)
}

// digitsFor reads the digits of a PIN whose use is said: PIN for the safe: 4821.
func (c *scanner) digitsFor(i, value int) int { return c.digits(i, value-len("for ")) }

// sentCode reads a code of six to eight digits behind the name of what is sent to somebody once, unless it counts something: OTP 482913
// accepted, and not OTP 120000 requests.
func (c *scanner) sentCode(i, value int) int {
	if i > 0 && isWord[c.s[i-1]] && !c.escapeBefore(i) {
		return i
	}
	m := onceCode.FindStringSubmatchIndex(c.s[value:min(len(c.s), value+64)])
	if m == nil || countedBehind.MatchString(c.s[value+m[3]:min(len(c.s), value+m[3]+32)]) {
		return i
	}
	return c.found(value+m[2], value+m[3], Token)
}

var (
	onceCode      = regexp.MustCompile(`(?i)^[:="'\s]*(?:(?:is|was|lautet|ist|es|est|è) )?[:="'\s]*(\d{6,8})\b`)
	countedBehind = regexp.MustCompile(`^(?:[.,]\d|[ \t]*%| [a-z]+s\b)`)
)

// longKey reads a long random word right behind the name of a key that often is none: integration key V is rejected.
func (c *scanner) longKey(end int, k key) int {
	if !strings.HasSuffix(k.name, "_key") && !strings.HasPrefix(k.name, "api_") {
		return end
	}
	value := c.skip(end, 3, " \"'`")
	if value == end {
		return end
	}
	stop := tokens.run(c.s[:min(len(c.s), value+maxHarmless)], value)
	if v := strings.TrimRight(c.s[value:stop], ".,:"); looksLikeKey(v) && !notSpoken.MatchString(v) {
		return c.found(value, value+len(v), k.kind)
	}
	return end
}

// maxSentence bounds what stands between the name of a secret and the end of its line, where the value is alone on one of the next.
const maxSentence = 100

// restOfSentence matches the words up to the colon that ends a line.
var restOfSentence = regexp.MustCompile(`^(?: [A-Za-z',-]+)+ ?:[ \t\r]*$`)

// announcedBelow reads a value that a sentence announces with its colon: use the following password to go on:⏎⏎V.
func (c *scanner) announcedBelow(end int, k key) int {
	rest := c.s[end:min(len(c.s), end+maxSentence)]
	n := strings.IndexByte(rest, '\n')
	if k.weak || n < 0 || !restOfSentence.MatchString(rest[:n]) {
		return end
	}
	value := c.skip(end+n, 16, "\r\n \t")
	if value == len(c.s) || !c.alone(value) {
		return end
	}
	stop := c.bareWithin(value, maxHarmless)
	if v := c.s[value:stop]; !looksRandom(v) || !spoken(v, k, true) {
		return end
	}
	return c.found(value, stop, k.kind)
}
