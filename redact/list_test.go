package redact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// redactsAll asserts that nothing of the secrets is left of a text, and that all around them is.
func redactsAll(t *testing.T, in string, secrets ...string) {
	t.Helper()
	out := redacted(t, in)
	for _, secret := range secrets {
		assert.NotContains(t, out, secret, in)
	}
	assert.Contains(t, out, "[REDACTED:", in)
}

// staysAsItIs asserts that a text has no secrets.
func staysAsItIs(t *testing.T, texts ...string) {
	t.Helper()
	for _, in := range texts {
		assert.Equal(t, in, redacted(t, in))
	}
}

func TestLists(t *testing.T) {
	const a, b = "swordfish", "Zq7Vn2Xw9LmTk4Rb"
	for _, in := range []string{
		"passwords:\n  - A\n  - B\n", "passwords:\n- \"A\"\n- 'B'\n", "db:\n  passwords:\n    - A # of the app\n    - B\n  port: 1", "passwords: &all\n  - A\n  - B",
		"passwords: [A, B]", `{"passwords":["A","B"],"n":1}`, `{"passwords": [ "A" , "B" ]}`, "passwords = [\n  \"A\",\n  \"B\",\n]", `"{\"passwords\":[\"A\",\"B\"]}"`,
		`passwords := []string{"A", "B"}`, `passwords = ("A", "B")`, `new_passwords = List.of("A", "B")`, `const passwords = new Set(["A", "B"])`, `'passwords' => array('A', 'B')`, "map[passwords:[B A] user:bob]",
		`{"passwords":{"bob":"A","eve":"B"}}`, "passwords:\n  bob: A\n  eve: B\n", "password: [A, B]", "password:\n  - A\n  - B", "msg=\"passwords:\\n  - A\\n  - B\\nport: 1\"", "1 of 2 hosts: passwords:\n  1. A\n  2. B",
	} {
		redactsAll(t, strings.NewReplacer("A", a, "B", b).Replace(in), a, b)
	}
	const c, d = "tk9mWq3vXz7pLr2n", "Hn4cYb8sKd6fJg5t"
	for _, in := range []string{
		"tokens = [C, D]", `tokens: ["C", "D"]`, "api_tokens:\n  - C\n  - D", "client_secrets = C,D", "tokens: C, D", "API_KEYS=C,D", `TOKENS="C D"`, "tokens=(C D)", "passwords: C, D and rotated", "the passwords are C and D",
		"密码列表：C、D", "密码分别为 C 和 D", "user,password\nbob,C\neve,D", "User   Password\nbob    C\neve    D", "user;token\nbob;C\neve;D", "Passwords in the paste:\nC\nD\n", "credentials:\n  bob: C\n  eve: D",
	} {
		redactsAll(t, strings.NewReplacer("C", c, "D", d).Replace(in), c, d)
	}
	staysAsItIs(t,
		`tokens: ["access", "refresh"]`, "tokens = [1, 2, 3]", "passwords: 3", "passwords: []", "passwords:\n  - ${A}\n  - ${B}", "secrets:\n  - name: regcred\n  - name: db-creds", "secrets: [db-creds, regcred]",
		"passwords: rotated, stored, checked", "passwords:\n  policy: strict\n  min_length: 12\n  algorithm: bcrypt", `"tokens": {"input": 812, "version": "v2"}`, `"js-tokens": {"integrity": "sha512-aB3dE5gH7jK9mN1pQ3sT5vW7yZ9"}`,
		"Rotate the passwords:\n- staging first\n- then production", "the passwords (see the vault)", "user,password\nrequired,required", "tokens:rate5m > 100", "NAME   SECRETS   AGE\nci     1         5d", "passwords: [not set]",
		"credentials: {user: svcuser01, host: db01a2b3c4}", "secrets[format('CONTAINER_{0}', env.A)]", "host  all  all  password\nhost  all  bob  md5")
}

func TestCodes(t *testing.T) {
	for _, in := range []string{
		"backup codes: 12345678 87654321", "recovery codes: abcd1-efg2h, jkm3n-pqr4s", "recovery_codes:\n  - a1b2c3d4\n  - e5f6g7h8", `{"backupCodes":["12345678","87654321"]}`, "scratch codes [12345678, 87654321]", "恢复码：12345678 87654321",
		"2FA backup codes:\n1. 12345678\n2. 87654321",
	} {
		out := redacted(t, in)
		for _, code := range []string{"12345678", "87654321", "abcd1", "jkm3n", "pqr4s", "a1b2c3d4", "e5f6g7h8"} {
			assert.NotContains(t, out, code, in)
		}
	}
	redactsAll(t, "短信验证码 337502，5分钟内有效", "337502")
	redactsAll(t, "密码“swordfishes”已泄露", "swordfishes")
	staysAsItIs(t, "recovery codes remaining: 4", "error codes: 1045, 1146", "status codes: 200, 404, 503", "backup code used, 7 left", "验证码 1200 条", "验证码发送失败 12 次", "密码“access_token”字段", "exit codes [0, 1, 137]")
}

func TestPhrasesOfWallets(t *testing.T) {
	words := strings.Fields("witch collapse practice feed shame open despair creek road again ice least")
	for _, in := range []string{
		"seed phrase: W", "mnemonic: \"W\"", "MNEMONIC=\"W\" npx hardhat node", "The recovery phrase is W.", "Secret Recovery Phrase W", `{"mnemonic":"W","path":"m"}`, "助记词：W", "seed phrase (12 words):\nW", "geth --mnemonic 'W' --http",
		"シードフレーズ：W", "wallet.mnemonic=W", "backup_phrase = W", "сид-фраза: W", `{\"seedPhrase\":\"W\"}`, "Seed: W",
	} {
		for _, separator := range []string{" ", ", ", "  "} {
			redactsAll(t, strings.ReplaceAll(in, "W", strings.Join(words, separator)), pairsOfWords(strings.Join(words, separator))...)
		}
	}
	assert.NotContains(t, redacted(t, `seed words: ["`+strings.Join(words, `", "`)+`"]`), "collapse")
	assert.NotContains(t, redacted(t, "recovery phrase: 1. witch 2. collapse 3. practice 4. feed 5. shame 6. open 7. despair 8. creek 9. road 10. again 11. ice 12. least"), "collapse")
	staysAsItIs(t,
		"seed phrase backup reminder failed for 12 users", "mnemonic: jne", "seed: 42", "seed nodes: kafka-0, kafka-1", "The seed phrase must never be written to a log, a ticket or a chat, and whoever asks for it is lying",
		"The recovery phrase was not confirmed by the user in time, so the wallet stays locked until support calls back", "seed phrase: "+strings.Join(words[:11], " "), "seed\n"+strings.Join(words, "\n"), "recovery phrase: the "+strings.Join(words, " "))
}

func TestFilesOfPasswords(t *testing.T) {
	const hash = "Zq7Vn2Xw9LmTk4RbHn4cYb8sKd6fJg5tTk9mWq3vXz7p"
	for _, in := range []string{
		"*:*:*:postgres:swordfish", "~/.pgpass: db.int:5432:shop:app:swordfish", "localhost:5432:*:app:swordfish", "# hostname:port:database:username:password\ndb:5432:app:app:swordfish", "10.0.0.5:6432:cafe:dba:swordfishX7",
		"machine h login u password swordfish", "machine git.int\n  login bot\n  password swordfish", "default login anonymous password swordfish", "machine h login u account x password swordfish",
	} {
		redactsAll(t, in, "swordfish")
	}
	for _, in := range []string{
		"root:$6$saltsalt$«»:19700:0:99999:7:::", "svc:$y$j9T$saltsaltsalt$«»:19800:", "root:$1$saltsalt$«»:18000::::::", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$«»", "enable secret 9 $9$saltsalt$«»", "bob:{SSHA}«»", "userPassword: {SHA}«»=",
		"bob:1001:aad3b435b51404eeaad3b435b51404ee:0123456789abcdef0123456789abcdef:::",
	} {
		redactsAll(t, strings.ReplaceAll(in, "«»", hash), hash, "0123456789abcdef0123456789abcdef")
	}
	redactsAll(t, "root *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19")
	staysAsItIs(t,
		"root:x:0:0:root:/root:/bin/bash", "daemon:*:19000:0:99999:7:::", "db:5432:shop:app:failed", "12:30:45:123:ok", "fe80:0:ab:cd:12ef34ab", "DA:39:A3:EE:5E:6B:4B:0D:32", "cpe:2.3:a:busybox:busybox:1.35.0-r17:*:*:*:*:*:*:*",
		"2001:db8:85a3:0:0:8a2e:370:7334", "machine db-1 login failed, password expired", "price $5 per token", "$1 is not a table", "{SHA} prefix is unsupported", "checksum/secret: "+strings.Repeat("0a", 32))
}

func TestStandardInput(t *testing.T) {
	for _, in := range []string{
		"docker login -u ci --password-stdin r.int <<< swordfish", `docker login -u ci --password-stdin <<<"swordfish"`, "kinit bob@INT <<< 'swordfish'", "sudo -S apt update <<< swordfish", "cryptsetup luksOpen /dev/sdb1 x <<< \"swordfish\"",
		"echo swordfish | docker login -u ci --password-stdin", "printf '%s' 'swordfish' | helm registry login -u x --password-stdin r.int", "echo -n swordfish | cryptsetup open /dev/sdb1 x -",
	} {
		redactsAll(t, in, "swordfish")
	}
	staysAsItIs(t, "docker login --password-stdin r.int", "cat <<< hello", `docker login --password-stdin <<< "$PASS"`, "echo start | logger", "echo ok | tee /tmp/a", "wc -l <<< swordfish")
}

func TestCommandsWithAPlaceForSecrets(t *testing.T) {
	for _, in := range []string{
		"setenv DB_PASSWORD swordfish", "ENV DB_PASSWORD swordfish", "set -gx API_TOKEN swordfish", "consul kv put db/password swordfish", "fly secrets set STRIPE=swordfish -a shop", "vault kv put secret/db value=swordfish",
		"gh secret set X --body swordfish", "az keyvault secret set --name x --value swordfish", "net user bob swordfish /add", "CREATE USER 'a'@'%' IDENTIFIED WITH caching_sha2_password BY 'swordfish'", "ACL SETUSER bob on >swordfish ~*",
		`"AUTH" "default" "swordfish"`, "rabbitmqctl add_user bob swordfish", "ssh-keygen -t ed25519 -N swordfish -f k", "mosquitto_pub -u bob -P swordfish -t a", "USER bob\nPASS swordfish", "a1 LOGIN bob swordfish", "define('DB_PASSWORD', 'swordfish');", //nolint:misspell // the client of an MQTT broker
		"username admin password 7 0a1b2c3dswordfish", "snmp-server community swordfish RO", "crypto isakmp key swordfish address 10.0.0.1", "REDISCLI_AUTH=swordfish redis-cli ping",
		`Authorization: MAC id="x", mac="swordfish"`, `PasswordDigest="swordfish"`, "next=%2Flogin%3Fpassword%253Dswordfish",
	} {
		redactsAll(t, in, "swordfish")
	}
	const v = "b6J3w7rnRFZtKSq4tEbBVcxR3Zs5Cy8C5GvDnjxJ"
	for _, in := range []string{
		"https://a.int/reset_password/V", "https://a.int/magic-link/V", "https://a.int/invite/V?x=1", "https://x.azurewebsites.net/api/f?code=V", "https://a.int/?hmac=V", "AUTH PLAIN V", "Authorization: Zoho-oauthtoken 1000.V.V", "x-auth-token: s.V",
	} {
		redactsAll(t, strings.ReplaceAll(in, "V", v), v)
	}
	staysAsItIs(t,
		"net user bob /delete", "ENV TOKEN_TTL 3600", "gh secret list", "vault kv put secret/db @data.json", "FTP PASS command rejected", "a1 LOGIN failed", "USER bob logged in", "ACL SETUSER bob on nopass ~*", "crypto isakmp policy 10",
		"https://a.int/reset_password", "https://a.int/invite/list", "https://x.int/cb?code=404", "Authorization: Bearer token expired", "- secretKey: password")
}

func TestNamesOfKeysAreNoKeys(t *testing.T) {
	const id = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	for _, in := range []string{
		`{"type": "service_account", "private_key_id": "V", "client_email": "a@b"}`, "private_key_id=V", "private_key_id: V", "privateKeyId: V", "PRIVATE_KEY_ID=V", "private key id: V", "private_key_id V rotated", "| private_key_id | V |",
		"private_key_ids: [V]", `{\"private_key_id\":\"V\"}`, "access_key_id_age: V", "ssh_key_id=V", "kms_key_id: V", "key_id: V", "private_key_fingerprint: V",
	} {
		staysAsItIs(t, strings.ReplaceAll(in, "V", id))
	}
	out := redacted(t, `{"private_key_id": "`+id+`", "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n"}`)
	assert.Contains(t, out, id)
	assert.NotContains(t, out, "MIIEvQ")
}
