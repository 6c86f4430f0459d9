package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHarmless bounds what is looked at to call a value harmless: nothing longer is.
const maxHarmless = 256

// harmless reports whether a value is no secret although its key says so: a reference, a mask, a word of prose, a
// count. Values of weak keys are harmless unless they look random.
func harmless(v string, ctx surroundings, c *scanner) bool {
	if n, _ := placeholderAt(v); n > 0 && strings.Trim(v[n:], "?!.,;:)]}") == "" { // the sentence's
		return true
	}
	if ctx.loose {
		return len(v) > maxHarmless || !looksLikeKey(v)
	}
	if len(v) > maxHarmless {
		return false
	}
	if first, _ := utf8.DecodeRuneInString(v); unicode.Is(unicode.Han, first) || first >= 0x3000 && first <= 0x303F {
		return true
	}
	word := strings.ToLower(strings.Trim(v, ".,;:!?()"))
	if ctx.kind != Password && (strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://")) { // what of it is secret has rules of its own
		return true
	}
	if !ctx.quoted && strings.IndexByte("=:", ctx.separator) >= 0 && (expression.MatchString(v) || ctx.kind != Password && member.MatchString(v) && !looksLikeKey(v)) {
		return true
	}
	if literals[word] || typeNames[v] || algorithm.MatchString(word) || reference.MatchString(v) || mask.MatchString(v) {
		return true
	}
	if fillIn.MatchString(v) || ctx.kind == GenericSecret && referringNames[ctx.name] && plainName(v) || ctx.kind == GenericSecret && ctx.name == "secret" && objectName.MatchString(v) {
		return true
	}
	if ctx.name == "secret_id" && !uuidForm.MatchString(v) && (plainName(v) || strings.Contains(v, "/") && !looksLikeKey(v)) { // the name of one
		return true
	}
	if ctx.kind == GenericSecret && strings.HasSuffix(ctx.name, "secret_key") && plainName(v) && classify(v).kind != "" { // of an external secret
		return true
	}
	if prose[word] && !ctx.quoted && strings.IndexByte(": -", ctx.separator) >= 0 {
		return true
	}
	if ctx.weak && numericCodes[lastWords(ctx.name, 1)] && len(v) >= 4 && len(v) <= 8 && strings.Trim(v, "0123456789") == "" {
		return false
	}
	if ctx.weak || ctx.separator == ' ' {
		short := ctx.kind == Password && strings.Contains(ctx.name, "pass") && len(v) >= 6 && letterAndDigit(v) && alnum.run(v, 0) == len(v)
		return !looksRandom(v) && !short
	}
	if ctx.kind != Password || strings.HasPrefix(ctx.name, "max_") || strings.HasPrefix(ctx.name, "min_") {
		if number.MatchString(v) {
			return true
		}
	}
	return ctx.separator == ':' && complaint.MatchString(c.lineBefore(ctx.keyStart, 32)) && letters.MatchString(v)
}

var (
	// reference matches what stands for a secret that is elsewhere: variables, templates, paths.
	reference = regexp.MustCompile(`^(?:\$\{[^}]*\}?|\$\([^)]*\)?|\$[A-Z_][A-Z0-9_]*|\$\d|\$?\{\{.*|\$labels\..*|\$value|%[svqdw]|%\([a-z_]+\)s|` +
		`%[A-Z_]+%|<[A-Za-z_ -]+>|&lt;[a-z_ -]+&gt;|arn:aws:\S*|![A-Za-z_]+|!\d{1,4}|\{cipher\}.*|(?:op|vault|ssm|awssm|gcpsm|azurekv|env|file|ref)://?[\w./#$-]+|` +
		`@Microsoft\.KeyVault\(.*|%ENV\(\w+\)%|secretref:[\w.-]+|SHA256:[A-Za-z0-9+/]{43}=?|[a-z_]+(?:\.[a-z_]+)+\.\w*(?:password|secret|token)|` +
		`(?:os\.|process\.|System\.)?(?:environ|env|ENV|getenv|getEnv)[\[(.].*|` +
		`(?:vault|ssm|env|secretsmanager|keyvault):[\w./#-]*[/_][\w./#-]*|projects/[\w-]+/secrets/\S*|` +
		`\.{0,2}/(?:etc|run|var|opt|home|usr|tmp|srv|root|secrets|mnt|data|app|vault|certs)(?:/\S*)?|\./\S+|~/\S+)$`)
	// expression and member match what source code writes for a secret: a call, and a field of something.
	expression = regexp.MustCompile(`^[&*]?(?:[A-Za-z_][A-Za-z_.]*|[a-z]+(?:\d?[A-Z][a-z]+\d*)*|[a-z]+\d)\((?:\)?[;,}]*$|["'\w&*])`)
	member     = regexp.MustCompile(`^[&*]?[A-Za-z_]\w{0,15}(?:\.[A-Za-z_]\w*)+[,;{})]*$`)
	// standIn matches what a manual writes for a secret.
	standIn = regexp.MustCompile(`^<[A-Za-z_ -]+>`)
	mask    = regexp.MustCompile(`^(?:\?+|\[(?i:missing|none|hidden|redacted|masked|filtered|empty|not ?set|unset|removed|secret|omitted|protected|sensitive|null|\*+)[\]]?|\*+|[xX]{3,}|\.+|-+|_+|#+|•+|…+|\(.*\)|)$`)
	// number matches counts, ports, durations and versions.
	number    = regexp.MustCompile(`^[+-]?(?:\d{1,5}|\d+\.\d+|\d+(?:ms|[smhdwy%])(?:\d+(?:ms|[smhdwy]))*|v?\d+(?:\.\d+)+)$`)
	complaint = regexp.MustCompile(`(?i)\b(?:invalid|bad|wrong|incorrect|expired|missing|unknown|no|malformed|unsupported|unexpected)\s+[\w-]*$`)
	// encrypted matches the beginning of a value that only its key's owner can read.
	encrypted = regexp.MustCompile(`^(?:ENC\[[^\]\n]*\]?|ENC\([^)\n]*\)?|!vault(?:-encrypted)?[ \t]*\|?|\$ANSIBLE_VAULT;\S*)`)
	// algorithm matches the names of algorithms and types of keys.
	algorithm = regexp.MustCompile(`^(?:(?:ssh-)?(?:rsa|dsa|ecdsa|ed25519|ed448|x25519|curve25519)(?:-?\d{3,4})?|(?:rs|es|ps|hs)(?:256|384|512)(?:k)?|eddsa|` +
		`(?:hmac-?)?(?:sha|sha-)\d{1,3}(?:-?\d{3})?|md5|bcrypt|scrypt|argon2(?:id|i|d)?|pbkdf2|crypt|(?:aes|des|3des|rc4|chacha20)(?:-?\d{3})?(?:-?(?:gcm|cbc|ctr|poly1305))?|` +
		`p-?(?:256|384|521)|secp\d{3}[kr]1|ecdsa-sha2-nistp\d{3}|x509|pkcs\d{1,2}|pem|der|jw[kste]s?|oauth2?|oidc|saml2?|ntlm(?:v2)?|kerberos|opaque|v\d)$`)
	letters  = regexp.MustCompile(`^[A-Za-z]+$`)
	dateLike = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
)

// fillIn matches what a manual has users replace.
var fillIn = regexp.MustCompile(`^(?:[A-Z]+_)*(?:REPLACE|CHANGE|INSERT|YOUR|ENTER|FILL|TODO)(?:_[A-Z]+)+$`)

// objectName matches names of objects that hold secrets: secret=checkout-tls.
var objectName = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)*-(?:tls|db|creds|credentials|tokens?|certs?|keys?|secrets?|config|auth|ca|ssl)$`)

// referringNames are names of secrets whose value is the name of an object that holds one.
var referringNames = newWords(`password_secret credentials_secret existing_secret auth_secret tls_secret pull_secret image_pull_secret cert_secret ca_secret`)

// numericCodes are the names of secrets that are short numbers.
var numericCodes = newWords(`pin otp totp 验证码 驗證碼 认证码 認證碼 認証コード 確認コード 인증번호 인증코드 校验码 动态码 授权码 授權碼 安全码`)

// literals are the values of data formats that say that there is no secret, or what type one has.
var literals = newWords(`true false null none nil undefined unset empty n/a na <secret> <redacted> <hidden> redacted
	hidden masked not_set not-set notset missing absent present provided files compat sss winbind systemd`)

// prose are the words that follow the name of a secret in a sentence or a message: token: expired.
var prose = newWords(`yes no on off enabled disabled required optional string bool boolean int integer object array
	text any default invalid expired expires expiring missing incorrect wrong bad not is was are were has have had too
	must may cannot can can't could should will would failed fails fail failure failures unauthorized unauthenticated
	forbidden denied rejected revoked signature mismatch mismatched unknown error errors malformed ok success
	succeeded successful valid accepted verified checked changed rotated reset renewed leaked exposed and or but the a
	an of in to for from with by at as that this these those it its we you we're your our their visit see click please
	go use check contact ask try enter type set update rotate change renew run look flag option argument parameter
	value field file path length policy strength attempt attempts authentication authorization permission access high
	low bearer basic digest unable when while after before if because since until there user login who which what how
	why where new old more less than same different spraying stuffing guessing cracking brute bruteforce rotation
	expiry validated generated created issued used stored sent received found given provided needed supplied refreshed
	read write readonly removed deleted blocked locked disabled
	secrets tokens passwords keys credentials`)

func newWords(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// looksRandom tells a secret from a word, a name, an address or a date.
func looksRandom(v string) bool {
	if len(v) < 8 || plainName(v) || strings.Contains(v, "://") || strings.Contains(v, " ") || dateLike.MatchString(v) {
		return false
	}
	digit, lower, upper := false, false, false
	for i := range len(v) {
		digit = digit || v[i] >= '0' && v[i] <= '9'
		lower = lower || v[i] >= 'a' && v[i] <= 'z'
		upper = upper || isUpper(v[i])
	}
	return digit && (lower || upper) || len(v) >= 32 && lower != upper || len(v) >= 64 || mixedCase(v)
}

// mixedCase reports whether letters change case as in a random string, and not as in a name of words.
func mixedCase(v string) bool {
	changes, letters := 0, 0
	for i := range len(v) {
		if !alnum[v[i]] {
			return false
		}
		letters++
		if i > 0 && isUpper(v[i]) != isUpper(v[i-1]) {
			changes++
		}
	}
	share := 9 // of twenty; names of words have six or seven
	if letters >= 16 {
		share = 8
	}
	return letters >= 8 && 20*changes >= share*(letters-1)
}

// looksLikeKey tells a long random value from all that is called a key: identifiers of other things are shorter, or made of words.
func looksLikeKey(v string) bool {
	digit, lower, upper := false, false, false
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z':
			lower = true
		case isUpper(c):
			upper = true
		case strings.IndexByte("+/=_.~-", c) < 0:
			return false
		}
	}
	return digit && !plainName(v) && !strings.Contains(v, "/20") && (len(v) >= 20 && lower && upper || len(v) >= 32 && (lower || upper))
}

// plainName reports whether v is made like the names of Kubernetes, hosts, addresses, versions and UUIDs: lower case
// in short parts, and either letters only or more than one part.
func plainName(v string) bool {
	part, parts, digit := 0, 1, false
	for i := range len(v) {
		switch c := v[i]; {
		case strings.IndexByte("-./:_", c) >= 0:
			part = 0
			parts++
			continue
		case c >= '0' && c <= '9':
			digit = true
		case c < 'a' || c > 'z':
			return false
		}
		if part++; part > 15 {
			return false
		}
	}
	return parts > 1 || !digit || len(v) < 8
}
