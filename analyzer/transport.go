package analyzer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	maxAnswer = 4 << 20 // bytes of a body that is read when all is well
	maxError  = 4 << 10 // bytes of a body that is read with an error status
)

var errTooLarge = errors.New("the answer is larger than 4 MiB")

// exchange is what the transport saw of one request. The caller puts it into the request's context.
type exchange struct {
	timeout    time.Duration // that the caller has set
	sent       atomic.Bool   // there was a connection: the provider may have got the request
	status     int           // 0: no answer
	header     http.Header
	body       []byte // at most maxAnswer or maxError
	whole      bool   // all of a good answer was read
	retryAfter time.Duration
}

type exchangeKey struct{}

// transport stands between go-openai and the network. It adds to a chat request what the library has no fields for,
// and reads the whole answer, bounded, within the deadline of the request's context: blank lines that a provider sends
// while a request is queued do not extend it.
type transport struct {
	next      http.RoundTripper
	userAgent string
	fields    map[string]json.RawMessage // of the request's JSON: replaced, or removed by null
	now       func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		x = new(exchange)
	}
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { x.sent.Store(true) },
	})
	out := req.Clone(ctx)
	out.Header.Set("User-Agent", t.userAgent)
	if req.Body != nil {
		if err := t.rewrite(out, req.Body); err != nil {
			return nil, err
		}
	}
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.retryAfter = retryAfter(resp.Header.Get("Retry-After"), t.now())
	if x.body, err = readBody(resp); err != nil {
		return nil, err
	}
	x.whole = true
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
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

// rewrite sets the body of out: the JSON in body with our fields, and with the empty contents that go-openai drops.
func (t *transport) rewrite(out *http.Request, body io.ReadCloser) error {
	defer body.Close()
	var chat map[string]json.RawMessage
	if err := json.NewDecoder(body).Decode(&chat); err != nil {
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
	maps.Copy(chat, t.fields)
	maps.DeleteFunc(chat, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	written, err := json.Marshal(chat)
	if err != nil {
		return fmt.Errorf("writing our own request: %w", err)
	}
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(written)), nil }
	out.Body, _ = out.GetBody()
	out.ContentLength = int64(len(written))
	return nil
}

// retryAfter reads the header of that name, seconds or an HTTP date; 0 when it is absent or not readable.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseFloat(header, 64); err == nil && seconds >= 0 {
		wait = time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxPause)
}
