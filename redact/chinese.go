package redact

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// chineseKeys are the words for password, token, key and credential.
var chineseKeys = []string{
	"密码", "密碼", "口令", "令牌", "密钥", "密鑰", "秘钥", "密匙", "私钥", "凭证", "凭据", "憑證", "验证码", "授权码",
}

// chineseLink matches what may stand between such a word and its value: 密码：, 密码（root）=, 口令已重置为, "密码": ".
// Its first group is empty when nothing but a space links them.
var chineseLink = regexp.MustCompile(`^(?: ?\([^()\n]{0,30}\))?` +
	`(?:[ \t]*(?:已经|已|被|重置|重设|设置|设定|修改|更改|更新|改|设|如下|分别|默认|统一|明文|临时|初始|将|都|均|泄露))*` +
	"(?:\\\\*[\"'`*】]){0,3}[ \t]*((?:[:=]|为|是|成|到)[:=>为是 \t]*|)[ \t]*")

// chinese is the rule for the words above. Only a value in ASCII is a secret: what follows in Chinese is prose.
func (c *scanner) chinese(i int) int {
	word := ""
	for _, k := range chineseKeys {
		if strings.HasPrefix(c.s[i:], k) {
			word = k
		}
	}
	if word == "" {
		return i
	}
	link := i + len(word)
	m := chineseLink.FindStringSubmatchIndex(c.s[link:min(len(c.s), link+160)])
	value := link + m[1]
	if value >= len(c.s) || m[1] == 0 || c.s[value] >= utf8.RuneSelf || c.s[value] <= ' ' || c.counts(value) {
		return i
	}
	ctx := surroundings{key: key{kind: chineseKind(word), name: word}, keyStart: i, separator: ':'}
	if m[2] == m[3] {
		ctx.weak = true
	}
	return c.value(i, value, ctx)
}

func chineseKind(word string) string {
	switch word {
	case "令牌", "验证码", "授权码":
		return Token
	case "私钥":
		return PrivateKey
	case "密钥", "密鑰", "秘钥", "密匙", "凭证", "凭据", "憑證":
		return GenericSecret
	}
	return Password
}

var countChars = newSet("0-9.~-")

// counts reports whether a short number with a Chinese word behind it comes next: 密码为 8 位.
func (c *scanner) counts(i int) bool {
	end := countChars.run(c.s[:min(len(c.s), i+8)], i)
	if end == i || end-i > 5 {
		return false
	}
	end = c.skip(end, 2, " ")
	return end < len(c.s) && c.s[end] >= 0xE4 && c.s[end] <= 0xE9
}
