package channel_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/redact"
)

// TestOutcomes holds what services answer, most of it with status 200, to what has to be done about it.
func TestOutcomes(t *testing.T) {
	type outcome struct {
		service string
		fault   notifytest.Fault
		kind    channel.FailureKind
		after   time.Duration
	}
	ok := http.StatusOK
	header := func(seconds string) map[string]string { return map[string]string{"Retry-After": seconds} }
	for name, o := range map[string]outcome{
		"slack invalid payload":    {"slack hook", notifytest.Fault{Status: 400, Body: "invalid_payload"}, channel.BadContent, 0},
		"slack blocks":             {"slack hook", notifytest.Fault{Status: 400, Body: "invalid_blocks"}, channel.BadContent, 0},
		"slack revoked":            {"slack hook", notifytest.Fault{Status: 404, Body: "no_service"}, channel.BadConfig, 0},
		"slack archived":           {"slack hook", notifytest.Fault{Status: 410, Body: "channel_is_archived"}, channel.BadConfig, 0},
		"slack user":               {"slack hook", notifytest.Fault{Status: 400, Body: "user_not_found"}, channel.BadConfig, 0},
		"slack rollup":             {"slack hook", notifytest.Fault{Status: 500, Body: "rollup_error"}, channel.Retry, 0},
		"slack rate":               {"slack hook", notifytest.Fault{Status: 429, Header: header("7"), Body: `{"retry_after":7,"ok":false,"error":"rate_limited"}`}, channel.Retry, 7 * time.Second},
		"slack no ok":              {"slack hook", notifytest.Fault{Status: ok, Body: "no_team"}, channel.BadConfig, 0},
		"bot auth":                 {"slack bot", notifytest.Fault{Status: ok, Body: `{"ok":false,"error":"token_revoked"}`}, channel.BadConfig, 0},
		"bot long":                 {"slack bot", notifytest.Fault{Status: ok, Body: `{"ok":false,"error":"msg_blocks_too_long"}`}, channel.BadContent, 0},
		"bot rate":                 {"slack bot", notifytest.Fault{Status: ok, Header: header("3"), Body: `{"ok":false,"error":"ratelimited"}`}, channel.Retry, 3 * time.Second},
		"bot internal":             {"slack bot", notifytest.Fault{Status: ok, Body: `{"ok":false,"error":"internal_error"}`}, channel.Retry, 0},
		"bot proxy":                {"slack bot", notifytest.Fault{Status: ok, Body: "<html>"}, channel.Retry, 0},
		"teams size":               {"teams", notifytest.Fault{Status: 413}, channel.BadContent, 0},
		"teams query":              {"teams", notifytest.Fault{Status: 400, Body: `{"error":{"code":"MissingApiVersionParameter"}}`}, channel.BadConfig, 0},
		"teams connector":          {"teams", notifytest.Fault{Status: ok, Body: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"}, channel.Retry, 0},
		"telegram rate":            {"telegram", notifytest.Fault{Status: 429, Body: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`}, channel.Retry, 7 * time.Second},
		"telegram blocked":         {"telegram", notifytest.Fault{Status: 403, Body: `{"ok":false,"description":"Forbidden: bot was blocked by the user"}`}, channel.BadConfig, 0},
		"telegram chat":            {"telegram", notifytest.Fault{Status: 400, Body: `{"ok":false,"description":"Bad Request: chat not found"}`}, channel.BadConfig, 0},
		"telegram markup":          {"telegram", notifytest.Fault{Status: 400, Body: `{"ok":false,"description":"Bad Request: can't parse entities: x"}`}, channel.BadContent, 0},
		"telegram proxy":           {"telegram", notifytest.Fault{Status: 502, Body: "<html>"}, channel.Retry, 0},
		"discord rate":             {"discord", notifytest.Fault{Status: 429, Body: `{"message":"x","retry_after":64.5,"global":false}`}, channel.Retry, 64500 * time.Millisecond},
		"discord hook":             {"discord", notifytest.Fault{Status: 404, Body: `{"message":"Unknown Webhook","code":10015}`}, channel.BadConfig, 0},
		"discord embeds":           {"discord", notifytest.Fault{Status: 400, Body: `{"embeds":["0"]}`}, channel.BadContent, 0},
		"dingtalk keyword":         {"dingtalk", notifytest.Fault{Status: ok, Body: `{"errcode":310000,"errmsg":"keywords not in content"}`}, channel.BadConfig, 0},
		"dingtalk rate":            {"dingtalk", notifytest.Fault{Status: ok, Body: `{"status":1111,"wait":5,"errcode":130101,"errmsg":"send too fast"}`}, channel.Retry, 10 * time.Minute},
		"dingtalk long":            {"dingtalk", notifytest.Fault{Status: ok, Body: `{"errcode":460101,"errmsg":"message too long, exceed 20000 bytes"}`}, channel.BadContent, 0},
		"dingtalk words":           {"dingtalk", notifytest.Fault{Status: ok, Body: `{"errcode":430102,"errmsg":"unsafe text"}`}, channel.BadContent, 0},
		"dingtalk busy":            {"dingtalk", notifytest.Fault{Status: ok, Body: `{"errcode":-1,"errmsg":"系统繁忙"}`}, channel.Retry, 0},
		"dingtalk no code":         {"dingtalk", notifytest.Fault{Status: ok, Body: `{}`}, channel.Retry, 0},
		"feishu sign":              {"feishu", notifytest.Fault{Status: ok, Body: `{"code":19021,"msg":"sign match fail"}`}, channel.BadConfig, 0},
		"feishu throttle":          {"feishu", notifytest.Fault{Status: 400, Body: `{"code":9499,"msg":"too many request","data":{}}`}, channel.Retry, 0},
		"feishu bad request":       {"feishu", notifytest.Fault{Status: 400, Body: `{"code":9499,"msg":"Bad Request","data":{}}`}, channel.BadContent, 0},
		"feishu frequency":         {"feishu", notifytest.Fault{Status: ok, Body: `{"code":11232,"msg":"frequency limited"}`}, channel.Retry, 0},
		"wecom long":               {"wecom", notifytest.Fault{Status: ok, Body: `{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}`}, channel.BadContent, 0},
		"wecom long in other form": {"wecom", notifytest.Fault{Status: ok, Body: `{"errcode":93000,"errmsg":"content exceed max length"}`}, channel.BadContent, 0},
		"wecom key":                {"wecom", notifytest.Fault{Status: ok, Body: `{"errcode":93000,"errmsg":"invalid webhook url"}`}, channel.BadConfig, 0},
		"wecom rate":               {"wecom", notifytest.Fault{Status: ok, Body: `{"errcode":45009,"errmsg":"api freq out of limit"}`}, channel.Retry, time.Minute},
		"googlechat rate":          {"googlechat", notifytest.Fault{Status: 429, Body: `{"error":{"code":429}}`}, channel.Retry, 30 * time.Second},
		"googlechat long":          {"googlechat", notifytest.Fault{Status: 400, Body: `{"error":{"code":400,"message":"Message is longer than 4096 characters"}}`}, channel.BadContent, 0},
		"mattermost off":           {"mattermost", notifytest.Fault{Status: 501}, channel.BadConfig, 0},
		"mattermost rights":        {"mattermost", notifytest.Fault{Status: 403}, channel.BadConfig, 0},
		"ntfy quota":               {"ntfy", notifytest.Fault{Status: 429, Body: `{"code":42908,"http":429}`}, channel.Retry, time.Hour},
		"ntfy login":               {"ntfy", notifytest.Fault{Status: 429, Body: `{"code":42909,"http":429}`}, channel.BadConfig, 0},
		"ntfy attachment":          {"ntfy", notifytest.Fault{Status: 413, Body: `{"code":41301,"http":413}`}, channel.BadContent, 0},
		"matrix rate":              {"matrix", notifytest.Fault{Status: 429, Body: `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}`}, channel.Retry, 2500 * time.Millisecond},
		"matrix token":             {"matrix", notifytest.Fault{Status: 401, Body: `{"errcode":"M_UNKNOWN_TOKEN"}`}, channel.BadConfig, 0},
		"matrix large":             {"matrix", notifytest.Fault{Status: 413, Body: `{"errcode":"M_TOO_LARGE"}`}, channel.BadContent, 0},
		"pagerduty key":            {"pagerduty", notifytest.Fault{Status: 400, Body: `{"status":"invalid event","errors":["'routing_key' is invalid"]}`}, channel.BadConfig, 0},
		"pagerduty key in words":   {"pagerduty", notifytest.Fault{Status: 400, Body: `{"status":"invalid event","errors":["Invalid routing key"]}`}, channel.BadConfig, 0},
		"webhook conflict":         {"webhook", notifytest.Fault{Status: 409}, channel.Retry, 0},
		"pagerduty rate":           {"pagerduty", notifytest.Fault{Status: 429}, channel.Retry, 2 * time.Minute},
		"webhook gone":             {"webhook", notifytest.Fault{Status: 410}, channel.BadConfig, 0},
		"webhook gateway":          {"webhook", notifytest.Fault{Status: 504, Header: header("90")}, channel.Retry, 90 * time.Second},
		"webhook hangs up":         {"webhook", notifytest.Fault{HangUp: true}, channel.Retry, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := find(t, o.service)
			d.standin.Fail(o.fault)
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err)
			f := channel.AsFailure(err)
			assert.Equal(t, o.kind, f.Kind, "%v", err)
			assert.Equal(t, o.after, f.After)
			assert.Empty(t, d.standin.Accepted())
		})
	}
}

// find returns a destination; "slack bot" is the second of its service.
func find(t *testing.T, name string) destination {
	t.Helper()
	service, _, _ := strings.Cut(name, " ")
	var found destination
	for _, d := range destinations(t) {
		if d.service == service && (service != "slack" || d.edits == strings.HasSuffix(name, "bot")) {
			found = d
		}
	}
	require.NotNil(t, found.channel, name)
	return found
}

func TestRetryAfterIsADate(t *testing.T) {
	d := find(t, "webhook")
	d.standin.Fail(notifytest.Fault{Status: 503, Header: map[string]string{"Retry-After": time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}})
	_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
	assert.InDelta(t, 60, channel.AsFailure(err).After.Seconds(), 2)
}

// TestLostMessageIsPostedAnew: somebody deleted the message that was to be edited.
func TestLostMessageIsPostedAnew(t *testing.T) {
	for name, thread := range map[string]string{
		"slack bot": `{"channel":"C0ONCALL","ts":"1.2"}`, "telegram": `{"chat":"` + notifytest.TelegramChat + `","message":77}`, "discord": "98765",
	} {
		t.Run(name, func(t *testing.T) {
			d := find(t, name)
			receipt, err := d.channel.Send(t.Context(), channel.Delivery{Message: message(), Thread: thread})
			require.NoError(t, err)
			got := d.standin.Accepted()
			require.Len(t, got, 1)
			assert.Empty(t, got[0].Edits)
			assert.NotEqual(t, thread, receipt.Thread)
			assert.NotEmpty(t, receipt.Thread)
		})
	}
}

func TestTelegramMigration(t *testing.T) {
	s := notifytest.Telegram()
	defer s.Close()
	s.Limit(0, 0)
	c, errs := channel.New("telegram", channel.Settings{Token: notifytest.TelegramToken, Chat: notifytest.TelegramGroup, APIURL: s.URL}, channel.Options{})
	require.Empty(t, errs)
	receipt, err := c.Send(t.Context(), channel.Delivery{Message: message()})
	require.NoError(t, err)
	assert.Contains(t, receipt.Thread, notifytest.TelegramSupergroup)
	before := s.Requests()
	_, err = c.Send(t.Context(), channel.Delivery{Message: message(), Thread: receipt.Thread}) // the same text: not modified
	require.NoError(t, err)
	assert.Equal(t, before+1, s.Requests(), "the new chat is remembered")
}

func TestDiscordWaitsAsToldByItsBucket(t *testing.T) {
	d := find(t, "discord")
	d.standin.Fail(notifytest.Fault{Status: 200, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.5"}, Body: `{"id":"1"}`})
	receipt, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Millisecond, receipt.Wait)
}

func TestSignaturesAreChecked(t *testing.T) {
	for service, s := range map[string]*notifytest.Standin{"dingtalk": notifytest.DingTalk(""), "feishu": notifytest.Feishu(), "webhook": notifytest.Webhook()} {
		t.Run(service, func(t *testing.T) {
			defer s.Close()
			c, errs := channel.New(service, channel.Settings{URL: redact.Secret(s.URL), Secret: "another secret"}, channel.Options{})
			require.Empty(t, errs)
			_, err := c.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err)
			assert.Equal(t, channel.BadConfig, channel.AsFailure(err).Kind)
			late := channel.Settings{URL: redact.Secret(s.URL), Secret: notifytest.RobotSecret}
			if service == "webhook" {
				late.Secret = redact.Secret(notifytest.WebhookSecret)
			}
			c, errs = channel.New(service, late, channel.Options{Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
			require.Empty(t, errs)
			_, err = c.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err, "a clock that is wrong")
		})
	}
}

// TestDingTalkSignsAnew: a signed URL that is signed again would grow.
func TestDingTalkSignsAnew(t *testing.T) {
	d := find(t, "dingtalk")
	for range 3 {
		_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
		require.NoError(t, err)
	}
	assert.Len(t, d.standin.Accepted(), 3)
}

// TestKeyword: the end of an incident goes through the same words as its beginning, so that a robot with a keyword takes it.
func TestKeyword(t *testing.T) {
	s := notifytest.DingTalk("Report")
	defer s.Close()
	c, errs := channel.New("dingtalk", channel.Settings{URL: redact.Secret(s.URL), Secret: notifytest.RobotSecret}, channel.Options{})
	require.Empty(t, errs)
	m := message()
	for _, event := range []channel.Event{channel.Opened, channel.Resolved} {
		m.Event = event
		_, err := c.Send(t.Context(), channel.Delivery{Message: m})
		require.NoError(t, err)
	}
}
