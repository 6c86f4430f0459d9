package redact

import "strings"

// dash is the rule for - : PEM blocks and flags of command lines.
func (c *scanner) dash(i int) int {
	if strings.HasPrefix(c.s[i:], "-----BEGIN ") {
		return c.pem(i)
	}
	if i > 0 && (isWord[c.s[i-1]] || c.s[i-1] == '-') && !c.escapeBefore(i) {
		return i
	}
	name := c.skip(i, 2, "-")
	end := keyChars.run(c.s[:min(len(c.s), name+64)], name)
	if end == name {
		return i
	}
	k := classify(c.s[name:end])
	if name == i+1 && (k.kind == "" || c.s[name] == 'p' && c.ofMySQL(i)) || c.s[name:end] == "user" {
		return c.shortFlag(i, name, end)
	}
	if end == len(c.s) || k.kind == "" || k.kind == Authorization || k.kind == Cookie {
		return i
	}
	value := c.skip(end, 24, " \t\r\n\"',-\\") // also the next string of a list
	for value > end && strings.IndexByte("\"'\\", c.s[value-1]) >= 0 && strings.IndexByte(c.s[end:value], ' ') == 0 {
		value-- // the value's own quote
	}
	gap := c.s[end:value]
	if gap == "" || value == len(c.s) || strings.HasSuffix(gap, "-") || strings.Contains(gap, "\n") && !strings.Contains(gap, "- ") {
		return i
	}
	return c.value(i, value, surroundings{key: k, keyStart: name, separator: '-'})
}

// shortFlag reads -u user:password of curl, and -p and -a of the commands that take a password there.
func (c *scanner) shortFlag(i, name, end int) int {
	flag := c.s[name:end]
	line := c.lineBefore(i, 200)
	ctx := surroundings{key: key{kind: Password, name: "password"}, keyStart: name, separator: '='}
	value := c.skip(end, 4, " =\"'")
	switch {
	case flag == "u" || flag == "user":
		stop := c.bare(value)
		user, password, ok := strings.Cut(c.s[value:stop], ":")
		if value == end || !ok || password == "" || user == "" || !strings.Contains(line, "curl") || harmless(password, ctx, c) {
			return i
		}
		return c.found(stop-len(password), stop, Password)
	case flag == "p" && strings.Contains(line, "sshpass"), flag == "a" && strings.Contains(line, "redis-cli"):
		if value = c.skip(end, 4, " ="); value < len(c.s) && value > end {
			return c.value(i, value, ctx)
		}
	case flag[0] == 'p' && len(flag) > 1 && c.ofMySQL(i):
		return c.value(i, name+1, ctx)
	}
	return i
}

// ofMySQL reports whether the flag at i is one of a command of MySQL, where the password follows -p without a blank.
func (c *scanner) ofMySQL(i int) bool {
	line := c.lineBefore(i, 200)
	return strings.Contains(line, "mysql") || strings.Contains(line, "mariadb")
}

// pem redacts a private key, from its BEGIN line to its END line, or as far as it goes when it is cut off. Line
// breaks may be escaped, or gone.
func (c *scanner) pem(i int) int {
	head := c.s[i:min(len(c.s), i+80)]
	end := strings.Index(head[len("-----BEGIN "):], "-----")
	if end < 0 {
		if strings.Contains(head, "PRIVATE KEY") {
			return c.found(i, i+strings.Index(head, "PRIVATE KEY")+len("PRIVATE KEY"), PrivateKey)
		}
		return i
	}
	label := head[len("-----BEGIN "):][:end]
	if !strings.Contains(label, "PRIVATE KEY") {
		return i
	}
	body := i + len("-----BEGIN ") + end + len("-----")
	next := strings.Index(c.s[body:], "-----")
	if next >= 0 && next < 1<<16 && strings.HasPrefix(c.s[body+next:], "-----END ") {
		stop := body + next + len("-----END ")
		if n := strings.Index(c.s[stop:min(len(c.s), stop+64)], "-----"); n >= 0 {
			return c.found(i, stop+n+len("-----"), PrivateKey)
		}
		return c.found(i, dotted.run(c.s, stop), PrivateKey)
	}
	return c.found(i, c.pemBody(body), PrivateKey)
}

// pemBody returns the end of the key material that starts at i: words of base64 and header lines.
func (c *scanner) pemBody(i int) int {
	for {
		start, broken := c.pemSpace(i)
		end := b64Chars.run(c.s, start)
		header := broken && end < len(c.s) && c.s[end] == ':' && end-start < 24 // Proc-Type: 4,ENCRYPTED
		if header {
			if n := strings.IndexAny(c.s[end:], "\n\\\""); n >= 0 {
				end += n
			} else {
				end = len(c.s)
			}
		}
		if start == end || !header && !c.pemWord(start, end, broken) {
			return i
		}
		i = end
	}
}

// pemSpace skips white space, escaped or not, and reports whether a line break was among it.
func (c *scanner) pemSpace(i int) (next int, broken bool) {
	for ; i < len(c.s); i++ {
		switch b := c.s[i]; {
		case b == '\n':
			broken = true
		case b == '\\' && i+1 < len(c.s) && strings.IndexByte("nrt\\", c.s[i+1]) >= 0:
			broken = true
			i++
		case b != ' ' && b != '\r' && b != '\t':
			return i, broken
		}
	}
	return i, broken
}

// pemWord reports whether a word of base64 belongs to the key: it is long, or alone on its line, or no word of prose.
func (c *scanner) pemWord(start, end int, broken bool) bool {
	if end-start >= 16 {
		return true
	}
	if broken {
		return end == len(c.s) || c.s[end] != ' '
	}
	return strings.ContainsAny(c.s[start:end], "0123456789+/=ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
