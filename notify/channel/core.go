package channel

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/text"
)

const (
	maxReply   = 64 << 10
	quoteRunes = 200
)

// core sends the requests of all services over HTTP. It follows no redirect, since the URL is the secret and the body may not
// go anywhere else, and its errors name neither.
type core struct {
	client  *http.Client
	secrets []string // never to be seen in an error
	now     func() time.Time
}

func newCore(o Options, secrets ...string) *core {
	transport := o.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &core{client: client, secrets: secrets, now: o.now()}
}

// reply is a service's answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// request is one HTTP request; the content type is JSON unless header says otherwise.
type request struct {
	method, url string // method "" is POST
	header      map[string]string
	body        []byte
}

// do sends a request. What failed before there was an answer is a Failure to retry.
func (c *core) do(ctx context.Context, r request) (*reply, error) {
	if r.method == "" {
		r.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, failed(BadConfig, "the URL can't be used; check it in the configuration")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "alertscribe")
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.noAnswer(err)
	}
	defer resp.Body.Close()
	// What breaks off after the status was an answer all the same: as none it would be sent again, and seen twice where the status
	// is all that the service says. A service that says more is judged by what there is of it.
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return &reply{resp.StatusCode, resp.Header, said}, nil
}

// noAnswer says that there was no answer, without the URL, which net/http puts into its errors.
func (c *core) noAnswer(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return failed(Retry, "no answer: %s", c.hide(err.Error()))
}

// hide takes secrets out of a text from outside and bounds it.
func (c *core) hide(s string) string {
	for _, secret := range c.secrets {
		const shortest = 8 // less than that is no secret, and may be a word of the text
		if len(secret) >= shortest {
			s = strings.ReplaceAll(s, secret, "<secret>")
			s = strings.ReplaceAll(s, url.QueryEscape(secret), "<secret>")
		}
	}
	return text.Cut(text.OneLine(s), quoteRunes)
}

// json sends a value as JSON.
func (c *core) json(ctx context.Context, r request, body any) (*reply, error) {
	b, err := marshal(body)
	if err != nil {
		return nil, failed(BadContent, "encoding the message: %w", err)
	}
	r.body = b
	return c.do(ctx, r)
}

// marshal is json.Marshal that leaves < > & alone: services count bytes, and their markup is full of them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// judge says what an HTTP status means where the service gives it its usual meaning; nil for 2xx.
func (c *core) judge(r *reply) error {
	kind := BadConfig
	switch {
	case r.status/100 == 2:
		return nil
	case r.status == http.StatusTooManyRequests, r.status == http.StatusRequestTimeout, r.status == http.StatusTooEarly, r.status >= 500,
		r.status == http.StatusConflict: // a request with the same Idempotency-Key is still being handled
		kind = Retry
	case r.status == http.StatusBadRequest, r.status == http.StatusRequestEntityTooLarge, r.status == http.StatusUnprocessableEntity:
		kind = BadContent
	}
	return c.refuse(kind, r, string(r.body))
}

// refuse makes a Failure of an answer, quoting what the service said.
func (c *core) refuse(kind FailureKind, r *reply, said string) *Failure {
	f := failed(kind, "HTTP status %d: %s", r.status, c.hide(said))
	if said == "" {
		f.Err = fmt.Errorf("HTTP status %d", r.status)
	}
	if kind == Retry {
		f.After = max(retryAfter(r.header, c.now()), retryAfterInBody(r.body))
	}
	return f
}

// busy reports whether an HTTP status says that the service can't do it now, whatever else it says.
func busy(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

// maxRetryAfter bounds what a service can ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the header Retry-After: seconds, also with a fraction, or a date, which is one of the service's clock: its header
// Date tells how far that is from ours. Feishu has a header of its own.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := cmp.Or(h.Get("Retry-After"), h.Get("X-Ogw-Ratelimit-Reset"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return bounded(seconds)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return bounded(at.Sub(now).Seconds())
}

// retryAfterInBody reads retry_after of a JSON object, in seconds: a number, or one in quotes.
func retryAfterInBody(body []byte) time.Duration {
	var answer struct {
		RetryAfter any `json:"retry_after"`
	}
	_ = json.Unmarshal(body, &answer) // an answer that is no JSON has none
	seconds, err := strconv.ParseFloat(fmt.Sprint(answer.RetryAfter), 64)
	if err != nil {
		return 0
	}
	return bounded(seconds)
}

// bounded is so many seconds, within what a service can ask for; 0 for what is no number.
func bounded(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN, too
		return 0
	}
	return time.Duration(math.Round(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)))
}
