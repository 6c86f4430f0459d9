package redact

import "strings"

// puttyKey redacts the private lines of a key of PuTTY, and its checksum with them.
func (c *scanner) puttyKey(_, i int) int {
	at := c.skip(i, 16, " 0123456789")
	end := c.pemBody(at)
	if start, _ := c.pemSpace(at); start < end {
		return c.found(start, end, PrivateKey)
	}
	return i
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

// ssh2 redacts a private key of ssh.com's form.
func (c *scanner) ssh2(i int) int {
	if !strings.Contains(c.s[i:min(len(c.s), i+64)], "PRIVATE KEY ----") {
		return i
	}
	rest := c.s[i:min(len(c.s), i+1<<14)]
	if end := strings.Index(rest, "---- END "); end >= 0 {
		return c.found(i, i+lineEnd(rest, end), PrivateKey)
	}
	return c.found(i, i+len(rest), PrivateKey)
}

// pemTail redacts the lines before the END line at i of a private key whose beginning is cut off.
func (c *scanner) pemTail(i int) int {
	label := c.s[i:min(len(c.s), i+64)]
	if !strings.Contains(label, "PRIVATE KEY") {
		return i
	}
	start := i
	for limit := max(c.floor, i-1<<14); start > limit && (alnum[c.s[start-1]] || strings.IndexByte("+/=\r\n\\", c.s[start-1]) >= 0); {
		start--
	}
	for start < i && !alnum[c.s[start]] {
		start++
	}
	if i-start < 16 {
		return i
	}
	return c.found(start, i, PrivateKey)
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
