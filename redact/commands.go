package redact

import (
	"regexp"
	"strings"
)

// declared matches the end of a command that takes a name and its value as two words, up to the name: setenv DB_PASSWORD V,
// ENV DB_PASSWORD V, consul kv put db/password V.
var declared = regexp.MustCompile(`(?:^|[\s;&|"'\x60])(?:setenv|setx|ENV|put|export|(?:config(?:ure)?|secrets?) set|set -[A-Za-z]+)(?: --?[\w-]+(?:=\S+)?)* ["']?[\w./-]*$`)

// declaration reads the value of a name that such a command sets.
func (c *scanner) declaration(start, end int, k key) int {
	if k.kind == Cookie || end+1 >= len(c.s) || c.s[end] != ' ' || !declared.MatchString(c.commandBefore(start, 120)) {
		return end
	}
	value := c.skip(end, 4, " ")
	if value == len(c.s) || c.s[value] == '-' || c.s[value] == '\n' {
		return end
	}
	if next := c.value(end, value, surroundings{key: key{kind: k.kind, name: k.name}, keyStart: start, separator: '='}); next > end {
		return next
	}
	return end
}

// commandPhrases are commands, statements and lines of protocols that have a secret at a place of their own. Expressions match what
// comes behind the words, and their group is the secret.
var commandPhrases = []struct {
	words string
	value *regexp.Regexp
	kind  string
}{
	{"net user ", regexp.MustCompile(`^[\w.@-]+ ([^\s/*]\S*)`), Password},
	{"identified with ", regexp.MustCompile(`^["'\x60]?\w+["'\x60]? (?i:by|as) (?i:password )?['"]([^'"\n]+)['"]`), Password},
	{"acl setuser ", regexp.MustCompile(`^[^\n"]{0,200}?[ ][>]([^\s"']+)`), Password},
	{"auth\" \"", regexp.MustCompile(`^(?:[^"\n]+" ")?([^"\n]+)"`), Password},
	{"auth plain ", regexp.MustCompile(`^([A-Za-z0-9+/]{12,}={0,2})(?:\s|$|["'])`), Authorization},
	{"snmp-server community ", regexp.MustCompile(`^(\S+)`), Password},
	{"isakmp key ", regexp.MustCompile(`^(?:[06] )?(\S+) (?:address|hostname)\b`), Password},
	{"key 7 ", regexp.MustCompile(`^([0-9A-Fa-f]{8,})\b`), Password},
	{"key 0 ", regexp.MustCompile(`^(\S{4,})`), Password},
	{"pre-shared-key ", regexp.MustCompile(`^(?:(?:local|remote|ascii-text|hexadecimal) )?(?:[06] )?["']?([^\s"']+)`), Password},
	{"rabbitmqctl add_user ", regexp.MustCompile(`^\S+ ["']?([^\s"']+)`), Password},
	{"rabbitmqctl change_password ", regexp.MustCompile(`^\S+ ["']?([^\s"']+)`), Password},
	{"mc alias set ", regexp.MustCompile(`^\S+ \S+ \S+ ["']?([^\s"']+)`), Password},
	{"net use ", regexp.MustCompile(`^[^\n]{0,100}?/user:\S+ ([^\s/*]\S*)`), Password},
	{"net use ", regexp.MustCompile(`^(?:\S+ )?\\+\S+ ([^\s/*]\S*) /user:`), Password},
	{"freerdp ", slashPassword, Password},
	{"xfreerdp ", slashPassword, Password},
	{"xfreerdp3 ", slashPassword, Password},
	{"wfreerdp ", slashPassword, Password},
	{"stats auth ", regexp.MustCompile(`^["']?[\w.@-]+:([^\s"']+)`), Password},
	{"enable secret ", regexp.MustCompile(`^(?:level \d+ )?[0-9] (\S{4,})`), Password},
	{"tacacs-server key ", sharedKey, Password},
	{"radius-server key ", sharedKey, Password},
	{"pgp_sym_decrypt(", symmetricKey, Password},
	{"pgp_sym_encrypt(", symmetricKey, Password},
	{"aes_decrypt(", symmetricKey, Password},
	{"aes_encrypt(", symmetricKey, Password},
	{"mysqli_connect(", thirdArgument, Password},
	{"mysqli->__construct(", thirdArgument, Password},
	{"mysqli(", thirdArgument, Password},
	{"pdo->__construct(", thirdArgument, Password},
	{"pdo(", thirdArgument, Password},
	{"unseal key ", regexp.MustCompile(`^\d{1,2}(?: \([^()\n]{1,40}\))? ?[:=] ?(\S{20,})`), GenericSecret},
	{"recovery key ", regexp.MustCompile(`^\d{1,2}(?: \([^()\n]{1,40}\))? ?[:=] ?(\S{20,})`), GenericSecret},
	{"base64url.bearer.authorization.k8s.io.", regexp.MustCompile(`^([\w-]{16,})`), Token},
	{"k10", regexp.MustCompile(`^[0-9a-f]{64}::\w{1,40}:(\w{8,})`), Token}, // with which a node joins a cluster of k3s
	{"password-command", echoedValue, Password},
	{"restic_password_command", echoedValue, Password},
	{"borg_passcommand", echoedValue, Password},
	{"wpa_passphrase ", regexp.MustCompile(`^\S+ ["']?([^\s"']+)`), Password},
	{"pass ", regexp.MustCompile(`^()`), Password}, // of FTP and POP; see loginLine
	{"login ", regexp.MustCompile(`^()`), Password},
}

var (
	// slashPassword matches the password among the options of FreeRDP.
	slashPassword = regexp.MustCompile(`^[^\n]{0,200}?/p:["']?([^\s"']+)`)
	// sharedKey matches a key that a router shares with a server, behind the number of its form.
	sharedKey = regexp.MustCompile(`^(?:[0-9] )?(\S{4,})`)
	// thirdArgument matches the password of a call that takes a host or a source, a user and a password, as in the traces of PHP.
	thirdArgument = regexp.MustCompile(`^\s*["'][^"'\n]{0,100}["'],\s*["'][^"'\n]{1,64}["'],\s*["']([^"'\n]{2,})["']`)
	// echoedValue matches a command that prints nothing but the password itself.
	echoedValue = regexp.MustCompile(`^[ =]["']?(?:/bin/)?(?:echo|printf)(?: -n)? ["']?([^\s"'$]+)`)
	// symmetricKey matches the key that a database encrypts a column with.
	symmetricKey = regexp.MustCompile(`^(?:'[^'\n]{0,120}'|[^'"()\n]{1,80}),\s*'([^'\n]{4,})'`)
)

// fromPhrase is the rule of a command phrase.
func fromPhrase(value *regexp.Regexp, kind string) func(c *scanner, i, at int) int {
	return func(c *scanner, i, at int) int {
		m := value.FindStringSubmatchIndex(c.s[at:min(len(c.s), at+maxHarmless)])
		if m == nil || i > 0 && isWord[c.s[i-1]] && !c.escapeBefore(i) {
			return i
		}
		start, end := at+m[2], at+m[3]
		if start == end {
			return c.loginLine(i, at)
		}
		if n, _ := placeholderAt(c.s[start:]); n > 0 || harmless(c.s[start:end], surroundings{key: key{kind: kind, name: "password"}, keyStart: i, separator: ':'}, c) {
			return i
		}
		return c.found(start, end, kind)
	}
}

var (
	passOfUser  = regexp.MustCompile(`(?:^|[\s>"'])(?:USER|user) \S+[^\n]*\n[^\n]*(?:\n[^\n]*){0,2}$`) // the line before, and answers between
	imapTag     = regexp.MustCompile(`(?:^|[\s>"'])(?:[A-Za-z]{0,4}\d{1,6}|(?i:imap)[\w-]*(?:\[\d+\])?:) $`)
	loginOfUser = regexp.MustCompile(`^"?[\w.@+-]{1,64}"? "?([^\s"]{4,})`)
)

// loginLine reads PASS V of FTP and POP, behind a line with USER, and a1 LOGIN bob V of IMAP.
func (c *scanner) loginLine(i, at int) int {
	switch {
	case strings.HasPrefix(c.s[i:], "PASS ") && passOfUser.MatchString(c.s[max(0, i-200):i]):
		return c.setting(i, at)
	case strings.HasPrefix(c.s[i:], "LOGIN ") && imapTag.MatchString(c.lineBefore(i, 24)):
		if m := loginOfUser.FindStringSubmatchIndex(c.s[at:min(len(c.s), at+maxHarmless)]); m != nil && !prose[strings.ToLower(c.s[at+m[2]:at+m[3]])] && (i < 2 || c.s[i-2] != ':' || letterAndDigit(c.s[at+m[2]:at+m[3]])) {
			return c.found(at+m[2], at+m[3], Password)
		}
	}
	return i
}

// assignments redacts the values of a command that takes NAME=V, NAME=V: fly secrets set, vault kv put.
func (c *scanner) assignments(i, at int) int {
	last := i
	for n := 0; n < maxItems && at < len(c.s) && c.s[at] != '\n'; n++ {
		start := at
		end := keyChars.run(c.s[:min(len(c.s), at+64)], at)
		if end < len(c.s) && end > start && c.s[end] == '=' && c.s[start] != '-' && end+1 < len(c.s) {
			last = max(last, c.value(i, end+1, surroundings{key: key{kind: GenericSecret, name: "value"}, keyStart: start, separator: '='}))
		}
		_, _, next := c.extent(max(end, start))
		if at = c.skip(max(next, end, last), 1, " "); at <= start {
			return last
		}
	}
	return last
}
