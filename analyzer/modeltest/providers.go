package modeltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Provider is a stand-in for one provider or server: it enforces what that one documents for a chat request.
type Provider struct {
	Name string
	Path string // of the base URL
	// Refuses returns the status and the body of the answer to a request that breaks a rule; 0 where it breaks none.
	Refuses func(asked Request, body map[string]any) (status int, said any)
	// Answers writes the answer to a request that breaks none; nil for the common form.
	Answers Reply
}

// Reply answers as the provider does.
func (p Provider) Reply() Reply {
	return func(w http.ResponseWriter, r *http.Request, asked Request) {
		var body map[string]any
		if err := json.Unmarshal(asked.Body, &body); err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		if !strings.HasPrefix(asked.Path, p.Path) {
			http.NotFound(w, r)
			return
		}
		if p.Refuses != nil {
			if status, said := p.Refuses(asked, body); status != 0 {
				send(w, status, said)
				return
			}
		}
		if p.Answers != nil {
			p.Answers(w, r, asked)
			return
		}
		complete(w, asked, PlausibleVerdict(asked), "stop")
	}
}

// Providers returns the stand-ins. What they enforce is what the providers' documents and captured answers say; docs/models.md has the list.
func Providers() []Provider {
	return []Provider{
		{Name: "deepseek", Refuses: deepseek, Answers: thinksUnlessDisabled("reasoning_content")},
		{Name: "openai", Path: "/v1", Refuses: bearer(openai)},
		{Name: "azure", Path: "/openai/deployments/gpt-5", Refuses: azure, Answers: azureAnswer},
		{Name: "gemini", Path: "/v1beta/openai", Refuses: bearer(gemini)},
		{Name: "mistral", Path: "/v1", Refuses: bearer(mistral), Answers: contentParts},
		{Name: "openrouter", Path: "/api/v1", Refuses: bearer(openrouter), Answers: thinksUnlessDisabled("reasoning")},
		{Name: "dashscope", Path: "/compatible-mode/v1", Refuses: bearer(dashscope)},
		{Name: "ark", Path: "/api/v3", Refuses: bearer(ark), Answers: thinksUnlessDisabled("reasoning_content")},
		{Name: "kimi", Path: "/v1", Refuses: bearer(kimi), Answers: thinksUnlessDisabled("reasoning_content")},
		{Name: "zhipu", Path: "/api/paas/v4", Refuses: bearer(nil), Answers: thinksUnlessDisabled("reasoning_content")},
		{Name: "siliconflow", Path: "/v1", Refuses: bearer(siliconflow), Answers: thinksUnlessDisabled("reasoning_content")},
		{Name: "ollama", Path: "/v1", Answers: ollama},
		{Name: "vllm", Path: "/v1", Refuses: vllm, Answers: thinksUnlessDisabled("reasoning")},
		{Name: "lmstudio", Path: "/v1", Refuses: lmstudio},
		{Name: "llamacpp", Path: "/v1", Refuses: llamacpp},
	}
}

type refuses = func(asked Request, body map[string]any) (int, any)

func openAIError(message, param, code string) any {
	var p, c any
	if param != "" {
		p = param
	}
	if code != "" {
		c = code
	}
	return map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": p, "code": c}}
}

func bearer(next refuses) refuses {
	return func(asked Request, body map[string]any) (int, any) {
		if !strings.HasPrefix(asked.Header.Get("Authorization"), "Bearer ") {
			return http.StatusUnauthorized, openAIError("Missing bearer authentication", "", "invalid_api_key")
		}
		if next == nil {
			return 0, nil
		}
		return next(asked, body)
	}
}

func format(body map[string]any) string {
	f, _ := body["response_format"].(map[string]any)
	kind, _ := f["type"].(string)
	return kind
}

func deepseek(_ Request, body map[string]any) (int, any) {
	if format(body) == "json_schema" {
		return http.StatusBadRequest, openAIError("This response_format type is unavailable now", "", "invalid_request_error")
	}
	return 0, nil
}

// unknown returns the fields of a request that are not among the known ones, sorted.
func unknown(body map[string]any, known ...string) []string {
	known = append(known, "model", "messages", "response_format", "max_tokens", "max_completion_tokens", "reasoning_effort", "temperature", "top_p", "n", "stop", "stream", "tools", "seed")
	return slices.DeleteFunc(slices.Sorted(maps.Keys(body)), func(k string) bool { return slices.Contains(known, k) })
}

func openai(_ Request, body map[string]any) (int, any) {
	if fields := unknown(body); len(fields) > 0 {
		return http.StatusBadRequest, openAIError("Unrecognized request argument supplied: "+fields[0], "", "")
	}
	if body["max_tokens"] != nil {
		return http.StatusBadRequest, openAIError("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens", "unsupported_parameter")
	}
	return 0, nil
}

func azure(asked Request, body map[string]any) (int, any) {
	switch {
	case !strings.Contains(asked.Query, "api-version="):
		return http.StatusNotFound, map[string]any{"error": map[string]any{"code": "404", "message": "Resource not found"}}
	case asked.Header.Get("Api-Key") == "" || asked.Header.Get("Authorization") != "":
		return http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}}
	}
	return openai(asked, body)
}

func azureAnswer(w http.ResponseWriter, _ *http.Request, asked Request) {
	fine := map[string]any{"hate": map[string]any{"filtered": false, "severity": "safe"}}
	answer(w, asked, map[string]any{"role": "assistant", "content": PlausibleVerdict(asked), "refusal": nil}, map[string]any{
		"prompt_filter_results": []any{map[string]any{"prompt_index": 0, "content_filter_results": fine}}, "system_fingerprint": nil,
	})
}

func gemini(_ Request, body map[string]any) (int, any) {
	if fields := unknown(body); len(fields) > 0 {
		text := fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot find field.", fields[0])
		return http.StatusBadRequest, []any{map[string]any{"error": map[string]any{
			"code": 400, "message": text, "status": "INVALID_ARGUMENT", "details": []any{map[string]any{
				"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []any{map[string]any{"description": text}},
			}},
		}}}
	}
	return 0, nil
}

func mistral(_ Request, body map[string]any) (int, any) {
	fields := unknown(body)
	if body["max_completion_tokens"] != nil {
		fields = append(fields, "max_completion_tokens")
	}
	if len(fields) > 0 {
		return http.StatusUnprocessableEntity, map[string]any{
			"object": "error", "type": "invalid_request_error", "param": nil, "code": nil, "message": map[string]any{"detail": []any{map[string]any{
				"type": "extra_forbidden", "loc": []any{"body", fields[0]}, "msg": "Extra inputs are not permitted", "input": body[fields[0]],
			}}},
		}
	}
	return 0, nil
}

func contentParts(w http.ResponseWriter, _ *http.Request, asked Request) {
	answer(w, asked, map[string]any{"role": "assistant", "content": []any{
		map[string]any{"type": "thinking", "thinking": []any{map[string]any{"type": "text", "text": "hm"}}},
		map[string]any{"type": "text", "text": PlausibleVerdict(asked)},
	}}, nil)
}

func openrouter(_ Request, body map[string]any) (int, any) {
	if body["max_tokens"] == nil { // it holds the credits of the longest answer
		return http.StatusPaymentRequired, map[string]any{"error": map[string]any{"code": 402, "message": "This request requires more credits, or fewer max_tokens."}}
	}
	return 0, nil
}

func dashscope(_ Request, body map[string]any) (int, any) {
	if body["enable_thinking"] != false {
		return http.StatusBadRequest, map[string]any{"error": map[string]any{
			"code": "invalid_parameter_error", "param": nil, "message": "parameter.enable_thinking must be set to false for non-streaming calls", "type": "invalid_request_error",
		}, "request_id": "x"}
	}
	return 0, nil
}

func ark(_ Request, body map[string]any) (int, any) {
	thinking, _ := body["thinking"].(map[string]any)
	if body["reasoning_effort"] != nil && thinking["type"] == "disabled" {
		return http.StatusBadRequest, openAIError("Invalid combination of reasoning_effort and thinking type", "", "InvalidParameter")
	}
	if format(body) != "" {
		return http.StatusBadRequest, openAIError("The parameter `response_format.type` specified in the request are not valid: `json_object` is not supported by this model.", "response_format.type", "InvalidParameter")
	}
	return 0, nil
}

func kimi(_ Request, body map[string]any) (int, any) {
	if t, ok := body["temperature"]; ok && t != 1. {
		return http.StatusBadRequest, map[string]any{"error": map[string]any{"message": "invalid temperature: only 1 is allowed for this model", "type": "invalid_request_error"}}
	}
	return 0, nil
}

func siliconflow(_ Request, body map[string]any) (int, any) {
	if n, _ := body["max_tokens"].(float64); n > 8192 {
		return http.StatusBadRequest, map[string]any{"code": 20015, "message": "max_tokens must be less than or equal to 8192", "data": nil}
	}
	return 0, nil
}

// ollamaContext is the number of tokens that Ollama takes with less than 24 GiB of memory.
const ollamaContext = 4096

// ollama drops what does not fit its context from the front, all but the system's and the last message, cuts what is too long still, and
// answers as if nothing were.
func ollama(w http.ResponseWriter, _ *http.Request, asked Request) {
	prompt := 0
	for _, m := range asked.Messages {
		if m.Content != nil {
			prompt += tokens(*m.Content)
		}
	}
	verdict := PlausibleVerdict(asked)
	send(w, http.StatusOK, map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.Model, "system_fingerprint": "fp_ollama",
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": verdict, "reasoning": "hm"}}},
		"usage":   map[string]any{"prompt_tokens": min(prompt, ollamaContext), "completion_tokens": tokens(verdict)},
	})
}

func vllm(_ Request, body map[string]any) (int, any) {
	if n, _ := body["max_tokens"].(float64); n > 16384 {
		return http.StatusBadRequest, map[string]any{"error": map[string]any{
			"message": "max_tokens=32768 cannot be greater than max_model_len: at most 16384", "type": "BadRequestError", "param": "max_tokens", "code": 400,
		}}
	}
	return 0, nil
}

func lmstudio(_ Request, body map[string]any) (int, any) {
	if kind := format(body); kind != "" && kind != "json_schema" && kind != "text" {
		return http.StatusBadRequest, map[string]any{"error": "'response_format.type' must be 'json_schema' or 'text'"}
	}
	return 0, nil
}

func llamacpp(asked Request, _ map[string]any) (int, any) {
	const context = 32768
	if n := len(asked.Body) / bytesPerToken; n > context {
		return http.StatusBadRequest, map[string]any{"error": map[string]any{
			"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": n, "n_ctx": context,
		}}
	}
	return 0, nil
}

// thinksUnlessDisabled answers with thoughts in the field, unless the request switches them off in a way that the common models know.
func thinksUnlessDisabled(field string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, asked Request) {
		message := map[string]any{"role": "assistant", "content": PlausibleVerdict(asked)}
		if !strings.Contains(string(asked.Body), `"disabled"`) && !strings.Contains(string(asked.Body), `"enable_thinking":false`) {
			message[field] = "Let me think: {\"summary\": \"a first idea\", \"causes\": []}"
		}
		answer(w, asked, message, nil)
	}
}

// answer sends a completion with a message and further fields.
func answer(w http.ResponseWriter, asked Request, message, more map[string]any) {
	body := map[string]any{
		"id": "x", "object": "chat.completion", "created": 1, "model": asked.Model,
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": message}},
		"usage":   map[string]any{"prompt_tokens": tokens(asked.Prompt()), "completion_tokens": 100},
	}
	maps.Copy(body, more)
	send(w, http.StatusOK, body)
}
