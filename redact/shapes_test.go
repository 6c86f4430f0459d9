package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Alphabets that the issuers of keys use.
const (
	lowerHex  = "0123456789abcdef"
	base32Up  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	upperDec  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	base62    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	base64URL = base62 + "-_"
	base64Std = base62 + "+/"
	bcrypt64  = base62 + "./"
	bech32    = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
	decimal   = "0123456789"
)

// run is a stretch of a sample: n random characters of an alphabet, or fixed text.
type run struct {
	alphabet string
	n        int
}

func fixed(s string) run { return run{s, 0} }

// samples is what a well-formed key of each shape looks like, by its issuer's documentation. Each is made in the test: no file
// of ours holds one.
var samples = []struct {
	prefix string
	kind   string
	body   []run
}{
	{"AKIA", APIKey, []run{{base32Up, 16}}},
	{"ASIA", APIKey, []run{{base32Up, 16}}},
	{"ABIA", APIKey, []run{{base32Up, 16}}},
	{"ACCA", APIKey, []run{{base32Up, 16}}},
	{"LTAI", APIKey, []run{fixed("5t"), {base62, 18}}},
	{"LTAI", APIKey, []run{{base62, 12}}}, // the older, shorter form
	{"AKID", APIKey, []run{{base62, 32}}},
	{"AIza", APIKey, []run{fixed("Sy"), {base64URL, 33}}},
	{"ya29.", Token, []run{fixed("a0"), {base64URL, 160}}},
	{"GOCSPX-", GenericSecret, []run{{base64URL, 28}}},
	{"dop_v1_", Token, []run{{lowerHex, 64}}},
	{"tskey-", APIKey, []run{fixed("auth-k"), {base62, 11}, fixed("CNTRL-"), {base62, 32}}},
	{"ghp_", Token, []run{{base62, 36}}},
	{"gho_", Token, []run{{base62, 36}}},
	{"ghu_", Token, []run{{base62, 36}}},
	{"ghs_", Token, []run{{base62, 36}}},
	{"ghr_", Token, []run{{base62, 76}}},
	{"github_pat_", Token, []run{{base62, 22}, fixed("_"), {base62, 59}}},
	{"glpat-", Token, []run{{base64URL, 20}}},
	{"glpat-", Token, []run{{base64URL, 27}, fixed(".01."), {lowerHex, 9}}}, // routable
	{"glptt-", Token, []run{{lowerHex, 40}}},
	{"gldt-", Token, []run{{base64URL, 20}}},
	{"glrt-", Token, []run{fixed("t1_"), {base64URL, 20}}},
	{"glcbt-", Token, []run{fixed("64_"), {base64URL, 20}}},
	{"glagent-", Token, []run{{base62, 50}}},
	{"GR1348941", Token, []run{{base64URL, 20}}},
	{"npm_", Token, []run{{base62, 36}}},
	{"pypi-AgE", Token, []run{fixed("IcHlwaS5vcmc"), {base64URL, 120}}},
	{"dckr_pat_", Token, []run{{base64URL, 27}}},
	{"ATATT3", Token, []run{fixed("xFfGF0"), {base64URL, 170}, fixed("="), {upperDec, 8}}},
	{"sk-", APIKey, []run{{base62, 48}}},
	{"sk-", APIKey, []run{fixed("proj-"), {base64URL, 156}}},
	{"sk-", APIKey, []run{fixed("ant-api03-"), {base64URL, 95}}},
	{"sk-", APIKey, []run{{lowerHex, 32}}}, // DeepSeek, DashScope
	{"sk-", APIKey, []run{fixed("or-v1-"), {lowerHex, 64}}},
	{"hf_", Token, []run{{base62, 34}}},
	{"gsk_", APIKey, []run{{base62, 52}}},
	{"xai-", APIKey, []run{{base62, 80}}},
	{"pplx-", APIKey, []run{{base62, 48}}},
	{"nvapi-", APIKey, []run{{base64URL, 64}}},
	{"sk_live_", APIKey, []run{{base62, 24}}},
	{"sk_test_", APIKey, []run{{base62, 99}}},
	{"rk_live_", APIKey, []run{{base62, 24}}},
	{"rk_test_", APIKey, []run{{base62, 24}}},
	{"whsec_", GenericSecret, []run{{base64Std, 32}}},
	{"SG.", APIKey, []run{{base64URL, 22}, fixed("."), {base64URL, 43}}},
	{"key-", APIKey, []run{{lowerHex, 32}}},
	{"glsa_", Token, []run{{base62, 32}, fixed("_"), {lowerHex, 8}}},
	{"glc_", Token, []run{fixed("eyJvIjoi"), {base62, 80}, fixed("==")}},
	{"eyJrIjoi", APIKey, []run{{base62, 72}, fixed("=")}},
	{"hvs.", Token, []run{fixed("CAES"), {base64URL, 91}}},
	{"hvb.", Token, []run{fixed("AAAAAQ"), {base64URL, 150}}},
	{"shpat_", Token, []run{{lowerHex, 32}}},
	{"shpss_", GenericSecret, []run{{lowerHex, 32}}},
	{"NRAK-", APIKey, []run{{upperDec, 27}}},
	{"AGE-SECRET-KEY-1", PrivateKey, []run{{bech32, 58}}},
	{"xoxa-", Token, []run{fixed("2-"), {decimal, 12}, fixed("-"), {base62, 24}}},
	{"xoxb-", Token, []run{{decimal, 12}, fixed("-"), {decimal, 13}, fixed("-"), {base62, 24}}},
	{"xoxc-", Token, []run{{decimal, 12}, fixed("-"), {decimal, 12}, fixed("-"), {lowerHex, 64}}},
	{"xoxd-", Token, []run{{base62, 60}, fixed("%2B"), {base62, 60}, fixed("%3D")}},
	{"xoxe-", Token, []run{fixed("1-"), {base62, 140}}},
	{"xoxe.", Token, []run{fixed("xoxp-1-"), {base62, 160}}},
	{"xoxp-", Token, []run{{decimal, 12}, fixed("-"), {decimal, 12}, fixed("-"), {decimal, 12}, fixed("-"), {lowerHex, 32}}},
	{"xoxr-", Token, []run{{decimal, 12}, fixed("-"), {base62, 24}}},
	{"xoxs-", Token, []run{{decimal, 12}, fixed("-"), {base62, 24}}},
	{"xapp-", Token, []run{fixed("1-"), {upperDec, 11}, fixed("-"), {decimal, 13}, fixed("-"), {lowerHex, 64}}},
	{"$2a$", Password, []run{fixed("10$"), {bcrypt64, 53}}},
	{"$2b$", Password, []run{fixed("12$"), {bcrypt64, 53}}},
	{"$2y$", Password, []run{fixed("05$"), {bcrypt64, 53}}},
	{"$5$", Password, []run{{bcrypt64, 16}, fixed("$"), {bcrypt64, 43}}},
	{"$6$", Password, []run{fixed("rounds=656000$"), {bcrypt64, 16}, fixed("$"), {bcrypt64, 86}}},
	{"$apr1$", Password, []run{{bcrypt64, 8}, fixed("$"), {bcrypt64, 22}}},
	{"$argon2", Password, []run{fixed("id$v=19$m=65536,t=3,p=4$"), {base64Std, 22}, fixed("$"), {base64Std, 43}}},
	{"eyJ", JWT, []run{{base64URL, 33}, fixed(".eyJ"), {base64URL, 80}, fixed("."), {base64URL, 43}}},
	{"eyJ", JWT, []run{{base64URL, 400}, fixed(".eyJ"), {base64URL, 80}, fixed("."), {base64URL, 43}}}, // a long head, with certificates
	{"hooks.slack.com/services/", Webhook, []run{fixed("T"), {upperDec, 10}, fixed("/B"), {upperDec, 10}, fixed("/"), {base62, 24}}},
	{"hooks.slack.com/workflows/", Webhook, []run{fixed("T"), {upperDec, 10}, fixed("/A"), {upperDec, 10}, fixed("/"), {decimal, 18}, fixed("/"), {base62, 24}}},
	{"hooks.slack.com/triggers/", Webhook, []run{fixed("T"), {upperDec, 10}, fixed("/"), {decimal, 13}, fixed("/"), {lowerHex, 32}}},
	{"open.feishu.cn/open-apis/bot/v2/hook/", Webhook, []run{{lowerHex, 8}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 12}}},
	{"open.feishu.cn/open-apis/bot/hook/", Webhook, []run{{lowerHex, 32}}},
	{"open.larksuite.com/open-apis/bot/v2/hook/", Webhook, []run{{lowerHex, 8}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 12}}},
	{"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", Webhook, []run{{lowerHex, 8}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 4}, fixed("-"), {lowerHex, 12}}},
	{"oapi.dingtalk.com/robot/send?access_token=", Webhook, []run{{lowerHex, 64}}},
	{"api.dingtalk.com/robot/send?access_token=", Webhook, []run{{lowerHex, 64}}},
	{"discord.com/api/webhooks/", Webhook, []run{{decimal, 19}, fixed("/"), {base64URL, 68}}},
	{"discordapp.com/api/webhooks/", Webhook, []run{{decimal, 18}, fixed("/"), {base64URL, 68}}},
	{"webhook.office.com/webhookb2/", Webhook, []run{{lowerHex, 36}, fixed("@"), {lowerHex, 36}, fixed("/IncomingWebhook/"), {lowerHex, 32}, fixed("/"), {lowerHex, 36}}},
	{"events.pagerduty.com/integration/", Webhook, []run{{lowerHex, 32}, fixed("/enqueue")}},
	{"api.telegram.org/bot", Webhook, []run{{decimal, 10}, fixed(":AA"), {base64URL, 33}}},
	{"sctapi.ftqq.com/", Webhook, []run{fixed("SCT"), {base62, 34}}},
	{"hooks.zapier.com/hooks/catch/", Webhook, []run{{decimal, 8}, fixed("/"), {base62, 7}}},
}

// sample makes the body of a key: random, but with a digit and no punctuation at its ends.
func sample(r *rand.Rand, body []run) string {
	var b strings.Builder
	for _, part := range body {
		if part.n == 0 {
			b.WriteString(part.alphabet)
			continue
		}
		for i := range part.n {
			c := part.alphabet[r.IntN(len(part.alphabet))]
			if digits := strings.IndexAny(part.alphabet, "0123456789"); digits >= 0 && (i == 0 || i == part.n-1 || part.n > 8 && i == part.n/2) {
				c = part.alphabet[digits+r.IntN(6)]
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shapeOf returns the shape in the table that a prefix belongs to.
func shapeOf(t *testing.T, prefix string) shape {
	t.Helper()
	for _, sh := range shapes {
		if sh.prefix == prefix {
			return sh
		}
	}
	require.Fail(t, "no such shape", prefix)
	return shape{}
}

// TestShapes finds every well-formed key where it stands alone, in a sentence, in quotes, in JSON, in a URL and in a log line, and
// leaves what stands around it.
func TestShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sampled := map[string]bool{}
	for _, s := range samples {
		sampled[s.prefix] = true
		sh := shapeOf(t, s.prefix)
		assert.Equal(t, s.kind, sh.kind, s.prefix)
		for n := range 10 {
			body := sample(r, s.body)
			key, want := s.prefix+body, "[REDACTED:"+s.kind+":1]"
			if sh.keep {
				want = s.prefix + want
			}
			for _, around := range []string{
				"%s", "calling with %s failed", "is it %s?", "see “%s”", `{"msg":"denied: %s"}`, `{\"msg\":\"denied: %s\"}`, "ts=1 level=warn msg='%s'", "line 1\n%s\nline 3", `a\n%s\nb`, "用户 %s 失败", "(%s), again",
			} {
				if !assert.Equal(t, fmt.Sprintf(around, want), redacted(t, fmt.Sprintf(around, key)), "%s, sample %d in %q", s.prefix, n, around) {
					break
				}
			}
		}
	}
	assert.GreaterOrEqual(t, len(samples), 84)
	for first := range shapesByByte {
		for _, sh := range shapesByByte[first] {
			for n := 0; n < 10 && !sampled[sh.prefix]; n++ {
				key := sh.prefix + sample(r, []run{{alphabet(sh.chars), sh.min}})
				assert.Regexp(t, `^got \S*\[REDACTED:[a-z_]+:1\] from it$`, redacted(t, "got "+key+" from it"), key)
			}
		}
	}
}

// alphabet returns the characters of a set that a key holds anywhere.
func alphabet(chars *set) string {
	var b strings.Builder
	for c := byte('0'); c <= 'z'; c++ {
		if chars[c] && alnum[c] {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TestPrefixesAloneAreNoKeys: names of things and beginnings of keys are left alone.
func TestPrefixesAloneAreNoKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, sh := range shapes {
		t.Run(sh.prefix, func(t *testing.T) {
			for _, in := range []string{
				sh.prefix, "the prefix " + sh.prefix + " is known", "`" + sh.prefix + "…`", sh.prefix + "*", "see " + sh.prefix + ".",
			} {
				if strings.Contains(sh.prefix, "=") { // of a URL, whose key says by itself that a secret follows
					continue
				}
				assert.Equal(t, in, redacted(t, in))
			}
			short := sample(r, []run{{lowerHex, sh.min - 1}})
			if in := "cut: " + sh.prefix + short; sh.chars[short[0]] && sh.min < 40 && !strings.Contains(in, "=") && sh.prefix != "eyJrIjoi" {
				assert.Equal(t, in, redacted(t, in))
			}
		})
	}
}

// TestShapesBeginWords: within a longer word the letters of a prefix mean nothing.
func TestShapesBeginWords(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, in := range []string{
		"flask-" + sample(r, []run{{lowerHex, 32}}), "monkey-" + sample(r, []run{{lowerHex, 32}}), "XAKIA" + sample(r, []run{{base32Up, 16}}),
		"AKIA" + sample(r, []run{{base32Up, 20}}), "pod/task-controller-7d9f8b6c4-x2x9z", "desk-lamp-controller-manager-0", "sk-learn-pipeline-worker-1",
		"key-value-store-primary-0", "hf_transfer", "npm_config_registry", "ghs_repository_events_total", "SG.eu-west", "glsa_requests_total",
	} {
		assert.Equal(t, in, redacted(t, in))
	}
}
