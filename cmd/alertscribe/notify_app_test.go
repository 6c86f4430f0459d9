package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// withNotify sets the channels of a service by the YAML of a configuration file.
func withNotify(t testing.TB, text string, vars map[string]string) func(*config) {
	t.Helper()
	parsed, err := loadConfig(yamlFile(t, text), func(name string) string { return vars[name] }, "")
	require.NoError(t, err)
	return func(c *config) { c.Notify, c.Alertmanager = parsed.Notify, parsed.Alertmanager }
}

func yamlFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestEveryChannel: an incident is told, with its verdict, to every service at once, each by its own protocol.
func TestEveryChannel(t *testing.T) {
	hook, bot, teams, telegram, discord := notifytest.SlackHook(), notifytest.SlackBot(), notifytest.Teams(), notifytest.Telegram(), notifytest.Discord()
	dingtalk, feishu, wecom, chat := notifytest.DingTalk(""), notifytest.Feishu(), notifytest.WeCom(), notifytest.GoogleChat()
	mattermost, ntfy, matrix, pager, webhook := notifytest.Mattermost(), notifytest.Ntfy(), notifytest.Matrix(), notifytest.PagerDuty(), notifytest.Webhook()
	standins := map[string]*notifytest.Standin{
		"hook": hook, "bot": bot, "teams": teams, "telegram": telegram, "discord": discord, "dingtalk": dingtalk, "feishu": feishu,
		"wecom": wecom, "chat": chat, "mattermost": mattermost, "ntfy": ntfy, "matrix": matrix, "pager": pager, "webhook": webhook,
	}
	for _, s := range standins {
		t.Cleanup(s.Close)
	}
	am := notifytest.NewAlertmanager()
	t.Cleanup(am.Close)
	mails, err := notifytest.NewSMTP()
	require.NoError(t, err)
	t.Cleanup(mails.Close)
	secret := yamlFile(t, notifytest.RobotSecret+"\n")
	text := fmt.Sprintf(`
alertmanager: {url: %q}
notify:
  channels:
    - {name: am, alertmanager: true}
    - {name: hook, slack: {url: %q}}
    - {name: bot, slack: {token: %s, channel: %q, api_url: %q}}
    - {name: teams, teams: {url: %q}}
    - {name: telegram, telegram: {token: %q, chat: %s, api_url: %q}}
    - {name: discord, discord: {url: %q}}
    - {name: dingtalk, dingtalk: {url: %q, secret_file: %q}, language: zh}
    - {name: feishu, feishu: {url: %q, secret: %s}, language: zh}
    - {name: wecom, wecom: {url: %q}, language: zh}
    - {name: chat, googlechat: {url: %q}}
    - {name: mattermost, mattermost: {url: %q}}
    - {name: ntfy, ntfy: {url: %q, token: %s}}
    - {name: matrix, matrix: {url: %q, token: %s, room: "%s"}}
    - {name: pager, pagerduty: {routing_key: %q, api_url: %q}}
    - {name: webhook, webhook: {url: %q, secret: %q}, match: ['severity="critical"', 'job="node"'], min_severity: critical}
    - {name: mail, email: {to: [oncall@example.com], from: alerts@example.com, smarthost: %q, require_tls: false}}
    - {name: nobody, mattermost: {url: %q}, match: ['job="other"']}
`, am.URL, hook.URL, notifytest.SlackToken, notifytest.SlackChannel, bot.URL, teams.URL, notifytest.TelegramToken, notifytest.TelegramChat, telegram.URL,
		discord.URL, dingtalk.URL, secret, feishu.URL, notifytest.RobotSecret, wecom.URL, chat.URL, mattermost.URL, ntfy.URL, notifytest.NtfyToken,
		matrix.URL, notifytest.MatrixToken, notifytest.MatrixRoom, notifytest.PagerDutyKey, pager.URL, webhook.URL, notifytest.WebhookSecret,
		mails.Address, mattermost.URL)
	m := newModel(t)
	s := startIn(t, t.TempDir(), appOptions{externalURL: "https://scribe.example.com/a"}, func(c *config) {
		withModel(m)(c)
		withNotify(t, text, nil)(c)
	})
	id := s.open("DiskFull")
	all := func(n int) func() bool {
		return func() bool {
			for _, standin := range standins {
				if len(standin.Accepted()) < n {
					return false
				}
			}
			return len(mails.Mails()) == n && len(am.Alerts()) >= n
		}
	}
	require.Eventually(t, all(1), soon, 10*time.Millisecond)
	s.post("/alert", oneAlert("DiskFull", incident.Resolved))
	require.Eventually(t, all(2), soon, 10*time.Millisecond)
	for name, standin := range standins {
		got := standin.Accepted()
		assert.Len(t, got, 2, name)
		assert.Empty(t, standin.Violations(), name)
		assert.Contains(t, string(got[0].Body)+fmt.Sprint(got[0].Header), "https://scribe.example.com/a/reports/"+id, name)
	}
	assert.Contains(t, dingtalk.Accepted()[0].Text, "可能原因")
	assert.Contains(t, hook.Accepted()[0].Text, "Likely cause")
	assert.NotEmpty(t, bot.Accepted()[1].Edits)
	alerts := am.Alerts()
	assert.Equal(t, map[string]string{
		"alertname": "AlertscribeReport", "alertscribe_report": "true", "source_alertname": "DiskFull", "severity": "critical", "instance": "web-1:9100", "job": "node",
	}, alerts[0].Labels)
	assert.True(t, alerts[len(alerts)-1].EndsAt.Before(time.Now().Add(time.Second)), "the end")

	var keys map[string]any
	require.NoError(t, json.Unmarshal(webhook.Accepted()[1].Body, &keys))
	assert.ElementsMatch(t, []string{
		"version", "id", "event", "incident", "alertname", "severity", "status", "summary", "cause", "action", "report_url", "labels", "started_at",
		"resolved_at", "cost", "language",
	}, slices.Collect(maps.Keys(keys)))
	assert.Equal(t, "resolved", keys["status"])
	require.EventuallyWithT(t, func(c *assert.CollectT) { // a message counts when its answer was read
		_, health := get(t, s.url+"/health")
		assert.Contains(c, health, `"channels":{"am":"ok","bot":"ok"`)
		_, metrics := get(t, s.url+"/metrics")
		assert.Contains(c, metrics, `alertscribe_channel_messages_total{channel="hook",outcome="delivered"} 2`)
		assert.Contains(c, metrics, `alertscribe_channel_up{channel="nobody"} 1`)
	}, soon, 20*time.Millisecond)
}

// TestNotifyURL is the quick way: one channel, which is known by its URL.
func TestNotifyURL(t *testing.T) {
	var mu sync.Mutex
	var got []map[string]any
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var o map[string]any
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if json.Unmarshal(b, &o) == nil && o["id"] == r.Header.Get("Idempotency-Key") {
			got = append(got, o)
		}
	}))
	t.Cleanup(receiver.Close)
	s := startService(t, withNotify(t, "", map[string]string{"NOTIFY_URL": receiver.URL + "/x"}))
	id := s.open("DiskFull")
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 1 }, soon, 10*time.Millisecond)
	assert.Equal(t, id, got[0]["incident"])
	assert.Equal(t, "analyzed", got[0]["event"])
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Contains(t, got[0]["report_url"], "http://"+host+":", "as Prometheus: our host and port")
	assert.Contains(t, got[0]["report_url"], "/reports/"+id)
}

// TestTemplate: a webhook's body may be another one, by Alertmanager's functions.
func TestTemplate(t *testing.T) {
	var mu sync.Mutex
	body := ""
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		body = r.Header.Get("X-Team") + " " + r.Header.Get("Content-Type") + " " + string(b)
	}))
	t.Cleanup(receiver.Close)
	s := startService(t, withNotify(t, fmt.Sprintf(`
notify:
  channels:
    - name: hook
      webhook:
        url: %q
        headers: {X-Team: shop}
        template: '{"text": {{ printf "%%s %%s" (.Severity | toUpper) .Alertname | toJson }}, "job": {{ index .Labels "job" | toJson }}}'
`, receiver.URL), nil))
	s.open("DiskFull")
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return body != "" }, soon, 10*time.Millisecond)
	assert.Equal(t, `shop application/json; charset=utf-8 {"text": "CRITICAL DiskFull", "job": "node"}`, body)
}

// TestThroughAlertmanager: a real Alertmanager notifies the service of an alert, is sent the report as an alert, routes it to
// people and to the service alike, which drops it, and resolves it with the incident.
func TestThroughAlertmanager(t *testing.T) {
	type notified struct {
		Status string
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
		}
	}
	var mu sync.Mutex
	reports := map[string]notified{} // by status
	var service *service
	relay := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var n notified
		if json.Unmarshal(body, &n) == nil && n.Alerts[0].Labels["alertname"] == "AlertscribeReport" {
			mu.Lock()
			reports[n.Status] = n
			mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		service.app.server.Handler.ServeHTTP(w, r)
	}))
	am := testbedtest.StartAlertmanager(t, testbed.AlertmanagerConfig{WebhookURL: "http://" + relay.Listener.Addr().String() + "/alert"})
	dead := notifytest.NewAlertmanager()
	t.Cleanup(dead.Close)
	dead.SetDown(true)
	service = startIn(t, t.TempDir(), appOptions{externalURL: "https://scribe.example.com"},
		withNotify(t, "notify: {channels: [{name: am, alertmanager: true}]}", map[string]string{"ALERTMANAGER_URL": dead.URL + ", " + am.URL}))
	relay.Start()
	t.Cleanup(relay.Close)

	alert := func(ends string) {
		body := fmt.Sprintf(`[{"labels":{"alertname":"DiskFull","severity":"critical","team":"shop"},"annotations":{"summary":"the disk is full"}%s}]`, ends)
		resp, err := http.Post(am.URL+"/api/v2/alerts", "application/json", strings.NewReader(body)) //nolint:noctx // a test's
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	report := func(status string) (n notified, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		n, ok = reports[status]
		return n, ok
	}
	alert("")
	require.Eventually(t, func() bool { _, ok := report("firing"); return ok }, soon, 50*time.Millisecond)
	firing, _ := report("firing")
	assert.Equal(t, map[string]string{
		"alertname": "AlertscribeReport", "alertscribe_report": "true", "source_alertname": "DiskFull", "severity": "critical", "team": "shop",
	}, firing.Alerts[0].Labels)
	assert.Contains(t, firing.Alerts[0].Annotations["summary"], "the disk is full")
	assert.Contains(t, firing.Alerts[0].Annotations["report_url"], "https://scribe.example.com/reports/")
	assert.NotEmpty(t, firing.Alerts[0].Annotations["cost"])

	alert(`,"endsAt":"` + time.Now().UTC().Format(time.RFC3339) + `"`)
	require.Eventually(t, func() bool { _, ok := report("resolved"); return ok }, soon, 50*time.Millisecond)
	list, _, err := service.app.store.Incidents(t.Context(), incident.Query{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, list, 1, "no report of a report")
	_, metrics := get(t, service.url+"/metrics")
	assert.Regexp(t, `alertscribe_notifications_total\{outcome="own_report"\} [1-9]`, metrics, "the drop is visible")
}

// TestFallbackInService: what is dead is replaced, and seen on /health.
func TestFallbackInService(t *testing.T) {
	dead, well := notifytest.Teams(), notifytest.Mattermost()
	t.Cleanup(dead.Close)
	t.Cleanup(well.Close)
	dead.SetDown(true)
	s := startService(t, withNotify(t, fmt.Sprintf(`
notify:
  channels: [{name: a, teams: {url: %q}}, {name: b, url: %q}, {name: c, mattermost: {url: %q}}]
  priority: [[a, c], [b]]
`, dead.URL, "http://"+freeAddress(t)+"/", well.URL), nil))
	s.open("DiskFull")
	require.Eventually(t, func() bool { return len(well.Accepted()) == 1 }, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		_, health := get(t, s.url+"/health")
		return strings.Contains(health, `"a":"failing: HTTP status 503"`) && strings.Contains(health, `"b":"failing: no answer: dial tcp`)
	}, soon, 50*time.Millisecond)
	_, metrics := get(t, s.url+"/metrics")
	assert.Contains(t, metrics, `alertscribe_channel_up{channel="a"} 0`)
	assert.Contains(t, metrics, `alertscribe_channel_up{channel="c"} 1`)
}
