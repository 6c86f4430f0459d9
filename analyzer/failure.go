package analyzer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxSaid   = 160 // runes that are quoted of what a provider says
	maxDetail = 400 // runes of a failure's text
)

// fault makes a fault whose text is one line in words for the person on call.
func (c *client) fault(kind incident.FailureKind, billed bool, format string, args ...any) *fault {
	return &fault{billed: billed, outcome: outcome{failure: failed(kind, format, args...)}}
}

func failed(kind incident.FailureKind, format string, args ...any) *incident.Failure {
	return &incident.Failure{Kind: kind, Err: errors.New(text.Cut(text.OneLine(fmt.Sprintf(format, args...)), maxDetail))}
}

// said returns what the provider says in an error's body, quoted, or "".
func (c *client) said(x *exchange) string {
	var reply struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(x.body, &reply) != nil {
		if text := string(x.body); !strings.HasPrefix(x.header.Get("Content-Type"), "text/html") && x.status/100 != 2 {
			return c.quote(text)
		}
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(reply.Error, &inner) == nil && inner.Message != "":
		text = inner.Message
	case json.Unmarshal(reply.Error, &text) == nil && text != "":
	case reply.Message != "":
		text = reply.Message
	}
	return c.quote(text)
}

// quote makes text from outside fit for an error: one line, without secrets, short.
func (c *client) quote(s string) string {
	if s = text.OneLine(text.CutBytes(s, maxError)); s == "" {
		return ""
	}
	return "“" + text.Cut(c.redacted(s), maxSaid) + "”"
}

// cause returns the text of a connection's error without the URL that net/http puts before it.
func cause(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err.Error()
}
