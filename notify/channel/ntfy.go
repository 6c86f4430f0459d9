package channel

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"time"

	"github.com/alertscribe/alertscribe/text"
)

const (
	ntfyBytes = 4096 // of a message: the server makes an attachment of a longer one
	ntfyTitle = 150  // characters
)

// ntfy publishes to a topic. A server from 2.16 on updates its message of an incident, an older one shows another message.
type ntfy struct {
	*core

	url, token string
}

func newNtfy(s *Settings, c *core) (Channel, error) {
	return &ntfy{c, s.URL.Reveal(), s.Token.Reveal()}, nil
}

// Pace is that of a server's defaults: 60 at once, then one in five seconds.
func (*ntfy) Pace() (time.Duration, int) { return 5 * time.Second, 50 }

func (c *ntfy) Send(ctx context.Context, d Delivery) (Receipt, error) {
	header := map[string]string{
		"Content-Type":  "text/plain; charset=utf-8",
		"Title":         mime.QEncoding.Encode("utf-8", text.Cut(unencoded(d.Message.content(budgets[0]).title), ntfyTitle)),
		"Priority":      ntfyPriority(d.Message),
		"X-Sequence-ID": d.Message.Incident,
	}
	if d.Message.ReportURL != "" {
		header["Click"] = d.Message.ReportURL
	}
	if c.token != "" {
		header["Authorization"] = "Bearer " + c.token
	}
	body := fitted(d, ntfyBytes, bytesOf, func(co content) string { return plain.body(co, d.Message.colon()) })
	r, err := c.do(ctx, request{url: c.url, header: header, body: []byte(body)})
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.answer(r)
}

func ntfyPriority(m *Message) string {
	switch {
	case m.over():
		return "2"
	case m.Severity == "critical" || m.Severity == "page":
		return "5"
	case m.Severity == "info":
		return "3"
	}
	return "4"
}

func (c *ntfy) answer(r *reply) error {
	err := c.judge(r)
	if err == nil {
		return nil
	}
	var answer struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(r.body, &answer) // an answer that is no JSON has none
	const (
		dailyQuota     = 42908
		authFailures   = 42909
		attachmentsOff = 40014
	)
	f := AsFailure(err)
	switch {
	case answer.Code == dailyQuota:
		f.After = maxRetryAfter
	case answer.Code == authFailures:
		f.Kind = BadConfig
	case answer.Code == attachmentsOff || r.status == http.StatusRequestEntityTooLarge:
		f.Kind = BadContent
	}
	return f
}
