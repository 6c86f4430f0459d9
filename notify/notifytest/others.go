package notifytest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// GoogleChat is a webhook of Google Chat: a request that comes again brings no second message.
func GoogleChat() *Standin {
	byRequest := map[string]string{}
	s := start("/v1/spaces/S/messages?key=k&token=token-of-the-space", func(s *Standin, r *http.Request, body []byte) answer {
		q := r.URL.Query()
		fail := func(status int, message, code string) answer {
			return refuse(status, fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q}}`, status, message, code))
		}
		if q.Get("key") != "k" || q.Get("token") != "token-of-the-space" {
			return fail(http.StatusUnauthorized, "API key not valid.", "UNAUTHENTICATED")
		}
		if s.tooFast() {
			return fail(http.StatusTooManyRequests, "Resource has been exhausted", "RESOURCE_EXHAUSTED")
		}
		var m struct {
			Text   string
			Thread struct{ ThreadKey string }
		}
		if json.Unmarshal(body, &m) != nil || m.Text == "" {
			return fail(http.StatusBadRequest, "Message cannot be empty.", "INVALID_ARGUMENT")
		}
		if len(m.Text) > 32_000 || utf8.RuneCountInString(m.Thread.ThreadKey) > 4000 {
			return fail(http.StatusBadRequest, "Message is too long.", "INVALID_ARGUMENT")
		}
		if strings.Contains(m.Text, "<users/") {
			s.violate("somebody is called")
		}
		if q.Get("messageReplyOption") != "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD" {
			s.violate("the key of the thread is not taken notice of")
		}
		if name, again := byRequest[q.Get("requestId")]; again {
			return ok(`{"name":"`+name+`"}`, nil)
		}
		name := "spaces/S/messages/" + s.next()
		byRequest[q.Get("requestId")] = name
		return ok(`{"name":"`+name+`","thread":{"name":"spaces/S/threads/`+m.Thread.ThreadKey+`"}}`, &Accepted{ID: q.Get("requestId"), Text: m.Text})
	})
	s.Limit(60, time.Minute)
	return s
}

// Mattermost is an incoming webhook of Mattermost.
func Mattermost() *Standin {
	return start("/hooks/id-of-the-hook", func(s *Standin, r *http.Request, body []byte) answer {
		if r.URL.Path != "/hooks/id-of-the-hook" {
			return refuse(http.StatusBadRequest, `{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook.","status_code":400}`)
		}
		var m struct{ Text string }
		if json.Unmarshal(body, &m) != nil || m.Text == "" {
			return refuse(http.StatusBadRequest, `{"id":"web.incoming_webhook.text.app_error","message":"No text specified.","status_code":400}`)
		}
		if utf8.RuneCountInString(m.Text) > 16_383 {
			s.violate("the server splits the post")
		}
		if strings.Contains(m.Text, "@channel") || strings.Contains(m.Text, "@all") {
			s.violate("somebody is called")
		}
		return ok("ok", &Accepted{ID: s.next(), Text: m.Text})
	})
}

// NtfyToken is what the topic demands.
const NtfyToken = "tk_of_the_user"

// Ntfy is a topic of a server from 2.16 on, which updates messages.
func Ntfy() *Standin {
	s := start("/alerts", func(s *Standin, r *http.Request, body []byte) answer {
		fail := func(code, status int, message string) answer {
			return refuse(status, fmt.Sprintf(`{"code":%d,"http":%d,"error":%q}`, code, status, message))
		}
		if r.Header.Get("Authorization") != "Bearer "+NtfyToken {
			return fail(40301, http.StatusForbidden, "forbidden")
		}
		if s.tooFast() {
			return fail(42901, http.StatusTooManyRequests, "limit reached: too many requests")
		}
		if len(body) > 4096 {
			return fail(40014, http.StatusBadRequest, "invalid request: attachments not allowed")
		}
		for name, values := range r.Header {
			for _, v := range values {
				if strings.IndexFunc(v, func(c rune) bool { return c > 126 || c < ' ' }) >= 0 {
					s.violate("header %s is not ASCII", name)
				}
			}
		}
		title, err := new(mime.WordDecoder).DecodeHeader(r.Header.Get("Title"))
		if err != nil {
			s.violate("title: %v", err)
		}
		if strings.IndexFunc(title, unicode.IsControl) >= 0 || strings.ContainsRune(title, '\u202e') {
			s.violate("the title hides something: %q", title)
		}
		id := s.next()
		a := &Accepted{ID: r.Header.Get("X-Sequence-ID"), Text: title + "\n" + string(body)}
		if s.find(a.ID) {
			a.Edits = a.ID
		}
		return ok(`{"id":"`+id+`","event":"message"}`, a)
	})
	s.Limit(60, 5*time.Minute)
	return s
}

// MatrixToken and MatrixRoom are those of the bot.
const (
	MatrixToken = "syt_of_the_bot"
	MatrixRoom  = "!room:example.org"
)

// Matrix is a homeserver: a transaction that comes again brings no second event.
func Matrix() *Standin {
	events := map[string]string{}
	s := start("", func(s *Standin, r *http.Request, body []byte) answer {
		fail := func(status int, code string) answer { return refuse(status, `{"errcode":"`+code+`","error":"no"}`) }
		txn, found := strings.CutPrefix(r.URL.Path, "/_matrix/client/v3/rooms/"+MatrixRoom+"/send/m.room.message/")
		switch {
		case r.URL.Query().Has("access_token"):
			return fail(http.StatusUnauthorized, "M_MISSING_TOKEN")
		case r.Header.Get("Authorization") != "Bearer "+MatrixToken:
			return fail(http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		case r.Method != http.MethodPut || !found:
			return fail(http.StatusForbidden, "M_FORBIDDEN")
		case s.tooFast():
			return answer{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "1"}, body: `{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":1000}`}
		case len(body) > 65_536-1000:
			return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE")
		}
		if id, again := events[txn]; again {
			return ok(`{"event_id":"`+id+`"}`, nil)
		}
		var m struct {
			MsgType, Body string
			Formatted     string            `json:"formatted_body"`
			Mentions      *map[string]any   `json:"m.mentions"`
			New           map[string]any    `json:"m.new_content"`
			Relates       map[string]string `json:"m.relates_to"`
		}
		if json.Unmarshal(body, &m) != nil || m.Body == "" || m.MsgType == "" {
			return fail(http.StatusBadRequest, "M_BAD_JSON")
		}
		if m.Mentions == nil {
			s.violate("mentions are not ruled out")
		}
		id := "$event" + s.next()
		a := &Accepted{ID: id, Text: m.Body + "\n" + m.Formatted}
		if m.Relates["rel_type"] == "m.replace" {
			a.Edits = m.Relates["event_id"]
			if !s.find(a.Edits) || m.New == nil {
				return fail(http.StatusBadRequest, "M_BAD_JSON")
			}
		}
		events[txn] = id
		return ok(`{"event_id":"`+id+`"}`, a)
	})
	s.Limit(20, time.Second)
	return s
}

// PagerDutyKey is the routing key.
const PagerDutyKey = "0123456789abcdef0123456789abcdef"

// PagerDuty is the Events API: it takes events at once, and drops the end of what is not open.
func PagerDuty() *Standin {
	open := map[string]bool{}
	return start("", func(_ *Standin, r *http.Request, body []byte) answer {
		bad := func(what string) answer {
			return refuse(http.StatusBadRequest, `{"status":"invalid event","message":"Event object is invalid","errors":["`+what+`"]}`)
		}
		var m struct {
			RoutingKey string `json:"routing_key"`
			Action     string `json:"event_action"`
			Dedup      string `json:"dedup_key"`
			Payload    struct{ Summary, Source, Severity string }
		}
		switch {
		case r.URL.Path != "/v2/enqueue":
			return refuse(http.StatusNotFound, "")
		case len(body) > 512_000:
			return refuse(http.StatusRequestEntityTooLarge, "")
		case json.Unmarshal(body, &m) != nil:
			return bad("not JSON")
		case m.RoutingKey != PagerDutyKey:
			return bad("'routing_key' is invalid")
		case utf8.RuneCountInString(m.Dedup) > 255:
			return bad("'dedup_key' is too long")
		}
		done := answer{status: http.StatusAccepted, body: `{"status":"success","message":"Event processed","dedup_key":"` + m.Dedup + `"}`}
		switch m.Action {
		case "trigger":
			if m.Payload.Summary == "" || m.Payload.Source == "" || utf8.RuneCountInString(m.Payload.Summary) > 1024 ||
				!strings.Contains(" critical error warning info ", " "+m.Payload.Severity+" ") {
				return bad("'payload' is invalid")
			}
			done.accepted = &Accepted{ID: m.Dedup, Text: m.Action + " " + m.Payload.Summary}
			if open[m.Dedup] {
				done.accepted.Edits = m.Dedup
			}
			open[m.Dedup] = true
		case "resolve":
			if open[m.Dedup] {
				done.accepted = &Accepted{ID: m.Dedup, Edits: m.Dedup, Text: m.Action}
				delete(open, m.Dedup)
			}
		default:
			return bad("'event_action' is invalid")
		}
		return done
	})
}
