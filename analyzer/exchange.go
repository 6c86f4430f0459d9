package analyzer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

const (
	maxAnswer = 4 << 20 // bytes of a body that is read when all is well
	maxError  = 4 << 10 // bytes of a body that is read with an error status
)

var errTooLarge = errors.New("the answer is larger than 4 MiB")

// exchange is one request and what came back.
type exchange struct {
	sent    bool // there was a connection: the provider may have got the request
	status  int  // 0: no answer
	header  http.Header
	body    []byte // at most maxAnswer, or maxError with an error status
	whole   bool   // all of a good answer was read
	expired bool   // the timeout was over
	err     error  // of go-openai or of the connection
}

func (x *exchange) good() bool { return x.status/100 == 2 }

// exchange has go-openai make one request, within the timeout whatever the provider sends, and returns what came back: status,
// headers and the whole body, of which the library hands on only parts.
func (c *client) exchange(ctx context.Context, timeout time.Duration, fields map[string]json.RawMessage,
	request func(context.Context, *openai.Client) error,
) exchange {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := &doer{client: c, fields: fields}
	config := c.config
	config.HTTPClient = d
	err := request(ctx, openai.NewClientWithConfig(config))
	x := d.got
	x.sent, x.expired, x.err = d.sent.Load(), ctx.Err() != nil, err
	return x
}

// doer sends one request for go-openai. It adds to a chat request what the library has no fields for, and reads the whole
// answer, bounded, within the deadline of the request's context: blank lines that a provider sends while a request is queued do
// not extend it.
type doer struct {
	client *client
	fields map[string]json.RawMessage // added to a chat request
	sent   atomic.Bool
	got    exchange
}

// Do implements openai.HTTPDoer.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { d.sent.Store(true) },
	}))
	req.Header.Set("User-Agent", d.client.userAgent)
	if req.URL.RawQuery = d.client.query; strings.Contains(d.client.query, "api-version=") { // Azure's dated API
		req.Header.Set("Api-Key", strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
		req.Header.Del("Authorization")
	}
	if req.Body != nil {
		if err := d.rewrite(req); err != nil {
			return nil, err
		}
	}
	resp, err := d.client.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	d.got.status, d.got.header = resp.StatusCode, resp.Header
	if d.got.body, err = readBody(resp); err != nil {
		return nil, err
	}
	d.got.whole = true
	handed := d.got.body
	if d.fields != nil && resp.StatusCode/100 == 2 {
		handed = []byte("{}") // the library stumbles over a field that it knows otherwise; readCompletion does not
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(handed)), int64(len(handed))
	return resp, nil
}

// readBody reads a body, bounded. What is missing of an error's body is no error: the status says enough.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxError))
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errTooLarge
	}
	return body, err
}

// rewrite adds our fields to the JSON that a request carries, and the empty contents that go-openai drops.
func (d *doer) rewrite(req *http.Request) error {
	defer req.Body.Close()
	var chat map[string]json.RawMessage
	if err := json.NewDecoder(req.Body).Decode(&chat); err != nil {
		return fmt.Errorf("reading our own request: %w", err)
	}
	var messages []map[string]json.RawMessage
	if err := json.Unmarshal(chat["messages"], &messages); err != nil {
		return fmt.Errorf("reading our own messages: %w", err)
	}
	for _, m := range messages {
		if _, ok := m["content"]; !ok {
			m["content"] = json.RawMessage(`""`)
		}
	}
	var err error
	if chat["messages"], err = json.Marshal(messages); err != nil {
		return fmt.Errorf("writing our own messages: %w", err)
	}
	maps.Copy(chat, d.fields)
	maps.DeleteFunc(chat, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	body, err := json.Marshal(chat)
	if err != nil {
		return fmt.Errorf("writing our own request: %w", err)
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(body))
	return nil
}

// retryAfter reads the header of that name, seconds or an HTTP date, or what relays make of them; 0 when it is absent or not readable.
func retryAfter(header string, now time.Time) time.Duration {
	if header = strings.TrimSpace(header); header == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseFloat(header, 64); err == nil && seconds >= 0 {
		wait = time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	} else if at, err := time.Parse(time.RFC3339, header); err == nil {
		wait = at.Sub(now)
	} else {
		wait, _ = time.ParseDuration(header) // 26s, from relays
	}
	return min(max(wait, 0), maxPause)
}
