package redact

import (
	"regexp"
	"strings"
)

// checksums are the prefixes of annotations that hold the sum of what follows.
var checksums = newWords(`checksum hash sha256 md5 digest`)

func (c *scanner) wordBeforeSlash(i int) string {
	start := i - 1
	for limit := max(c.floor, i-16); start > limit && isWord[c.s[start-1]]; {
		start--
	}
	return c.s[start : i-1]
}

// valueOfSecretName matches the end of a text in which a name that comes before a value announces it, as in the
// environment of a Kubernetes container.
var valueOfSecretName = regexp.MustCompile(`(?i)\b(?:name|key|type|id)\\*["']?\s*[:=]\s*\\*["']?([\w.-]{2,64})\\*["']?\s*,?\s*(?:\\[nr]|-|\s)*\\*["']?$`)

// nameBehindValue matches a value with its name behind it.
var nameBehindValue = regexp.MustCompile(`(?i)^value\\*["']\s*:\s*\\*["'][^"'\\\n]{1,200}\\*["']\s*,\s*\\*["'](?:name|key)\\*["']\s*:\s*\\*["']([\w.-]{2,64})\\*["']`)

// objectOfSecretName matches the end of a text in which an object is called a secret, as in "password": {"value".
var objectOfSecretName = regexp.MustCompile(`([\w.-]{2,64})\\*["']?\s*[:=]\s*\{\s*\\*["']?$`)

// otherKey knows the names that are a secret's by what stands before them: value after name: DB_PASSWORD, key in the query of a
// URL, words of two parts, and words with blanks between their letters.
func (c *scanner) otherKey(start int, name string) key {
	switch {
	case start > c.floor && strings.IndexByte("@$!", c.s[start-1]) >= 0:
		return classify(strings.ToLower(c.withSigns(start) + name))
	case len(name) > 8:
	case strings.EqualFold(name, "key") && start > 0 && (c.s[start-1] == '?' || c.s[start-1] == '&'):
		return key{kind: APIKey, weak: true, name: "key"}
	case start > 0 && (c.s[start-1] == '?' || c.s[start-1] == '&') && looseParameters[name]:
		return key{kind: Token, weak: true, loose: true, name: name}
	case strings.EqualFold(name, "value"), strings.EqualFold(name, "content"), strings.EqualFold(name, "text"), name == "S":
		before := c.s[max(c.floor, start-160):start]
		if m := valueOfSecretName.FindStringSubmatch(before); m != nil && name != "S" {
			return classify(m[1])
		}
		if m := objectOfSecretName.FindStringSubmatch(before); m != nil {
			return classify(m[1])
		}
		if m := nameBehindValue.FindStringSubmatch(c.s[start:min(len(c.s), start+320)]); m != nil {
			return classify(m[1])
		}
	case len(name) == 1:
		if word := c.spelled(start + 1); len(word) > 2 {
			return classify(word)
		}
	case lastParts[strings.ToLower(name)]:
		joined := strings.ToLower(name)
		for range 2 {
			word := c.wordBefore(start)
			if word == "" {
				break
			}
			joined = strings.ToLower(word) + "_" + joined
			if k := classify(joined); k.kind != "" && k.kind != Authorization && k.kind != Cookie && !k.loose {
				return k
			}
			start -= len(word) + 1
		}
	}
	return key{}
}

// looseParameters are parameters of URLs that may hold a key, and hold much else.
var looseParameters = newWords(`code t k ticket`)

// withSigns returns the letters before i of a word that has signs for some: p@ssword.
func (c *scanner) withSigns(i int) string {
	from := i
	for limit := max(c.floor, i-16); from > limit && (isWord[c.s[from-1]] || strings.IndexByte("@$!", c.s[from-1]) >= 0); {
		from--
	}
	return signsForLetters.Replace(c.s[from:i])
}

var signsForLetters = strings.NewReplacer("@", "a", "$", "s", "!", "i")

// lastParts are the last words of names of two or three: api key, pass phrase, mot de passe, mật khẩu.
var lastParts = newWords(`key word phrase code passe sandi khau api acces secrete secreta segreta segreto secreto acceso acesso
	passord id pass line codes keys`)

// wordBefore returns the word before the blank or the hyphen before i, "" if there is none.
func (c *scanner) wordBefore(i int) string {
	end := i - 1
	if end <= c.floor || c.s[end] != ' ' && c.s[end] != '\'' && c.s[end] != '/' {
		return ""
	}
	start := end
	for limit := max(c.floor, end-24); start > limit && isWord[c.s[start-1]]; {
		start--
	}
	return c.s[start:end]
}

// spelled returns the word whose letters stand with single blanks between them, the last before end.
func (c *scanner) spelled(end int) string {
	start := end
	for limit := max(c.floor, end-40); start-2 >= limit && isWord[c.s[start-1]] && c.s[start-2] == ' ' && (start-3 < 0 || !isWord[c.s[start-3]] || start-4 < 0 || !isWord[c.s[start-4]]); {
		start -= 2
	}
	if start > c.floor && isWord[c.s[start-1]] {
		start--
	}
	return strings.ReplaceAll(c.s[start:end], " ", "")
}
