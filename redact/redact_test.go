package redact

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func session(t testing.TB, extra ...string) *Session {
	t.Helper()
	r, err := New(extra)
	require.NoError(t, err)
	return r.Session()
}

func redacted(t testing.TB, in string) string {
	t.Helper()
	return session(t).Text(in)
}

func TestSameSecretSamePlaceholder(t *testing.T) {
	s := session(t)
	assert.Equal(t, "password=[REDACTED:password:1] token=[REDACTED:token:2] pwd: [REDACTED:password:1]",
		s.Text("password=hunter2 token=abc1 pwd: hunter2"))
	assert.Equal(t, "postgres://u:[REDACTED:password:1]@db api_key=[REDACTED:api_key:3]", s.Text("postgres://u:hunter2@db api_key=zz"))
	assert.Equal(t, map[string]int{Password: 3, Token: 1, APIKey: 1}, s.Counts())
	assert.Equal(t, "password=[REDACTED:password:1]", s.redactor.Session().Text("password=other"), "a session has its own numbering")
}

func TestNumbersOfPlaceholdersInTheTextAreNotTaken(t *testing.T) {
	assert.Equal(t, "password=[REDACTED:token:1] password=[REDACTED:password:2]",
		redacted(t, "password=[REDACTED:token:1] password=hunter2"))
}

func TestNothingHidesInTheFormOfAPlaceholder(t *testing.T) {
	for _, in := range []string{
		"password=[REDACTED:hunter2:1]", "password=[REDACTED:password:hunter2]", "password=[REDACTED:password:1]hunter2",
		"password=[REDACTED:password:0001]", "password=hunter2[REDACTED:password:1]",
	} {
		got := redacted(t, in)
		assert.NotContains(t, got, "hunter2", in)
		assert.NotEqual(t, in, got)
	}
}

func TestSeveralSecretsInOneText(t *testing.T) {
	in := `{"alerts":[{"annotations":{"summary":"login to postgres://app:pw1@db failed, password: pw1","runbook":"curl -H 'Authorization: Bearer abc12345' https://h/?token=t1&x=1"},` +
		`"labels":{"alertname":"PasswordFailures","secret":"s1","user_type":"admin"}}]}`
	assert.Equal(t, //nolint:testifylint // byte for byte
		`{"alerts":[{"annotations":{"summary":"login to postgres://app:[REDACTED:password:1]@db failed, password: [REDACTED:password:1]","runbook":"curl -H 'Authorization: Bearer [REDACTED:authorization:2]' https://h/?token=[REDACTED:token:3]&x=1"},`+
			`"labels":{"alertname":"PasswordFailures","secret":"[REDACTED:secret:4]","user_type":"admin"}}]}`, redacted(t, in))
}

func TestUsersExpressions(t *testing.T) {
	s := session(t, `EMP-\d{6}`, `badge (?P<secret>\w+)`, `工号：\d+`, `\d+\]x`)
	got := s.Text("EMP-123456 has badge Q7 and 工号：42, EMP-123456; EMP-1")
	assert.Equal(t, "[REDACTED:custom:1] has badge [REDACTED:custom:2] and [REDACTED:custom:3], [REDACTED:custom:1]; EMP-1", got)
	assert.Equal(t, got, s.Text(got))
	assert.Equal(t, "[REDACTED:custom:4]", s.Text("[REDACTED:custom:1]x"), "a placeholder is never cut")

	greedy := session(t, `.+`)
	assert.Equal(t, "[REDACTED:custom:1]", greedy.Text("password=hunter2"))
	assert.Equal(t, "[REDACTED:custom:1]", greedy.Text("[REDACTED:custom:1]"))
}

func TestNewNamesTheBadExpression(t *testing.T) {
	_, err := New([]string{`ok`, `a(b`})
	require.ErrorContains(t, err, `expression 2, "a(b"`)
	_, err = New([]string{`x*`})
	require.ErrorContains(t, err, "empty string")
}

func TestTextIsValidUTF8(t *testing.T) {
	assert.Equal(t, "a\uFFFDb 密码：[REDACTED:password:1]，", redacted(t, "a\xffb 密码：x\uFFFDy1，"))
	assert.Equal(t, "pass\uFFFDword=x", redacted(t, "pass\xffword=x"))
}

// TestRules asks each rule what it finds, where a value ends, and what it leaves alone.
func TestRules(t *testing.T) {
	marked := regexp.MustCompile(`«([^»]*)»?`)
	for rule, test := range ruleTests {
		t.Run(rule, func(t *testing.T) {
			for _, text := range test.texts {
				in := strings.NewReplacer("«", "", "»", "").Replace(text)
				numbers, next := map[string]string{}, 1
				want := marked.ReplaceAllStringFunc(text, func(found string) string {
					secret := strings.Trim(found, "«»")
					if secret == "" {
						return ""
					}
					if numbers[secret] == "" {
						numbers[secret] = "[REDACTED:" + test.kind + ":" + string(rune('0'+next)) + "]"
						next++
					}
					return numbers[secret]
				})
				got := redacted(t, in)
				assert.Equal(t, want, got, in) //nolint:testifylint // byte for byte
				assert.Equal(t, got, redacted(t, got), "redacted twice")
			}
		})
	}
}

// TestTimeIsLinear feeds what would make a careless scanner quadratic. Eight times the text may not take much more
// than eight times the processor's time; quadratic would be 64.
func TestTimeIsLinear(t *testing.T) {
	for _, unit := range []string{
		"password=", "password=\"", `password=\"\\\"`, "password='\n\"", "x://a:b/", "cookie: ", "authorization: bearer ", "tokens=[\"a\",",
		"-----BEGIN PRIVATE KEY-----", "-----BEGIN " + "PRIVATE KEY", "password is ", "密码：", "密码为", "[REDACTED:", "[REDACTED:token:1]", ")", "password=)", "<password>",
		"password: |\n ", "a&password=&", "--password ", "curl -u a:", "value=", "name: DB_PASSWORD value: ", "%70assword%3D", "ｐ：", "eyJ.", "sk-", "{a=\"secret=\"",
		"\x1b[", "\x1b]", "\x1b]0;\u009d", "[1;", "\u200b", "\x1b[0m", `\u001b]`, `\\`, `\u`, "%E2%80", "&", "&#x1b;", "^[]", "#033]", "\u0301",
		"user:pw@tcp(", "basic ", "\\n", "secret(", "a b", "password: {a", "token=${",
		"| password ", "| password |\n|--|\n", "kind: Secret\n", "kind: Secret\ndata:\n a: b\n", "-----END PRIVATE KEY", "AAAA\n-----END PRIVATE KEY-----\n", `set("password", "`, "use x1y2z3 as the password ",
		"AK" + "IAVN7QX2LMT0ABCDEF ", "AK" + "IAVN7QX2LMT0ABCDEF:", "пароль ", "пароль: ", "password\n", "password:\n", "YWxpY2U6", "YWxpY2U6aHVudGVyMjI= ", "password of a b ", "/hooks/", "Private-Lines: 1\n", "u:p@h:1/", "u/p@", "~", "8Q~",
		"curl -u ", "curl \\\n-u ", "a / b ", "password <", "p a s s w o r d ", "<password>\n", "p@ss", "раss", "password=Vn7Qx2LmT0ab Vn7Qx2Lm",
		"passwords: [", "passwords:\n", "tokens=(", `{"passwords":{`, "passwords: a, ", "passwords: [a, b] ", "passwords: Vn7Qx2LmT0ab, ", "passwords Vn7Qx2LmT0ab and ", "passwords:\n- a\n", "user,password\n", "user,password\na,b\n",
		"seed phrase: ", "mnemonic: panda panda panda ", "db:5432:a:b:", "$6$a$b$", "{SSHA}", "*0", "echo a | kinit <<< ", "密码：Vn7Qx2LmT0ab，", "pass login auth plain ", "secrets set a=b ", "USER a\nPASS b\n", "backup codes: 12345678 ",
	} {
		t.Run(unit, func(t *testing.T) {
			took := func(size int) time.Duration {
				in := strings.Repeat(unit, size/len(unit))
				before := cpuTime(t)
				redacted(t, in)
				return cpuTime(t) - before
			}
			small, large := took(1<<13), took(1<<16)
			assert.Less(t, large, 24*small+100*time.Millisecond)
		})
	}
}

func FuzzText(f *testing.F) {
	for _, tc := range positives {
		f.Add(tc.in, "", "hunter2")
	}
	for _, in := range negatives {
		f.Add(in, in, "x1")
	}
	f.Fuzz(func(t *testing.T, before, after, tail string) {
		r, err := New([]string{`EMP-\d+`})
		require.NoError(t, err)
		got := r.Session().Text(before)
		assert.True(t, utf8.ValidString(got))
		assert.Equal(t, got, r.Session().Text(got), "redacted twice")

		for i, plant := range plants {
			secret := "Zq9" + hex.EncodeToString([]byte(tail[:min(len(tail), 8)])) + "Wv7xK2mP4nR8tB3c"
			// A line of its own: what stands before may end in an open quote or in a key, what follows may begin as one.
			in := before + "\n\n" + strings.ReplaceAll(plant, "SECRET", secret) + "\n\n" + after
			if strings.Contains(before+after, "-----") {
				in = strings.ReplaceAll(plant, "SECRET", secret) + "\n\n" + after
			}
			assert.NotContains(t, r.Session().Text(in), secret, "plant %d", i)
		}
	})
}

// plants are places where a secret must never survive, whatever stands around them.
var plants = []string{
	"postgres://app:SECRET@db/login", "https://SECRET@host/", "Authorization: Bearer SECRET", "password=SECRET",
	"DB_PASSWORD: SECRET", "--password SECRET", `{"password":"SECRET"}`, `{\"api_key\":\"SECRET\"}`, "密码：SECRET", "token = 'SECRET'",
}

func BenchmarkText(b *testing.B) {
	prose := "The failure rate of admin logins in shenzhen rose from 2.1% to 45.3% within 5 minutes; other regions stay at their baseline. " +
		`rate(user_login_total{user_type="admin",login_status="failed",ip_region="shenzhen"}[5m]) = 0.42 at 2026-11-20T08:30:05Z` + "\n"
	chinese := "过去 5 分钟深圳地区管理员登录失败率从 2.1% 升至 45.3%，其他地区保持基线；疑似撞库，密码错误次数超过阈值。\n"
	secrets := prose + `{"annotations":{"summary":"login to postgres://app:pw1@db failed, password: pw1"}}` + "\n"
	for name, unit := range map[string]string{"plain": prose, "chinese": chinese, "secrets": secrets, "encoded": prose + "%7Ba%3D%22b%22%7D\n"} {
		for _, size := range []int{8 << 10, 4 << 20} {
			in := strings.Repeat(unit, size/len(unit))
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				r, err := New(nil)
				require.NoError(b, err)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				before := cpuTime(b)
				for b.Loop() {
					r.Session().Text(in)
				}
				b.ReportMetric(float64(b.N*len(in))/1e6/(cpuTime(b)-before).Seconds(), "MB/cpu-s") // whatever else runs
			})
		}
	}
}
