package channel

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// googleChatBytes is below the limit of text and cards, 32,000 bytes.
const googleChatBytes = 30_000

// googleChatText replaces brackets: <users/all> would call everybody, and no way to escape it is documented.
var googleChatText = markup{
	escape: strings.NewReplacer("<", "‹", ">", "›").Replace,
	bold:   func(s string) string { return "*" + s + "*" },
	link:   angledLinkRaw,
	line:   "\n",
}

// angledLinkRaw is angledLink for services that know no entities.
func angledLinkRaw(label, url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C").Replace(url) + "|" + label + ">"
}

// googleChat posts to a webhook, one thread an incident. A request that comes again is recognized by its id.
type googleChat struct {
	*core

	url string
}

func newGoogleChat(s *Settings, c *core) (Channel, error) {
	_, err := withQuery(s.URL.Reveal())
	return &googleChat{c, s.URL.Reveal()}, err
}

// Pace keeps below 60 in a minute, which all apps of a space share.
func (*googleChat) Pace() (time.Duration, int) { return 1500 * time.Millisecond, 5 }

// googleChatPause is how long to be quiet after too many messages: no Retry-After is promised.
const googleChatPause = 30 * time.Second

func (c *googleChat) Send(ctx context.Context, d Delivery) (Receipt, error) {
	// Without the option the service takes no notice of the thread's key.
	to, err := withQuery(c.url, "messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", "requestId", requestID(d))
	if err != nil {
		return Receipt{}, failed(BadConfig, "%w", err)
	}
	r, err := c.json(ctx, request{url: to}, map[string]any{
		"text":   fitted(d, googleChatBytes, bytesOf, func(co content) string { return googleChatText.whole(co, d.Message.colon()) }),
		"thread": map[string]any{"threadKey": d.Message.Incident},
	})
	if err != nil {
		return Receipt{}, err
	}
	if err := c.judge(r); err != nil {
		f := AsFailure(err)
		if r.status == http.StatusTooManyRequests {
			f.After = max(f.After, googleChatPause)
		}
		return Receipt{}, f
	}
	return Receipt{}, nil
}

// requestID is the id of a request that the service recognizes when it comes again: another one for another content.
func requestID(d Delivery) string {
	if d.Small {
		return d.Message.ID + "-small"
	}
	return d.Message.ID
}
