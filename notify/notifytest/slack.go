package notifytest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
)

const slackHookPath = "/services/T0/B0/secret-of-the-hook"

// SlackHook is an incoming webhook of Slack.
func SlackHook() *Standin {
	s := start(slackHookPath, func(s *Standin, r *http.Request, body []byte) answer {
		if r.URL.Path != slackHookPath {
			return refuse(http.StatusNotFound, "no_service")
		}
		if s.tooFast() {
			return answer{
				status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "1"},
				body: `{"retry_after":1,"ok":false,"error":"rate_limited"}`,
			}
		}
		text, fault := s.slackCheck(body)
		if fault != "" {
			return refuse(http.StatusBadRequest, fault)
		}
		return ok("ok", &Accepted{ID: s.next(), Text: text})
	})
	s.Limit(1, time.Second)
	return s
}

// SlackToken is that of the bot, SlackChannel its channel.
const (
	SlackToken   = "xoxb-of-the-bot"
	SlackChannel = "#oncall"
	slackID      = "C0ONCALL"
)

// SlackBot is the Web API of Slack: it answers 200 to errors.
func SlackBot() *Standin {
	s := start("/api", func(s *Standin, r *http.Request, body []byte) answer {
		fail := func(code string) answer { return ok(`{"ok":false,"error":"`+code+`"}`, nil) }
		if r.Header.Get("Authorization") != "Bearer "+SlackToken {
			return fail("invalid_auth")
		}
		if s.tooFast() {
			return answer{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "1"}, body: `{"ok":false,"error":"ratelimited"}`}
		}
		var m struct{ Channel, TS string }
		if json.Unmarshal(body, &m) != nil {
			return fail("invalid_json")
		}
		text, fault := s.slackCheck(body)
		if fault != "" {
			return fail(fault)
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/chat.postMessage"):
			if m.Channel != SlackChannel && m.Channel != slackID {
				return fail("channel_not_found")
			}
			ts := "1732550000.00010" + s.next()
			return ok(`{"ok":true,"channel":"`+slackID+`","ts":"`+ts+`","message":{}}`, &Accepted{ID: ts, Text: text})
		case strings.HasSuffix(r.URL.Path, "/chat.update"):
			if m.Channel != slackID || !s.find(m.TS) {
				return fail("message_not_found")
			}
			return ok(`{"ok":true,"channel":"`+slackID+`","ts":"`+m.TS+`","text":""}`, &Accepted{ID: m.TS, Edits: m.TS, Text: text})
		}
		return fail("unknown_method")
	})
	s.Limit(1, time.Second)
	return s
}

var autoMention = regexp.MustCompile(`@(channel|here|everyone)\b`)

// slackCheck returns the text of a message, and the error code for one that Slack refuses.
func (s *Standin) slackCheck(body []byte) (text, fault string) {
	var m struct {
		Text   string
		Blocks json.RawMessage
		Links  *bool `json:"unfurl_links"`
		Media  *bool `json:"unfurl_media"`
	}
	var blocks []struct {
		Type string
		Text struct {
			Type, Text string
			Verbatim   bool
		}
	}
	if json.Unmarshal(body, &m) != nil {
		return "", "invalid_payload"
	}
	if len(m.Blocks) > 0 && json.Unmarshal(m.Blocks, &blocks) != nil {
		return "", "invalid_blocks"
	}
	if m.Text == "" && len(blocks) == 0 {
		return "", "no_text"
	}
	if len(blocks) > 50 {
		return "", "invalid_blocks"
	}
	if len(m.Blocks) > 13_000 {
		return "", "msg_blocks_too_long"
	}
	for _, b := range blocks {
		n := len(utf16.Encode([]rune(b.Text.Text))) // what a character is, Slack does not say: the most that it can be
		if n == 0 || b.Type == "section" && n > 3000 || b.Type == "header" && (n > 150 || b.Text.Type != "plain_text") {
			return "", "invalid_blocks"
		}
		text += b.Text.Text + "\n"
		if b.Text.Type == "mrkdwn" && (strings.Contains(b.Text.Text, "<!") || strings.Contains(b.Text.Text, "<@")) {
			s.violate("somebody is called")
		}
		if b.Text.Type == "mrkdwn" && !b.Text.Verbatim && autoMention.MatchString(b.Text.Text) {
			s.violate("somebody is called by a name that Slack parses itself")
		}
	}
	if m.Links == nil || *m.Links || m.Media == nil || *m.Media { // the defaults: links of text off, media on
		s.violate("what a text links to is fetched and shown")
	}
	if strings.Contains(m.Text, "<!") || strings.Contains(m.Text, "<@") {
		s.violate("somebody is called")
	}
	return text + m.Text, ""
}
