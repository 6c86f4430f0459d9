package redact

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// phrase is words that announce a secret behind a space. The rule gets where they start and end.
type phrase struct {
	words string // lower case, with the space
	rule  func(c *scanner, i, value int) int
}

var phrases = []phrase{
	{"kind", func(c *scanner, i, _ int) int { return c.manifest(i) }},
	{"htpasswd ", positional(3)},
	{"change_password ", positional(2)},
	{"add_user ", positional(2)},
	{"vault login ", positional(1)},
	{"sudo -s", (*scanner).echoed},
	{"chpasswd", (*scanner).echoed},
	{"passwd --stdin", (*scanner).echoed},
	{"docker login", (*scanner).echoed},
	{"podman login", (*scanner).echoed},
	{"password-stdin", (*scanner).echoed},
	{"secrets set ", (*scanner).assignments},
	{"kv put ", (*scanner).assignments},
	{"reset_password/", (*scanner).resetLink},
	{"reset-password/", (*scanner).resetLink},
	{"password-reset/", (*scanner).resetLink},
	{"password_reset/", (*scanner).resetLink},
	{"password/reset/", (*scanner).resetLink},
	{"magic-link/", (*scanner).resetLink},
	{"magic_link/", (*scanner).resetLink},
	{"magic/", (*scanner).resetLink},
	{"invite/", (*scanner).resetLink},
	{"invitation/", (*scanner).resetLink},
	{"activate/", (*scanner).resetLink},
	{"verify-email/", (*scanner).resetLink},
	{"with-token", (*scanner).echoed},
	{"kinit", (*scanner).echoed},
	{"cryptsetup", (*scanner).echoed},
	{"hooks/", (*scanner).hook},
	{"webhook/", (*scanner).hook},
	{"webhooks/", (*scanner).hook},
	{"private-lines:", (*scanner).puttyKey},
	{"bearer ", (*scanner).bearer},
	{"bearer, ", (*scanner).bearer},
	{"splunk ", (*scanner).longWord},
	{"with key ", (*scanner).longWord},
	{"auth ", (*scanner).redisAuth},
	{"set password for ", (*scanner).passwordFor},
	{"auth(", (*scanner).secondArgument},
	{"login(", (*scanner).secondArgument},
	{"auth=(", (*scanner).secondArgument},
	{"basic_auth(", (*scanner).secondArgument},
	{"basic_auth=(", (*scanner).secondArgument},
	{"basicauth(", (*scanner).secondArgument},
	{"httpbasicauth(", (*scanner).secondArgument},
	{"setbasicauth(", (*scanner).secondArgument},
	{"credentials(", (*scanner).secondArgument},
	{"withcredentials(", (*scanner).secondArgument},
	{"setcredentials(", (*scanner).secondArgument},
	{"usernamepasswordcredentials(", (*scanner).secondArgument},
	{"usernamepasswordauthenticationtoken(", (*scanner).secondArgument},
	{"pin code ", (*scanner).digits},
	{"passcode ", (*scanner).digits},
	{"one-time password ", (*scanner).digits},
	{"one-time code ", (*scanner).digits},
	{"verification code ", (*scanner).digits},
	{"pin for ", (*scanner).digitsFor},
	{"otp ", (*scanner).sentCode},
	{"verification code", (*scanner).sentCode},
	{"one-time code", (*scanner).sentCode},
	{"login code", (*scanner).sentCode},
	{"2fa code", (*scanner).sentCode},
	{"mfa code", (*scanner).sentCode},
	{"bestatigungscode", (*scanner).sentCode},
	{"sicherheitscode", (*scanner).sentCode},
	{"codigo de verificacion", (*scanner).sentCode}, //nolint:misspell // Spanish
	{"codigo de verificacao", (*scanner).sentCode},
	{"code de verification", (*scanner).sentCode},
	{"codice di verifica", (*scanner).sentCode},
	{"insert into ", (*scanner).inserted},
	{"basic ", (*scanner).basic},
	{"password ", (*scanner).passwordSpace},
	{"passwd ", (*scanner).passwordSpace},
	{"identified by ", (*scanner).identifiedBy},
	{"requirepass ", (*scanner).setting},
	{"masterauth ", (*scanner).setting},
}

// authorization reads the value of an Authorization header: the scheme stays readable.
func (c *scanner) authorization(sep, i int) int {
	start := i
	if start = c.skip(start, 8, "\\\"'[ "); start == len(c.s) {
		return sep
	}
	if n, _ := placeholderAt(c.s[start:]); n > 0 {
		return sep
	}
	end := dotted.run(c.s[:min(len(c.s), start+40)], start)
	if schemes[strings.ToLower(c.s[start:end])] {
		value := c.skip(end, 16, " \t+")
		if value == end || value == len(c.s) {
			return sep
		}
		stop := tokens.run(c.s, value)
		if n, _ := placeholderAt(c.s[value:]); n > 0 {
			return value + n
		}
		if c.paramsFollow(value, stop) {
			stop = c.paramsEnd(value)
		}
		v := c.s[value:min(stop, value+maxHarmless)]
		if v == "" || hasPrefixFold(v, "realm=") || prose[strings.ToLower(v)] || v == "token" || reference.MatchString(v) || mask.MatchString(v) {
			return sep
		}
		return c.found(value, stop, Authorization)
	}
	if next := c.unknownScheme(start, end); next > end {
		return next
	}
	return c.value(sep, i, surroundings{key: key{kind: Authorization, weak: true}, keyStart: sep, separator: ':'})
}

// unknownScheme reads what follows a word from start to end that may be a scheme of somebody's own: Api-Token V, SSWS V.
func (c *scanner) unknownScheme(start, end int) int {
	value := c.skip(end, 4, " \t:=")
	stop := tokens.run(c.s[:min(len(c.s), value+maxHarmless+1)], value)
	if value > end && stop < len(c.s) && c.s[stop] == '"' && c.s[stop-1] == '=' { // parameters
		return c.found(value, c.paramsEnd(value), Authorization)
	}
	v := strings.TrimRight(c.s[value:stop], ".:")
	if start == end || value == end || len(v) < 6 || prose[strings.ToLower(v)] || reference.MatchString(v) || notSpoken.MatchString(v) && strings.IndexByte(v, '=') < 0 && !looksLikeKey(v) {
		return end
	}
	if !letterAndDigit(v) && !looksRandom(v) && (len(v) < 16 || alnum.run(v, 0) < len(v) || strings.ToLower(v) != v) {
		return end
	}
	if len(v) > maxHarmless {
		return c.found(value, tokens.run(c.s, value), Authorization)
	}
	return c.found(value, value+len(v), Authorization)
}

// schemes of the Authorization header.
var schemes = map[string]bool{
	"bearer": true, "basic": true, "token": true, "digest": true, "negotiate": true, "ntlm": true, "apikey": true,
	"api-key": true, "aws4-hmac-sha256": true, "aws": true, "hmac": true, "jwt": true, "key": true, "oauth": true,
	"api-token": true, "apitoken": true, "api_key": true, "ssws": true, "sso-key": true, "private-token": true, "secret": true,
	"splunk": true, "geniekey": true, "sharedkey": true, "sharedaccesssignature": true, "bot": true, "snowflake": true,
}

// paramsFollow reports whether the word from start to end, which follows the scheme, is no token but the first of
// several parameters.
func (c *scanner) paramsFollow(start, end int) bool {
	if start == end || end == len(c.s) {
		return start == end
	}
	if c.s[end] == '"' {
		return c.s[end-1] == '='
	}
	return strings.IndexByte(" ,", c.s[end]) >= 0 && strings.IndexByte(c.s[start:min(len(c.s), end+80)], '=') >= 0 &&
		strings.TrimRight(c.s[start:end], "=") == c.s[start:end]
}

// paramsEnd returns the end of a header's parameters: the line's, or that of the string around. Quotes of the
// parameters themselves (username="x") do not end it.
func (c *scanner) paramsEnd(i int) int {
	end, open := i, false
	for ; end < len(c.s) && c.s[end] != '\n' && c.s[end] != '\r'; end++ {
		if c.s[end] != '"' {
			continue
		}
		if !open && (end == i || c.s[end-1] != '=') {
			break
		}
		open = !open
	}
	return c.trim(i, end)
}

// cookie redacts the whole of a Cookie header, and of Set-Cookie the cookie without its attributes.
func (c *scanner) cookie(sep, i int) int {
	start := c.skip(i, 8, "\\\"'[ ")
	name := isCookieName.run(c.s[:min(len(c.s), start+80)], start)
	if name == start || name >= len(c.s) || c.s[name] != '=' {
		return c.value(sep, i, surroundings{key: key{kind: Cookie, weak: true}, keyStart: sep, separator: ':'})
	}
	end := c.restOfLine(start)
	lower := strings.ToLower(c.s[max(0, sep-16):sep])
	if strings.Contains(lower, "set-cookie") {
		start = name + 1
		if semicolon := strings.IndexByte(c.s[start:end], ';'); semicolon >= 0 {
			end = start + semicolon
		}
	}
	return c.found(start, end, Cookie)
}

// bearer is the rule for a token that stands behind the word Bearer, wherever that is.
func (c *scanner) bearer(i, value int) int {
	end := tokens.run(c.s, value)
	for end > value && strings.IndexByte(".:,", c.s[end-1]) >= 0 {
		end--
	}
	v := c.s[value:end]
	if equals := strings.IndexByte(strings.TrimRight(v[:min(len(v), maxHarmless)], "="), '='); equals >= 0 { // the next pair's
		return i
	}
	if len(v) > maxHarmless || looksRandom(v) || len(v) >= 12 && strings.ContainsAny(v, "0123456789") {
		return c.found(value, end, Authorization)
	}
	return i
}

// basic is the rule for the word Basic: what follows is a secret when it decodes to user:password.
func (c *scanner) basic(i, value int) int {
	end := b64Chars.run(c.s, value)
	if end-value > 4096 {
		return c.found(value, end, Authorization)
	}
	v := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(c.s[value:end], "="))
	plain, err := base64.RawStdEncoding.DecodeString(v)
	if err != nil || len(plain) < 3 || !strings.Contains(string(plain), ":") {
		return i
	}
	return c.found(value, end, Authorization)
}

func letterAndDigit(v string) bool {
	lower := strings.ToLower(v)
	return strings.ContainsAny(v, "0123456789") && strings.ContainsAny(lower, "abcdefghijklmnopqrstuvwxyz")
}

// numbered matches the type of a password before it, in the configuration of a switch.
var numbered = regexp.MustCompile(`^[0-9] \S`)

// passwordSpace reads PASSWORD 'x' of SQL and password x of a netrc file.
func (c *scanner) passwordSpace(i, value int) int {
	value = c.skip(value, 8, " ")
	if value == len(c.s) || strings.IndexByte("=:(", c.s[value]) >= 0 {
		return i
	}
	ctx := surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: ' '}
	switch {
	case c.s[value] == '\'':
		ctx.separator = '='
	case c.netrc(i):
		ctx.separator = ':'
		if after := c.skip(c.bareWithin(value, maxHarmless), 8, " \t\r"); after == len(c.s) || c.s[after] == '\n' {
			ctx.separator = '='
		}
	case numbered.MatchString(c.s[value:min(len(c.s), value+3)]): // password 7 V of Cisco
		value, ctx.separator = value+2, '='
	}
	return c.value(i, value, ctx)
}

// identifiedBy reads IDENTIFIED BY 'x' of SQL; without a quote it is prose.
func (c *scanner) identifiedBy(i, value int) int {
	value = c.skip(value, 8, " ")
	if value == len(c.s) || strings.IndexByte("'\"\\", c.s[value]) < 0 {
		return i
	}
	return c.setting(i, value)
}

// setting reads requirepass x of Redis.
func (c *scanner) setting(i, value int) int {
	value = c.skip(value, 8, " ")
	if value == len(c.s) {
		return i
	}
	return c.value(i, value, surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: '='})
}
