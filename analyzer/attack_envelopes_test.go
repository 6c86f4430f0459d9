package analyzer

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// envelopes are bodies around an answer: @Q is the answer as a JSON string, @T its object, @L a lure as a string, @1 and @2
// halves of the answer as strings.
func envelopes() []string {
	usage := `,"usage":{"prompt_tokens":100,"completion_tokens":9}`
	one := func(message, rest string) string {
		return `{"id":"x","model":"m","choices":[{"index":0,"message":` + message + `,"finish_reason":"stop"` + rest + `}]` + usage + `}`
	}
	return []string{
		one(`{"role":"assistant","content":@Q}`, ""), one(`{"role":"assistant","content":@Q,"reasoning_content":@L}`, ""), one(`{"content":@Q,"reasoning":@L}`, ""),
		one(`{"content":@Q,"reasoning_details":[{"type":"reasoning.text","text":@L}]}`, ""), one(`{"content":[{"type":"text","text":@Q}]}`, ""),
		one(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":@L}]},{"type":"text","text":@Q}]}`, ""), one(`{"content":[{"type":"reasoning","text":@L},{"type":"output_text","text":@Q}]}`, ""),
		one(`{"content":[@1,@2]}`, ""), one(`{"content":{"type":"text","text":@Q}}`, ""), one(`{"content":[{"text":{"value":@Q}}]}`, ""), one(`{"content":@T}`, ""),
		one(`{"content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":@Q}}]}`, ""), one(`{"content":"","tool_calls":[{"function":{"arguments":@T}}]}`, ""),
		one(`{"content":null,"function_call":{"name":"f","arguments":@Q}}`, ""), one(`{"content":@Q,"tool_calls":[{"function":{"name":"f","arguments":@L}}]}`, ""), one(`{"content":@Q,"tool_calls":[]}`, ""),
		one(`{"content":@Q,"refusal":null}`, `,"logprobs":{"content":[]}`), one(`{"content":@Q,"annotations":[],"audio":null}`, `,"content_filter_results":{"hate":{"filtered":false}}`), "\ufeff" + one(`{"content":@Q}`, ""),
		"\n\n\n" + one(`{"content":@Q}`, ""), ": keep-alive\n\n: keep-alive\n\n" + one(`{"content":@Q}`, ""), `{"data":` + one(`{"content":@Q}`, "") + `}`, "[" + one(`{"content":@Q}`, "") + "]",
		`{"choices":[{"message":{"content":@Q},"finish_reason":null}],"usage":null}`, `{"choices":[{"text":@Q,"finish_reason":"stop"}]}`, `{"choices":[{"delta":{"content":@Q},"finish_reason":"stop"}]}`,
		`{"choices":[{"index":"0","message":{"content":@Q},"finish_reason":"STOP"},{"index":"1","message":{"content":@L},"finish_reason":"stop"}]}`, `{"choices":[{"message":{"content":@Q},"finish_reason":"stop"}],"usage":{"completion_tokens":"9"},"created":1.5,"id":7}`,
		"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":@1}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":@2},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		"data: {\"choices\":[{\"delta\":{\"reasoning_content\":@L}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":@1}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":@2}}]}\r\n\r\ndata: [DONE]\r\n\r\n",
		": OPENROUTER PROCESSING\n\nevent: message\nid: 3\ndata: {\"choices\":[{\"delta\":{\"content\":@1}}]}\n\n: OPENROUTER PROCESSING\n\ndata: {\"choices\":[{\"delta\":{\"content\":@2},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"completion_tokens\":9}}\n\ndata: [DONE]\n",
		"data: {\"choices\":[{\"delta\":{\"content\":@1}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":@2},\"finish_reason\":\"stop\"}]}\n",
		"data:{\"choices\":[]}\ndata:{\"choices\":[{\"delta\":{\"content\":@1}}]}\ndata:{\"choices\":[{\"delta\":{\"content\":@2}}]}\ndata:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
		"{\"choices\":[{\"delta\":{\"content\":@1}}]}\n{\"choices\":[{\"delta\":{\"content\":@2},\"finish_reason\":\"stop\"}]}\n", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":@1}}]}\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":@L}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":@2},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]",
		`{"type":"message","role":"assistant","content":[{"type":"thinking","thinking":@L},{"type":"text","text":@Q}],"stop_reason":"end_turn","usage":{"output_tokens":9}}`, `{"model":"m","message":{"role":"assistant","content":@Q,"thinking":@L},"done":true,"done_reason":"stop"}`,
		"{\"message\":{\"content\":@1},\"done\":false}\n{\"message\":{\"content\":@2},\"done\":true,\"done_reason\":\"stop\"}\n", `{"output":{"choices":[{"message":{"content":@Q},"finish_reason":"stop"}]},"usage":{"output_tokens":9}}`, `{"result":{"choices":[{"message":{"content":@Q},"finish_reason":"stop"}]}}`,
		`{"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":@L}]},{"type":"message","content":[{"type":"output_text","text":@Q}]}],"status":"completed"}`, `{"candidates":[{"content":{"parts":[{"text":@L,"thought":true},{"text":@Q}]},"finishReason":"STOP"}]}`,
		`{"model":"m","response":@Q,"done":true}`, `[{"generated_text":@Q}]`, `{"generated_text":@Q}`, `{"output":{"text":@Q,"finish_reason":"stop"}}`, `{"content":@Q,"stop":true}`, `{"choices":{"0":{"message":{"content":@Q}}}}`, `{"choices":[{"messages":[{"role":"assistant","type":"answer","content":@Q}]}]}`,
		one(`{"content":@Q,"content_parts":[@L]}`, ""), one(`{"role":"assistant","content":@Q,"thinking":@L}`, ""), one(`{"role":"assistant","content":@Q,"thinking_blocks":[{"thinking":@L}]}`, ""), one(`{"content":[{"type":"text","text":@1},{"type":"text","text":@2}]}`, ""), one(`{"content":[{"type":"redacted_thinking","data":"x"},{"text":@Q}]}`, ""),
	}
}

// badEnvelopes hold no answer that counts, although the lure is somewhere.
func badEnvelopes() []string {
	return []string{
		`{"choices":[{"message":{"content":null,"reasoning_content":@L},"finish_reason":"stop"}]}`, `{"choices":[{"message":{"content":"","reasoning":@L},"finish_reason":"length"}],"usage":{"completion_tokens":900}}`,
		`{"choices":[{"message":{"content":"  \n"},"finish_reason":"stop"}],"usage":{"completion_tokens":900,"completion_tokens_details":{"reasoning_tokens":900}}}`, `{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":@L}]}]},"finish_reason":"stop"}]}`,
		`{"choices":[{"error":{"message":"Upstream error","code":502},"message":{"content":@L},"finish_reason":"error"}]}`, `{"error":{"message":"no","code":1305},"choices":[{"message":{"content":@L},"finish_reason":"stop"}]}`, `{"choices":[{"message":{"content":@L},"finish_reason":"content_filter"}]}`,
		`{"choices":[{"message":{"content":@L},"finish_reason":"error"}]}`, "data: {\"choices\":[{\"delta\":{\"content\":@L}}]}\n\nevent: error\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n", "data: {\"choices\":[{\"delta\":{\"reasoning_content\":@L}}]}\n\ndata: [DONE]\n\n",
		`{"choices":[],"error":null}`, `{"choices":null}`, `{}`, `[]`, `null`, `"@L"`, `<html>@L</html>`, `{"choices":[null]}`, `{"choices":[[]]}`, `{"choices":[{"message":null,"finish_reason":"stop"}]}`, `{"choices":[{"message":{"role":"user","content":null},"finish_reason":"stop"}]}`,
		`{"choices":[{"message":{"content":null,"refusal":@L},"finish_reason":"stop"}]}`, `{"candidates":[{"content":{"parts":[{"text":@L,"thought":true}]}}]}`, `{"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":@L}]}]}`, `{"message":{"content":"","thinking":@L},"done":true}`,
		`{"choices":[{"message":{"content":false},"finish_reason":"stop"}]}`, `{"choices":[{"message":{"content":7},"finish_reason":"stop"}]}`, `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"},"choices":null}`, `{"code":20012,"message":"no such model","data":null}`, `{"choices":[{"message":{"content":@L`, "event: error\ndata: {\"error\":@L}\n\n",
	}
}

func TestAttackEnvelopes(t *testing.T) {
	count := map[string]int{}
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	fill := func(envelope string, a answer) string {
		w := a.String()
		half := len(w) / 2
		for w[half]&0xC0 == 0x80 {
			half++
		}
		return strings.NewReplacer("@Q", quote(w), "@T", w, "@L", quote(lure("LURE")), "@1", quote(w[:half]), "@2", quote(w[half:])).Replace(envelope)
	}
	c := &client{host: "model.example", redacted: func(s string) string { return s }}
	read := func(body string) (reply, *fault) {
		said := readCompletion([]byte(body))
		content, f := c.content(exchange{status: 200, body: []byte(body), whole: true}, said)
		return reply{content: content, cut: said.is(cutReasons), whole: said.is(wholeReasons)}, f
	}
	for i, envelope := range envelopes() {
		for j, a := range trueAnswers() {
			got, f := read(fill(envelope, a))
			is, why := "unreadable", ""
			if f == nil {
				is, why = outcome(t, a, got)
			} else {
				why = f.failure.Error()
			}
			count[is]++
			if is != "right" {
				t.Logf("%s: envelope %d %d %.120q: %.200s", strings.ToUpper(is), i, j, envelope, why)
			}
		}
	}
	for i, envelope := range badEnvelopes() {
		got, f := read(fill(envelope, trueAnswers()[0]))
		is := "unreadable"
		if f == nil {
			if is, _ = outcome(t, trueAnswers()[0], got); is != "unreadable" || strings.Contains(proseVerdict(got.content).Prose, "LURE") {
				is = "wrong"
				t.Logf("WRONG: bad envelope %d %.160q: %.80s", i, envelope, got.content)
			}
		}
		count[is+" (bad)"]++
	}
	t.Log(fmt.Sprint(count))
	assert.Zero(t, count["wrong"]+count["wrong (bad)"])
	assert.GreaterOrEqual(t, count["right"], 180)
}
