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
	maxQuote  = 160 // runes that are quoted of what a provider says
	maxDetail = 400 // runes of a failure's text
)

// fault makes a fault whose text is one line for the person on call.
func (c *client) fault(kind incident.FailureKind, mayBeBilled bool, format string, args ...any) *fault {
	return &fault{billed: mayBeBilled, callOutcome: callOutcome{failure: failed(kind, format, args...)}}
}

func failed(kind incident.FailureKind, format string, args ...any) *incident.Failure {
	return &incident.Failure{Kind: kind, Err: errors.New(text.Cut(text.OneLine(fmt.Sprintf(format, args...)), maxDetail))}
}

// providerMessage returns what the provider says in an error's body, quoted, or "".
func (c *client) providerMessage(x exchange) string {
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(x.body, &outer) != nil {
		if !strings.HasPrefix(x.header.Get("Content-Type"), "text/html") && !x.good() {
			return c.quote(string(x.body))
		}
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	var message string
	switch {
	case json.Unmarshal(outer.Error, &inner) == nil && inner.Message != "":
		message = inner.Message
	case json.Unmarshal(outer.Error, &message) == nil && message != "":
	case outer.Message != "":
		message = outer.Message
	}
	return c.quote(message)
}

// quote makes text from outside fit for an error: one line, without secrets, short.
func (c *client) quote(s string) string {
	if s = text.OneLine(text.CutBytes(s, maxError)); s == "" {
		return ""
	}
	return "“" + text.Cut(c.redacted(s), maxQuote) + "”"
}

// cause returns the text of a connection's error without the URL that net/http puts before it.
func cause(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err.Error()
}
