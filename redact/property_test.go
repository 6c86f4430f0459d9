package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// identifiers are what evidence is made of, by how it is made: random, and no secret.
var identifiers = map[string]func(*rand.Rand) string{
	"SHA-1":        func(r *rand.Rand) string { return randomHex(r, 20) },
	"SHA-256":      func(r *rand.Rand) string { return "sha256:" + randomHex(r, 32) },
	"short commit": func(r *rand.Rand) string { return randomHex(r, 5)[:9] },
	"MD5":          func(r *rand.Rand) string { return randomHex(r, 16) },
	"UUID":         uuid,
	"UUID, upper":  func(r *rand.Rand) string { return strings.ToUpper(uuid(r)) },
	"trace parent": func(r *rand.Rand) string { return "00-" + randomHex(r, 16) + "-" + randomHex(r, 8) + "-01" },
	"span":         func(r *rand.Rand) string { return randomHex(r, 8) },
	"fingerprint":  func(r *rand.Rand) string { return randomHex(r, 8) },
	"etag":         func(r *rand.Rand) string { return `W/"` + randomHex(r, 12) + `"` },
	"pod":          func(r *rand.Rand) string { return "login-" + randomHex(r, 5)[:9] + "-" + randomHex(r, 3)[:5] },
	"container":    func(r *rand.Rand) string { return "containerd://" + randomHex(r, 32) },
	"ULID":         func(r *rand.Rand) string { return "01" + sample(r, []run{{"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24}}) },
	"picture":      func(r *rand.Rand) string { return "data:image/png;base64,iVBORw0KGgo" + randomBase64(r, 300) },
	"font":         func(r *rand.Rand) string { return "url(data:font/woff2;base64," + randomBase64(r, 300) + ")" },
	"certificate": func(r *rand.Rand) string {
		return "-----BEGIN CERTIFICATE-----\nMII" + randomBase64(r, 300) + "\n-----END CERTIFICATE-----"
	},
	"public key": func(r *rand.Rand) string {
		return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + randomBase64(r, 32) + " ops@host"
	},
	"IPv6": func(r *rand.Rand) string { return "[2001:db8::" + randomHex(r, 2) + ":" + randomHex(r, 2) + "]:9090" },
	"MAC": func(r *rand.Rand) string {
		h := randomHex(r, 6)
		return h[:2] + ":" + h[2:4] + ":" + h[4:6] + ":" + h[6:8] + ":" + h[8:10] + ":" + h[10:]
	},
	"block": func(r *rand.Rand) string {
		return "/data/01" + sample(r, []run{{"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24}}) + "/chunks/000001"
	},
	"version": func(r *rand.Rand) string {
		return fmt.Sprintf("v1.%d.%d-0.20261120083005-%s", r.IntN(40), r.IntN(9), randomHex(r, 6))
	},
	"time": func(r *rand.Rand) string {
		return fmt.Sprintf("2026-11-%02dT08:30:%02d.%09dZ", 1+r.IntN(28), r.IntN(60), r.IntN(1e9))
	},
	"number": func(r *rand.Rand) string { return fmt.Sprint(r.Float64() * 1e9) },
	"metric": func(r *rand.Rand) string {
		return []string{"password_failures_total", "token_bucket_size", "secret_rotations", "session_count"}[r.IntN(4)]
	},
	"metric, by part": func(r *rand.Rand) string {
		return fmt.Sprintf(`rate(auth_token_total{pod="login-%s"}[%dm])`, randomHex(r, 5), 1+r.IntN(60))
	},
}

// TestIdentifiersAreNoSecrets puts each into the places where alerts and logs have them.
func TestIdentifiersAreNoSecrets(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for name, identifier := range identifiers {
		t.Run(name, func(t *testing.T) {
			for range 25 {
				id := identifier(r)
				for _, around := range []string{
					"%s", "see %s.", "id=%s", "trace_id: %s", "commit %s broke it", `"request_id": "%s"`, "(%s)", "rev=%s took=3ms", "警告：%s 失败", "[%s] denied", "build_info{revision=\"%s\"} 1",
				} {
					in := fmt.Sprintf(around, id)
					assert.Equal(t, in, redacted(t, in))
				}
			}
		})
	}
}

// TestProperties composes texts at random, of lines with secrets and lines without, and holds the result to what is promised.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 400 {
		text := randomText(r)
		s := session(t)
		got := s.Text(text)
		require.True(t, utf8.ValidString(got))
		require.Equal(t, got, s.Text(got), "redacting twice equals once, in the same session: %q", text)
		require.Equal(t, got, session(t).Text(got), "and in another: %q", text)
		require.LessOrEqual(t, len(got), len(text)+32*(1+strings.Count(got, placeholderStart)), "no text grows without bound")
		requireFits(t, text, got)
	}
}

// requireFits asserts that got is text with stretches of it replaced: what stands between the placeholders is byte for byte in
// the text, in order, from its first byte to its last.
func requireFits(t *testing.T, text, got string) {
	t.Helper()
	pieces := regexp.MustCompile(`\[REDACTED:[a-z_]+:\d+\]`).Split(got, -1)
	require.True(t, strings.HasPrefix(text, pieces[0]), "%q\n%q", text, got)
	rest := text[len(pieces[0]):]
	for i, piece := range pieces[1:] {
		at := strings.Index(rest, piece)
		if i == len(pieces)-2 {
			at = len(rest) - len(piece)
		}
		require.GreaterOrEqual(t, at, 1, "%q\n%q", text, got)
		require.Equal(t, piece, rest[at:at+len(piece)], "%q\n%q", text, got)
		rest = rest[at+len(piece):]
	}
	require.Empty(t, rest, "%q\n%q", text, got)
}

// TestNumbersFollowFirstSight: a session numbers secrets in the order in which it meets them, over any number of texts, and knows each
// again under whatever name.
func TestNumbersFollowFirstSight(t *testing.T) {
	s := session(t)
	keys := []string{"password", "api_key", "token", "client_secret", "密码"}
	number := regexp.MustCompile(`:(\d+)\]`)
	for round := range 3 {
		for n := 1; n <= 40; n++ {
			got := s.Text(fmt.Sprintf("%s=val%dx", keys[(n+round)%len(keys)], n))
			require.Equal(t, fmt.Sprint(n), number.FindStringSubmatch(got)[1], got)
		}
	}
	total := 0
	for kind, n := range s.Counts() {
		assert.Contains(t, Kinds(), kind)
		total += n
	}
	assert.Equal(t, 120, total)
}

// TestCountsAreACopy: what a caller does with them changes nothing.
func TestCountsAreACopy(t *testing.T) {
	s := session(t)
	s.Text("password=hunter22")
	s.Counts()[Password] = 99
	assert.Equal(t, map[string]int{Password: 1}, s.Counts())
	assert.Empty(t, session(t).Counts())
}

func TestKindsAreTheFormOfPlaceholders(t *testing.T) {
	seen := map[string]bool{}
	for _, tc := range positives {
		seen[tc.kind] = true
	}
	for _, kind := range Kinds() {
		assert.Regexp(t, `^[a-z_]+$`, kind)
		n, number := placeholderAt("[REDACTED:" + kind + ":12] and more")
		assert.Equal(t, [2]int{len("[REDACTED:" + kind + ":12]"), 12}, [2]int{n, number})
		assert.True(t, seen[kind] || kind == Custom || kind == GenericSecret, "no positive of the kind %s", kind)
	}
	for _, in := range []string{"", "[REDACTED:", "[REDACTED:]", "[REDACTED:password]", "[REDACTED:password:]", "[REDACTED:password:0]", "[REDACTED:password:-1]", "[REDACTED:password:+1]", "[REDACTED:password:01]", "[REDACTED:password:1", "[REDACTED:other:1]", "[redacted:password:1]", "[REDACTED:password:" + strings.Repeat("9", 40) + "]"} {
		n, _ := placeholderAt(in)
		assert.Zero(t, n, in)
	}
}

func TestRedactorIsSafeForConcurrentUse(t *testing.T) {
	r, err := New([]string{`EMP-\d+`})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				got := r.Session().Text(fmt.Sprintf("EMP-%d: password=hunter%d, pass\u200bword=\x1b[1mx%dy", i, i, i))
				assert.NotContains(t, got, fmt.Sprintf("hunter%d", i))
				assert.NotContains(t, got, fmt.Sprintf("EMP-%d", i))
			}
		})
	}
	wg.Wait()
}

func TestMerge(t *testing.T) {
	for _, tc := range []struct{ in, want []span }{
		{nil, nil},
		{[]span{{5, 8, Token}, {1, 3, Password}}, []span{{1, 3, Password}, {5, 8, Token}}},
		{[]span{{1, 5, Password}, {3, 8, Token}}, []span{{1, 8, Password}}},
		{[]span{{1, 8, Password}, {3, 5, Token}}, []span{{1, 8, Password}}},
		{[]span{{1, 3, Password}, {3, 5, Token}}, []span{{1, 3, Password}, {3, 5, Token}}}, // side by side are two
		{[]span{{2, 5, Password}, {2, 5, Token}}, []span{{2, 5, Password}}},
	} {
		assert.ElementsMatch(t, tc.want, merge(tc.in))
	}
}

func TestKeepWhole(t *testing.T) {
	there := []present{{10, 20, 1}, {30, 40, 2}}
	for _, tc := range []struct{ in, want []span }{
		{[]span{{0, 5, Token}}, []span{{0, 5, Token}}},
		{[]span{{12, 18, Token}}, nil},
		{[]span{{10, 20, Token}}, nil},
		{[]span{{5, 12, Token}}, []span{{5, 20, Token}}},
		{[]span{{15, 25, Token}}, []span{{10, 25, Token}}},
		{[]span{{15, 35, Token}}, []span{{10, 40, Token}}},
		{[]span{{22, 28, Token}}, []span{{22, 28, Token}}},
		{[]span{{5, 12, Token}, {15, 22, Password}}, []span{{5, 22, Token}}},
	} {
		assert.ElementsMatch(t, tc.want, keepWhole(tc.in, there))
	}
	assert.Equal(t, []span{{12, 18, Token}}, keepWhole([]span{{12, 18, Token}}, nil))
}

func TestNewSet(t *testing.T) {
	s := newSet("a-c_x-")
	for c, want := range map[byte]bool{'a': true, 'b': true, 'c': true, '_': true, 'x': true, '-': true, 'd': false, 'A': false} {
		assert.Equal(t, want, s[c], "%c", c)
	}
	assert.Equal(t, 4, s.run("zabbz", 1)+s.run("", 0))
}

// TestClassify asks of names what they name.
func TestClassify(t *testing.T) {
	for name, want := range map[string]string{
		"password": Password, "dbPassword": Password, "DB-PASSWORD": Password, "db.password": Password, "PASSWORD_2": Password, "passwordHash": Password, "old_password": Password,
		"password_base64": Password, "MYSQL_PWD": Password, "SMTP_PASS": Password, "passphrase": Password, "apiKey": APIKey, "X-API-Key": APIKey, "AWSSecretAccessKey": APIKey, "accountKey": APIKey,
		"clientSecret": GenericSecret, "SECRET_KEY_BASE": GenericSecret, "credentials": GenericSecret, "HTTPToken": Token, "refresh_token": Token, "PHPSESSID": Token, "sshKey": PrivateKey,
		"Set-Cookie": Cookie, "Authorization": Authorization, "proxy-authorization": Authorization, "contrasena": Password, "Passwort": Password,
		"password_count": "", "token_type": "", "secretName": "", "passwordless": "", "tokenizer": "", "keyboard": "", "author": "", "x": "", "": "", "_": "", "key": "", "compass": "", "bypass_rate": "",
	} {
		assert.Equal(t, want, classify(name).kind, name)
	}
	for _, weak := range []string{"auth", "tokens", "session", "signature", "jwt", "client_key", "routing_key"} {
		assert.True(t, classify(weak).weak, weak)
	}
}

func TestLooksRandom(t *testing.T) {
	for v, want := range map[string]bool{
		"Abcdef123456": true, "9f86d081884c7d659a2feaa0c55ad015": true, "aB3dE5gH7": true, "VnQxLmTabVnQxLmT": true, strings.Repeat("a", 40): true,
		"short1": false, "SendNotificationToAllClients": false, "HTTPServerURLs": false, "two words 12": false, "grafana-tls": false, "login-7d9f8b6c4-x2x9z": false, "10.0.0.5:9100": false, "2026-11-20T08:30": false, "https://x/Y1Z2A3B4": false, "kube-system": false,
		"default": false, "Kubernetes": false, "550e8400-e29b-41d4-a716-446655440000": false,
	} {
		assert.Equal(t, want, looksRandom(v), v)
	}
}

// randomText composes lines of the tables of this package.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		switch r.IntN(3) {
		case 0:
			b.WriteString(positives[r.IntN(len(positives))].in)
		case 1:
			b.WriteString(negatives[r.IntN(len(negatives))])
		default:
			b.WriteString(strings.Replace(containers[r.IntN(len(containers))].in, "SECRET", values[r.IntN(len(values))], 1))
		}
		b.WriteString([]string{"\n\n", "\n", " ", " | ", `\n`, "。", "\u200b\n"}[r.IntN(7)])
	}
	return b.String()
}

func randomHex(r *rand.Rand, bytes int) string { return hex.EncodeToString(randomBytes(r, bytes)) }

func randomBase64(r *rand.Rand, bytes int) string {
	return base64.StdEncoding.EncodeToString(randomBytes(r, bytes))
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

func uuid(r *rand.Rand) string {
	h := randomHex(r, 16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func TestPlainName(t *testing.T) {
	for v, want := range map[string]bool{
		"grafana-tls": true, "default": true, "10.0.0.5:9100": true, "v1.2.3": true, "a_b": true, "login": true, "abc1234": true,
		"abc12345": false, "Grafana": false, "a b": false, "averyveryverylongword": false, "x-averyveryverylongword": false, "密": false,
	} {
		assert.Equal(t, want, plainName(v), v)
	}
}

func TestNormalize(t *testing.T) {
	for name, want := range map[string]string{
		"dbPassword": "db_password", "DB-PASSWORD": "db_password", "db.password": "db_password", "DB_PASSWORD_2": "db_password", "HTTPToken": "http_token",
		"base64": "base64", "APIKey": "api_key", "a1B": "a1_b", "123": "", "": "",
	} {
		assert.Equal(t, want, normalize(name), name)
	}
}
