package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// benign are sentences, settings and log lines that speak of secrets and hold none; {} are filled with names, numbers and ids.
var benign = []string{
	"user {n} entered a wrong password {d} times", "the token of {n} expired {d} minutes ago", "password policy requires {d} characters", "secret {n}/{n}-tls not found", "failed to rotate the key {n}-{d}: timeout",
	"API key quota exceeded: {d} of 1000 requests", "session {u} closed after {d}s", "access token lifetime is {d}m", "login for {n} failed: invalid credentials", "{n} changed the password policy to strict",
	"certificate of {n} expires in {d} days", "authentication with method password disabled on {n}-{d}", "password authentication failed for user \"{n}\"", "fetching secret {n}-credentials in namespace {n}", "the private key file /etc/ssl/{n}.key is missing",
	"token bucket refill rate is {d} per second", "webhook {n} returned status {d}", "key={n} value={d} took {d}ms", "cache key {n}:{d} evicted", "rate(auth_token_errors_total{job=\"{n}\"}[{d}m]) > 0.{d}", "primary key ({n}_id) violated in table {n}s", "password: required, token: optional",
	"error: secret \"{n}-token-{p}\" not found", "mount /var/run/secrets/kubernetes.io/serviceaccount/token failed", "serviceAccountName: {n}-token-reader", "imagePullSecrets: [{name: {n}-registry}]", "secretKeyRef: {name: {n}-db, key: password}", "token_type=Bearer expires_in={d}",
	"oauth2: token expired and refresh token is not set", "passwordless login for {n} is enabled", "pod {n}-{p} restarted {d} times", "commit {h} by {n}", "image: registry.int/{n}:v1.{d}.0", "trace_id={h}{h} span_id={h}", "request {u} took {d}ms", "GET /api/v1/tokens/{d} 404 in {d}ms",
	"密码错误 {d} 次，账号 {n} 已锁定", "令牌 {d} 分钟后过期", "密钥 {n} 已轮换", "密码长度至少 {d} 位", "验证码发送失败 {d} 次", "凭证 {n} 不存在", "口令策略已更新，共 {d} 条", "пароль пользователя {n} истёк", "la contraseña de {n} ha caducado", "le mot de passe de {n} a expiré", "Passwort von {n} abgelaufen seit {d} Tagen",
	"パスワードの試行が {d} 回失敗しました", "{n} reset their password via e-mail", "the bearer of the certificate {n}", "basic authentication is off for {n}", "cookie consent of {n}: accepted", "Set-Cookie header is missing on {n}", "auth: {d} requests denied from 10.0.{d}.1", "auth_method=password user={n} attempts={d}",
	"ssh key fingerprint SHA256:{h} accepted for {n}", "passwd: files systemd", "vault: token renewal for {n} failed, retry in {d}s", "key rotation for {n} took {d}s", "pass: {d}, fail: {d}, skip: {d}", "tokens used: {d} of {d}", "prompt_tokens={d} completion_tokens={d}", "user {n} with role admin has no password",
	"no API key configured for {n}", "sign in as {n} to continue", "credentials for {n} are stored in Vault", "password hash algorithm: bcrypt cost {d}", "secret/{n} version {d} destroyed", "kubectl get secret {n}-tls -o yaml", "curl -u $USER:$PASS https://{n}.int/{d}", "docker run -p {d}:80 {n}", "PASSWORD=$(cat /run/secrets/{n})",
}

// TestPrecision makes identifiers and prose and prints how much of it is taken for a secret: go test ./redact -run TestPrecision -v.
func TestPrecision(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	wrong, all := 0, 0
	for range 20 {
		for _, template := range benign {
			in := fillBenign(r, template)
			if got := redacted(t, in); got != in {
				wrong++
				t.Logf("%q became %q", in, got)
			}
			all++
		}
	}
	t.Logf("prose: %d of %d left alone", all-wrong, all)
	assert.LessOrEqual(t, 100*wrong, 3*all, "prose")

	wrong, all = 0, 0
	for _, identifier := range identifiers {
		for range 50 {
			in := fmt.Sprintf([]string{"%s", "pod %s restarted", "uid: %s", "ref=%s ok", "digest %s of token-service", `{"id":"%s"}`, "| %s | up |", "(%s, 3)"}[r.IntN(8)], identifier(r))
			if got := redacted(t, in); got != in {
				wrong++
				t.Logf("%q became %q", in, got)
			}
			all++
		}
	}
	t.Logf("identifiers: %d of %d left alone", all-wrong, all)
	assert.LessOrEqual(t, 100*wrong, all, "identifiers")
}

func fillBenign(r *rand.Rand, template string) string {
	names := []string{"bob", "login", "payments", "shenzhen", "grafana", "checkout", "api", "kube-proxy", "auth-service", "db"}
	for strings.Contains(template, "{n}") {
		template = strings.Replace(template, "{n}", names[r.IntN(len(names))], 1)
	}
	for strings.Contains(template, "{d}") {
		template = strings.Replace(template, "{d}", fmt.Sprint(2+r.IntN(97)), 1)
	}
	return strings.NewReplacer("{h}", randomHex(r, 8), "{u}", uuid(r), "{p}", randomHex(r, 5)[:5]).Replace(template)
}
