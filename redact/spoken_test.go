package redact

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSpokenKinds has for each way to give a secret away one line that does, and lines alike that give none.
func TestSpokenKinds(t *testing.T) {
	for _, tt := range []struct {
		name, secret, in string
		alike            []string
	}{
		{"code for a login", "482913", "Your verification code: 482913", []string{"verification code latency 482 ms", "OTP 120000 requests per hour", "OTP 482913.5 per day", "login code 48 % of all"}},
		{"code in German", "731846", "Ihr Bestätigungscode lautet 731846", []string{"Bestätigungscode lautet anders", "Fehlercode lautet 731846"}},
		{"code in Spanish", "918273", "Su código de verificación es 918273", []string{"código de error es 918273"}},
		{"code in Russian", "604812", "Ваш код подтверждения: 604812", []string{"код ошибки: 604812"}},
		{"code in Japanese", "662801", "認証コード：662801", []string{"エラーコード：662801", "認証コード 1200 件"}},
		{"PIN", "4821", "pin for the safe: 4821", []string{"pin for the connector 4821", "pin for version 4821"}},
		{"key behind its name", "0af7651916cd43dd8448eb211c80319c", "integration key 0af7651916cd43dd8448eb211c80319c is rejected", []string{"cache key 0af7651916cd43dd8448eb211c80319c evicted", "deploy key orders-prod-1 added", "session key renegotiated"}},
		{"UUID behind token", "1f0c64b8-5a0e-4c2b-9d7e-0a1b2c3d4e5f", "ACL token 1f0c64b8-5a0e-4c2b-9d7e-0a1b2c3d4e5f lacks node:write", []string{"token for user 1f0c64b8-5a0e-4c2b-9d7e-0a1b2c3d4e5f expired", "accessor 1f0c64b8-5a0e-4c2b-9d7e-0a1b2c3d4e5f expired"}},
		{"sentence with the value below", "db5319dbc12b37a2", "Use the following password to proceed to installation:\n\ndb5319dbc12b37a2\n", []string{"The password is checked by these hosts:\n\npg-1\n", "Passwords of these users expire:\nanna\n", "password policy\n\ndb5319dbc12b37a2\n"}},
		{"account of a sentence", "hX4kQ9vLm2", "try anna / hX4kQ9vLm2 on the staging box", []string{"try canary / stable on the staging box", "the country DE / region7 is slow"}},
		{"words between in German", "hX4kQ9vLm2", "Das Passwort für den Benutzer app lautet hX4kQ9vLm2", []string{"Das Passwort für den Benutzer app läuft ab"}},
		{"words between in Spanish", "hX4kQ9vLm2", "La contraseña del usuario app es hX4kQ9vLm2", []string{"La contraseña del usuario app es antigua"}},
		{"place of a secret in Japanese", "hX4kQ9vLm2", "パスワードは hX4kQ9vLm2 です", []string{"パスワードは Vault にあります", "パスワードは Keychain に保存されています"}},
		{"where a secret is kept", "hX4kQ9vLm2", "use the password hX4kQ9vLm2", []string{`use the password from 1Password, item "pg-1 app"`, "aws secretsmanager get-secret-value --secret-id prod/db"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.NotContains(t, redacted(t, tt.in), tt.secret)
			for _, in := range tt.alike {
				assert.Equal(t, in, redacted(t, in))
			}
		})
	}
}

// TestCommandKinds does the same for commands, statements, calls and files.
func TestCommandKinds(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"mc", "mc alias set s3 https://minio:9000 admin hX4kQ9vLm2", "mc alias set s3 https://minio:9000 admin [REDACTED:password:1]"},
		{"mc without one", "mc alias set s3 https://minio:9000", "mc alias set s3 https://minio:9000"},
		{"net use", `net use \\fs\x /user:SHOP\ops hX4kQ9vLm2`, `net use \\fs\x /user:SHOP\ops [REDACTED:password:1]`},
		{"net use, password first", `net use \\fs\x hX4kQ9vLm2 /user:ops`, `net use \\fs\x [REDACTED:password:1] /user:ops`},
		{"net use without one", `net use \\fs\x /user:SHOP\ops *`, `net use \\fs\x /user:SHOP\ops *`},
		{"freerdp", "xfreerdp /v:win-1 /u:admin /p:hX4kQ9vLm2", "xfreerdp /v:win-1 /u:admin /p:[REDACTED:password:1]"},
		{"HAProxy", "stats auth admin:hX4kQ9vLm2", "stats auth admin:[REDACTED:password:1]"},
		{"switch", "enable secret 0 hX4kQ9vLm2", "enable secret 0 [REDACTED:password:1]"},
		{"prose of a switch", "enable secret scanning in all repositories", "enable secret scanning in all repositories"},
		{"TACACS", "tacacs-server key hX4kQ9vLm2", "tacacs-server key [REDACTED:password:1]"},
		{"etcdctl", "etcdctl --user root:hX4kQ9vLm2 get /", "etcdctl --user root:[REDACTED:password:1] get /"},
		{"command that prints", "restic --password-command 'echo hX4kQ9vLm2' snapshots", "restic --password-command 'echo [REDACTED:password:1]' snapshots"},
		{"command that looks up", "restic --password-command 'pass show restic' snapshots", "restic --password-command 'pass show restic' snapshots"},
		{"PHP", "#0 mysqli_connect('db-1', 'root', 'hX4kQ9vLm2', 'shop')", "#0 mysqli_connect('db-1', 'root', '[REDACTED:password:1]', 'shop')"},
		{"PHP without one", "#0 mysqli_connect('db-1', 'root')", "#0 mysqli_connect('db-1', 'root')"},
		{"PDO", "#3 PDO->__construct('mysql:host=db', 'app', 'hX4kQ9vLm2')", "#3 PDO->__construct('mysql:host=db', 'app', '[REDACTED:password:1]')"},
		{"column's key", "SELECT pgp_sym_decrypt(card, 'hX4kQ9vLm2') FROM pay", "SELECT pgp_sym_decrypt(card, '[REDACTED:password:1]') FROM pay"},
		{"column's key as a parameter", "SELECT pgp_sym_decrypt(card, $1) FROM pay", "SELECT pgp_sym_decrypt(card, $1) FROM pay"},
		{"unseal key", "Unseal Key 2: hX4kQ9vLm2hX4kQ9vLm2Zk=", "Unseal Key 2: [REDACTED:secret:1]"},
		{"unseal key that isn't shown", "Unseal Key 2 of 5 was entered", "Unseal Key 2 of 5 was entered"},
		{"IMAP", "imap-login: LOGIN anna hX4kQ9vLm2 failed", "imap-login: LOGIN anna [REDACTED:password:1] failed"},
		{"IMAP, prose", "imap-login: LOGIN by anna from 10.0.0.4", "imap-login: LOGIN by anna from 10.0.0.4"},
		{"Dovecot", "ops:{PLAIN}hX4kQ9vLm2", "ops:{PLAIN}[REDACTED:password:1]"},
		{"k3s", "K10" + "0af7651916cd43dd8448eb211c80319c0af7651916cd43dd8448eb211c80319c::server:hX4kQ9vLm2", "K100af7651916cd43dd8448eb211c80319c0af7651916cd43dd8448eb211c80319c::server:[REDACTED:token:1]"},
		{"exclamation mark", "sshpass -p '!9huL6xx44qV' ssh n-1", "sshpass -p '[REDACTED:password:1]' ssh n-1"},
		{"program called passwd", "passwd: password updated successfully", "passwd: password updated successfully"},
		{"key called passwd", "passwd: hunterxxl", "passwd: [REDACTED:password:1]"},
		{"tag of YAML", "password: !Ref DbPassword", "password: !Ref DbPassword"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, redacted(t, tt.in))
		})
	}
}

// TestInserted reads the rows of INSERT by the names of the columns.
func TestInserted(t *testing.T) {
	for in, want := range map[string]string{
		"INSERT INTO users (name, password) VALUES ('anna', 'hX4kQ9vLm2')":                                "INSERT INTO users (name, password) VALUES ('anna', '[REDACTED:password:1]')",
		"insert into users(id,pass_word,token) values (7, N'it''s', 'hX4kQ9vLm2'), (8, '', 'Zk4kQ9vLm2')": "",
		"INSERT INTO t (token_count, name) VALUES (4812, 'anna')":                                         "INSERT INTO t (token_count, name) VALUES (4812, 'anna')",
		"INSERT INTO users (name, password) VALUES ($1, $2)":                                              "INSERT INTO users (name, password) VALUES ($1, $2)",
		"INSERT INTO users (name, password) VALUES (?, ?)":                                                "INSERT INTO users (name, password) VALUES (?, ?)",
		"INSERT INTO users (name, password) VALUES ('anna', NULL)":                                        "INSERT INTO users (name, password) VALUES ('anna', NULL)",
		"INSERT INTO users (name, password) VALUES ('anna, b', 'hX4kQ9vLm2":                               "INSERT INTO users (name, password) VALUES ('anna, b', '[REDACTED:password:1]",
		"INSERT INTO users (name, password) VALUES (":                                                     "INSERT INTO users (name, password) VALUES (",
		"INSERT INTO users (name, password) VALUES ('\\":                                                  "INSERT INTO users (name, password) VALUES ('\\",
		"INSERT INTO users (password) VALUES ('\\":                                                        "INSERT INTO users (password) VALUES ('[REDACTED:password:1]",
	} {
		got := redacted(t, in)
		if want == "" {
			assert.NotContains(t, got, "hX4kQ9vLm2")
			assert.NotContains(t, got, "Zk4kQ9vLm2")
			continue
		}
		assert.Equal(t, want, got)
	}
}

// TestHexIsNoBase64 has ids of spans that decode to user:password when bytes that are no characters are dropped.
func TestHexIsNoBase64(t *testing.T) {
	assert.Equal(t, "span bc46fd5eeb78b21d", redacted(t, "span bc46fd5eeb78b21d"))
	assert.Equal(t, "span a6c6c303e094ab9d", redacted(t, "span a6c6c303e094ab9d"))
	word := base64.RawStdEncoding.EncodeToString([]byte("m\xce:}\xde^y\xbe\xfcom"))
	assert.Empty(t, decodedText(word))
	assert.NotEmpty(t, decodedText(base64.RawStdEncoding.EncodeToString([]byte("anna:hunter22\xe2\x82"))), "a character that was cut")
}
