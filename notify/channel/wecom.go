package channel

import (
	"context"
	"time"
)

// weComBytes is the limit of the content of a Markdown message in bytes of UTF-8.
const weComBytes = 4096

// weCom posts to a group robot. It answers 200 to errors.
type weCom struct {
	*core

	url string
}

func newWeCom(s *Settings, c *core) (Channel, error) { return &weCom{c, s.URL.Reveal()}, nil }

// Pace keeps below 20 in a minute.
func (*weCom) Pace() (time.Duration, int) { return 4 * time.Second, 5 }

func (c *weCom) Send(ctx context.Context, d Delivery) (Receipt, error) {
	r, err := c.json(ctx, request{url: c.url}, map[string]any{
		"msgtype": "markdown",
		"markdown": map[string]any{"content": fitted(d, weComBytes, bytesOf, func(co content) string {
			return "### " + lookalikes.escape(co.title) + "\n" + lookalikes.body(co, d.Message.colon())
		})},
	})
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.judgeCode(r, weComCodes)
}
