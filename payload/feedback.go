package payload

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// maxFeedbackBytes bounds the body of feedback: room for the longest text with every character escaped.
const maxFeedbackBytes = 16 << 10

// DecodeFeedback reads the body of feedback that arrived at now, up to its end. What is wrong with the body is an
// [*Error]; any other error is the reader's, wrapped. The feedback is valid, and free of characters that nobody sees: it is
// shown on terminals, too.
func DecodeFeedback(r io.Reader, now time.Time) (incident.Feedback, error) {
	src := &source{from: r, most: maxFeedbackBytes, wayOut: fmt.Sprintf("send less: a text has at most %d", incident.MaxFeedbackText)}
	if err := src.drain(); err != nil {
		return incident.Feedback{}, err
	}
	var members fields
	if json.Unmarshal(src.body, &members) != nil {
		return incident.Feedback{}, notAnObject(src.body, `send a JSON object such as {"kind":"correct","text":"the disk was full"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains([]string{"kind", "text", "by"}, name) {
			return incident.Feedback{}, refuse(strings.TrimPrefix(member(name), "."), "not a key of feedback; send kind, text and by")
		}
		if !utf8.Valid(members[name]) {
			return incident.Feedback{}, refuse(name, "not UTF-8")
		}
	}
	var kind, said, by string
	if err := members.read("", []target{{"kind", &kind, wantString}, {"text", &said, wantString}, {"by", &by, wantString}}); err != nil {
		return incident.Feedback{}, err
	}
	f := incident.Feedback{
		Kind: incident.FeedbackKind(kind), Text: strings.TrimSpace(text.Clean(said)), By: text.OneLine(by),
		At: now.UTC().Truncate(time.Microsecond), // as it is stored
	}
	if !slices.Contains(incident.FeedbackKinds(), f.Kind) {
		return incident.Feedback{}, refuse("kind", "%s is not one of confirm, correct", quote(kind))
	}
	if err := f.Validate(); err != nil {
		field, reason, _ := strings.Cut(err.Error(), ": ")
		return incident.Feedback{}, refuse(field, "%s", reason)
	}
	return f, nil
}
