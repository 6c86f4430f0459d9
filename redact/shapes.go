package redact

import "strings"

// shape is a secret that is known by how it looks: a prefix and a run of characters behind it.
type shape struct {
	prefix string
	kind   string
	chars  *set
	min    int  // length of the run, at least
	keep   bool // the prefix stays readable
	// check looks at the run where prefix and length are too little.
	check func(run string) bool
}

var shapes = []shape{
	// Clouds.
	{prefix: "AKIA", kind: APIKey, chars: upperNum, min: 16, check: exactly(16)},
	{prefix: "ASIA", kind: APIKey, chars: upperNum, min: 16, check: exactly(16)},
	{prefix: "ABIA", kind: APIKey, chars: upperNum, min: 16, check: exactly(16)},
	{prefix: "ACCA", kind: APIKey, chars: upperNum, min: 16, check: exactly(16)},
	{prefix: "LTAI", kind: APIKey, chars: alnum, min: 12},
	{prefix: "AKID", kind: APIKey, chars: alnum, min: 16},
	{prefix: "AIza", kind: APIKey, chars: urlSafe, min: 30},
	{prefix: "ya29.", kind: Token, chars: dotted, min: 20},
	{prefix: "GOCSPX-", kind: GenericSecret, chars: urlSafe, min: 20},
	{prefix: "dop_v1_", kind: Token, chars: hexChars, min: 32},
	{prefix: "tskey-", kind: APIKey, chars: urlSafe, min: 16, check: looksDense},
	// Forges and registries.
	{prefix: "ghp_", kind: Token, chars: alnum, min: 20},
	{prefix: "gho_", kind: Token, chars: alnum, min: 20},
	{prefix: "ghu_", kind: Token, chars: alnum, min: 20},
	{prefix: "ghs_", kind: Token, chars: alnum, min: 20},
	{prefix: "ghr_", kind: Token, chars: alnum, min: 20},
	{prefix: "github_pat_", kind: Token, chars: isWord, min: 20},
	{prefix: "glpat-", kind: Token, chars: dotted, min: 16},
	{prefix: "glptt-", kind: Token, chars: urlSafe, min: 16},
	{prefix: "gldt-", kind: Token, chars: urlSafe, min: 16},
	{prefix: "glrt-", kind: Token, chars: dotted, min: 16},
	{prefix: "glcbt-", kind: Token, chars: urlSafe, min: 16},
	{prefix: "glagent-", kind: Token, chars: urlSafe, min: 20, check: looksDense},
	{prefix: "GR1348941", kind: Token, chars: urlSafe, min: 16},
	{prefix: "npm_", kind: Token, chars: alnum, min: 30},
	{prefix: "pypi-AgE", kind: Token, chars: urlSafe, min: 16},
	{prefix: "dckr_pat_", kind: Token, chars: urlSafe, min: 16},
	{prefix: "ATATT3", kind: Token, chars: b64Chars, min: 40},
	// Models.
	{prefix: "sk-", kind: APIKey, chars: urlSafe, min: 16, check: looksDense},
	{prefix: "hf_", kind: Token, chars: alnum, min: 20},
	{prefix: "gsk_", kind: APIKey, chars: alnum, min: 30},
	{prefix: "xai-", kind: APIKey, chars: alnum, min: 30},
	{prefix: "pplx-", kind: APIKey, chars: alnum, min: 30},
	{prefix: "nvapi-", kind: APIKey, chars: urlSafe, min: 40},
	// Payment, mail, observability, others.
	{prefix: "sk_live_", kind: APIKey, chars: alnum, min: 10},
	{prefix: "sk_test_", kind: APIKey, chars: alnum, min: 10},
	{prefix: "rk_live_", kind: APIKey, chars: alnum, min: 10},
	{prefix: "rk_test_", kind: APIKey, chars: alnum, min: 10},
	{prefix: "whsec_", kind: GenericSecret, chars: b64Chars, min: 16},
	{prefix: "SG.", kind: APIKey, chars: dotted, min: 30},
	{prefix: "key-", kind: APIKey, chars: hexChars, min: 32, check: exactly(32)},
	{prefix: "glsa_", kind: Token, chars: isWord, min: 20},
	{prefix: "glc_", kind: Token, chars: b64Chars, min: 32},
	{prefix: "eyJrIjoi", kind: APIKey, chars: b64Chars, min: 20},
	{prefix: "hvs.", kind: Token, chars: urlSafe, min: 20},
	{prefix: "hvb.", kind: Token, chars: urlSafe, min: 20},
	{prefix: "shpat_", kind: Token, chars: hexChars, min: 20},
	{prefix: "shpss_", kind: GenericSecret, chars: hexChars, min: 20},
	{prefix: "NRAK-", kind: APIKey, chars: upperNum, min: 20},
	{prefix: "AGE-SECRET-KEY-1", kind: PrivateKey, chars: upperNum, min: 20},
	{prefix: "xoxa-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxb-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxc-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxd-", kind: Token, chars: pathSafe, min: 10},
	{prefix: "xoxe-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxe.", kind: Token, chars: dotted, min: 10},
	{prefix: "xoxp-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxr-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxs-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xapp-", kind: Token, chars: urlSafe, min: 10},
	// Hashes of passwords.
	{prefix: "$2a$", kind: Password, chars: newSet("a-zA-Z0-9./$"), min: 40},
	{prefix: "$2b$", kind: Password, chars: newSet("a-zA-Z0-9./$"), min: 40},
	{prefix: "$2y$", kind: Password, chars: newSet("a-zA-Z0-9./$"), min: 40},
	{prefix: "$5$", kind: Password, chars: newSet("a-zA-Z0-9./$="), min: 40},
	{prefix: "$6$", kind: Password, chars: newSet("a-zA-Z0-9./$="), min: 40},
	{prefix: "$apr1$", kind: Password, chars: newSet("a-zA-Z0-9./$"), min: 20},
	{prefix: "$argon2", kind: Password, chars: newSet("a-zA-Z0-9./$=+,"), min: 40},
	// Web tokens.
	{prefix: "eyJ", kind: JWT, chars: dotted, min: 20, check: func(run string) bool {
		head, rest, ok := strings.Cut(run, ".")
		return ok && len(head) >= 8 && len(rest) >= 8 || len(run) == maxHarmless
	}},
	// URLs that are secrets themselves; the host stays readable.
	{prefix: "hooks.slack.com/services/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hooks.slack.com/workflows/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hooks.slack.com/triggers/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "open.feishu.cn/open-apis/bot/v2/hook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "open.feishu.cn/open-apis/bot/hook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "open.larksuite.com/open-apis/bot/v2/hook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "oapi.dingtalk.com/robot/send?access_token=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.dingtalk.com/robot/send?access_token=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discord.com/api/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discordapp.com/api/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "webhook.office.com/webhookb2/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "events.pagerduty.com/integration/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.telegram.org/bot", kind: Webhook, chars: newSet("a-zA-Z0-9_:-"), min: 20, keep: true},
	{prefix: "sctapi.ftqq.com/", kind: Webhook, chars: alnum, min: 16, keep: true},
	{prefix: "hooks.zapier.com/hooks/catch/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
}

var shapesByByte = func() (by [256][]shape) {
	for _, sh := range shapes {
		by[sh.prefix[0]] = append(by[sh.prefix[0]], sh)
	}
	return by
}()

// end returns where the shape that starts at i ends, 0 if none does.
func (sh *shape) end(s string, i int) int {
	if !strings.HasPrefix(s[i:], sh.prefix) {
		return 0
	}
	start := i + len(sh.prefix)
	end := sh.chars.run(s[:min(len(s), start+maxHarmless)], start) // enough to judge by, so that misses stay cheap
	for end > start && (s[end-1] == '.' || s[end-1] == ':') {      // the sentence's
		end--
	}
	if end-start < sh.min || sh.check != nil && !sh.check(s[start:end]) {
		return 0
	}
	return sh.chars.run(s, end)
}

func exactly(n int) func(string) bool {
	return func(run string) bool { return len(run) == n }
}

// looksDense tells a key from a name made of words: names of Kubernetes have no upper case and no long parts.
func looksDense(run string) bool {
	digit, upper, part, longest := false, false, 0, 0
	for i := range len(run) {
		c := run[i]
		digit = digit || c >= '0' && c <= '9'
		upper = upper || c >= 'A' && c <= 'Z'
		if part++; c == '-' || c == '_' {
			part = 0
		}
		longest = max(longest, part)
	}
	return digit && (upper || longest >= 16) || longest >= 24
}
