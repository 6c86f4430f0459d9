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
	{prefix: "GOOG1E", kind: APIKey, chars: alnum, min: 50},
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
	{prefix: "hf_", kind: Token, chars: alnum, min: 20, check: mixed},
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
	{prefix: "shpat_", kind: Token, chars: hexUpper, min: 20},
	{prefix: "shpss_", kind: GenericSecret, chars: hexUpper, min: 20},
	{prefix: "NRAK-", kind: APIKey, chars: upperNum, min: 20},
	{prefix: "AGE-SECRET-KEY-1", kind: PrivateKey, chars: upperNum, min: 20},
	{prefix: "xoxa-", kind: Token, chars: urlSafe, min: 8},
	{prefix: "xoxb-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxc-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxd-", kind: Token, chars: pathSafe, min: 10},
	{prefix: "xoxe-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxe.", kind: Token, chars: dotted, min: 10},
	{prefix: "xoxp-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xoxr-", kind: Token, chars: urlSafe, min: 8},
	{prefix: "xoxs-", kind: Token, chars: urlSafe, min: 10},
	{prefix: "xapp-", kind: Token, chars: urlSafe, min: 10},
	// Forges and registries, of those that gitleaks does not know or knows in their newest form alone.
	{prefix: "glwt-", kind: Token, chars: urlSafe, min: 16},
	{prefix: "ATCTT3", kind: Token, chars: b64Chars, min: 40},
	{prefix: "ATBB", kind: Token, chars: alnum, min: 20, check: looksDense},
	{prefix: "BBDC-", kind: Token, chars: b64Chars, min: 20},
	{prefix: "dckr_oat_", kind: Token, chars: urlSafe, min: 16},
	{prefix: "rubygems_", kind: Token, chars: hexChars, min: 32},
	{prefix: "oy2", kind: Token, chars: alnum, min: 43, check: exactly(43)},
	{prefix: "squ_", kind: Token, chars: hexChars, min: 32},
	{prefix: "sqp_", kind: Token, chars: hexChars, min: 32},
	{prefix: "sqa_", kind: Token, chars: hexChars, min: 32},
	{prefix: "CCIPAT_", kind: Token, chars: b64Chars, min: 20},
	{prefix: "CCIPRJ_", kind: Token, chars: b64Chars, min: 20},
	{prefix: "bkua_", kind: Token, chars: hexChars, min: 32},
	{prefix: "pnu_", kind: Token, chars: alnum, min: 20},
	{prefix: "cio", kind: Token, chars: alnum, min: 32, check: exactly(32)},
	// Models.
	{prefix: "sk_", kind: APIKey, chars: hexChars, min: 40},
	{prefix: "pk-lf-", kind: APIKey, chars: urlSafe, min: 20},
	{prefix: "lsv2_pt_", kind: APIKey, chars: isWord, min: 20},
	{prefix: "lsv2_sk_", kind: APIKey, chars: isWord, min: 20},
	{prefix: "r8_", kind: Token, chars: alnum, min: 32},
	{prefix: "csk-", kind: APIKey, chars: alnum, min: 32},
	{prefix: "fw_", kind: APIKey, chars: alnum, min: 20, check: looksDense},
	{prefix: "tgp_v1_", kind: APIKey, chars: urlSafe, min: 20},
	{prefix: "co_", kind: APIKey, chars: alnum, min: 32, check: looksDense},
	{prefix: "pcsk_", kind: APIKey, chars: isWord, min: 30},
	{prefix: "jina_", kind: APIKey, chars: urlSafe, min: 30},
	{prefix: "tvly-", kind: APIKey, chars: urlSafe, min: 20},
	{prefix: "e2b_", kind: APIKey, chars: alnum, min: 30},
	{prefix: "pa-", kind: APIKey, chars: urlSafe, min: 40},
	{prefix: "bedrock-api-key-", kind: APIKey, chars: b64Chars, min: 20},
	{prefix: "BSA", kind: APIKey, chars: urlSafe, min: 28, check: exactly(28)},
	// Clouds and platforms.
	{prefix: "cfut_", kind: Token, chars: urlSafe, min: 20},
	{prefix: "cfat_", kind: Token, chars: urlSafe, min: 20},
	{prefix: "cfk_", kind: APIKey, chars: urlSafe, min: 20},
	{prefix: "vcp_", kind: Token, chars: alnum, min: 20},
	{prefix: "vci_", kind: Token, chars: alnum, min: 20},
	{prefix: "vca_", kind: Token, chars: alnum, min: 20},
	{prefix: "vcr_", kind: Token, chars: alnum, min: 20},
	{prefix: "vck_", kind: Token, chars: alnum, min: 20},
	{prefix: "nfp_", kind: Token, chars: alnum, min: 30},
	{prefix: "nfc_", kind: Token, chars: alnum, min: 30},
	{prefix: "nfo_", kind: Token, chars: alnum, min: 30},
	{prefix: "rnd_", kind: APIKey, chars: alnum, min: 20},
	{prefix: "sbp_", kind: Token, chars: alnum, min: 32},
	{prefix: "sb_secret_", kind: GenericSecret, chars: urlSafe, min: 20},
	{prefix: "napi_", kind: APIKey, chars: alnum, min: 40},
	{prefix: "fm1r_", kind: Token, chars: b64Chars, min: 40},
	{prefix: "fm1a_", kind: Token, chars: b64Chars, min: 40},
	{prefix: "fm2_", kind: Token, chars: b64Chars, min: 40},
	{prefix: "fo1_", kind: Token, chars: urlSafe, min: 30},
	{prefix: "dapi", kind: Token, chars: hexChars, min: 32},
	{prefix: "dose", kind: Token, chars: hexChars, min: 32, check: exactly(32)},
	{prefix: "dkea", kind: Token, chars: hexChars, min: 32, check: exactly(32)},
	{prefix: "HRKU-", kind: APIKey, chars: urlSafe, min: 30},
	{prefix: "SCW", kind: APIKey, chars: upperNum, min: 17, check: exactly(17)},
	{prefix: "ntn_", kind: Token, chars: alnum, min: 30},
	{prefix: "secret_", kind: Token, chars: alnum, min: 43, check: exactly(43)},
	{prefix: "figd_", kind: Token, chars: urlSafe, min: 30},
	{prefix: "figu_", kind: Token, chars: urlSafe, min: 30},
	{prefix: "pscale_", kind: Token, chars: dotted, min: 24},
	{prefix: "sgp_", kind: Token, chars: isWord, min: 40},
	{prefix: "lin_oauth_", kind: Token, chars: alnum, min: 30},
	{prefix: "PMAK-", kind: APIKey, chars: urlSafe, min: 40},
	{prefix: "PMAT-", kind: Token, chars: urlSafe, min: 20},
	{prefix: "ops_eyJ", kind: Token, chars: b64Chars, min: 60},
	{prefix: "dp.st.", kind: Token, chars: dotted, min: 40},
	{prefix: "dp.ct.", kind: Token, chars: dotted, min: 40},
	{prefix: "dp.sa.", kind: Token, chars: dotted, min: 40},
	{prefix: "dp.scim.", kind: Token, chars: dotted, min: 40},
	{prefix: "dp.audit.", kind: Token, chars: dotted, min: 40},
	{prefix: "dt0s01.", kind: Token, chars: dotted, min: 40},
	{prefix: "dt0s16.", kind: Token, chars: dotted, min: 40},
	{prefix: "NRRA-", kind: APIKey, chars: hexChars, min: 30},
	{prefix: "essu_", kind: Token, chars: b64Chars, min: 30},
	{prefix: "hcaik_", kind: APIKey, chars: alnum, min: 40},
	{prefix: "hcxik_", kind: APIKey, chars: alnum, min: 40},
	{prefix: "xaat-", kind: Token, chars: urlSafe, min: 32},
	{prefix: "xapt-", kind: Token, chars: urlSafe, min: 32},
	{prefix: "sntrys_", kind: Token, chars: b64Chars, min: 40},
	{prefix: "phc_", kind: APIKey, chars: alnum, min: 30},
	{prefix: "phx_", kind: APIKey, chars: alnum, min: 30},
	{prefix: "PRIVATE-KEY-", kind: Token, chars: alnum, min: 32},
	{prefix: "hvr.", kind: Token, chars: urlSafe, min: 20},
	// Payment, mail, sales, chats.
	{prefix: "sq0csp-", kind: GenericSecret, chars: urlSafe, min: 30},
	{prefix: "sq0idp-", kind: APIKey, chars: urlSafe, min: 22},
	{prefix: "rzp_live_", kind: APIKey, chars: alnum, min: 14},
	{prefix: "rzp_test_", kind: APIKey, chars: alnum, min: 14},
	{prefix: "access_token$", kind: Token, chars: pathSafe, min: 30},
	{prefix: "re_", kind: APIKey, chars: isWord, min: 24, check: looksDense},
	{prefix: "mlsn.", kind: Token, chars: alnum, min: 40},
	{prefix: "xsmtpsib-", kind: Password, chars: urlSafe, min: 60},
	{prefix: "xkeysib-", kind: APIKey, chars: urlSafe, min: 40},
	{prefix: "pat-na1-", kind: Token, chars: urlSafe, min: 30},
	{prefix: "pat-na2-", kind: Token, chars: urlSafe, min: 30},
	{prefix: "pat-eu1-", kind: Token, chars: urlSafe, min: 30},
	{prefix: "shpca_", kind: Token, chars: hexUpper, min: 20},
	{prefix: "shppa_", kind: Token, chars: hexUpper, min: 20},
	{prefix: "shptka_", kind: Token, chars: hexUpper, min: 20},
	{prefix: "CFPAT-", kind: Token, chars: urlSafe, min: 30},
	{prefix: "tfp_", kind: Token, chars: dotted, min: 40},
	{prefix: "rpa_", kind: APIKey, chars: upperNum, min: 40},
	{prefix: "EAAA", kind: Token, chars: urlSafe, min: 40, check: looksDense},
	{prefix: "EAAB", kind: Token, chars: alnum, min: 40},
	{prefix: "EAAG", kind: Token, chars: alnum, min: 40},
	{prefix: "EAAE", kind: Token, chars: alnum, min: 40},
	{prefix: "EAAC", kind: Token, chars: alnum, min: 40},
	{prefix: "EAAM", kind: Token, chars: alnum, min: 40},
	{prefix: "IGQV", kind: Token, chars: urlSafe, min: 60},
	{prefix: "AC", kind: APIKey, chars: hexChars, min: 32, check: exactly(32)},
	{prefix: "AP", kind: GenericSecret, chars: hexChars, min: 32, check: exactly(32)},
	{prefix: "SEC", kind: GenericSecret, chars: hexChars, min: 64, check: exactly(64)},
	{prefix: "AQE", kind: APIKey, chars: b64Chars, min: 100},
	{prefix: "y0_", kind: Token, chars: urlSafe, min: 40},
	{prefix: "4/0", kind: Token, chars: urlSafe, min: 40, check: looksDense},
	{prefix: "1//", kind: Token, chars: urlSafe, min: 40},
	// Keys that have lost their first line, by the structure that they begin with.
	{prefix: "MIIEpAIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIEowIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIEogIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIEpQIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIJKAIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIJKQIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIJJwIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIICXAIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIICXQIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIICWwIBAAK", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIIEvQIBADANBgkqhkiG9w0BAQEFAAS", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "MIIEvwIBADANBgkqhkiG9w0BAQEFAAS", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "MIIEvAIBADANBgkqhkiG9w0BAQEFAAS", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "MIIEvgIBADANBgkqhkiG9w0BAQEFAAS", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "MHcCAQEE", kind: PrivateKey, chars: b64Std, min: 40},
	{prefix: "MIGHAgEAMBMGByqGSM49", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "MC4CAQAwBQYDK2VwBCIE", kind: PrivateKey, chars: b64Std, min: 20},
	{prefix: "b3BlbnNzaC1rZXktdjE", kind: PrivateKey, chars: b64Std, min: 40},
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
	{prefix: "discord.com/api/v6/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discord.com/api/v8/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discord.com/api/v9/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discord.com/api/v10/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "discord.com/api/v11/webhooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "outlook.office.com/webhook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "outlook.office365.com/webhook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hooks.slack-gov.com/services/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "open.larkoffice.com/open-apis/bot/v2/hook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "open.larksuite.com/open-apis/bot/hook/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?type=file&key=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?type=voice&key=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?key=", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "chat.googleapis.com/v1/spaces/", kind: Webhook, chars: querySafe, min: 8, keep: true},
	{prefix: "maker.ifttt.com/trigger/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hook.us1.make.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hook.us2.make.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hook.eu1.make.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hook.eu2.make.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hc-ping.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "nosnch.in/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "webhook.site/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.day.app/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "sc.ftqq.com/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.netlify.com/build_hooks/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.vercel.com/v1/integrations/deploy/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "webexapis.com/v1/webhooks/incoming/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "api.opsgenie.com/v1/json/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hooks.zapier.com/hooks/standard/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "connect.pabbly.com/workflow/sendwebhookdata/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "alert.victorops.com/integrations/generic/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "events.pagerduty.com/x-ere/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
	{prefix: "hooks.zapier.com/hooks/catch/", kind: Webhook, chars: pathSafe, min: 8, keep: true},
}

// shapesByByte are the shapes by their first byte. Of what both know, ours knows the older and shorter forms.
var shapesByByte = func() (by [256][]shape) {
	for _, sh := range shapes {
		by[sh.prefix[0]] = append(by[sh.prefix[0]], sh)
	}
	for _, g := range gitleaksShapes {
		sh := shape{prefix: g.prefix, kind: g.kind, chars: newSet(g.chars), min: g.min}
		if g.max > 0 {
			sh.check = func(run string) bool { return len(run) <= g.max }
		}
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

// accessIDs are the prefixes of ids that are of no use without the secret that often stands beside them.
var accessIDs = map[string]bool{"AKIA": true, "ASIA": true, "LTAI": true, "AKID": true, "GOOG1E": true, "A3T": true, "SCW": true}

// accessKey redacts the secret that follows the id of an access key that ends at i: what stands between them is a sign, or a name.
func (c *scanner) accessKey(i int, prefix string) int {
	if prefix == "AC" && i < len(c.s) && c.s[i] == ':' { // of Twilio, as user:password
		if end := hexChars.run(c.s[:min(len(c.s), i+34)], i+1); end-i == 33 {
			return c.found(i+1, end, GenericSecret)
		}
	}
	if !accessIDs[prefix] {
		return i
	}
	for at, words := i, 0; at < min(len(c.s), i+96) && words < 5; words++ {
		for at < len(c.s) && at < i+96 && (!b64Chars[c.s[at]] || strings.IndexByte("=_-/+", c.s[at]) >= 0) {
			at++
		}
		end := at
		for end < len(c.s) && end-at < 100 && (alnum[c.s[end]] || c.s[end] == '/' || c.s[end] == '+') {
			end++
		}
		if n := end - at; n >= 28 && n <= 64 && looksLikeKey(c.s[at:end]) {
			c.found(at, end, GenericSecret)
			return end
		}
		at = max(end, at+1)
	}
	return i
}

// mixed reports whether a run has letters of both cases, as no name has.
func mixed(run string) bool { return strings.ToLower(run) != run && strings.ToUpper(run) != run }

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

// gitleaksShape is a row of the table that is made of gitleaks' rules; max is 0 where the run has no end.
type gitleaksShape struct {
	prefix, kind, chars string
	min, max            int
}
