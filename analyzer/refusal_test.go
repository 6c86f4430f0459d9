package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// TestRefusals: what the usual providers answer in place of a completion, as documented or captured, and what it means. The provider's
// own words are shown.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		kind   incident.FailureKind
		says   string
		wait   time.Duration
	}{
		{"OpenAI, no quota", 429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, incident.FailBalance, "exceeded your current quota", 0},
		{"OpenAI, no credit", 429, `{"error":{"message":"Your credit balance is exhausted.","type":"insufficient_quota","code":"credit_balance_exhausted"}}`, incident.FailBalance, "exhausted", 0},
		{"OpenAI, spending limit", 429, `{"error":{"message":"You have reached your limit.","type":"insufficient_quota","code":"project_spend_limit_exceeded"}}`, incident.FailBalance, "quota or spending limit", 0},
		{"OpenAI, rate", 429, `{"error":{"message":"Rate limit reached for gpt-5 on tokens per min. Please try again in 1.5s.","type":"tokens","code":"rate_limit_exceeded"}}`, incident.FailRateLimit, "tokens per min", 1500 * time.Millisecond},
		{"OpenAI, key", 401, `{"error":{"message":"Incorrect API key provided: sk-01***def.","type":"invalid_request_error","code":"invalid_api_key"}}`, incident.FailAuthentication, "Incorrect API key provided: sk-01***def", 0},
		{"OpenAI, country", 403, `{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported"}}`, incident.FailForbidden, "Country, region", 0},
		{"OpenAI, account closed", 429, `{"error":{"message":"Your account has been terminated due to violation of our policies.","type":"invalid_request_error"}}`, incident.FailForbidden, "terminated", 0},
		{"OpenAI, too long", 400, `{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","code":"context_length_exceeded","param":"messages"}}`, incident.FailRequest, "llm.max_prompt_bytes", 0},
		{"OpenAI, overloaded", 503, `{"error":{"message":"slow down","type":"service_unavailable_error","code":"server_is_overloaded"}}`, incident.FailOverload, "overloaded", 0},
		{"Azure, policy", 400, `{"error":{"code":"content_filter","status":400,"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, incident.FailPolicy, "content management policy", 0},
		{"Azure, network", 403, `{"error":{"code":"403","message":"Public access is disabled. Please configure private endpoint."}}`, incident.FailForbidden, "private endpoint", 0},
		{"Azure, deployment", 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, incident.FailRequest, "LLM_MODEL", 0},
		{"Ark, arrears", 403, `{"error":{"code":"AccountOverdueError","message":"The request failed because your account has an overdue balance.","type":"Forbidden"}}`, incident.FailBalance, "overdue balance", 0},
		{"Ark, own limit", 429, `{"error":{"code":"SetLimitExceeded","message":"Your account has reached the set inference limit."}}`, incident.FailBalance, "set inference limit", 0},
		{"Ark, free quota", 429, `{"error":{"code":"QuotaExceeded","message":"The free quota is used up"}}`, incident.FailBalance, "used up", 0},
		{"Ark, overload", 429, `{"error":{"code":"ServerOverloaded","message":"The service is temporarily overloaded."}}`, incident.FailOverload, "temporarily", 0},
		{"Ark, rate", 429, `{"error":{"code":"ModelAccountTpmRateLimitExceeded","message":"TPM"}}`, incident.FailRateLimit, "TPM", 0},
		{"Ark, no access", 403, `{"error":{"code":"AccessDenied","message":"The request failed because you do not have access to the requested resource.","type":"Forbidden"}}`, incident.FailForbidden, "do not have access", 0},
		{"Ark, sensitive", 400, `{"error":{"code":"InputTextSensitiveContentDetected","message":"The input text may contain sensitive information."}}`, incident.FailPolicy, "sensitive", 0},
		{"Ark, model", 404, `{"error":{"code":"ModelNotOpen","message":"Your account has not activated the model."}}`, incident.FailRequest, "activated", 0},
		{"DashScope, arrears", 400, `{"error":{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing.","type":"Arrearage"},"request_id":"x"}`, incident.FailBalance, "good standing", 0},
		{"DashScope, inspection", 400, `{"error":{"code":"data_inspection_failed","message":"Input text data may contain inappropriate content.","type":"data_inspection_failed"}}`, incident.FailPolicy, "inappropriate", 0},
		{"DashScope, allocation", 429, `{"error":{"code":"insufficient_quota","message":"Allocated quota exceeded, please increase your quota limit.","type":"insufficient_quota"}}`, incident.FailRateLimit, "Allocated quota", 0},
		{"DashScope, free quota", 403, `{"error":{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}}`, incident.FailBalance, "free tier", 0},
		{"DashScope, too long", 400, `{"error":{"code":"invalid_parameter_error","message":"Range of input length should be [1, 98304]"}}`, incident.FailRequest, "llm.max_prompt_bytes", 0},
		{"Moonshot, balance", 429, `{"error":{"message":"Your account org-x is suspended due to insufficient balance, please recharge your account or check your plan and billing details","type":"exceeded_current_quota_error"}}`, incident.FailBalance, "please recharge", 0},
		{"Moonshot, rate", 429, `{"error":{"message":"Your account reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error"}}`, incident.FailRateLimit, "max RPM", time.Second},
		{"Moonshot, overload", 429, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}`, incident.FailOverload, "overloaded", 0},
		{"Moonshot, risk", 400, `{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}`, incident.FailPolicy, "high risk", 0},
		{"Moonshot, too long", 400, `{"error":{"message":"Your request exceeded model token limit : 8192","type":"invalid_request_error"}}`, incident.FailRequest, "llm.max_prompt_bytes", 0},
		{"Moonshot, permission", 403, `{"error":{"message":"API is not open","type":"permission_denied_error"}}`, incident.FailForbidden, "not open", 0},
		{"SiliconFlow, balance", 403, `{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}`, incident.FailBalance, "balance is insufficient", 0},
		{"SiliconFlow, real name", 403, `{"code":30003,"message":"Real-name verification is required for this model","data":null}`, incident.FailForbidden, "Real-name", 0},
		{"SiliconFlow, model", 400, `{"code":20012,"message":"Model does not exist. Please check it carefully.","data":null}`, incident.FailRequest, "LLM_MODEL", 0},
		{"SiliconFlow, rate", 429, `{"message":"Request was rejected due to rate limiting. Details:TPM limit reached.","data":null}`, incident.FailRateLimit, "TPM limit", 0},
		{"SiliconFlow, key", 401, `"Invalid token"`, incident.FailAuthentication, "DEEPSEEK_API_KEY", 0},
		{"Mistral, forbidden field", 422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","safe_prompt"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error"}`, incident.FailRequest, "Extra inputs are not permitted", 0},
		{"Mistral, older form", 422, `{"object":"error","message":"{\"detail\":[{\"loc\":[\"body\",\"x\"],\"msg\":\"Extra inputs\"}]}","type":"internal_error_proxy","code":"1000"}`, incident.FailRequest, "Extra inputs", 0},
		{"FastAPI", 422, `{"detail":[{"loc":["body","x"],"msg":"extra fields not permitted"}]}`, incident.FailRequest, "extra fields not permitted", 0},
		{"Mistral, key", 401, `{"detail":"Unauthorized"}`, incident.FailAuthentication, "Unauthorized", 0},
		{"Mistral, rate", 429, `{"object":"error","message":"Rate limit exceeded","type":"rate_limited","code":"1300"}`, incident.FailRateLimit, "Rate limit exceeded", 0},
		{"Mistral, capacity", 429, `{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error"}`, incident.FailOverload, "capacity", 0},
		{"OpenRouter, credits", 402, `{"error":{"message":"This request requires more credits, or fewer max_tokens.","code":402,"metadata":{"limit_source":"openrouter_credits"}}}`, incident.FailBalance, "requires more credits", 0},
		{"OpenRouter, in flight", 402, `{"error":{"message":"Too much in flight","code":402,"metadata":{"limit_source":"openrouter_in_flight_budget"}}}`, incident.FailRateLimit, "in flight", 0},
		{"OpenRouter, moderation", 403, `{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"],"flagged_input":"x"}}}`, incident.FailPolicy, "flagged", 0},
		{"OpenRouter, provider", 502, `{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"{\"error\":{\"message\":\"upstream is on fire\"}}"}}}`, incident.FailOverload, "upstream is on fire", 0},
		{"OpenRouter, 200", 200, `{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min"}}`, incident.FailRateLimit, "free-models-per-min", 0},
		{"OpenRouter, in a choice", 200, `{"choices":[{"index":0,"message":{"content":""},"finish_reason":"error","error":{"code":503,"message":"no instance"}}]}`, incident.FailOverload, "no instance", 0},
		{"DeepSeek, balance", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`, incident.FailBalance, "Insufficient Balance", 0},
		{"DeepSeek, risk", 400, `{"error":{"message":"Content Exists Risk","type":"invalid_request_error","code":"invalid_request_error"}}`, incident.FailPolicy, "Content Exists Risk", 0},
		{"DeepSeek, model", 400, `{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}`, incident.FailRequest, "LLM_MODEL", 0},
		{"Zhipu, balance", 429, `{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}`, incident.FailBalance, "余额不足", 0},
		{"Zhipu, busy in 200", 200, `{"error":{"code":"1305","message":"the model is busy"}}`, incident.FailOverload, "busy", 0},
		{"MiniMax, 500", 500, `{"type":"error","error":{"type":"api_error","message":"insufficient balance (1008)"}}`, incident.FailBalance, "(1008)", 0},
		{"xAI, 403", 403, `{"code":"The caller does not have permission","error":"Your newly created team doesn't have any credits yet."}`, incident.FailBalance, "any credits", 0},
		{"xAI, key", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x"}`, incident.FailAuthentication, "Incorrect API key", 0},
		{"Gemini, a minute's quota", 429, `[{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}]`, incident.FailRateLimit, "current quota", 26 * time.Second},
		{"Gemini, key", 400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, incident.FailAuthentication, "API key not valid", 0},
		{"Groq, one request too large", 413, `{"error":{"message":"Request too large for model x on tokens per minute (TPM): Limit 6000, Requested 14368","type":"tokens","code":"rate_limit_exceeded"}}`, incident.FailRequest, "llm.max_prompt_bytes", 0},
		{"Anthropic, credit", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`, incident.FailBalance, "too low", 0},
		{"llama.cpp, loading", 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, incident.FailOverload, "Loading model", 0},
		{"vLLM, key", 401, `{"error":"Unauthorized"}`, incident.FailAuthentication, "Unauthorized", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.srv.Always(modeltest.Raw(test.status, "application/json", test.body))
			_, failure := b.ask(t, "a")
			require.NotNil(t, failure)
			assert.Equal(t, test.kind, failure.Kind, failure.Err)
			assert.Contains(t, failure.Err.Error(), test.says)
			assert.Equal(t, test.wait, failure.RetryAfter)
			assert.Len(t, b.srv.Requests(), 1)
		})
	}
}

// TestOurKeyIsMasked: our key is masked wherever a provider quotes it; what only looks like it, or is too short to be a secret, stays.
func TestOurKeyIsMasked(t *testing.T) {
	tests := []struct{ key, says, shown string }{
		{testKey, "the key " + testKey + " is bad", "the key <masked> is bad"},
		{testKey, "x" + testKey + "y", "x<masked>y"},
		{"ollama", "ollama: model not found", "ollama: model not found"},
		{"deepseek", "deepseek-flash is busy", "deepseek-flash is busy"},
		{"deepseek", "key deepseek,deepseek is bad", "key <masked>,<masked> is bad"},
	}
	for _, test := range tests {
		redactor, err := redact.New(nil)
		require.NoError(t, err)
		o := Options{Key: redact.Secret(test.key), Redactor: redactor}
		assert.Equal(t, test.shown, o.redactedOfKey()(test.says))
	}
}
