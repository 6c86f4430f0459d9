package channel

import (
	"context"
	"encoding/json"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/text"
)

// telegramText is the limit of a message in characters, counted after its markup is parsed. We count before, in UTF-16 units:
// neither is ever less.
const telegramText = 4096

var telegramHTML = markup{
	escape: func(s string) string { return html.EscapeString(unmention(s)) },
	bold:   func(s string) string { return "<b>" + s + "</b>" },
	link:   func(label, url string) string { return `<a href="` + html.EscapeString(url) + `">` + label + "</a>" },
	line:   "\n",
}

// telegramPlain is for what can't be parsed.
var telegramPlain = markup{escape: unmention, bold: plain.bold, link: plain.link, line: plain.line}

// mention is what Telegram makes a mention of, wherever no letter, digit or _ stands before it: a mail address is none.
var mention = regexp.MustCompile(`(^|\W)@(\w)`)

// unmention takes the name out of a mention, by a sign that looks like it: Telegram has no way to escape it.
func unmention(s string) string { return mention.ReplaceAllString(s, "$1＠$2") }

// telegram sends as a bot and edits its message of an incident.
type telegram struct {
	*core

	api, chat string
	topic     int
}

func newTelegram(s *Settings, c *core) (Channel, error) {
	return &telegram{c, s.base("https://api.telegram.org") + "/bot" + s.Token.Reveal(), s.Chat, s.Topic}, nil
}

func (*telegram) Pace() (time.Duration, int) { return 3100 * time.Millisecond, 1 }

// telegramThread is where a message is. A group that became a supergroup has another chat since.
type telegramThread struct {
	Chat    string `json:"chat"`
	Message int64  `json:"message"`
}

type telegramCall struct {
	Chat    string         `json:"chat_id"`
	Message int64          `json:"message_id,omitempty"`
	Topic   int            `json:"message_thread_id,omitempty"`
	Text    string         `json:"text"`
	Parse   string         `json:"parse_mode,omitempty"`
	Preview map[string]any `json:"link_preview_options"`
}

func (c *telegram) Send(ctx context.Context, d Delivery) (Receipt, error) {
	call := telegramCall{Chat: c.chat, Topic: c.topic, Parse: "HTML", Preview: map[string]any{"is_disabled": true}}
	format := telegramHTML
	if d.Small { // what can't be parsed is sent without markup
		call.Parse, format = "", telegramPlain
	}
	call.Text = fitted(d, telegramText, utf16Of, func(co content) string { return format.whole(co, d.Message.colon()) })
	var at telegramThread
	if d.Thread != "" && json.Unmarshal([]byte(d.Thread), &at) == nil {
		call.Chat = at.Chat
		if at.Message != 0 {
			edit := call
			edit.Message, edit.Topic = at.Message, 0
			receipt, err := c.call(ctx, "editMessageText", edit)
			if err == nil || !gone(err) {
				return receipt, err
			}
		}
	}
	return c.call(ctx, "sendMessage", call)
}

func (c *telegram) call(ctx context.Context, method string, call telegramCall) (Receipt, error) {
	r, err := c.json(ctx, request{url: c.api + "/" + method}, call)
	if err != nil {
		return Receipt{}, err
	}
	var answer struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
		Result      struct {
			Message int64 `json:"message_id"`
		} `json:"result"`
		Parameters struct {
			RetryAfter float64 `json:"retry_after"`
			MigrateTo  int64   `json:"migrate_to_chat_id"`
		} `json:"parameters"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil {
		return Receipt{}, c.refuse(Retry, r, string(r.body)) // a proxy's page, whatever its status
	}
	said := answer.Description
	thread := telegramThread{call.Chat, answer.Result.Message}
	switch {
	case answer.OK:
	case strings.Contains(said, "message is not modified"):
		thread.Message = call.Message
	case answer.Parameters.MigrateTo != 0 && call.Chat != strconv.FormatInt(answer.Parameters.MigrateTo, 10):
		call.Chat, call.Message = strconv.FormatInt(answer.Parameters.MigrateTo, 10), 0
		return c.call(ctx, "sendMessage", call)
	default:
		return Receipt{}, c.failure(r, said, answer.Parameters.RetryAfter)
	}
	b, err := marshal(thread)
	return Receipt{Thread: string(b)}, err
}

func (c *telegram) failure(r *reply, said string, after float64) *Failure {
	f := c.refuse(BadConfig, r, said)
	switch {
	case busy(r.status):
		f.Kind = Retry
		f.After = max(bounded(after), retryAfter(r.header, c.now()))
	case strings.Contains(said, "message to edit not found"), strings.Contains(said, "message can't be edited"):
		f.Kind, f.Err = BadContent, goneError{f.Err}
	case strings.Contains(said, "can't parse entities"), strings.Contains(said, "message is too long"), strings.Contains(said, "text is empty"):
		f.Kind = BadContent
	}
	return f
}

// cutUTF16 bounds s to n UTF-16 units.
func cutUTF16(s string, n int) string {
	for runes := n; utf16Of(s) > n; runes-- {
		s = text.Cut(s, runes)
	}
	return s
}

// utf16Of returns the length in UTF-16 units.
func utf16Of(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
