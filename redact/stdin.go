package redact

import (
	"regexp"
	"strings"
)

// stdinReaders matches commands that read a secret from their standard input.
var stdinReaders = regexp.MustCompile(`(?:-stdin\b|\bsudo (?:-\w+ )*-\w*S|\bkinit\b|\bcryptsetup\b|\bchpasswd\b|\bpasswd\b|\bsmbpasswd\b|\bhtpasswd\b|\bvault login\b|--with-token\b|--passphrase-fd\b|` +
	`-pass(?:in)? stdin\b|\bopenssl (?:passwd|enc)\b|\bargocd login\b|\bsecret-tool store\b|\bpass insert\b|\bkeyctl padd\b|\bsecrets? (?:versions add|create|set|put)\b|\bansible-vault\b|\bssh-add\b|\bsu -?c?\b)`)

// hereString is the rule for <: what <<< gives to a command that reads a secret is one.
func (c *scanner) hereString(i int) int {
	if !strings.HasPrefix(c.s[i:], "<<<") || i > 0 && c.s[i-1] == '<' {
		return i
	}
	value := c.skip(i+3, 4, " ")
	if value == len(c.s) || !stdinReaders.MatchString(c.commandBefore(i, 200)) {
		return i
	}
	start, end, _ := c.extent(value)
	if start == end || harmless(c.s[start:end], surroundings{key: key{kind: Password, name: "password"}, keyStart: i, separator: '=', quoted: start != value}, c) {
		return i
	}
	return c.found(start, end, Password)
}

// echoed is the rule for commands that read a password from another: echo hunter22 | sudo -S, echo bob:hunter22 | chpasswd.
func (c *scanner) echoed(i, _ int) int {
	line := c.lineBefore(i, 200)
	m := echo.FindStringSubmatchIndex(line)
	if m == nil || m[2] < 0 {
		return i
	}
	start, end := i-len(line)+m[2], i-len(line)+m[3]
	if user := strings.IndexByte(c.s[start:end], ':'); user > 0 {
		start += user + 1
	}
	if start >= c.floor && !harmless(c.s[start:end], surroundings{key: key{kind: Password}, separator: '=', quoted: true}, c) {
		c.found(start, end, Password)
	}
	return i
}

// echo matches a command that prints a value, and the beginning of the one that gets it.
var echo = regexp.MustCompile(`(?:echo|printf|print)(?: -\w+)*(?: ["']?%s(?:\\n)?["']?)? ["']?([^\s"'|]{1,64})["']? *\| *(?:[\w./-]+ [^|;&\n]*|\w+ )?$`)
