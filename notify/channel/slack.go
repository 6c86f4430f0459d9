package channel

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Slack's limits: https://docs.slack.dev/reference/block-kit/blocks, and what its API was seen to refuse for the sum.
const (
	slackSection = 3000   // characters of a section's text, which we count in UTF-16 units: never less
	slackHeader  = 150    // characters of a header's text, as above
	slackBlocks  = 12_000 // bytes of all blocks as JSON
)

// mrkdwn escapes as Slack documents it: without, <!channel> in an alert's text would wake everybody.
var mrkdwn = markup{
	escape: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
	bold:   func(s string) string { return "*" + s + "*" },
	link:   angledLink,
	line:   "\n",
}

// angledLink is a link as Slack, Mattermost and Google Chat write it.
func angledLink(label, url string) string {
	return "<" + strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(url) + "|" + label + ">"
}

// slack posts to an incoming webhook, or as a bot, which edits its message of an incident.
type slack struct {
	*core

	hook           string // "" for a bot
	token, channel string
	api            string
}

func newSlack(s *Settings, c *core) (Channel, error) {
	return &slack{core: c, hook: s.URL.Reveal(), token: s.Token.Reveal(), channel: s.Channel, api: s.base("https://slack.com/api")}, nil
}

func (*slack) Pace() (time.Duration, int) { return 1100 * time.Millisecond, 1 }

// slackText is a text of a block. Without Verbatim, Slack makes mentions of names such as @channel, and links of all that looks
// like an address.
type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

type slackBlock struct {
	Type string    `json:"type"`
	Text slackText `json:"text"`
}

// slackMessage is the part of a message that hooks and bots share. Text is what notifications on a phone show.
type slackMessage struct {
	Channel string       `json:"channel,omitempty"`
	TS      string       `json:"ts,omitempty"` // of the message to edit
	Text    string       `json:"text"`
	Blocks  []slackBlock `json:"blocks"`
	Unfurl  bool         `json:"unfurl_links"`
	Media   bool         `json:"unfurl_media"` // false: nobody fetches an image that an alert's text names
}

func slackContent(d Delivery) slackMessage {
	limit := slackSection
	title := d.Message.content(budgets[0]).title
	body := fitted(d, limit, func(s string) int {
		if b, err := marshal(s); err != nil || len(b)+4*slackHeader > slackBlocks {
			return limit + 1
		}
		return utf16Of(s)
	}, func(c content) string { return mrkdwn.body(c, d.Message.colon()) })
	return slackMessage{
		Text: mrkdwn.escape(title),
		Blocks: []slackBlock{
			{"header", slackText{Type: "plain_text", Text: cutUTF16(title, slackHeader)}},
			{"section", slackText{Type: "mrkdwn", Text: body, Verbatim: true}},
		},
	}
}

func (c *slack) Send(ctx context.Context, d Delivery) (Receipt, error) {
	m := slackContent(d)
	if c.hook != "" {
		return Receipt{}, c.postHook(ctx, m)
	}
	var at slackThread
	if d.Thread != "" && json.Unmarshal([]byte(d.Thread), &at) == nil && at.TS != "" {
		m.Channel, m.TS = at.Channel, at.TS
		edited, err := c.call(ctx, "chat.update", m)
		if err == nil || !gone(err) {
			return edited, err
		}
		m.TS = "" // somebody has deleted it, or it is too old: a new one takes its place
	}
	m.Channel = c.channel
	return c.call(ctx, "chat.postMessage", m)
}

func (c *slack) postHook(ctx context.Context, m slackMessage) error {
	r, err := c.json(ctx, request{url: c.hook}, m)
	if err != nil {
		return err
	}
	said := strings.TrimSpace(string(r.body))
	if r.status == http.StatusOK && said != "ok" && said != "" {
		return c.refuse(slackKind(said), r, said)
	}
	if r.status == http.StatusBadRequest {
		return c.refuse(slackKind(said), r, said)
	}
	return c.judge(r)
}

// slackThread is where a bot's message is. The time stamp is text: as a number it would lose digits.
type slackThread struct {
	Channel string `json:"channel"` // id
	TS      string `json:"ts"`
}

// call calls a method of the Web API, which answers 200 to errors.
func (c *slack) call(ctx context.Context, method string, m slackMessage) (Receipt, error) {
	r, err := c.json(ctx, request{url: c.api + "/" + method, header: map[string]string{"Authorization": "Bearer " + c.token}}, m)
	if err != nil {
		return Receipt{}, err
	}
	if err := c.judge(r); err != nil {
		return Receipt{}, err
	}
	var answer struct {
		slackThread

		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil {
		return Receipt{}, c.refuse(Retry, r, string(r.body))
	}
	if !answer.OK {
		f := c.refuse(slackKind(answer.Error), r, answer.Error)
		if slices.Contains(slackGone, answer.Error) {
			f.Err = goneError{f.Err}
		}
		return Receipt{}, f
	}
	thread, err := marshal(answer.slackThread)
	return Receipt{Thread: string(thread)}, err
}

var (
	slackGone    = []string{"message_not_found", "cant_update_message", "edit_window_closed"}
	slackRefused = []string{
		"no_text", "msg_too_long", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "too_many_attachments", "invalid_payload",
	}
	slackRetry = []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "rollup_error", "service_unavailable", "request_timeout"}
)

func slackKind(said string) FailureKind {
	switch {
	case slices.Contains(slackRetry, said):
		return Retry
	case slices.Contains(slackRefused, said):
		return BadContent
	}
	return BadConfig
}

// goneError says that the message that was to be edited is not there.
type goneError struct{ error }

func gone(err error) bool {
	f, ok := err.(*Failure) //nolint:errorlint // made here, wrapped by nobody
	if !ok {
		return false
	}
	_, ok = f.Err.(goneError) //nolint:errorlint // as above
	return ok
}
