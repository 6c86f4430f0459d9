package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dingTalkBytes is below the limit of a whole body, 20,000 bytes.
const dingTalkBytes = 18_000

// lookalikes replaces what means something in the Markdown of DingTalk and WeCom, which document no way to escape it. In WeCom
// <@user> would call somebody, and may do so where it is written in entities.
var lookalikes = markup{
	escape: func(s string) string { return lookalike.Replace(htmlEntity.ReplaceAllString(s, "＆$1")) },
	bold:   func(s string) string { return "**" + s + "**" },
	link:   markdownLink,
	line:   "\n\n",
}

var (
	lookalike  = strings.NewReplacer("<", "＜", ">", "＞", "[", "［", "]", "］", "*", "＊", "`", "ˋ", "#", "＃")
	htmlEntity = regexp.MustCompile(`&(#?\w+;)`)
)

// dingTalk posts to a custom robot. It answers 200 to errors.
type dingTalk struct {
	*core

	url, secret string
}

func newDingTalk(s *Settings, c *core) (Channel, error) {
	return &dingTalk{c, s.URL.Reveal(), s.Secret.Reveal()}, nil
}

// Pace keeps below 20 in a minute: more are punished with ten minutes.
func (*dingTalk) Pace() (time.Duration, int) { return 4 * time.Second, 5 }

func (c *dingTalk) Send(ctx context.Context, d Delivery) (Receipt, error) {
	title := d.Message.content(budgets[0]).title
	to := c.url
	if c.secret != "" {
		stamp := strconv.FormatInt(c.now().UnixMilli(), 10)
		var err error
		if to, err = withQuery(c.url, "timestamp", stamp, "sign", dingTalkSign(stamp, c.secret)); err != nil {
			return Receipt{}, failed(BadConfig, "%w", err)
		}
	}
	r, err := c.json(ctx, request{url: to}, map[string]any{
		"msgtype": "markdown",
		"markdown": map[string]any{
			"title": title,
			"text": fitted(d, dingTalkBytes, bytesOf, func(co content) string {
				return "### " + lookalikes.escape(co.title) + "\n\n" + lookalikes.body(co, d.Message.colon())
			}),
		},
		"at": map[string]any{"atMobiles": []string{}, "isAtAll": false},
	})
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.judgeCode(r, dingTalkCodes)
}

// dingTalkSign signs a time in milliseconds with the secret as the key: Feishu has it the other way round.
func dingTalkSign(stamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// codes say what the error codes of a service mean; one that is not there is a fault of the configuration.
type codes map[int]struct {
	kind  FailureKind
	after time.Duration
}

// dingTalkPause is how long to be quiet after too many messages.
const dingTalkPause = 10 * time.Minute

var dingTalkCodes = codes{
	-1:     {Retry, 0},
	130101: {Retry, dingTalkPause}, 410100: {Retry, dingTalkPause}, // too fast
	460101: {BadContent, 0}, 101002: {BadContent, 0}, // too long
	430101: {BadContent, 0}, 430102: {BadContent, 0}, 430103: {BadContent, 0}, 430104: {BadContent, 0}, // words that it does not like
}

var weComCodes = codes{
	-1:    {Retry, 0},
	45009: {Retry, time.Minute},                                            // too fast
	40058: {BadContent, 0}, 44004: {BadContent, 0}, 45002: {BadContent, 0}, // too long, or empty
}

// judgeCode reads an answer with errcode and errmsg, whatever its HTTP status.
func (c *core) judgeCode(r *reply, known codes) error {
	var answer struct {
		Code    *int   `json:"errcode"`
		Message string `json:"errmsg"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil || answer.Code == nil {
		if err := c.judge(r); err != nil {
			return err
		}
		return c.refuse(Retry, r, string(r.body)) // a proxy's page: the service always says a code
	}
	if *answer.Code == 0 {
		return nil
	}
	meaning, ok := known[*answer.Code]
	if !ok {
		meaning.kind = BadConfig
	}
	if strings.Contains(answer.Message, "content exceed max length") { // WeCom says so with several codes
		meaning.kind = BadContent
	}
	if !ok && busy(r.status) {
		meaning.kind = Retry
	}
	f := c.refuse(meaning.kind, r, strconv.Itoa(*answer.Code)+" "+answer.Message)
	f.After = max(f.After, meaning.after)
	return f
}
