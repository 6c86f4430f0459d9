package notifytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Teams is a Workflows URL: it answers 202 before it looks, and what it does not like is lost, which Violations say.
func Teams() *Standin {
	const path = "/workflows/w1/triggers/manual/paths/invoke"
	return start(path+"?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig=the-signature", func(s *Standin, r *http.Request, body []byte) answer {
		q := r.URL.Query()
		if q.Get("api-version") == "" {
			return refuse(http.StatusBadRequest, `{"error":{"code":"MissingApiVersionParameter","message":"The api-version query parameter is required."}}`)
		}
		if q.Get("sig") != "the-signature" {
			return refuse(http.StatusUnauthorized, `{"error":{"code":"DirectApiAuthorizationRequired","message":"Unauthorized"}}`)
		}
		var m struct {
			Type        string
			Attachments []struct {
				ContentType string
				Content     struct {
					Type, Version string
					Body          []struct{ Type, Text string }
				}
			}
		}
		if json.Unmarshal(body, &m) != nil || m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].Content.Type != "AdaptiveCard" {
			s.violate("lost in the flow: not a message with an AdaptiveCard")
			return answer{status: http.StatusAccepted}
		}
		card := m.Attachments[0].Content
		if card.Version > "1.4" || len(body)*12/10 > 28_672 {
			s.violate("lost in the flow: version %s, %d bytes", card.Version, len(body))
			return answer{status: http.StatusAccepted}
		}
		var text strings.Builder
		for _, b := range card.Body {
			text.WriteString(b.Text + "\n")
		}
		return answer{status: http.StatusAccepted, accepted: &Accepted{ID: s.next(), Text: text.String()}}
	})
}

// TelegramToken is that of the bot. The group TelegramGroup has become the supergroup TelegramSupergroup.
const (
	TelegramToken      = "123456:token-of-the-bot"
	TelegramChat       = "-1001"
	TelegramGroup      = "-42"
	TelegramSupergroup = "-10042"
)

// Telegram is the Bot API.
func Telegram() *Standin {
	s := start("", func(s *Standin, r *http.Request, body []byte) answer {
		method, found := strings.CutPrefix(r.URL.Path, "/bot"+TelegramToken+"/")
		if !found {
			return telegramError(http.StatusUnauthorized, "Unauthorized", "")
		}
		var m struct {
			ChatID    string `json:"chat_id"`
			MessageID int64  `json:"message_id"`
			Text      string
			ParseMode string `json:"parse_mode"`
		}
		if json.Unmarshal(body, &m) != nil {
			return telegramError(http.StatusBadRequest, "Bad Request: can't parse JSON", "")
		}
		if m.ChatID == TelegramGroup {
			return telegramError(http.StatusBadRequest, "Bad Request: group chat was upgraded to a supergroup chat", `{"migrate_to_chat_id":`+TelegramSupergroup+`}`)
		}
		if m.ChatID != TelegramChat && m.ChatID != TelegramSupergroup {
			return telegramError(http.StatusBadRequest, "Bad Request: chat not found", "")
		}
		if s.tooFast() {
			return telegramError(http.StatusTooManyRequests, "Too Many Requests: retry after 1", `{"retry_after":1}`)
		}
		text := m.Text
		if m.ParseMode == "HTML" {
			var err error
			if text, err = parseHTML(m.Text); err != nil {
				return telegramError(http.StatusBadRequest, "Bad Request: can't parse entities: "+err.Error(), "")
			}
		}
		if telegramMention.MatchString(text) {
			s.violate("somebody is called: %s", telegramMention.FindString(text))
		}
		if len(utf16.Encode([]rune(text))) > 4096 {
			return telegramError(http.StatusBadRequest, "Bad Request: message is too long", "")
		}
		id := s.next()
		switch method {
		case "sendMessage":
			return ok(`{"ok":true,"result":{"message_id":`+id+`}}`, &Accepted{ID: id, Text: text})
		case "editMessageText":
			at := fmt.Sprint(m.MessageID)
			if !s.find(at) {
				return telegramError(http.StatusBadRequest, "Bad Request: message to edit not found", "")
			}
			if s.accepted[len(s.accepted)-1].ID == at && s.accepted[len(s.accepted)-1].Text == text {
				return telegramError(http.StatusBadRequest, "Bad Request: message is not modified: specified new message content is the same", "")
			}
			return ok(`{"ok":true,"result":{"message_id":`+at+`}}`, &Accepted{ID: at, Edits: at, Text: text})
		}
		return telegramError(http.StatusNotFound, "Not Found", "")
	})
	s.Limit(1, time.Second)
	return s
}

// telegramMention is what Telegram makes a mention of, with markup or without.
var telegramMention = regexp.MustCompile(`(?:^|\W)@\w+`)

func telegramError(code int, description, parameters string) answer {
	more := ""
	if parameters != "" {
		more = `,"parameters":` + parameters
	}
	return refuse(code, fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q%s}`, code, description, more))
}

// parseHTML returns the text of Telegram's HTML, whose tags have to be known and closed.
func parseHTML(s string) (string, error) {
	known := map[string]bool{"b": true, "i": true, "u": true, "s": true, "a": true, "code": true, "pre": true, "blockquote": true}
	var open []string
	var text strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				return "", fmt.Errorf("can't find end tag corresponding to start tag %q", open[len(open)-1])
			}
			return text.String(), nil
		case html.TextToken:
			raw := string(z.Raw())
			if strings.ContainsAny(raw, "<>") {
				return "", fmt.Errorf("unsupported start tag in %q", raw)
			}
			text.WriteString(html.UnescapeString(raw))
		case html.StartTagToken:
			name, _ := z.TagName()
			if !known[string(name)] {
				return "", fmt.Errorf("unsupported start tag %q", name)
			}
			open = append(open, string(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return "", fmt.Errorf("unexpected end tag %q", name)
			}
			open = open[:len(open)-1]
		default:
			return "", fmt.Errorf("unsupported markup")
		}
	}
}

// Discord is a webhook of Discord. A client that goes on after a 404 is banned.
func Discord() *Standin {
	const path = "/api/webhooks/1/token-of-the-hook"
	gone := false
	s := start(path, func(s *Standin, r *http.Request, body []byte) answer {
		if !strings.HasPrefix(r.URL.Path, path) {
			if gone {
				s.violate("a webhook that is gone was used again")
			}
			gone = true
			return refuse(http.StatusNotFound, `{"message":"Unknown Webhook","code":10015}`)
		}
		if r.URL.Query().Get("wait") != "true" {
			return answer{status: http.StatusNoContent}
		}
		if s.tooFast() {
			return answer{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "1"}, body: `{"message":"You are being rate limited.","retry_after":0.5,"global":false}`}
		}
		var m struct {
			Content         string
			Embeds          []struct{ Title, Description, URL string }
			AllowedMentions *struct{ Parse []string } `json:"allowed_mentions"`
		}
		if json.Unmarshal(body, &m) != nil || m.Content == "" && len(m.Embeds) == 0 {
			return refuse(http.StatusBadRequest, `{"message":"Cannot send an empty message","code":50006}`)
		}
		if m.AllowedMentions == nil || len(m.AllowedMentions.Parse) > 0 {
			s.violate("mentions are allowed")
		}
		sum, text := 0, m.Content
		for _, e := range m.Embeds {
			title, description := utf8.RuneCountInString(e.Title), utf8.RuneCountInString(e.Description)
			if title > 256 || description > 4096 {
				return refuse(http.StatusBadRequest, `{"embeds":["0"]}`)
			}
			sum += title + description
			text += e.Title + "\n" + e.Description
		}
		if sum > 6000 || utf8.RuneCountInString(m.Content) > 2000 {
			return refuse(http.StatusBadRequest, `{"embeds":["0"]}`)
		}
		header := map[string]string{"X-RateLimit-Remaining": "3", "X-RateLimit-Reset-After": "1"}
		if r.Method == http.MethodPatch {
			id := strings.TrimPrefix(r.URL.Path, path+"/messages/")
			if !s.find(id) {
				return refuse(http.StatusNotFound, `{"message":"Unknown Message","code":10008}`)
			}
			return answer{status: http.StatusOK, header: header, body: `{"id":"` + id + `"}`, accepted: &Accepted{ID: id, Edits: id, Text: text}}
		}
		id := "99" + s.next()
		return answer{status: http.StatusOK, header: header, body: `{"id":"` + id + `"}`, accepted: &Accepted{ID: id, Text: text}}
	})
	s.Limit(5, 2*time.Second)
	return s
}
