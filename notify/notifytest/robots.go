package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RobotSecret signs requests to DingTalk and Feishu.
const RobotSecret = "SEC-of-the-robot"

func codeAnswer(code int, message string) answer {
	return ok(fmt.Sprintf(`{"errcode":%d,"errmsg":%q}`, code, message), nil)
}

// DingTalk is a custom robot of DingTalk with a signature, and with a keyword where one is given. It answers 200 to errors, and
// nothing for ten minutes to who was too fast.
func DingTalk(keyword string) *Standin {
	var punished time.Time
	s := start("/robot/send?access_token=token-of-the-robot", func(s *Standin, r *http.Request, body []byte) answer {
		q := r.URL.Query()
		if q.Get("access_token") != "token-of-the-robot" {
			return codeAnswer(300005, "token is not exist")
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return codeAnswer(43004, "无效的HTTP HEADER Content-Type")
		}
		stamp, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
		if err != nil || time.Since(time.UnixMilli(stamp)).Abs() > time.Hour {
			return codeAnswer(310000, "invalid timestamp")
		}
		if q.Get("sign") != base64.StdEncoding.EncodeToString(sum([]byte(RobotSecret), q.Get("timestamp")+"\n"+RobotSecret)) {
			return codeAnswer(310000, "sign not match")
		}
		if time.Now().Before(punished) || s.tooFast() {
			if punished.IsZero() {
				punished = time.Now().Add(10 * time.Minute)
			}
			return ok(`{"status":1111,"wait":5,"source":"x5","punish":"deny","errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, nil)
		}
		if len(body) > 20_000 {
			return codeAnswer(460101, "message too long, exceed 20000 bytes")
		}
		var m struct {
			MsgType  string
			Markdown struct{ Title, Text string }
		}
		if json.Unmarshal(body, &m) != nil || m.MsgType != "markdown" || m.Markdown.Title == "" || m.Markdown.Text == "" {
			return codeAnswer(40035, "缺少参数")
		}
		if !strings.Contains(m.Markdown.Title+m.Markdown.Text, keyword) {
			return codeAnswer(310000, "keywords not in content")
		}
		return ok(`{"errcode":0,"errmsg":"ok"}`, &Accepted{ID: s.next(), Text: m.Markdown.Text})
	})
	s.Limit(20, time.Minute)
	return s
}

func sum(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// Feishu is a custom bot of Feishu with a signature.
func Feishu() *Standin {
	const path = "/open-apis/bot/v2/hook/token-of-the-bot"
	s := start(path, func(s *Standin, r *http.Request, body []byte) answer {
		fail := func(status, code int, message string) answer {
			return refuse(status, fmt.Sprintf(`{"code":%d,"msg":%q,"data":{}}`, code, message))
		}
		if r.URL.Path != path {
			return fail(http.StatusOK, 19001, "param invalid: incoming webhook access token invalid")
		}
		if s.tooFast() {
			return fail(http.StatusBadRequest, 9499, "too many request")
		}
		if len(body) > 20_000 {
			return fail(http.StatusBadRequest, 9499, "Bad Request")
		}
		var m struct {
			Timestamp, Sign string
			MsgType         string `json:"msg_type"`
			Card            map[string]json.RawMessage
		}
		if json.Unmarshal(body, &m) != nil {
			return fail(http.StatusBadRequest, 9499, "Bad Request")
		}
		stamp, err := strconv.ParseInt(m.Timestamp, 10, 64)
		if err != nil || time.Since(time.Unix(stamp, 0)).Abs() > time.Hour ||
			m.Sign != base64.StdEncoding.EncodeToString(sum([]byte(m.Timestamp+"\n"+RobotSecret), "")) {
			return fail(http.StatusOK, 19021, "sign match fail or timestamp is not within one hour from current time")
		}
		for property := range m.Card {
			if property != "schema" && property != "config" && property != "header" && property != "body" {
				return fail(http.StatusBadRequest, 9499, "Bad Request") // unknown properties are an error in cards of schema 2.0
			}
		}
		var card struct {
			Body struct {
				Elements []struct{ Tag, Content string }
			}
			Header struct{ Title struct{ Content string } }
		}
		raw, _ := json.Marshal(m.Card)
		if m.MsgType != "interactive" || json.Unmarshal(raw, &card) != nil || len(card.Body.Elements) != 1 {
			return fail(http.StatusBadRequest, 9499, "Bad Request")
		}
		if strings.Contains(card.Body.Elements[0].Content, "<at ") {
			s.violate("somebody is called")
		}
		return ok(`{"code":0,"msg":"success","data":{}}`, &Accepted{ID: s.next(), Text: card.Header.Title.Content + "\n" + card.Body.Elements[0].Content})
	})
	s.Limit(5, time.Second)
	return s
}

// WeCom is a group robot of WeCom. It answers 200 to errors.
func WeCom() *Standin {
	s := start("/cgi-bin/webhook/send?key=key-of-the-robot", func(s *Standin, r *http.Request, body []byte) answer {
		if r.URL.Query().Get("key") != "key-of-the-robot" {
			return codeAnswer(93000, "invalid webhook url, hint: [1732550000], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e=93000")
		}
		if s.tooFast() {
			return codeAnswer(45009, "api freq out of limit")
		}
		var m struct {
			MsgType  string
			Markdown struct{ Content string }
		}
		if json.Unmarshal(body, &m) != nil || m.MsgType != "markdown" || m.Markdown.Content == "" {
			return codeAnswer(44004, "empty content")
		}
		if len(m.Markdown.Content) > 4096 {
			return codeAnswer(40058, "markdown.content exceed max length 4096")
		}
		if strings.Contains(html.UnescapeString(m.Markdown.Content), "<@") {
			s.violate("somebody is called")
		}
		return ok(`{"errcode":0,"errmsg":"ok"}`, &Accepted{ID: s.next(), Text: m.Markdown.Content})
	})
	s.Limit(20, time.Minute)
	return s
}
