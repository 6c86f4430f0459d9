package redact

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	minEncoded = 16      // bytes of base64 from which a word is decoded
	maxEncoded = 1 << 16 // and to which
	maxNested  = 2       // how often what was decoded is decoded again
)

// asciiQuad are the characters of base64 that the six high bits of an ASCII character become.
var asciiQuad = newSet("A-Za-f")

// encoded is the rule for words of base64: one that decodes to credentials is a secret, whatever stands before it.
func (c *scanner) encoded(i int) int {
	end := b64Chars.run(c.s, i)
	if end-i < minEncoded || end-i > maxEncoded || i > 0 && (strings.IndexByte("+/", c.s[i-1]) >= 0 || c.s[i-1] == '=' && i > 1 && c.s[i-2] == '=') {
		return i
	}
	for j := i; j < end && c.s[j] != '='; j += 4 {
		if !asciiQuad[c.s[j]] {
			return i
		}
	}
	if hexUpper.run(c.s[:end], i) == end { // the hash or the id of something
		return i
	}
	plain := decodedText(c.s[i:end])
	if plain == "" {
		return i
	}
	if userAndPassword(plain) || c.depth < maxNested && secretWithin(plain, c.depth+1) {
		return c.found(i, end, GenericSecret)
	}
	return i
}

// decodedText returns what a word of base64 decodes to if that is text, else "".
func decodedText(word string) string {
	word = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
	plain, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		return ""
	}
	for _, b := range plain {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return ""
		}
	}
	valid := strings.ToValidUTF8(string(plain), "")
	if len(plain)-len(valid) >= utf8.UTFMax { // more than a character that was cut at the end
		return ""
	}
	return valid
}

// secretWithin reports whether a decoded text holds a secret.
func secretWithin(plain string, depth int) bool {
	for _, v := range views(plain) {
		c := scanner{s: v.text, depth: depth}
		c.run()
		if len(c.spans) > 0 {
			return true
		}
	}
	return false
}

// credentialPair matches user:password and nothing else; hostAndPort what looks the same and is none.
var (
	credentialPair = regexp.MustCompile(`^[\w.@+-]{1,64}:[!-~]{3,256}$`)
	hostAndPort    = regexp.MustCompile(`:(?:\d{1,5}|//.*|[a-z]+|v?\d+(?:\.\d+)+[\w.-]*)$`)
)

func userAndPassword(plain string) bool {
	return credentialPair.MatchString(plain) && !hostAndPort.MatchString(plain)
}
