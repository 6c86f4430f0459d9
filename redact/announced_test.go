package redact

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What announces a secret may be any symbol, may stand behind it, and may be the command that makes a Secret of it.
func TestAnnouncedOtherwise(t *testing.T) {
	const v = "Zq7Vn2Xw9LmTk4Rb"
	for _, s := range []string{
		"token 👉 " + v, "password ➡️ " + v, "secret ▶ " + v, "password ⇢ " + v, "密码 ▶ " + v, "the token 🔑 " + v + " leaked", "password ║ " + v,
		`{"value":"` + v + `","name":"DB_PASSWORD"}`, `{"value" : "` + v + `", "key" : "api_token"}`, `[{\"value\":\"` + v + `\",\"name\":\"DB_PASSWORD\"}]`, `{"x":1,"Value":"` + v + `","Name":"client_secret"}`,
		"kubectl create secret generic x --from-literal=foo=" + v, "kubectl -n a create secret generic x --from-literal a=" + v, "oc create secret generic x --from-literal='foo=" + v + "'", `kubectl create secret generic x --from-literal="foo=` + v + `" -n b`,
		"kubectl create secret generic x \\\n  --from-literal=user=" + v + " \\\n  --from-literal=dsn=" + v,
	} {
		r, err := New(nil)
		require.NoError(t, err)
		out := r.Session().Text(s)
		assert.NotContains(t, out, v, s)
		assert.Contains(t, out, "[REDACTED:", s)
	}
	for _, s := range []string{
		"token ✅ rotated", "password ❌ rejected 3 times", "secret → db-credentials", "password ≥ 12 characters", "token ⚠ expires in 3d", "密码 ✓ 正确",
		`{"value":"Zq7Vn2Xw9LmTk4Rb","name":"build_id"}`, `{"value":"42","name":"token_count"}`, `{"value":"db-7","key":"instance"}`,
		"kubectl create configmap x --from-literal=foo=" + v, "kubectl create secret generic x --from-file=foo=./foo.txt", "kubectl get secret x -o yaml",
	} {
		r, err := New(nil)
		require.NoError(t, err)
		assert.Equal(t, s, r.Session().Text(s))
	}
}
