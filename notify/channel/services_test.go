package channel_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/redact"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// destination is a service with its stand-in.
type destination struct {
	service string
	standin *notifytest.Standin
	channel channel.Channel
	edits   bool // it has one message an incident
	secret  string
}

func destinations(t testing.TB) []destination {
	t.Helper()
	var all []destination
	add := func(service string, s *notifytest.Standin, set channel.Settings, edits bool, secret string) {
		t.Cleanup(s.Close)
		s.Limit(0, 0) // rates have a test of their own
		if set.URL == "" && set.APIURL == "" {
			set.URL = redact.Secret(s.URL)
		}
		c, errs := channel.New(service, set, channel.Options{})
		require.Empty(t, errs, service)
		all = append(all, destination{service, s, c, edits, secret})
	}
	add("slack", notifytest.SlackHook(), channel.Settings{}, false, "secret-of-the-hook")
	bot := notifytest.SlackBot()
	add("slack", bot, channel.Settings{Token: notifytest.SlackToken, Channel: notifytest.SlackChannel, APIURL: bot.URL}, true, notifytest.SlackToken)
	add("teams", notifytest.Teams(), channel.Settings{}, false, "the-signature")
	telegram := notifytest.Telegram()
	add("telegram", telegram, channel.Settings{Token: notifytest.TelegramToken, Chat: notifytest.TelegramChat, APIURL: telegram.URL}, true, notifytest.TelegramToken)
	add("discord", notifytest.Discord(), channel.Settings{}, true, "token-of-the-hook")
	add("dingtalk", notifytest.DingTalk(""), channel.Settings{Secret: notifytest.RobotSecret}, false, "token-of-the-robot")
	add("feishu", notifytest.Feishu(), channel.Settings{Secret: notifytest.RobotSecret}, false, "token-of-the-bot")
	add("wecom", notifytest.WeCom(), channel.Settings{}, false, "key-of-the-robot")
	add("googlechat", notifytest.GoogleChat(), channel.Settings{}, false, "token-of-the-space")
	add("mattermost", notifytest.Mattermost(), channel.Settings{}, false, "id-of-the-hook")
	add("ntfy", notifytest.Ntfy(), channel.Settings{Token: notifytest.NtfyToken}, true, notifytest.NtfyToken)
	matrix := notifytest.Matrix()
	add("matrix", matrix, channel.Settings{URL: redact.Secret(matrix.URL), Token: notifytest.MatrixToken, Room: notifytest.MatrixRoom}, true, notifytest.MatrixToken)
	pager := notifytest.PagerDuty()
	add("pagerduty", pager, channel.Settings{RoutingKey: notifytest.PagerDutyKey, APIURL: pager.URL}, true, notifytest.PagerDutyKey)
	add("webhook", notifytest.Webhook(), channel.Settings{Secret: redact.Secret(notifytest.WebhookSecret)}, false, notifytest.WebhookSecret)
	return all
}

const link = "https://scribe.example.com/reports/abcdefghijklmnopqrstuvwxyz"

func message() *channel.Message {
	return &channel.Message{
		ID: "abcdefghijklmnopqrstuvwxyz-analyzed-1", Event: channel.Analyzed, Incident: "abcdefghijklmnopqrstuvwxyz", Alertname: "HighErrorRate",
		Severity: "critical", Status: incident.Firing, Labels: map[string]string{"namespace": "shop", "instance": "web-1:9100"},
		Group: map[string]string{"path": "/orders"}, Firing: 3, Summary: "Orders fail since 08:30.", Cause: "The database is full.", Likelihood: "high",
		Action: "Extend the volume.", ReportURL: link, Cost: .0123, StartedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC), Language: incident.English,
	}
}

// hostile is text as a stranger would write it to break markup, to call people, or to be too long.
func hostile() *channel.Message {
	m := message()
	m.ID += "h"
	evil := "<!channel> <@U1> <users/all> <at id=all></at> @channel @all @everyone *b* _i_ `c` [x](http://evil.example) </b> <script> \r\nBcc: x@evil.example &amp; \\ ] ) "
	m.Alertname = "A" + evil
	m.Labels = map[string]string{"pod": evil, "namespace": "shop"}
	m.Summary, m.Cause, m.Action = evil+strings.Repeat("磁盘已满", 3000), evil+strings.Repeat("🔥&<>", 3000), evil+strings.Repeat("x_y*", 3000)
	m.CauseMark, m.ActionMark = channel.Marked, channel.ForeignText
	return m
}

func TestServices(t *testing.T) {
	for _, d := range destinations(t) {
		t.Run(fmt.Sprintf("%s edits %v", d.service, d.edits), func(t *testing.T) {
			m := message()
			receipt, err := d.channel.Send(t.Context(), channel.Delivery{Message: m})
			require.NoError(t, err)
			got := d.standin.Accepted()
			require.Len(t, got, 1)
			if d.service != "pagerduty" { // it shows details apart
				for _, want := range []string{"HighErrorRate", "Orders fail", "The database is full.", "Extend the volume."} {
					assert.Contains(t, strings.ReplaceAll(got[0].Text, `\`, ""), want)
				}
			}
			assert.Contains(t, string(got[0].Body)+fmt.Sprint(got[0].Header), link, "the link to the rest")

			m.ID, m.Event, m.Status = m.Incident+"-resolved-1", channel.Resolved, incident.Resolved
			m.ResolvedAt = m.StartedAt.Add(515 * time.Second)
			_, err = d.channel.Send(t.Context(), channel.Delivery{Message: m, Thread: receipt.Thread})
			require.NoError(t, err)
			got = d.standin.Accepted()
			require.Len(t, got, 2)
			assert.Equal(t, d.edits, got[1].Edits != "", "one message an incident")
			assert.Contains(t, got[1].Text, "resolve")

			for _, small := range []bool{false, true} {
				m := hostile()
				_, err = d.channel.Send(t.Context(), channel.Delivery{Message: m, Small: small})
				require.NoError(t, err)
			}
			got = d.standin.Accepted()
			require.Len(t, got, 4, "both took their place within all limits")
			assert.Contains(t, string(got[2].Body)+fmt.Sprint(got[2].Header), link, "the link is never cut")
			assert.Less(t, len(got[3].Body), len(got[2].Body), "smaller")
			assert.Empty(t, d.standin.Violations())
			for name, values := range got[2].Header {
				assert.NotContains(t, name+strings.Join(values, ""), "\nBcc")
			}
		})
	}
}

// TestChinese: what a service counts in bytes is full after a third of the characters.
func TestChinese(t *testing.T) {
	for _, d := range destinations(t) {
		t.Run(d.service, func(t *testing.T) {
			m := hostile()
			m.Language, m.Likelihood = incident.Chinese, "high"
			m.Summary, m.Cause, m.Action = strings.Repeat("磁盘已满。", 2000), strings.Repeat("数据库磁盘已满。", 2000), strings.Repeat("扩容。", 2000)
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: m})
			require.NoError(t, err)
			got := d.standin.Accepted()
			require.Len(t, got, 1)
			assert.Empty(t, d.standin.Violations())
			if d.service == "pagerduty" || d.service == "webhook" {
				return
			}
			assert.Contains(t, got[0].Text, "【严重】")
			assert.Contains(t, got[0].Text, "可能原因（可能性高）")
		})
	}
}

// TestSecretsStaySecret: no answer and no fault of the network brings a secret into an error.
func TestSecretsStaySecret(t *testing.T) {
	for _, d := range destinations(t) {
		t.Run(d.service, func(t *testing.T) {
			d.standin.Fail(notifytest.Fault{Status: http.StatusForbidden, Body: "no access with " + d.secret + " at " + d.standin.URL})
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err)
			assert.NotContains(t, err.Error(), d.secret)
			d.standin.Close()
			_, err = d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err)
			assert.NotContains(t, err.Error(), d.secret)
			assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
		})
	}
}

// TestNoRedirect: a body does not go where a redirect leads.
func TestNoRedirect(t *testing.T) {
	for _, d := range destinations(t) {
		t.Run(d.service, func(t *testing.T) {
			other := notifytest.Mattermost()
			defer other.Close()
			d.standin.Fail(notifytest.Fault{Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": other.URL}, Body: "moved"})
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err)
			assert.Zero(t, other.Requests())
		})
	}
}

// TestRates: who sends at the pace of the channel is never told to be slower.
func TestRates(t *testing.T) {
	for service, make := range map[string]func() *notifytest.Standin{"slack": notifytest.SlackHook, "feishu": notifytest.Feishu, "discord": notifytest.Discord} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := make()
			defer s.Close()
			set := channel.Settings{URL: redact.Secret(s.URL)}
			if service == "feishu" {
				set.Secret = notifytest.RobotSecret
			}
			c, errs := channel.New(service, set, channel.Options{})
			require.Empty(t, errs)
			every, burst := c.Pace()
			for i := range burst + 3 {
				if i >= burst {
					time.Sleep(every) // the pace is what is tested
				}
				_, err := c.Send(t.Context(), channel.Delivery{Message: message()})
				require.NoError(t, err, "message %d", i+1)
			}
		})
	}
	minute := map[string]int{"dingtalk": 20, "wecom": 20, "googlechat": 60, "feishu": 100, "telegram": 20}
	for _, d := range destinations(t) {
		every, burst := d.channel.Pace()
		if limit := minute[d.service]; limit > 0 {
			assert.LessOrEqual(t, burst+int(time.Minute/every), limit, "%s in a minute", d.service)
		}
	}
}

func TestMessagesOfOneOccurrenceAreOne(t *testing.T) {
	for _, d := range destinations(t) {
		if d.service != "matrix" && d.service != "googlechat" && d.service != "webhook" && d.service != "pagerduty" {
			continue
		}
		t.Run(d.service, func(t *testing.T) {
			var ids []string
			for range 2 {
				_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
				require.NoError(t, err)
			}
			shown := 0
			for _, a := range d.standin.Accepted() {
				ids = append(ids, a.ID)
				if a.Edits == "" {
					shown++
				}
			}
			assert.Equal(t, 1, shown, "%v", ids)
		})
	}
}

func TestURLService(t *testing.T) {
	for raw, want := range map[string]string{
		"https://hooks.slack.com/services/T/B/x":                         "slack",
		"https://prod-1.westeurope.logic.azure.com:443/workflows/x":      "teams",
		"https://abc.environment.api.powerplatform.com/powerautomate/x":  "teams",
		"https://api.telegram.org/bot1:t/sendMessage?chat_id=-5":         "telegram",
		"https://oapi.dingtalk.com/robot/send?access_token=x":            "dingtalk",
		"https://open.feishu.cn/open-apis/bot/v2/hook/x":                 "feishu",
		"https://open.larksuite.com/open-apis/bot/v2/hook/x":             "feishu",
		"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x":         "wecom",
		"https://discord.com/api/webhooks/1/x":                           "discord",
		"https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=t": "googlechat",
		"https://ntfy.sh/topic":                                          "ntfy",
		"https://canary.discord.com/api/webhooks/1/x":                    "discord",
		"https://discord.com.evil.example/api/webhooks/1/x":              "webhook",
		"https://x.webhook.office.com/webhookb2/x":                       "teams",
		"https://events.pagerduty.com/integration/0123/enqueue":          "pagerduty",
		"https://events.eu.pagerduty.com/v2/enqueue?routing_key=0123":    "pagerduty",
		"https://chat.example/hooks/abcdefghijklmnopqrstuvwxy1":          "mattermost",
		"https://chat.example/hooks/1/abcdefghijklmnopqrstuvwxy1":        "webhook",
		"HTTPS://HOOKS.SLACK.COM/services/T/B/x":                         "slack",
		"https://hooks.slack.com.evil.example/services":                  "webhook",
		"https://example.com/hook":                                       "webhook",
		"http://127.0.0.1:8080/":                                         "webhook",
	} {
		t.Run(raw, func(t *testing.T) {
			service, set := channel.FromURL(redact.Secret(raw))
			assert.Equal(t, want, service)
			_, errs := channel.New(service, set, channel.Options{})
			assert.Empty(t, errs)
		})
	}
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		service string
		set     channel.Settings
		want    []string
	}{
		"unknown service":   {"icq", channel.Settings{}, []string{`unknown service "icq"`}},
		"nothing":           {"slack", channel.Settings{}, []string{"set url; or token, channel"}},
		"half a bot":        {"slack", channel.Settings{Token: "xoxb"}, []string{"set url; or token, channel"}},
		"foreign keys":      {"wecom", channel.Settings{URL: "https://x.example/", Chat: "1", Room: "!r"}, []string{"chat: is no key", "room: is no key"}},
		"no URL":            {"teams", channel.Settings{URL: "prod.example.com/x"}, []string{"url: is not"}},
		"no address":        {"email", channel.Settings{To: []string{"a@x.example", "b"}, From: "c", Smarthost: "mail"}, []string{"from:", "to[1]:", "smarthost:"}},
		"half a login":      {"email", channel.Settings{To: []string{"a@x.example"}, From: "a@x.example", Smarthost: "m:25", AuthUsername: "u"}, []string{"set both or neither"}},
		"short secret":      {"webhook", channel.Settings{URL: "https://x.example/", Secret: "whsec_QUJD"}, []string{"secret: after whsec_"}},
		"template":          {"webhook", channel.Settings{URL: "https://x.example/", Template: "{{ .Alertnam }}"}, []string{"template:", "Alertnam"}},
		"template's syntax": {"webhook", channel.Settings{URL: "https://x.example/", Template: "{{ if }}"}, []string{"template:"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, errs := channel.New(tt.service, tt.set, channel.Options{})
			assert.Nil(t, c)
			for _, want := range tt.want {
				assert.Contains(t, fmt.Sprint(errs), want)
			}
			assert.NotContains(t, fmt.Sprint(errs), "QUJD")
		})
	}
}

func alertmanagers(t *testing.T, n int) (list []*notifytest.Alertmanager, urls []*url.URL) {
	t.Helper()
	for range n {
		am := notifytest.NewAlertmanager()
		t.Cleanup(am.Close)
		u, err := url.Parse(am.URL)
		require.NoError(t, err)
		list, urls = append(list, am), append(urls, u)
	}
	return list, urls
}
