package redact

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// foreignWords are the words for password, token, key and credential in scripts other than ours, by what they name.
var foreignWords = map[string][]string{
	Password: {
		"密码", "密碼", "口令", "暗号", "暗號", "通行码", "通行碼", "密码短语", "密碼片語", "密语", "密語", "密令", "登录码", "解压码", "提取码", "访问码",
		"パスワード", "パスフレーズ", "パスコード", "暗証番号", "合言葉", "合い言葉",
		"비밀번호", "패스워드", "암호", "비번",
		"пароль", "Пароль", "ПАРОЛЬ", "пароля", "паролем", "пароли", "Пароли", "парола", "лозинка", "Лозинка",
		"κωδικός", "Κωδικός", "κωδικος", "συνθηματικό", "סיסמה", "סיסמא", "كلمة المرور", "كلمة السر", "رمز عبور", "पासवर्ड", "รหัสผ่าน", "hasło", "Hasło", "HASŁO",
	},
	Token: {
		"令牌", "验证码", "授权码", "驗證碼", "授權碼", "权杖", "權杖", "校验码", "认证码", "認證碼", "認証コード", "確認コード", "인증번호", "인증코드", "код подтверждения", "Код подтверждения", "动态码", "安全码", "恢复码", "恢復碼", "备份码", "備份碼", "备用码", "救援码", "リカバリーコード", "バックアップコード", "トークン", "토큰", "токен", "Токен", "ТОКЕН", "токена", "токеном",
	},
	PrivateKey: {"私钥", "私鑰", "秘密鍵", "개인키", "закрытый ключ", "приватный ключ"},
	GenericSecret: {
		"助记词", "助記詞", "恢复短语", "恢復短語", "シードフレーズ", "リカバリーフレーズ", "ニーモニック", "니모닉", "시드 구문", "сид-фраза", "сид-фразы", "мнемоническая фраза", "seed-фраза",
		"密钥", "密鑰", "秘钥", "密匙", "凭证", "凭据", "憑證", "憑據", "金钥", "金鑰", "シークレット", "アクセスキー", "認証情報", "비밀키", "시크릿",
		"секрет", "Секрет", "секретный ключ", "Секретный ключ", "ключ API", "Ключ API",
	},
	APIKey: {"访问密钥", "接口密钥", "APIキー", "API キー", "API 키", "API키", "API-ключ"},
}

// foreignPhrases are those of them that name a phrase that a wallet is restored from.
var foreignPhrases = func() map[string]bool {
	words := map[string]bool{}
	for _, word := range foreignWords[GenericSecret][:13] {
		folded, _ := fold(word, forms)
		words[folded.text] = true
	}
	return words
}()

type foreignWord struct{ text, kind string }

// foreignByByte are the words by their first byte, the longest first.
var foreignByByte = func() (by [256][]foreignWord) {
	for kind, list := range foreignWords {
		for _, word := range list {
			folded, _ := fold(word, forms)
			word = folded.text
			by[word[0]] = append(by[word[0]], foreignWord{word, kind})
		}
	}
	for i := range by {
		slices.SortFunc(by[i], func(a, b foreignWord) int {
			if n := len(b.text) - len(a.text); n != 0 {
				return n
			}
			return strings.Compare(a.text, b.text)
		})
	}
	return by
}()

// foreignLink matches what may stand between such a word and its value: 密码：, 密码（root）=, 口令已重置为, "密码": ", パスワードは.
// Its first group is empty when nothing but a space links them.
var foreignLink = regexp.MustCompile(`^(?: ?\([^()\n]{0,30}\))?` +
	`(?:[ \t]*(?:已经|已|被|重置|重設|重设|设置|設置|設定|设定|修改|更改|變更|变更|更新|改|设|設|如下|分别|默认|列表|清单|清單|預設|统一|統一|明文|临时|臨時|初始|将|將|都|均|泄露|洩露))*` +
	`(?: ?(?:для|пользователя|администратора|админа|сервиса|учётной записи|учетной записи|базы|от|к|базы данных|root|admin|сброшен|изменен|изменён|установлен|новый|теперь|по умолчанию))*` +
	"(?:\\\\*[\"'`*】」]){0,3}[ \t]*((?:->|=>|[:=|>,，、~\\p{So}\\p{Sm}\\p{Sk}-]\ufe0f?|为|為|是|成|到|は|が|を|に|의|은|는|이|가|를|을|на|to |είναι|هي|هو|है|คือ)(?:[:=>为為是了 \t]|는|은)*[【「『\\[(]?|[【「『\\[]|[\\w.@-]{1,32}[ \t]*[:=][ \t]*|)[ \t]*")

// foreign is the rule for the words above. Only a value in ASCII is a secret: what follows in the same script is prose.
func (c *scanner) foreign(i int) int {
	var word foreignWord
	for _, w := range foreignByByte[c.s[i]] {
		if strings.HasPrefix(c.s[i:], w.text) {
			word = w
			break
		}
	}
	if word.text == "" {
		return i
	}
	if foreignPhrases[word.text] {
		if next := c.phrase(i + len(word.text)); next > i+len(word.text) {
			return next
		}
		return i
	}
	if c.foreignBehind(i, word.kind) {
		return i
	}
	link := i + len(word.text)
	m := foreignLink.FindStringSubmatchIndex(c.s[link:min(len(c.s), link+160)])
	value := link + m[1]
	if value >= len(c.s) || m[1] == 0 && c.s[value] != '\n' && !alnum[c.s[value]] || c.s[value] >= utf8.RuneSelf || c.counts(value) {
		return i
	}
	ctx := surroundings{key: key{kind: word.kind, name: word.text}, keyStart: i, separator: ':'}
	ctx.weak = m[2] == m[3] || strings.IndexByte("|,~->", c.s[link+m[2]]) >= 0
	if c.s[value] == '\n' {
		value, ctx.weak = c.skip(value, 16, "\n "), true
		if value == len(c.s) || !c.alone(value) {
			return i
		}
	}
	if c.s[value] <= ' ' {
		return i
	}
	ctx.weak = ctx.weak || storedThere.MatchString(c.s[c.bareWithin(value, maxHarmless):min(len(c.s), c.bareWithin(value, maxHarmless)+40)])
	if next := c.shortCode(value, word); next > value {
		return next
	}
	ctx.weak = ctx.weak && !c.quotedPassword(value, word)
	next := c.value(i, c.wrapped(value), ctx)
	if next > i {
		next = c.more(next, ctx.key)
	}
	return next
}

// storedThere matches what follows the name of a place that holds a secret: パスワードは Vault にあります.
var storedThere = regexp.MustCompile(`^ ?(?:に(?:あり|ある|保存|保管|格納|入って|置)|から|で管理|の中|中|里|裡|裏)`)

// behind matches a value that stands before such a word: 用 hunter22 作为登录密码.
var behind = regexp.MustCompile(`([!-~]{6,64})["'\x60]? ?(?:作为|作為|当作|當作|做|是|为|為|で|を|как)\p{Han}{0,6} ?$`)

func (c *scanner) foreignBehind(i int, kind string) bool {
	before := c.lineBefore(i, 96)
	if len(before) < 6 || !strings.ContainsAny(before, "0123456789") {
		return false
	}
	m := behind.FindStringSubmatchIndex(before)
	if m == nil {
		return false
	}
	start, end := i-len(before)+m[2], i-len(before)+m[3]
	if start < c.floor || !looksRandom(c.s[start:end]) || !spoken(c.s[start:end], key{kind: kind}, false) {
		return false
	}
	c.found(start, end, kind)
	return true
}

var countChars = newSet("0-9.~-")

// counts reports whether a short number with a word of another script behind it comes next: 密码为 8 位.
func (c *scanner) counts(i int) bool {
	end := countChars.run(c.s[:min(len(c.s), i+8)], i)
	if end == i || end-i > 5 {
		return false
	}
	end = c.skip(end, 2, " ")
	return end < len(c.s) && c.s[end] >= utf8.RuneSelf
}

// measured matches a measure behind a number: 验证码 1200 条.
var measured = regexp.MustCompile(`^ ?(?:次|条|條|个|個|位|秒|分|天|小时|人|项|項|件|回)`)

// shortCode reads the digits at i behind the word for a code that is sent to somebody.
func (c *scanner) shortCode(i int, word foreignWord) int {
	end := i
	for end < len(c.s) && c.s[end] >= '0' && c.s[end] <= '9' {
		end++
	}
	if n := end - i; !numericCodes[word.text] || n < 4 || n > 8 || end < len(c.s) && isWord[c.s[end]] || measured.MatchString(c.s[end:]) {
		return i
	}
	return c.found(i, end, word.kind)
}

// quotedPassword reports whether a word in quotes stands at i right behind the word for a password, and is none that names one.
func (c *scanner) quotedPassword(i int, word foreignWord) bool {
	if word.kind != Password || c.s[i-1] != '"' || !strings.HasSuffix(c.s[:i-1], word.text) {
		return false
	}
	end := alnum.run(c.s[:min(len(c.s), i+64)], i)
	return end-i >= 8 && end < len(c.s) && c.s[end] == '"' && classify(c.s[i:end]).kind == ""
}
