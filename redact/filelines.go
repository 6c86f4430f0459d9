package redact

import (
	"regexp"
	"strings"
)

// pgpassNamed are words before a line of PostgreSQL's password file that tell that it is one.
var pgpassNamed = []string{"pgpass", "PGPASS", "username:password", "user:password"}

// pgpass reads a line of PostgreSQL's password file, host:port:database:user:V, whose first colon is at i. A password that is a word
// is one where a field is a wildcard, or the file is named before; else five words may be anything.
func (c *scanner) pgpass(i int) int {
	at, host := i+1, i
	for limit := max(0, i-64); host > limit && (keyChars[c.s[host-1]] || c.s[host-1] == '*'); {
		host--
	}
	if host == i || host > 0 && c.s[host-1] == ':' { // more fields than five
		return i
	}
	wildcard, number := c.s[host:i] == "*", hexUpper.run(c.s, host) >= i
	for fields := range 3 {
		start := at
		for at < len(c.s) && at-start <= 64 && (isWord[c.s[at]] || strings.IndexByte("*.-", c.s[at]) >= 0) {
			at++
		}
		field := c.s[start:at]
		if at == start || at == len(c.s) || c.s[at] != ':' || fields == 0 && strings.Trim(field, "0123456789") != "" && field != "*" ||
			fields > 0 && strings.Trim(field, "0123456789") == "" {
			return i
		}
		wildcard = wildcard || field == "*"
		number = number && strings.Trim(field, "0123456789abcdefABCDEF") == ""
		at++
	}
	end := c.bareWithin(at, maxHarmless)
	if number || at == end {
		return i
	}
	v := c.s[at:end]
	named := wildcard
	for _, name := range pgpassNamed {
		named = named || strings.Contains(c.s[max(0, i-512):i], name)
	}
	ctx := surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: ':'}
	if !spoken(v, ctx.key, false) && (!named || len(v) < 3 || v == "password" || harmless(v, ctx, c)) {
		return i
	}
	return c.found(at, end, Password)
}

// dumped matches what stands behind a user of a dump of Windows' passwords: its number, and the hashes of LAN Manager and NT.
var dumped = regexp.MustCompile(`^:\d{1,10}:[0-9a-fA-F]{32}:([0-9a-fA-F]{32}):`)

// crypted matches a password as crypt(3), and what took after it, stores it, in more forms than the shapes: $y$…, $1$salt$hash, $scrypt$….
var crypted = regexp.MustCompile(`^\\?\$(?:2[abxy]?\\?\$\d\d\\?\$[./A-Za-z0-9]{50,53}|[PH]\\?\$[./A-Za-z0-9]{31}|S\\?\$[./A-Za-z0-9]{52}|` +
	`(?:1|5|6|7|8|9|14|y|gy|sm3|sha1|md5|apr1|scrypt|argon2(?:id|i|d)|pbkdf2(?:-sha\d{1,3})?|bcrypt-sha256)(?:\\?\$[./A-Za-z0-9+=,_-]{1,64}){1,4}\\?\$[./A-Za-z0-9+=-]{16,128})`)

// crypt is the rule for $: hashes of passwords are as good as the passwords to somebody who has time.
func (c *scanner) crypt(i int) int {
	if i+4 > len(c.s) || !alnum[c.s[i+1]] || !strings.ContainsAny(c.s[i+2:min(len(c.s), i+16)], "$") {
		return i
	}
	if next := c.word(i); next > i {
		return next
	}
	if m := crypted.FindString(c.s[i:min(len(c.s), i+400)]); m != "" {
		return c.found(i, i+len(m), Password)
	}
	return i
}

// schemed matches a password as LDAP and htpasswd store it: {SSHA}….
var schemed = regexp.MustCompile(`^\{(?:S?SHA(?:-?\d{3})?|S?MD5|CRYPT|PBKDF2[\w-]*|ARGON2|BCRYPT)\}([$./A-Za-z0-9+=,-]{13,})|^\{(?:PLAIN|CLEARTEXT|CLEAR)\}([^\s"',;]{4,})`)

// brace is the rule for { before the name of a hash.
func (c *scanner) brace(i int) int {
	if i+5 > len(c.s) || !isUpper(c.s[i+1]) || !isUpper(c.s[i+2]) {
		return i
	}
	if m := schemed.FindStringSubmatchIndex(c.s[i:min(len(c.s), i+300)]); m != nil {
		if m[2] < 0 {
			m = m[2:]
		}
		return c.found(i+m[2], i+m[3], Password)
	}
	return i
}

// star is the rule for *: MySQL stores a password as a star and 40 digits.
func (c *scanner) star(i int) int {
	end := hexUpper.run(c.s[:min(len(c.s), i+42)], i+1)
	if end-i != 41 || strings.ToUpper(c.s[i+1:end]) != c.s[i+1:end] || end < len(c.s) && isWord[c.s[end]] {
		return i
	}
	return c.found(i, end, Password)
}

// entry matches an entry of a netrc file up to its password, over several lines or not.
var entry = regexp.MustCompile(`\b(?:machine\s+\S+|default)\s+(?:(?:login|user)\s+[^\s,]+\s+|account\s+[^\s,]+\s+)+$`)

// netrc reports whether the password at i is that of an entry of a netrc file.
func (c *scanner) netrc(i int) bool { return entry.MatchString(c.s[max(0, i-200):i]) }
