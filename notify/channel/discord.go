package channel

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/text"
)

// Discord's limits of an embed in characters: https://docs.discord.com/developers/resources/message.
const (
	discordTitle       = 256
	discordDescription = 4096
)

var discordMarkdown = markup{
	escape: strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "#", `\#`, "[", `\[`, "]", `\]`,
		"<", `\<`).Replace,
	bold: func(s string) string { return "**" + s + "**" },
	link: markdownLink,
	line: "\n",
}

// discord executes a webhook and edits its message of an incident.
type discord struct {
	*core

	url string
}

func newDiscord(s *Settings, c *core) (Channel, error) {
	_, err := withQuery(s.URL.Reveal())
	return &discord{c, s.URL.Reveal()}, err
}

// Pace is a first guess: what the service says about its buckets counts.
func (*discord) Pace() (time.Duration, int) { return 400 * time.Millisecond, 1 }

func (c *discord) Send(ctx context.Context, d Delivery) (Receipt, error) {
	title := d.Message.content(budgets[0]).title
	embed := map[string]any{
		"title": text.Cut(discordMarkdown.escape(text.Cut(title, discordTitle/2)), discordTitle),
		"description": fitted(d, discordDescription, utf16Of, func(co content) string {
			return discordMarkdown.body(co, d.Message.colon())
		}),
		"color": color(d.Message),
	}
	if d.Message.ReportURL != "" {
		embed["url"] = d.Message.ReportURL
	}
	body := map[string]any{"embeds": []any{embed}, "allowed_mentions": map[string]any{"parse": []string{}}}
	if d.Thread != "" {
		receipt, err := c.call(ctx, http.MethodPatch, "/messages/"+d.Thread, body)
		if err == nil || !gone(err) {
			return receipt, err
		}
	}
	return c.call(ctx, http.MethodPost, "", body)
}

// call waits for the message: without, the service says 204 to one that it does not save.
func (c *discord) call(ctx context.Context, method, path string, body any) (Receipt, error) {
	base, query, _ := strings.Cut(c.url, "?")
	url, err := withQuery(strings.TrimRight(base, "/")+path+"?"+query, "wait", "true")
	if err != nil {
		return Receipt{}, failed(BadConfig, "%w", err)
	}
	r, err := c.json(ctx, request{method: method, url: url}, body)
	if err != nil {
		return Receipt{}, err
	}
	var answer struct {
		ID         string  `json:"id"`
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(r.body, &answer) // an answer that is no JSON has none of it
	const unknownMessage = 10008
	if err := c.judge(r); err != nil {
		f := AsFailure(err)
		f.After = max(f.After, bounded(answer.RetryAfter))
		if answer.Code == unknownMessage {
			f.Kind, f.Err = BadContent, goneError{f.Err}
		}
		return Receipt{}, f
	}
	receipt := Receipt{Thread: answer.ID}
	if r.header.Get("X-RateLimit-Remaining") == "0" {
		if seconds, err := strconv.ParseFloat(r.header.Get("X-RateLimit-Reset-After"), 64); err == nil {
			receipt.Wait = bounded(seconds)
		}
	}
	return receipt, nil
}

// color is that of a message where a service shows one: green when it is over, else by the severity.
func color(m *Message) int {
	switch {
	case m.over():
		return 0x2e7d32
	case m.Severity == "critical" || m.Severity == "page":
		return 0xc62828
	}
	return 0xef6c00
}
