package redact

import "strings"

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

// at is the rule for @: user:password@tcp(host) of the MySQL drivers has no scheme.
func (c *scanner) at(i int) int {
	if rest := c.s[i+1:]; !strings.HasPrefix(rest, "tcp(") && !strings.HasPrefix(rest, "unix(") && !strings.HasPrefix(rest, "tcp6(") {
		return i
	}
	start := i
	for limit := max(c.floor, i-1024); start > limit && !afterUserinfo[c.s[start-1]]; {
		start--
	}
	if equals := strings.LastIndexByte(c.s[start:i], '='); equals >= 0 && strings.IndexByte(c.s[start:start+equals], ':') < 0 {
		start += equals + 1
	}
	colon := strings.IndexByte(c.s[start:i], ':')
	if colon < 0 || start+colon+1 == i {
		return i
	}
	if v := c.s[start+colon+1 : i]; reference.MatchString(v) || mask.MatchString(v) {
		return i
	}
	return c.found(start+colon+1, i, Password)
}
