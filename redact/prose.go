package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLink  = 120 // bytes between the name of a secret and its value, in a sentence
	maxWords = 8   // and words
)

// phraseTails are those of the names of phrases.
var phraseTails = func() (tails [1 << 15]bool) {
	for word := range phraseNames {
		tails[tail(word, len(word))] = true
	}
	return tails
}()

// nounTails are the last three letters of the nouns, so that nearly no word is looked at closer.
var nounTails = func() (tails [1 << 15]bool) {
	add := func(word string) {
		if n := len(word); n >= 3 {
			tails[tail(word, n)] = true
		}
	}
	for _, h := range heads {
		add(h.suffix)
	}
	for word := range pluralHeads {
		add(word)
	}
	for word := range spokenHeads {
		add(word)
	}
	for word := range lastParts {
		add(word)
	}
	return tails
}()

// tail makes a number of the three letters before end, whatever their case.
func tail(s string, end int) int {
	return int(s[end-1]&31)<<10 | int(s[end-2]&31)<<5 | int(s[end-3]&31)
}

// noun is the rule for the end of each word: one that names a secret announces it in a sentence, a call, a cell of a table, or
// an element. The value must look like a secret, since nouns are what prose is made of. What = and : announce is pair's.
func (c *scanner) noun(start, end int) int {
	if end-start < 2 || end-start >= 3 && !nounTails[tail(c.s, end)] {
		if end-start >= 4 && phraseTails[tail(c.s, end)] && c.phraseNamed(start, end) {
			return max(end, c.phrase(end))
		}
		return end
	}
	from := start
	for limit := max(c.floor, end-80); from > limit && keyChars[c.s[from-1]]; {
		from--
	}
	if from < start && c.escapeBefore(from+1) {
		from++
	}
	if end-start >= 4 && phraseTails[tail(c.s, end)] && c.phraseNamed(from, end) {
		return max(end, c.phrase(end))
	}
	k := classify(c.s[from:end])
	if k.kind == "" {
		k = c.otherKey(from, c.s[from:end])
	}
	if k.kind == "" || k.loose || k.kind == Authorization || k.kind == Cookie {
		return end
	}
	if c.list(end, k) {
		return end
	}
	if k.weak && !spokenHeads[lastWords(k.name, 1)] && !codeNames[lastWords(k.name, 2)] {
		return c.longKey(end, k)
	}
	if next := c.header(from, end, k); next > end {
		return next
	}
	if next := c.declaration(from, end, k); next > end {
		return next
	}
	if next := c.argument(from, end, k); next > end {
		return next
	}
	if c.nounBehind(from, k.kind) {
		return end
	}
	if next := c.linked(end, k); next > end {
		return next
	}
	return c.announcedBelow(end, k)
}

// spokenHeads are the weak names that prose uses for secrets.
var spokenHeads = newWords(`pass pw creds cred passwords pin psk passkey mdp pat secrets tokens otp`)

// connectives may stand between the name of a secret and its value.
var connectives = newWords(`is are was were be been being has have had will shall should to for of on the a an my your his her their our
	its it's now new old current currently set reset changed change updated update rotated rotate replaced with by using value
	values equal equals becomes become contains reads follows following this that below above here called temporary temporarily
	temp initial default root admin administrator user username account login benutzer db database field and via as again still from into got
	ist lautet war wurde auf est es e sera era sao er ar nuevo nueva nouveau neues nova novo jest je des de del della la el le du den dem pour para do di av till fur von benutzers usuario utilisateur utente usuária
	app application service server system client bot`)

// owners are the connectives behind which a name says whose secret it is.
var owners = newWords(`for of user username account login on by fur pour de des del della du von para do di av till benutzer benutzers usuario utilisateur utente`)

// pointers announce a value beside all symbols, such as arrows, frames, and pictures.
const pointers = "»…·•为為是\ufe0f\u200d"

// linked reads on behind a noun that ends at i: over words that link it to a value, or signs that do.
func (c *scanner) linked(i int, k key) int {
	limit := min(len(c.s), i+maxLink)
	if next, decided := c.beside(i, k); decided {
		return next
	}
	sign, owner := false, false
	for at, words := i, 0; words < maxWords; words++ {
		next, signs := c.signs(at, limit)
		sign = sign || signs
		if next >= limit || next == at {
			return i
		}
		at = next
		if n, _ := placeholderAt(c.s[at:]); n > 0 {
			return i
		}
		end := c.bareWithin(at, maxHarmless+1)
		if cut := strings.IndexByte(c.s[at:end], '<'); cut > 0 {
			end = at + cut
		}
		end = at + len(strings.TrimRight(c.s[at:end], "\"'`*_()"))
		if end == at {
			return i
		}
		word := strings.ToLower(strings.TrimRight(c.s[at:min(end, at+maxHarmless)], ",:"))
		switch {
		case words == 0 && !sign && k.kind == Token && end-at == 36 && uuidForm.MatchString(c.s[at:end]):
			return c.found(at, end, k.kind)
		case connectives[word]:
			owner = owners[word]
		case end < len(c.s) && strings.IndexByte("([{", c.s[end]) >= 0:
			return i
		case spoken(c.s[at:end], k, sign), codeNames[lastWords(k.name, 2)] && c.secretItem(item{span: span{start: at, end: end}}, k, false):
			if end-at > maxHarmless {
				end = c.bare(at)
			}
			return c.more(c.found(at, end, k.kind), k)
		case owner && plainUser.MatchString(word):
			owner = false
		default:
			return i
		}
		at = end
	}
	return i
}

// beside decides what follows a noun that ends at i at once: a separator, a line break, a bracket, a longer name.
func (c *scanner) beside(i int, k key) (next int, decided bool) {
	if sep := c.skip(i, maxQuotes, " \"'`*]\\"); sep < len(c.s) && (c.s[sep] == '=' || c.s[sep] == ':') { // pair's, unless a sentence goes on
		word := c.skip(sep+1, 1, " ")
		if c.s[sep] == '=' || word == sep+1 || !connectives[strings.ToLower(c.s[word:isWord.run(c.s[:min(len(c.s), word+16)], word)])] {
			return i, true
		}
	}
	if below := c.skip(i, 4, " \t\r:"); below < len(c.s) && c.s[below] == '\n' {
		below = c.skip(below, 16, "\r\n \t:")
		if below < len(c.s) && c.alone(below) {
			if end := c.bareWithin(below, maxHarmless); spoken(c.s[below:end], k, true) {
				return c.more(c.found(below, end, k.kind), k), true
			}
		}
		return i, true
	}
	if k.kind == Password && !k.weak && i+1 < len(c.s) && strings.IndexByte("([{", c.s[i]) >= 0 {
		end := alnum.run(c.s[:min(len(c.s), i+64)], i+1)
		if v := c.s[i+1 : end]; end < len(c.s) && strings.IndexByte(")]}", c.s[end]) >= 0 && looksRandom(v) && spoken(v, k, true) {
			return c.found(i+1, end, k.kind), true
		}
	}
	return i, i+1 < len(c.s) && strings.IndexByte("-./(\\", c.s[i]) >= 0 && c.s[i+1] != ' ' // a longer name, a call, an escape
}

var plainUser = regexp.MustCompile(`^[\p{L}\w.@+-]{1,40}$`)

// signs skips blanks, quotes, markup and signs from i on, and reports whether a sign was among them that announces a value.
func (c *scanner) signs(i, limit int) (next int, sign bool) {
	for i < limit {
		switch b := c.s[i]; {
		case b == '\\' && i+1 < limit && isWord[c.s[i+1]]: // an escape
			return limit, sign
		case b == ']' && i > c.floor && c.closesBracket(i):
			sign = true
			i++
		case b == ' ' || b == '\t' || strings.IndexByte("\"'`*_(\\", b) >= 0:
			i++
		case strings.IndexByte("=:|>~/,;#-.)", b) >= 0:
			sign = true
			i++
		case b == '<' && i+1 < limit && strings.IndexByte("-=<", c.s[i+1]) >= 0:
			sign = true
			i += 2
		case b == '<':
			end := strings.IndexByte(c.s[i:min(limit, i+16)], '>')
			if end < 0 {
				return i, sign
			}
			sign = true
			i += end + 1
		case b >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(c.s[i:])
			if !unicode.In(r, unicode.So, unicode.Sm, unicode.Sk) && !strings.ContainsRune(pointers, r) || r == utf8.RuneError {
				return i, sign
			}
			sign = true
			i += n
		default:
			return i, sign
		}
	}
	return i, sign
}

// closesBracket reports whether the bracket at i closes one around a single word: [password] V.
func (c *scanner) closesBracket(i int) bool {
	start := i
	for limit := max(c.floor, i-40); start > limit && keyChars[c.s[start-1]]; {
		start--
	}
	return start > c.floor && c.s[start-1] == '['
}

// notSpoken matches what looks random in a sentence and names something: sums, versions, addresses, times, measures, paths.
var notSpoken = regexp.MustCompile(`^(?:sha\d+:.*|v?\d+(?:\.\d+)+[\w.-]*|[\d.:]+|[+-]?\d[\d.,]*[a-zA-Z%/]{1,7}|\d{4}-\d\d.*|[a-z0-9.-]+\.[a-z]{2,6}(?:[/:].*)?|[\w.-]+\.(?:ya?ml|json|go|py|js|ts|java|conf|cfg|toml|ini|txt|log|sh|pem|key|crt|gz|tar|zip|html?|php)(?::\d+)?|.*://.*|/.*|\$[A-Za-z_]\w*(?:[/:].*)?|\d+x\d+|` +
	`[a-z]{3,}(?:ed|es|ing|ion)\d+x?|[A-Z][a-z]{2,}(?:[A-Z][a-z]{2,})+\d?|[a-z]+\d|[\w.]+\(.*|[a-z_]+\{.*|.*[{}()\[\]<>].*|\w+=.*|(?:[a-z0-9]+-)+[a-z0-9]{1,10}|[a-z]+(?:_[a-z]+)+\d*|\w+(?:\.[A-Z]\w*)+|1[Pp]assword|OAuth2\w*|Base64\w*|UTF-?8)$`)

// digitInWord matches words with a digit for a letter, as in c0rrect-h0rse.
var digitInWord = regexp.MustCompile(`(?:^|[-_.])[a-z]{1,10}[0134578][a-z]{3,10}(?:[-_.].*)?$`)

// spoken reports whether a word of a sentence is a secret. Behind a sign, passwords of letters and punctuation are, too.
func spoken(v string, k key, sign bool) bool {
	if len(v) > maxHarmless {
		return letterAndDigit(v)
	}
	punctuated := strings.ContainsAny(v, "!@#$%^&*+?~") && (sign || strings.ContainsAny(v[:len(v)-1], "!@#$%^&*+?~"))
	if len(v) < 6 || !letterAndDigit(v) && !punctuated && !looksRandom(v) { // as nearly all words
		return false
	}
	if plainName(v) && (k.kind != Password || !digitInWord.MatchString(v)) || notSpoken.MatchString(v) {
		return false
	}
	return !harmless(v, surroundings{key: key{kind: k.kind, name: k.name}, separator: '-'}, nil) && (!punctuated || hasLetter(v))
}

func hasLetter(v string) bool {
	return strings.ContainsAny(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz")
}

// linkVerbs stand between a value and the noun that says what it is, articles between them and the noun.
var (
	linkVerbs = newWords(`as is was for be`)
	articles  = newWords(`the a an your my our his her its new old root admin temporary temp initial default db database current user api access secret auth session bearer`)
)

// nounBehind redacts a value that stands before the noun at i: use hunter22 as the password.
func (c *scanner) nounBehind(i int, kind string) bool {
	end := i
	for range 5 {
		if end-1 <= c.floor || c.s[end-1] != ' ' {
			return false
		}
		end--
		start := end
		for limit := max(c.floor, end-80); start > limit && c.s[start-1] > ' '; {
			start--
		}
		word := strings.TrimSuffix(c.s[start:end], "'s")
		if len(word) > 10 {
			return false
		}
		end = start
		if linkVerbs[word] {
			break
		}
		if !articles[word] {
			return false
		}
	}
	end = c.skipBack(end, 3, " \"'`)")
	start := end
	for limit := max(c.floor, end-80); start > limit && c.s[start-1] > ' ' && strings.IndexByte("\"'`(*", c.s[start-1]) < 0; {
		start--
	}
	if start == end || !looksRandom(c.s[start:end]) || !spoken(c.s[start:end], key{kind: kind, name: kind}, false) {
		return false
	}
	c.found(start, end, kind)
	return true
}

// pairOfUser is the rule for / between blanks: bob / hunter22, where the words before speak of a login.
func (c *scanner) pairOfUser(i int) int {
	if i == 0 || i+2 >= len(c.s) || c.s[i-1] != ' ' && !accountName.MatchString(c.lineBefore(i, 60)) {
		return i
	}
	at := c.skip(i+1, 4, " \"'`")
	end := c.bareWithin(at, maxHarmless)
	if end > at && spoken(c.s[at:end], key{kind: Password, name: "password"}, true) && (c.s[i-1] != ' ' || loginWords.MatchString(c.lineBefore(i, 80))) {
		return c.found(at, end, Password)
	}
	return i
}

// accountName matches a name that is said to be that of an account.
var accountName = regexp.MustCompile(`(?i)(?:账号|帐号|賬號|账户|登录|logins?|cred(?:ential)?s?|zugangsdaten)[ \t::]+[\w.@-]{1,32}$`)

var loginWords = regexp.MustCompile(`(?i)(?:zugangsdaten|identifiants|credenciales|credenziali|log ?in|log on|logged in|sign in|sign on|\btry|user(?:name)?|account|cred(?:ential)?s?|password|passwd|retry)\b.{0,30}\S $`)
