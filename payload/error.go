package payload

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/text"
)

// Error says what is wrong with a body, on one short line that is safe to show: the field, and the way out.
type Error struct {
	Field    string // as a path: alerts[3].startsAt, or body
	Reason   string // what it holds, bounded, and what to send instead
	TooLarge bool   // the body has more bytes or alerts than [Options] accept
}

// Error implements error.
func (e *Error) Error() string { return e.Field + ": " + e.Reason }

func refuse(field, format string, args ...any) *Error {
	return &Error{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// maxQuoted bounds, in characters, what an error quotes of a body.
const maxQuoted = 40

// quote returns s in quotes, bounded and on one line, with everything that is not printable escaped.
func quote(s string) string { return strconv.Quote(text.Cut(s, maxQuoted)) }

// shown returns a JSON value for an error: a string in quotes, anything else as it stands, both bounded.
func shown(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return quote(s)
	}
	q := quote(string(raw))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

var plainName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`)

// member returns how a path goes on to the member of that name: .job, or ["not a name"].
func member(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	return "[" + quote(name) + "]"
}

// notAnObject says where a body stops being a JSON object, and what to send instead.
func notAnObject(body []byte, wayOut string) *Error {
	err := json.Unmarshal(body, &fields{})
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case len(strings.TrimSpace(string(body))) == 0:
		return refuse("body", "empty; %s", wayOut)
	case text.Encoding(body) == "UTF-16":
		return refuse("body", "UTF-16; send it as UTF-8 text, not compressed")
	case text.Encoding(body) != "":
		return refuse("body", "compressed by %s; send it as UTF-8 text, not compressed", text.Encoding(body))
	case !ok:
		return refuse("body", "%s is not an object; %s", shown(body), wayOut)
	case syntax.Offset >= int64(len(body)) && strings.Contains(syntax.Error(), "unexpected end"):
		return refuse("body", "not JSON: cut off after byte %d; %s", len(body), wayOut)
	}
	return refuse("body", "not JSON: %s at byte %d; %s", syntax.Error(), syntax.Offset, wayOut)
}
