package redact

import (
	"bytes"
	"strings"
)

// key is what the name before a value says about it.
type key struct {
	kind string // "" when the name is not that of a secret
	weak bool   // the value must look like a secret too
	// loose: many harmless things are called the same, so that only a long random value is a secret
	loose bool
	many  bool   // the name is a plural: what it names may be a list
	name  string // lower case, words joined by _
}

type head struct{ suffix, kind string }

// heads are the nouns that a secret's name ends with: the last word of a name says what the thing is, so token_count
// is a count and token_secret a secret. Longer ones come first where they differ in kind.
var heads = []head{
	{"password", Password},
	{"passwd", Password},
	{"passphrase", Password},
	{"pwd", Password},
	{"passcode", Password},
	{"requirepass", Password},
	{"masterauth", Password},
	{"userpass", Password},
	{"_pass", Password},
	{"pgpass", Password},
	{"dbpass", Password},
	{"rootpass", Password},
	{"sqlpass", Password},
	{"adminpass", Password},
	{"authpass", Password},
	{"ftppass", Password},
	{"smtppass", Password},
	{"mailpass", Password},
	{"ldappass", Password},
	{"redispass", Password},
	{"keypass", Password},
	{"storepass", Password},
	{"sshpass", Password},
	{"cli_auth", Password},
	{"redis_auth", Password},
	{"root_token_id", Token},
	{"pass_word", Password},
	{"pass_phrase", Password},
	{"pass_code", Password},
	{"passwrd", Password},
	{"passw", Password},
	{"pswd", Password},
	{"psswd", Password},
	{"pword", Password},
	{"community_string", Password},
	{"dockerconfigjson", GenericSecret},
	{"dockercfg", GenericSecret},
	{"recovery_code", Token},
	{"backup_code", Token},
	{"scratch_code", Token},
	{"emergency_code", Token},
	{"rescue_code", Token},
	{"auth_code", Token},
	{"security_code", Token},
	{"otp_code", Token},
	{"access_code", Token},
	{"passwort", Password}, // German, Dutch, Scandinavian, Czech, Finnish, Turkish, Hungarian, Romance, Vietnamese, Indonesian, Chinese
	{"kennwort", Password},
	{"zugangscode", Password},
	{"wachtwoord", Password},
	{"passord", Password},
	{"kodeord", Password},
	{"adgangskode", Password},
	{"losenord", Password},
	{"heslo", Password},
	{"haslo", Password},
	{"salasana", Password},
	{"sifre", Password},
	{"parola", Password},
	{"jelszo", Password},
	{"geslo", Password},
	{"lozinka", Password},
	{"mot_de_passe", Password},
	{"motdepasse", Password},
	{"phrase_de_passe", Password},
	{"code_d_acces", Password},
	{"contrasena", Password},
	{"palabra_clave", Password},
	{"clave_secreta", Password},
	{"clave_de_acceso", Password},
	{"clave_api", APIKey},
	{"clave_de_api", APIKey},
	{"api_schlussel", APIKey},
	{"api_schluessel", APIKey},
	{"chave_de_api", APIKey},
	{"cle_api", APIKey},
	{"cle_secrete", GenericSecret},
	{"cle_d_api", APIKey},
	{"chave_secreta", GenericSecret},
	{"chave_de_acesso", APIKey},
	{"chave_api", APIKey},
	{"chiave_segreta", GenericSecret},
	{"parola_d_ordine", Password},
	{"senha", Password},
	{"palavra_passe", Password},
	{"mat_khau", Password},
	{"matkhau", Password},
	{"kata_sandi", Password},
	{"katasandi", Password},
	{"mima", Password},
	{"private_key", PrivateKey},
	{"privatekey", PrivateKey},
	{"private_key_pem", PrivateKey},
	{"private_key_data", PrivateKey},
	{"client_key_data", PrivateKey},
	{"ssh_key", PrivateKey},
	{"api_key", APIKey},
	{"apikey", APIKey},
	{"access_key", APIKey},
	{"accesskey", APIKey},
	{"account_key", APIKey},
	{"accountkey", APIKey},
	{"auth_key", APIKey},
	{"authkey", APIKey},
	{"subscription_key", APIKey},
	{"functions_key", APIKey},
	{"webhook_key", APIKey},
	{"encryption_key", APIKey},
	{"signing_key", APIKey},
	{"master_key", APIKey},
	{"shared_key", APIKey},
	{"aes_key", APIKey},
	{"hmac_key", APIKey},
	{"security_key", APIKey},
	{"encrypt_key", APIKey},
	{"secret_key", GenericSecret},
	{"secretkey", GenericSecret},
	{"secret_key_base", GenericSecret},
	{"secret_id", GenericSecret},
	{"secret", GenericSecret},
	{"secret_value", GenericSecret},
	{"credential", GenericSecret},
	{"credentials", GenericSecret},
	{"secure_json_data", GenericSecret},
	{"token", Token},
	{"session_id", Token},
	{"sessionid", Token},
	{"sessid", Token},
	{"session_cookie", Cookie},
	{"cookie", Cookie},
	{"authorization", Authorization},
}

// weakHeads are last words that often name something harmless.
var weakHeads = map[string]string{
	"auth": Password, "pass": Password, "pw": Password, "passwords": Password,
	"sid": Token, "tokens": Token, "session": Token, "sig": Token, "signature": Token, "bearer": Token, "jwt": Token,
	"secrets": GenericSecret, "creds": GenericSecret, "cred": GenericSecret,
	"app_key": APIKey, "appkey": APIKey, "license_key": APIKey, "service_key": APIKey, "storage_key": APIKey,
	"session_key": APIKey, "routing_key": APIKey, "integration_key": APIKey, "deploy_key": APIKey, "client_key": APIKey,
	"bot_key": APIKey, "apikeys": APIKey, "api_keys": APIKey, "ssh_keys": PrivateKey, "pat": Token,
	"clave": Password, "chave": Password, "cle": GenericSecret, "jeton": Token, "secreto": GenericSecret, "segredo": GenericSecret,
	"chiave": GenericSecret, "segreto": GenericSecret, "geheimnis": GenericSecret, "schlussel": GenericSecret, "schluessel": GenericSecret,
	"unseal_key": GenericSecret, "pin": Password, "passkey": Password, "psk": Password, "mdp": Password,
	"salt": GenericSecret, "otp": Token, "totp": Token,
	"sess": Token, "hmac": Token,
	"existing_secret": GenericSecret, "pull_secret": GenericSecret, "tls_secret": GenericSecret,
}

// looseHeads are last words of so many harmless names that only a long random value makes a secret of one.
var looseHeads = map[string]string{"key": APIKey, "sk": GenericSecret, "sign": Token, "license": APIKey}

// harmlessKeys are the words before key that name what is looked up by it, or what is public.
var harmlessKeys = newWords(`cache primary foreign partition group object public pub row sort dedup dedupe deduplication
	idempotency index lookup shard hash host map label config bucket s3 unique natural composite range query message kafka redis
	record i18n translation sorting etag metric series event storage`)

// classifyLoosely knows the names of which classify knows nothing.
func classifyLoosely(name string) key {
	if len(name) < 2 || !mayEndKey[name[len(name)-1]] {
		return key{}
	}
	norm := normalize(name)
	if norm == "" {
		return key{}
	}
	last := lastWords(norm, 1)
	kind := looseHeads[last]
	if kind == "" && strings.HasSuffix(norm, "key") && len(norm) > len("key") && !commonKeyWords[norm] {
		last, kind = "key", APIKey
	}
	if kind == "" || harmlessKeys[strings.TrimSuffix(strings.TrimSuffix(lastWords(norm, 2), last), "_")] {
		return key{}
	}
	return key{kind: kind, weak: true, loose: true, name: norm}
}

// codeNames are what lists of codes are called that stand in for a second factor: short, of digits or of digits and letters.
var codeNames = newWords(`recovery_code backup_code scratch_code emergency_code rescue_code
	recovery_codes backup_codes scratch_codes emergency_codes rescue_codes 恢复码 恢復碼 备份码 備份碼 备用码 救援码 リカバリーコード バックアップコード`)

var commonKeyWords = newWords(`monkey turkey donkey hotkey jockey hockey whiskey keykey groupkey cachekey rowkey sortkey objectkey publickey partitionkey`)

// headsByLast are the heads by their last byte.
var headsByLast = func() (by [256][]head) {
	for _, h := range heads {
		last := h.suffix[len(h.suffix)-1]
		by[last] = append(by[last], h)
	}
	return by
}()

// modifiers may follow the noun without changing what it is.
var modifiers = newWords(`value val plain plaintext raw base64 b64 enc encrypted hash digest string old new current prod dev
	test staging`)

// classify says what a key names. It is asked at every : and =, so that most names must cost nothing.
func classify(name string) key {
	if len(name) < 2 || !mayEndKey[name[len(name)-1]] {
		return key{}
	}
	norm := normalize(name)
	if norm == "" {
		return key{}
	}
	if last := lastWords(norm, 1); modifiers[last] && len(last) < len(norm) {
		norm = norm[:len(norm)-len(last)-1]
	}
	if norm == "" {
		return key{}
	}
	if k := headOf(norm); k.kind != "" {
		return k
	}
	plain := disguised(norm)
	if mixedCase(name) {
		plain = strings.ToLower(name)
	}
	if plain != norm {
		return headOf(plain)
	}
	return key{}
}

// headOf says what a normalized name names by its last words.
func headOf(norm string) key {
	if kind, ok := weakHeads[lastWords(norm, 2)]; ok {
		return key{kind: kind, weak: true, name: norm, many: plural(norm)}
	}
	for _, h := range headsByLast[norm[len(norm)-1]] {
		if strings.HasSuffix(norm, h.suffix) {
			return key{kind: h.kind, name: norm, many: h.suffix == "credentials" || h.suffix == "secure_json_data"}
		}
	}
	if kind, ok := weakHeads[lastWords(norm, 1)]; ok {
		return key{kind: kind, weak: true, name: norm, many: plural(norm)}
	}
	if one, ok := strings.CutSuffix(norm, "s"); ok && one != "" && pluralHeads[lastWords(norm, 1)] {
		for _, h := range headsByLast[one[len(one)-1]] {
			if strings.HasSuffix(one, h.suffix) {
				return key{kind: h.kind, weak: true, name: norm, many: true}
			}
		}
	}
	return key{}
}

// pluralHeads are the last words of heads whose plural announces a list.
var pluralHeads = newWords(`passwords passwds passphrases passcodes pwds tokens secrets credentials cookies keys codes`)

// plural reports whether one of the weak heads that a name ends with is a plural.
func plural(norm string) bool {
	return norm[len(norm)-1] == 's' && !strings.HasSuffix(norm, "pass")
}

// disguised returns a normalized name without what people put in to get it past a filter: digits for letters, single letters apart.
func disguised(norm string) string {
	if strings.IndexByte(norm, '_') == 1 && strings.Count(norm, "_")*2+1 == len(norm) { // p.a.s.s
		norm = strings.ReplaceAll(norm, "_", "")
	}
	if len(norm) >= 5 && norm[0] >= 'a' && strings.ContainsAny(norm, "01345789") {
		norm = leet.Replace(norm)
	}
	return norm
}

var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "9", "g")

// lastWords returns the last n words of a normalized name.
func lastWords(norm string, n int) string {
	at := len(norm)
	if at == 0 {
		return ""
	}
	for ; n > 0 && at > 0; n-- {
		at = strings.LastIndexByte(norm[:at], '_')
	}
	return norm[at+1:]
}

// mayEndKey are the last bytes of all heads and modifiers, and digits.
var mayEndKey = func() *set {
	s := newSet("0-9_.-")
	add := func(word string) {
		c := word[len(word)-1]
		s[c], s[c-'a'+'A'] = true, true
	}
	for _, h := range heads {
		add(h.suffix)
	}
	for word := range weakHeads {
		add(word)
	}
	for word := range looseHeads {
		add(word)
	}
	for word := range modifiers {
		if word[len(word)-1] > '9' {
			add(word)
		}
	}
	return s
}()

// normalize turns dbPassword, DB-PASSWORD, db.password and DB_PASSWORD_2 into db_password.
func normalize(name string) string {
	var buf [80]byte
	b := buf[:0]
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '.':
			c = '_'
		case isUpper(c):
			afterLower := i > 0 && !isUpper(name[i-1]) && alnum[name[i-1]]
			endsAcronym := i > 0 && isUpper(name[i-1]) && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
			if afterLower || endsAcronym {
				b = append(b, '_')
			}
			c |= 0x20
		}
		b = append(b, c)
	}
	if !bytes.HasSuffix(b, []byte("64")) { // base64
		for len(b) > 0 && (b[len(b)-1] == '_' || b[len(b)-1] >= '0' && b[len(b)-1] <= '9') {
			b = b[:len(b)-1]
		}
	}
	return string(b)
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
