package analyzer

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxQuote  = 200 // runes that are quoted of what a provider says
	maxDetail = 500 // runes of a failure's text
)

// fault makes a fault whose text is one line for the person on call.
func (c *client) fault(kind incident.FailureKind, mayBeBilled bool, format string, args ...any) *fault {
	return &fault{billed: mayBeBilled, callOutcome: callOutcome{failure: failed(kind, format, args...)}}
}

func failed(kind incident.FailureKind, format string, args ...any) *incident.Failure {
	return &incident.Failure{Kind: kind, Err: errors.New(text.Cut(text.OneLine(fmt.Sprintf(format, args...)), maxDetail))}
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
