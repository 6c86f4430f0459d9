package channel

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// mattermostRunes is the limit of a post: the server splits a longer one.
const mattermostRunes = 16_383

// mattermostText also replaces @, by which a webhook can call a whole channel.
var mattermostText = markup{
	escape: strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, "#", `\#`, "[", `\[`, "]", `\]`,
		"<", `\<`, ">", `\>`, "@", "＠", "!", `\!`).Replace,
	bold: func(s string) string { return "**" + s + "**" },
	link: markdownLink,
	line: "\n",
}

// mattermost posts to an incoming webhook.
type mattermost struct {
	*core

	url string
}

func newMattermost(s *Settings, c *core) (Channel, error) { return &mattermost{c, s.URL.Reveal()}, nil }

func (*mattermost) Pace() (time.Duration, int) { return 200 * time.Millisecond, 5 }

func (c *mattermost) Send(ctx context.Context, d Delivery) (Receipt, error) {
	r, err := c.json(ctx, request{url: c.url}, map[string]any{
		"text": fitted(d, mattermostRunes, runesOf, func(co content) string { return mattermostText.whole(co, d.Message.colon()) }),
	})
	if err != nil {
		return Receipt{}, err
	}
	if r.status == http.StatusNotImplemented { // incoming webhooks are turned off
		return Receipt{}, c.refuse(BadConfig, r, string(r.body))
	}
	if r.status == http.StatusBadRequest && strings.Contains(string(r.body), "webhook") {
		return Receipt{}, c.refuse(BadConfig, r, string(r.body)) // no such id
	}
	return Receipt{}, c.judge(r)
}
