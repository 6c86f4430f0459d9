package redact

import (
	"regexp"
	"strings"
)

var (
	schemeChars   = newSet("a-zA-Z0-9+.-")
	afterUserinfo = newSet("")
)

func init() {
	for _, c := range []byte(" \t\r\n\"'`<>\\|") {
		afterUserinfo[c] = true
	}
}

// url is the rule for "://": what stands before an @ in the authority is user and password, or a token alone.
func (c *scanner) url(i int) int {
	scheme := i
	for limit := max(c.floor, i-24); scheme > limit && schemeChars[c.s[scheme-1]]; {
		scheme--
	}
	start := i + len("://")
	at := c.userinfoEnd(start)
	if scheme == i || at <= start {
		return i
	}
	n, _ := placeholderAt(c.s[start:]) // of a token before; it has colons of its own
	user, password, pair := strings.Cut(c.s[start+n:at], ":")
	user = c.s[start : start+n+len(user)]
	switch {
	case pair && password != "" && password != "x-oauth-basic":
		if v := password[:min(len(password), maxHarmless)]; reference.MatchString(v) || mask.MatchString(v) {
			return at
		}
		return c.found(at-len(password), at, Password)
	case pair || tokenAlone(user, c.s[scheme:i]):
		c.found(start, start+len(user), Token)
	}
	return at
}

// userinfoEnd returns where the @ of the authority that starts at start is, start if there is none. A password that
// should have been encoded may hold / ? and #: then what looks like a port is none.
func (c *scanner) userinfoEnd(start int) int {
	end, strict, at, colon := start, -1, start, -1
	for ; end < len(c.s) && !afterUserinfo[c.s[end]]; end++ {
		if strict >= 0 && end > strict+512 {
			break
		}
		if n, _ := placeholderAt(c.s[end:]); c.s[end] == '[' && n > 0 {
			end += n - 1
			continue
		}
		switch c.s[end] {
		case '@':
			at = end
		case ':':
			if colon < 0 {
				colon = end
			}
		case '/', '?', '#':
			if strict >= 0 {
				continue
			}
			strict = end
			if at > start || colon < 0 || isPort(c.s[colon+1:end]) || c.s[start] == '[' {
				return at
			}
		}
	}
	return at
}

func isPort(s string) bool {
	return len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

// tokenAlone reports whether the userinfo of a URL is a token rather than the name of a user.
func tokenAlone(user, scheme string) bool {
	if isPlaceholder(user) {
		return false
	}
	web := strings.HasPrefix(strings.ToLower(scheme), "http") || strings.HasPrefix(strings.ToLower(scheme), "git+http")
	return len(user) >= 24 || looksRandom(user) || web && (len(user) >= 12 || strings.Contains(strings.ToLower(user), "token"))
}

// dsnHost matches what follows the @ of a source name without a scheme: tcp(host), (host), /database, host:port/database.
var (
	dsnHost    = regexp.MustCompile(`^(?:(?:tcp6?|unix|udp|memory)?\(|/[\w$-]+(?:[?\s"'\\]|$)|//?[\w.-]+[:/])`)
	plainHost  = regexp.MustCompile(`^[\w-]+(?:\.[\w-]+)*(?::\d{2,5})?(?:[/:,\s"'\\]|$)`)
	dsnOfWords = newWords(`mailto sip sips xmpp acct pkg npm golang git ssh image sha256 docker oci`)
)

// at is the rule for @: user:password@tcp(host) of the MySQL drivers, and user/password@host of Oracle, have no scheme.
func (c *scanner) at(i int) int {
	start := i
	for limit := max(c.floor, i-1024); start > limit && !afterUserinfo[c.s[start-1]]; {
		start--
	}
	if equals := strings.LastIndexByte(c.s[start:i], '='); equals >= 0 && strings.IndexByte(c.s[start:start+equals], ':') < 0 {
		start += equals + 1
	}
	scheme := strings.Index(c.s[start:i], "://")
	if scheme >= 0 {
		start += scheme + len("://")
	}
	if oracle := strings.Index(c.s[start:i], ":thin:"); oracle >= 0 {
		start += oracle + len(":thin:")
	} else if oracle := strings.Index(c.s[start:i], ":oci:"); oracle >= 0 {
		start += oracle + len(":oci:")
	}
	rest := c.s[i+1 : min(len(c.s), i+1+80)]
	user, password, ok := strings.Cut(c.s[start:i], ":")
	certain := dsnHost.MatchString(rest)
	if slash := strings.IndexByte(c.s[start:i], '/'); !ok && slash > 0 { // of Oracle
		user, password, ok = c.s[start:start+slash], c.s[start+slash+1:i], true
		line := c.lineBefore(start, 80)
		certain = strings.HasPrefix(rest, "//") || scheme >= 0 && strings.HasSuffix(line, "oracle://") || strings.HasSuffix(line, ":thin:") || strings.HasSuffix(line, ":oci:") || oracleTools.MatchString(line)
	}
	if scheme >= 0 && !certain || !ok || password == "" || len(password) > maxHarmless && !certain || !certain && !plainHost.MatchString(rest) {
		return i
	}
	if v := password[:min(len(password), maxHarmless)]; reference.MatchString(v) || mask.MatchString(v) || strings.HasPrefix(v, "//") {
		return i
	}
	if !certain && (dsnOfWords[strings.ToLower(user)] || !plainUser.MatchString(user) || !looksRandom(password) || notSpoken.MatchString(password)) {
		return i
	}
	return c.found(i-len(password), i, Password)
}

var oracleTools = regexp.MustCompile(`(?i)(?:sqlplus|sqlldr|expdp|impdp|rman|exp|imp|tnsping|sqlcl|oracle)\b.*$`)

// hook is the rule for paths that are called hooks: a long random part of one is what protects it.
func (c *scanner) hook(i, value int) int {
	if i == 0 || c.s[i-1] != '/' {
		return i
	}
	end := pathSafe.run(c.s[:min(len(c.s), value+maxHarmless)], value)
	for part := range strings.SplitSeq(c.s[value:end], "/") {
		if len(part) >= 16 && (looksRandom(part) || len(part) == 36 && plainName(part)) {
			return c.found(value, pathSafe.run(c.s, value), Webhook)
		}
	}
	return i
}

// dotted is the rule for keys of parts with dots between them, which begin with no letters of their own: those of Discord's bots, of
// Zhipu, and of Terraform. The word from i to end is the first part.
func (c *scanner) dotted(i, end int) int {
	second := urlSafe.run(c.s[:min(len(c.s), end+1+100)], min(end+1, len(c.s)))
	n := second - end - 1
	switch first := end - i; {
	case first == 32 && n == 16 && hexChars.run(c.s[:end], i) == end && looksRandom(c.s[end+1:second]):
		return c.found(i, second, APIKey)
	case first >= 23 && first <= 28 && n == 6 && second < len(c.s) && c.s[second] == '.':
		if third := urlSafe.run(c.s, second+1); third-second-1 >= 27 {
			return c.found(i, third, Token)
		}
	case first == 14 && c.s[end+1:second] == "atlasv1" && second < len(c.s) && c.s[second] == '.':
		return c.found(i, urlSafe.run(c.s, second+1), Token)
	}
	return i
}

// tilde is the rule for ~: client secrets of Azure have 8Q~ as their fourth to sixth character.
func (c *scanner) tilde(i int) int {
	start := i - 5
	if start < c.floor || c.s[i-1] != 'Q' || c.s[i-2] < '0' || c.s[i-2] > '9' {
		return i
	}
	end := azureChars.run(c.s[:min(len(c.s), i+64)], i+1)
	if n := end - i - 1; n < 28 || n > 40 || azureChars.run(c.s[:i], start) != i {
		return i
	}
	return c.found(start, end, GenericSecret)
}

var azureChars = newSet("a-zA-Z0-9_~.-")

// bot is the rule for a colon behind a number: tokens of Telegram's bots are 123456789:AA….
func (c *scanner) bot(i int) int {
	start := i
	for start > c.floor && i-start < 12 && c.s[start-1] >= '0' && c.s[start-1] <= '9' {
		start--
	}
	end := urlSafe.run(c.s[:min(len(c.s), i+48)], i+1)
	if n := end - i - 1; i-start < 6 || n < 33 || n > 40 || !looksRandom(c.s[i+1:end]) || start > 0 && isWord[c.s[start-1]] && !strings.HasSuffix(c.s[:start], "bot") {
		return i
	}
	return c.found(start, end, Token)
}

// mailchimp is the rule for -us behind 32 digits of hexadecimal: keys of Mailchimp.
func (c *scanner) mailchimp(i int) int {
	start := i - 32
	if !strings.HasPrefix(c.s[i:], "-us") || start < c.floor || hexChars.run(c.s[:i], start) != i || start > 0 && isWord[c.s[start-1]] {
		return i
	}
	end := alnum.run(c.s[:min(len(c.s), i+6)], i+3)
	if end == i+3 || c.s[i+3] > '9' {
		return i
	}
	return c.found(start, end, APIKey)
}

// resetLink is the rule for paths of links that are sent to somebody to log in or to set a password: a long random part of one is what
// lets anybody in.
func (c *scanner) resetLink(i, value int) int {
	if i == 0 || c.s[i-1] != '/' {
		return i
	}
	end := dotted.run(c.s[:min(len(c.s), value+maxHarmless)], value)
	if v := c.s[value:end]; looksLikeKey(v) || uuidForm.MatchString(v) || len(v) >= 16 && looksRandom(v) {
		return c.found(value, end, Token)
	}
	return i
}
