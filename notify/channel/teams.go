package channel

import (
	"context"
	"maps"
	"strings"
	"time"
)

// teamsBytes is the budget of a card. The flow that takes it wraps it before it applies its own limit of 28,672 bytes, and
// tells nobody about a card that is too large: it answers 202 before.
const teamsBytes = 20_000

var teamsText = markup{
	escape: strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "#", `\#`, "<", "&lt;", ">", "&gt;").Replace,
	bold:   func(s string) string { return "**" + s + "**" },
	link:   markdownLink,
	line:   "\n\n",
}

// markdownLink is a link in Markdown; what would end it is encoded.
func markdownLink(label, url string) string {
	return "[" + label + "](" + strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E").Replace(url) + ")"
}

// teams posts an Adaptive Card to a Workflows URL.
type teams struct {
	*core

	url string
}

func newTeams(s *Settings, c *core) (Channel, error) { return &teams{c, s.URL.Reveal()}, nil }

func (*teams) Pace() (time.Duration, int) { return 500 * time.Millisecond, 1 }

func (c *teams) Send(ctx context.Context, d Delivery) (Receipt, error) {
	body := fitted(d, teamsBytes-2000, bytesOf, func(co content) string { return teamsText.body(co, d.Message.colon()) })
	block := func(text string, more map[string]any) map[string]any {
		b := map[string]any{"type": "TextBlock", "text": text, "wrap": true}
		maps.Copy(b, more)
		return b
	}
	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.2",
		"msteams": map[string]any{"width": "full"},
		"body": []any{
			block(teamsText.escape(d.Message.content(budgets[0]).title), map[string]any{"weight": "Bolder", "size": "Medium", "color": teamsColor(d.Message)}),
			block(body, nil),
		},
	}
	if url := d.Message.ReportURL; url != "" {
		card["actions"] = []any{map[string]any{"type": "Action.OpenUrl", "title": wordsOf(d.Message.Language).report, "url": url}}
	}
	r, err := c.json(ctx, request{url: c.url}, map[string]any{
		"type": "message",
		"attachments": []any{map[string]any{
			"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card,
		}},
	})
	if err != nil {
		return Receipt{}, err
	}
	if strings.Contains(string(r.body), "returned HTTP error 429") { // of the old connectors, with status 200
		return Receipt{}, c.refuse(Retry, r, string(r.body))
	}
	if r.status == 400 && !strings.Contains(string(r.body), "MessageSizeExceeded") {
		return Receipt{}, c.refuse(BadConfig, r, string(r.body)) // a query that was stripped, a flow that was turned off
	}
	return Receipt{}, c.judge(r)
}

func teamsColor(m *Message) string {
	switch {
	case m.over():
		return "Good"
	case m.Severity == "critical" || m.Severity == "page":
		return "Attention"
	}
	return "Warning"
}
