package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// feishuBytes is below the limit of a whole body, 20 KB.
const feishuBytes = 16_000

// feishuMarkdown escapes by entities, as Feishu documents it: <at id=all> would call everybody.
var feishuMarkdown = markup{
	escape: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "&#42;", "_", "&#95;", "~", "&#126;", "[", "&#91;", "]", "&#93;",
		"`", "&#96;").Replace,
	bold: func(s string) string { return "**" + s + "**" },
	link: markdownLink,
	line: "\n",
}

// feishu posts a card to a custom bot, of Feishu or Lark.
type feishu struct {
	*core

	url, secret string
}

func newFeishu(s *Settings, c *core) (Channel, error) {
	return &feishu{c, s.URL.Reveal(), s.Secret.Reveal()}, nil
}

// Pace keeps below 5 in a second and 100 in a minute.
func (*feishu) Pace() (time.Duration, int) { return time.Second, 4 }

func (c *feishu) Send(ctx context.Context, d Delivery) (Receipt, error) {
	body := map[string]any{
		"msg_type": "interactive",
		"card": map[string]any{
			"schema": "2.0",
			"config": map[string]any{"update_multi": true},
			"header": map[string]any{
				"title":    map[string]any{"tag": "plain_text", "content": d.Message.content(budgets[0]).title},
				"template": feishuColor(d.Message),
			},
			"body": map[string]any{"elements": []any{map[string]any{
				"tag": "markdown",
				"content": fitted(d, feishuBytes, bytesOf, func(co content) string {
					return feishuMarkdown.body(co, d.Message.colon())
				}),
			}}},
		},
	}
	if c.secret != "" {
		stamp := strconv.FormatInt(c.now().Unix(), 10)
		body["timestamp"], body["sign"] = stamp, feishuSign(stamp, c.secret)
	}
	r, err := c.json(ctx, request{url: c.url}, body)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.answer(r)
}

// feishuSign uses a time in seconds and the secret as the key of an empty message: DingTalk has it the other way round.
func feishuSign(stamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(stamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func feishuColor(m *Message) string {
	switch {
	case m.over():
		return "green"
	case m.Severity == "critical" || m.Severity == "page":
		return "red"
	}
	return "orange"
}

// answer reads the code, of which there are two spellings. 9499 stands for two things that only the text tells apart.
func (c *feishu) answer(r *reply) error {
	var answer struct {
		Code   *int   `json:"code"`
		Legacy *int   `json:"StatusCode"`
		Msg    string `json:"msg"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil || answer.Code == nil && answer.Legacy == nil {
		if err := c.judge(r); err != nil {
			return err
		}
		return c.refuse(Retry, r, string(r.body))
	}
	if answer.Code == nil {
		answer.Code = answer.Legacy
	}
	const (
		frequency, appFrequency = 11232, 99991400
		badRequest              = 9499
		tooManyTables, tooLarge = 11310, 19036
	)
	kind := BadConfig
	if busy(r.status) {
		kind = Retry
	}
	switch *answer.Code {
	case 0:
		return nil
	case frequency, appFrequency:
		kind = Retry
	case badRequest:
		kind = BadContent
		if strings.Contains(strings.ToLower(answer.Msg), "too many") {
			kind = Retry
		}
	case tooManyTables, tooLarge:
		kind = BadContent
	}
	return c.refuse(kind, r, strconv.Itoa(*answer.Code)+" "+answer.Msg)
}
