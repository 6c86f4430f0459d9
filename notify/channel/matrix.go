package channel

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// matrixBytes bounds each of the two texts of a message, which an edit holds twice: the whole event may have 65,536 bytes.
const matrixBytes = 12_000

var matrixHTML = markup{
	escape: html.EscapeString,
	bold:   func(s string) string { return "<strong>" + s + "</strong>" },
	link:   func(label, url string) string { return `<a href="` + html.EscapeString(url) + `">` + label + "</a>" },
	line:   "<br>",
}

// matrix sends to a room and edits its message of an incident. A transaction that comes again is recognized by its id.
type matrix struct {
	*core

	url, token string
}

func newMatrix(s *Settings, c *core) (Channel, error) {
	base := strings.TrimRight(s.URL.Reveal(), "/")
	return &matrix{c, base + "/_matrix/client/v3/rooms/" + url.PathEscape(s.Room) + "/send/m.room.message/", s.Token.Reveal()}, nil
}

func (*matrix) Pace() (time.Duration, int) { return 500 * time.Millisecond, 5 }

func (c *matrix) Send(ctx context.Context, d Delivery) (Receipt, error) {
	text := map[string]any{
		"msgtype": "m.text",
		"body":    fitted(d, matrixBytes, bytesOf, func(co content) string { return plain.whole(co, d.Message.colon()) }),
		"format":  "org.matrix.custom.html",
		"formatted_body": fitted(d, matrixBytes, bytesOf, func(co content) string {
			return matrixHTML.whole(co, d.Message.colon())
		}),
		"m.mentions": map[string]any{}, // nobody: else @room in an alert's text would call everybody
	}
	body := text
	if d.Thread != "" {
		body = map[string]any{
			"msgtype": "m.text", "body": "* " + text["body"].(string), //nolint:forcetypeassert // made above
			"m.mentions":    map[string]any{},
			"m.new_content": text,
			"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": d.Thread},
		}
	}
	r, err := c.json(ctx, request{
		method: http.MethodPut, url: c.url + url.PathEscape(requestID(d)), header: map[string]string{"Authorization": "Bearer " + c.token},
	}, body)
	if err != nil {
		return Receipt{}, err
	}
	return c.answer(r, d.Thread)
}

func (c *matrix) answer(r *reply, thread string) (Receipt, error) {
	var answer struct {
		EventID      string  `json:"event_id"`
		Code         string  `json:"errcode"`
		Error        string  `json:"error"`
		RetryAfterMS float64 `json:"retry_after_ms"`
	}
	_ = json.Unmarshal(r.body, &answer) // an answer that is no JSON has none
	err := c.judge(r)
	switch {
	case err == nil && answer.EventID == "":
		return Receipt{}, c.refuse(Retry, r, string(r.body))
	case err == nil && thread == "":
		return Receipt{Thread: answer.EventID}, nil
	case err == nil: // an edit can't be edited: the first message stays the one
		return Receipt{Thread: thread}, nil
	}
	f := AsFailure(err)
	f.After = max(f.After, bounded(answer.RetryAfterMS/1000))
	switch answer.Code {
	case "M_LIMIT_EXCEEDED":
		f.Kind = Retry
	case "M_TOO_LARGE", "M_BAD_JSON", "M_NOT_JSON":
		f.Kind = BadContent
	case "M_FORBIDDEN", "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_NOT_FOUND", "M_UNRECOGNIZED":
		f.Kind = BadConfig
	}
	return Receipt{}, f
}
