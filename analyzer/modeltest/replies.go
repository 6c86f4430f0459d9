package modeltest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Verdict answers with a plausible verdict, in the language that was asked for, that cites the evidence of the prompt.
func Verdict() Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) {
		complete(w, asked, PlausibleVerdict(asked), "stop")
	}
}

// After answers with reply once d has passed.
func After(d time.Duration, reply Reply) Reply {
	return func(w http.ResponseWriter, r *http.Request, asked Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(d):
			reply(w, r, asked)
		}
	}
}

// Content answers with the text as the model's content.
func Content(text string) Reply { return Finish(text, "stop") }

// Finish answers with the text and a finish_reason: length for an answer cut off at max_tokens, content_filter, or
// insufficient_system_resource.
func Finish(text, reason string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) { complete(w, asked, text, reason) }
}

// Cut answers with the first half of a plausible verdict, cut off at max_tokens.
func Cut() Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) {
		verdict := PlausibleVerdict(asked)
		complete(w, asked, verdict[:len(verdict)/2], "length")
	}
}

// Fenced answers with a plausible verdict inside a Markdown code fence, with words around it.
func Fenced() Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) {
		complete(w, asked, "Here is the analysis:\n```json\n"+PlausibleVerdict(asked)+"\n```\nI hope this helps.", "stop")
	}
}

// Prose answers in plain words, without any JSON.
func Prose() Reply {
	return Content("The login failures come from one region.\nLook at the firewall first.")
}

// Blank answers 200 with white space as content, as DeepSeek's JSON mode sometimes does.
func Blank() Reply { return Content(" \n\t ") }

// Status answers with an HTTP status and an error body of the provider's form; no message, no body.
func Status(status int, message string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		if message == "" {
			w.WriteHeader(status)
			return
		}
		fail(w, status, message)
	}
}

// RateLimit answers 429, with a Retry-After header (seconds, or a date) unless that is empty.
func RateLimit(retryAfter string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		fail(w, http.StatusTooManyRequests, "Rate limit reached")
	}
}

// Hang sends nothing at all until the client goes.
func Hang() Reply {
	return func(_ http.ResponseWriter, r *http.Request, _ Request) { <-r.Context().Done() }
}

// BlankLines sends a blank line at every interval until the client goes, as DeepSeek does for a queued request.
func BlankLines(every time.Duration) Reply { return drip("", "\n", every) }

// Drip begins a good answer and then sends white space at every interval, without an end.
func Drip(every time.Duration) Reply { return drip(`{"id":"drip","choices":`, " ", every) }

func drip(start, text string, every time.Duration) Reply {
	return func(w http.ResponseWriter, r *http.Request, _ Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(start))
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			if _, err := w.Write([]byte(text)); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-ticker.C:
			}
		}
	}
}

// Queued sends n blank lines, one at every interval, and then a good answer.
func Queued(n int, every time.Duration) Reply {
	return func(w http.ResponseWriter, r *http.Request, asked Request) {
		w.Header().Set("Content-Type", "application/json")
		for range n {
			_, _ = w.Write([]byte("\n"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(every):
			}
		}
		complete(w, asked, PlausibleVerdict(asked), "stop")
	}
}

// Raw answers with a body as it is.
func Raw(status int, contentType, body string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// ErrorIn200 answers 200 with an error for a body.
func ErrorIn200(message string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) { fail(w, http.StatusOK, message) }
}

// Empty answers 200 with no body.
func Empty() Reply { return Raw(http.StatusOK, "application/json", "") }

// HTML answers 200 with a web page, as a captive portal does.
func HTML() Reply { return Raw(http.StatusOK, "text/html", "<html><body>Please log in</body></html>") }

// Huge answers with a JSON body of n bytes of content.
func Huge(status, n int) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"`))
		chunk := []byte(strings.Repeat("x", 64<<10))
		for left := n; left > 0; left -= len(chunk) {
			if _, err := w.Write(chunk[:min(left, len(chunk))]); err != nil {
				return
			}
		}
		_, _ = w.Write([]byte(`"}}]}`))
	}
}

// Redirect answers 307, which keeps method and body.
func Redirect(to string) Reply {
	return func(w http.ResponseWriter, r *http.Request, _ Request) {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}
}

// Reset breaks the connection without an answer.
func Reset() Reply { return hijack("") }

// ResetMidway breaks the connection in the middle of an answer.
func ResetMidway() Reply {
	return hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"choices\":")
}

func hijack(text string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(text))
		if tcp, ok := conn.(*net.TCPConn); ok && text == "" {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
	}
}

func complete(w http.ResponseWriter, asked Request, content, finish string) {
	prompt := 0
	for _, m := range asked.Messages {
		if m.Content != nil {
			prompt += tokens(*m.Content)
		}
	}
	completion := tokens(content)
	send(w, http.StatusOK, map[string]any{
		"id": "chatcmpl-modeltest", "object": "chat.completion", "created": 1, "model": asked.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": finish, "message": map[string]any{"role": "assistant", "content": content},
		}},
		"usage": map[string]any{
			"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
			"prompt_cache_hit_tokens": min(asked.Cached, prompt), "prompt_cache_miss_tokens": prompt - min(asked.Cached, prompt),
		},
	})
}

var evidenceID = regexp.MustCompile(`(?m)^\W*(E\d+)\b`)

// PlausibleVerdict returns the JSON of a verdict that cites the first evidence of the prompt.
func PlausibleVerdict(asked Request) string {
	ids := []string{}
	for _, match := range evidenceID.FindAllStringSubmatch(asked.User(), -1) {
		if !slices.Contains(ids, match[1]) {
			ids = append(ids, match[1])
		}
	}
	summary, hypothesis := "The alert is real, and one group of series carries it.", "One source makes most of the failures."
	step, why := "Look at the series that the evidence ranks first.", "It carries most of the change."
	if strings.Contains(asked.User(), "中文") {
		summary, hypothesis = "告警属实，变化集中在一组序列上。", "大部分失败来自同一个来源。"
		step, why = "查看证据中排名第一的序列。", "它贡献了大部分变化。"
	}
	verdict, err := json.MarshalIndent(map[string]any{
		"summary": summary, "category": "security", "severity": "critical", "insufficient_evidence": len(ids) == 0,
		"causes": []any{map[string]any{
			"hypothesis": hypothesis, "likelihood": "high", "evidence": ids[:min(len(ids), 2)],
			"disproof": "sum(rate(user_login_total[5m])) by (ip_region)",
		}},
		"actions":    []any{map[string]any{"step": step, "why": why, "command": "", "risk": "read-only"}},
		"prevention": []string{}, "missing_evidence": []string{},
		"checks": []any{map[string]any{"promql": "sum(rate(user_login_total[5m])) by (ip_region)", "would_refute": hypothesis}},
	}, "", " ")
	if err != nil {
		panic(fmt.Sprintf("a verdict of constants: %v", err)) // strings and booleans always encode
	}
	return string(verdict)
}
