package analyzer

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusalBodies are what providers and relays document or were captured to answer in place of a completion: the kinds of failure that
// it may be taken for.
func refusalBodies() []struct {
	name   string
	status int
	body   string
	kinds  string
} {
	return []struct {
		name   string
		status int
		body   string
		kinds  string
	}{
		{"openai quota", 429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, "balance"},
		{"openai billing hard limit", 400, `{"error":{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,"code":"billing_hard_limit_reached"}}`, "balance"},
		{"openai rate", 429, `{"error":{"message":"Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 4000. Please try again in 6.2s. Visit https://platform.openai.com/account/rate-limits to learn more.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, "rate_limit"},
		{"openai too large tpm", 429, `{"error":{"message":"Request too large for gpt-5 in organization org-x on tokens per min (TPM): Limit 10000, Requested 15000. The input or output tokens must be reduced in order to run successfully.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, "bad_request"},
		{"openai not active", 429, `{"error":{"message":"Your account is not active, please check your billing details on our website.","type":"billing_not_active","param":null,"code":"billing_not_active"}}`, "balance"},
		{"openai country", 403, `{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}`, "forbidden"},
		{"openai model access", 403, `{"error":{"message":"Project ` + "`proj_x`" + ` does not have access to model ` + "`gpt-5`" + `","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, "bad_request"},
		{"openai ip", 401, `{"error":{"message":"Your request was rejected: IP not authorized","type":"invalid_request_error","code":"ip_not_authorized"}}`, "authentication|forbidden"},
		{"openai policy usage", 400, `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}`, "policy"},
		{"openai org verify", 404, `{"error":{"message":"Your organization must be verified to use the model ` + "`o3`" + `.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, "bad_request"},
		{"azure filter", 400, `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, "policy"},
		{"azure rate", 429, `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 26 seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}}`, "rate_limit"},
		{"azure no deployment", 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, "bad_request"},
		{"azure key", 401, `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}`, "authentication"},
		{"azure vnet", 403, `{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}`, "forbidden"},
		{"azure principal", 401, `{"error":{"code":"PermissionDenied","message":"Principal does not have access to API/Operation."}}`, "authentication|forbidden"},
		{"azure quota calls", 403, `{"error":{"code":"403","message":"Out of call volume quota for CognitiveServices. Quota will be replenished in 5.12:00:00."}}`, "balance"},
		{"ark overdue", 403, `{"error":{"code":"AccountOverdueError","message":"The request failed because your account has an overdue balance. Request id: x","param":"","type":"Forbidden"}}`, "balance"},
		{"ark limit", 429, `{"error":{"code":"SetLimitExceeded","message":"Your account [1] has reached the set inference limit for the [doubao] model, and the model service has been paused. To continue using this model, please visit the Model Activation page to adjust or close the \"Safe Experience Mode\".","param":"","type":"TooManyRequests"}}`, "balance"},
		{"ark rpm", 429, `{"error":{"code":"ModelAccountRpmRateLimitExceeded","message":"RPM (Requests Per Minute) limit of the model has been exceeded","param":"","type":"TooManyRequests"}}`, "rate_limit"},
		{"ark quota", 429, `{"error":{"code":"QuotaExceeded","message":"Your account 1 has exceeded its free trial quota for doubao model. Please activate the model.","param":"","type":"TooManyRequests"}}`, "balance"},
		{"ark sensitive", 400, `{"error":{"code":"SensitiveContentDetected","message":"The request failed because the input text may contain sensitive information.","param":"","type":"BadRequest"}}`, "policy"},
		{"ark sensitive out", 400, `{"error":{"code":"OutputTextSensitiveContentDetected","message":"The request failed because the output text may contain sensitive information.","type":"BadRequest"}}`, "policy"},
		{"ark not open", 404, `{"error":{"code":"ModelNotOpen","message":"Your account 1 has not activated the model doubao. Please activate the model service in the Ark Console.","type":"NotFound"}}`, "bad_request"},
		{"ark denied", 403, `{"error":{"code":"AccessDenied","message":"The request failed because you do not have access to the requested resource.","type":"Forbidden"}}`, "forbidden"},
		{"ark overload", 429, `{"error":{"code":"ServerOverloaded","message":"The service is currently unable to handle additional requests due to server overload.","type":"TooManyRequests"}}`, "overload"},
		{"dashscope arrearage", 400, `{"error":{"code":"Arrearage","param":null,"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage"},"request_id":"x"}`, "balance"},
		{"dashscope unpurchased", 403, `{"code":"AccessDenied.Unpurchased","message":"Access to model denied. Please make sure you are eligible for using the model.","request_id":"x"}`, "forbidden|balance"},
		{"dashscope throttle", 429, `{"error":{"code":"limit_requests","param":null,"message":"You exceeded your current requests list. For details, see: https://help.aliyun.com/x","type":"limit_requests"}}`, "rate_limit"},
		{"dashscope burst", 429, `{"code":"Throttling.BurstRate","message":"Request rate increased too quickly. To ensure system stability, please adjust your client logic to scale requests more smoothly over time.","request_id":"x"}`, "rate_limit"},
		{"dashscope alloc", 429, `{"code":"Throttling.AllocationQuota","message":"Allocated quota exceeded, please increase your quota limit.","request_id":"x"}`, "rate_limit"},
		{"dashscope insufficient", 429, `{"error":{"code":"insufficient_quota","message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota"}}`, "balance|rate_limit"},
		{"dashscope free", 403, `{"error":{"message":"The free tier of the model has been exhausted. If you wish to continue access the model on a paid basis, please disable the \"use free tier only\" mode in the management console.","type":"AllocationQuota.FreeTierOnly","code":"AllocationQuota.FreeTierOnly"}}`, "balance"},
		{"dashscope inspect", 400, `{"error":{"code":"data_inspection_failed","param":null,"message":"Input data may contain inappropriate content.","type":"data_inspection_failed"}}`, "policy"},
		{"dashscope key", 401, `{"error":{"message":"Incorrect API key provided. ","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, "authentication"},
		{"dashscope key403", 403, `{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"x"}`, "authentication"},
		{"dashscope len", 400, `{"error":{"code":"invalid_parameter_error","message":"Range of input length should be [1, 30720]","type":"invalid_request_error"}}`, "bad_request"},
		{"moonshot balance", 429, `{"error":{"message":"Your account org-x<ak-x> is suspended, please check your plan and billing details","type":"exceeded_current_quota_error"}}`, "balance"},
		{"moonshot rpm", 429, `{"error":{"message":"Your account org-x request reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error"}}`, "rate_limit"},
		{"moonshot conc", 429, `{"error":{"message":"Your account org-x request reached max organization concurrency: 1, please try again after 1 seconds","type":"rate_limit_reached_error"}}`, "rate_limit"},
		{"moonshot over", 429, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}`, "overload"},
		{"moonshot filter", 400, `{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}`, "policy"},
		{"moonshot len", 400, `{"error":{"message":"Invalid request: Your request exceeded model token limit: 8192","type":"invalid_request_error"}}`, "bad_request"},
		{"moonshot denied", 404, `{"error":{"message":"Not found the model moonshot-x or Permission denied","type":"resource_not_found_error"}}`, "bad_request"},
		{"siliconflow balance", 403, `{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}`, "balance"},
		{"siliconflow realname", 403, `{"code":30003,"message":"Model disabled.","data":null}`, "forbidden|bad_request"},
		{"siliconflow realname2", 403, `"Real-name verification is required to use this model"`, "forbidden"},
		{"siliconflow tpm", 429, `{"message":"Request was rejected due to rate limiting. If you want more, please contact contact@siliconflow.cn. Details:TPM limit reached."}`, "rate_limit"},
		{"siliconflow key", 401, `"Invalid token"`, "authentication"},
		{"siliconflow busy", 503, `{"code":50505,"message":"Model service overloaded. Please try again later.","data":null}`, "overload"},
		{"mistral rate", 429, `{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}`, "rate_limit"},
		{"mistral req", 429, `{"message":"Requests rate limit exceeded","request_id":"x"}`, "rate_limit"},
		{"mistral capacity", 429, `{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"}`, "overload|rate_limit"},
		{"mistral inactive", 403, `{"message":"Inactive subscription or usage limit reached","request_id":"x"}`, "balance"},
		{"mistral nosub", 401, `{"detail":"No active subscription found for this organization"}`, "authentication|balance"},
		{"openrouter credits", 402, `{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 4096 tokens, but can only afford 100.","code":402,"metadata":{"provider_name":null}}}`, "balance"},
		{"openrouter moderation", 403, `{"error":{"code":403,"message":"openai/gpt requires moderation on OpenAI. Your input was flagged for \"harassment\".","metadata":{"reasons":["harassment"],"flagged_input":"..."}}}`, "policy"},
		{"openrouter key limit", 403, `{"error":{"message":"Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys","code":403}}`, "balance"},
		{"openrouter free day", 429, `{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1741305600000"}}}}`, "rate_limit"},
		{"openrouter upstream", 429, `{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"google/gemma is temporarily rate-limited upstream. Please retry shortly","provider_name":"Chutes"}}}`, "rate_limit"},
		{"openrouter data policy", 404, `{"error":{"message":"No endpoints found matching your data policy (Free model publication). Configure: https://openrouter.ai/settings/privacy","code":404}}`, "bad_request"},
		{"openrouter none", 503, `{"error":{"message":"No instances available","code":503}}`, "overload"},
		{"openrouter up402", 200, `{"error":{"message":"Provider returned error","code":402,"metadata":{"raw":"{\"error\":{\"message\":\"Insufficient Balance\"}}"}}}`, "balance"},
		{"gemini min", 429, `[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10\nPlease retry in 26.3s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}]`, "rate_limit"},
		{"gemini credits", 429, `[{"error":{"code":429,"message":"Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.","status":"RESOURCE_EXHAUSTED"}}]`, "balance"},
		{"gemini key", 400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]`, "authentication"},
		{"gemini leaked", 403, `[{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}]`, "authentication|forbidden"},
		{"gemini region", 400, `[{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}]`, "forbidden|bad_request"},
		{"gemini billing", 400, `[{"error":{"code":400,"message":"Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.","status":"FAILED_PRECONDITION"}}]`, "balance|bad_request|forbidden"},
		{"gemini disabled", 403, `[{"error":{"code":403,"message":"Generative Language API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED"}}]`, "forbidden"},
		{"gemini over", 503, `[{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}]`, "overload"},
		{"gemini len", 400, `[{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]`, "bad_request"},
		{"zhipu arrears", 429, `{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}`, "balance"},
		{"zhipu conc", 429, `{"error":{"code":"1302","message":"您当前使用该API的并发数过高，请降低并发，或联系客服增加限额。"}}`, "rate_limit"},
		{"zhipu plan", 429, `{"error":{"code":"1308","message":"已达到 5 小时的使用上限。您的限额将在 2026-11-26 12:00:00 重置。"}}`, "rate_limit"},
		{"zhipu expired plan", 429, `{"error":{"code":"1309","message":"您的GLM Coding Plan套餐已到期，暂无法使用。"}}`, "balance"},
		{"zhipu sensitive", 400, `{"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合。"},"contentFilter":[{"level":1,"role":"user"}]}`, "policy"},
		{"zhipu locked", 429, `{"error":{"code":"1112","message":"您的账户已被锁定，请联系客服解锁"}}`, "forbidden"},
		{"zhipu token", 401, `{"error":{"code":"1000","message":"身份验证失败。"}}`, "authentication"},
		{"zhipu expired", 401, `{"error":{"code":"401","message":"令牌已过期或验证不正确"}}`, "authentication"},
		{"anthropic credit", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},"request_id":"x"}`, "balance"},
		{"anthropic billing", 402, `{"type":"error","error":{"type":"billing_error","message":"There is an issue with your billing"}}`, "balance"},
		{"anthropic spend", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."}}`, "balance"},
		{"anthropic disabled", 403, `{"type":"error","error":{"type":"permission_error","message":"This organization has been disabled."}}`, "forbidden"},
		{"anthropic rate", 429, `{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 30,000 input tokens per minute."}}`, "rate_limit"},
		{"anthropic over", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "overload"},
		{"anthropic key", 401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, "authentication"},
		{"vllm len", 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the messages, 4000 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}`, "bad_request"},
		{"vllm key", 401, `{"error":"Unauthorized"}`, "authentication"},
		{"vllm model", 404, `{"error":{"message":"The model ` + "`x`" + ` does not exist.","type":"NotFoundError","param":"model","code":404}}`, "bad_request"},
		{"vllm dead", 500, `{"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.","type":"Internal Server Error","code":500}}`, "overload"},
		{"ollama pull", 404, `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, "bad_request"},
		{"ollama mem", 500, `{"error":{"message":"model requires more system memory (5.6 GiB) than is available (4.1 GiB)","type":"api_error"}}`, "overload"},
		{"ollama busy", 503, `{"error":{"message":"server busy, please try again.  maximum pending requests exceeded","type":"api_error"}}`, "overload"},
		{"ollama cloud", 402, `{"error":"you've reached your weekly usage limit, upgrade for higher limits"}`, "balance"},
		{"ollama cloud429", 429, `{"error":"you (x) have reached your weekly usage limit, upgrade for higher limits: https://ollama.com/upgrade"}`, "balance|rate_limit"},
		{"lmstudio load", 404, `{"error":{"message":"No models loaded. Please load a model in the developer page or use the ` + "`lms load`" + ` command.","type":"invalid_request_error","param":"model","code":"model_not_found"}}`, "bad_request"},
		{"lmstudio ctx", 400, `{"error":"The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input"}`, "bad_request"},
		{"lmstudio ctx200", 200, `{"error":"Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}`, "bad_request"},
		{"lmstudio crash", 400, `{"error":"The model has crashed without additional information. (Exit code: 18446744072635810000)"}`, "overload"},
		{"llamacpp ctx", 400, `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}`, "bad_request"},
		{"llamacpp loading", 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, "overload"},
		{"llamacpp key", 401, `{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}`, "authentication"},
		{"litellm budget", 400, `{"error":{"message":"Budget has been exceeded! Current cost: 10.2, Max budget: 10.0","type":"budget_exceeded","param":null,"code":"400"}}`, "balance"},
		{"litellm expired", 400, `{"error":{"message":"Authentication Error, Expired Key. Key Expiry time 2026-01-01 and current time 2026-11-26","type":"expired_key","param":"x","code":"400"}}`, "authentication"},
		{"litellm auth", 401, `{"error":{"message":"Authentication Error, Invalid proxy server token passed. Received API Key = sk-...1234, Key Hash (Token) =abc. Unable to find token in cache or ` + "`LiteLLM_VerificationTokenTable`" + `","type":"token_not_found_in_db","param":"key","code":"401"}}`, "authentication"},
		{"litellm team model", 401, `{"error":{"message":"key not allowed to access model. This key can only access models=['x']. Tried to access gpt","type":"key_model_access_denied","param":"model","code":"401"}}`, "authentication|forbidden|bad_request"},
		{"litellm wrapped", 429, `{"error":{"message":"litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details. Received Model Group=gpt\nAvailable Model Group Fallbacks=None","type":"insufficient_quota","param":null,"code":"429"}}`, "balance"},
		{"litellm cooldown", 429, `{"error":{"message":"No deployments available for selected model, Try again in 60 seconds. Passed model=gpt. pre-call-checks=False, cooldown_list=['x']","type":"None","param":"None","code":"429"}}`, "rate_limit"},
		{"litellm parallel", 429, `{"error":{"message":"Max parallel request limit reached Limit type: key. Current limit: 1","type":"None","param":"None","code":"429"}}`, "rate_limit"},
		{"litellm ctx", 400, `{"error":{"message":"litellm.ContextWindowExceededError: litellm.BadRequestError: this is not ok","type":null,"param":null,"code":"400"}}`, "bad_request"},
		{"litellm cpolicy", 400, `{"error":{"message":"litellm.ContentPolicyViolationError: AzureException - The response was filtered","type":null,"code":"400"}}`, "policy"},
		{"deepseek", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, "balance"},
		{"deepseek risk", 400, `{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`, "policy"},
		{"groq day", 429, `{"error":{"message":"Rate limit reached for model x in organization org on tokens per day (TPD): Limit 100000, Used 99000, Requested 4000. Please try again in 43m12.5s.","type":"tokens","code":"rate_limit_exceeded"}}`, "rate_limit"},
		{"newapi quota", 403, `{"error":{"message":"预扣费额度失败, 用户剩余额度: ＄0.01, 需要预扣费额度: ＄0.05","type":"new_api_error","param":"","code":"insufficient_user_quota"}}`, "balance"},
		{"newapi token quota", 401, `{"error":{"message":"该令牌额度已用尽 TokenStatusExhausted[sk-abc***xyz]","type":"new_api_error","code":""}}`, "balance"},
		{"newapi nochannel", 503, `{"error":{"code":"model_not_found","message":"分组 default 下模型 gpt 无可用渠道（distributor）","type":"new_api_error"}}`, "overload|bad_request"},
		{"cloudflare 403", 403, `<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>`, "forbidden"},
		{"proxy 407", 407, `Proxy Authentication Required`, "bad_request|forbidden|unavailable"},
		{"html200", 200, `<html><body>Login</body></html>`, "unavailable"},
		{"nginx 413", 413, `<html><head><title>413 Request Entity Too Large</title></head></html>`, "bad_request"},
		{"aws bedrock throttle", 429, `{"message":"Too many tokens, please wait before trying again."}`, "rate_limit"},
		{"hf", 503, `{"error":"Model x is currently loading","estimated_time":20.0}`, "overload"},
		{"together", 429, `{"id":"x","error":{"message":"You have reached the rate limit specific to this model. The maximum rate limit for this model is 6.0 queries and 1 tokens per minute.","type":"model_rate_limit","param":null,"code":null}}`, "rate_limit"},
		{"xai", 403, `{"code":"The caller does not have permission to execute the specified operation","error":"Your newly created team doesn't have any credits yet. You can purchase credits on https://console.x.ai/"}`, "balance"},
		{"minimax", 200, `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"},"choices":null}`, "balance"},
		{"hunyuan", 400, `{"error":{"message":"资源包余量已用尽，请购买资源包或开通后付费","type":"runtime_error","code":"ResourceInsufficient"}}`, "balance"},
		{"baidu", 429, `{"error":{"code":"rpm_rate_limit_exceeded","message":"Rate limit reached for RPM","type":"rate_limit_exceeded"}}`, "rate_limit"},
		{"baidu owe", 403, `{"error":{"code":"access_denied","message":"Access denied due to account overdue","type":"access_denied"}}`, "balance"},
		{"baidu iam", 401, `{"error":{"code":"invalid_iam_token","message":"IAM Certification failed","type":"invalid_request_error"}}`, "authentication"},
	}
}

// TestRefusalKinds: arrears, quotas, limits, policies, keys and regions are told apart, whatever the status.
func TestRefusalKinds(t *testing.T) {
	c := &client{host: "model.example", redacted: func(s string) string { return s }, now: time.Now}
	for _, test := range refusalBodies() {
		x := exchange{status: test.status, body: []byte(test.body), whole: true, header: http.Header{"Content-Type": {"application/json"}}}
		if strings.HasPrefix(test.body, "<") {
			x.header.Set("Content-Type", "text/html")
		}
		f := c.transportFault(t.Context(), x, time.Second)
		if f == nil {
			_, f = c.content(x, readCompletion(x.body))
		}
		require.NotNil(t, f, test.name)
		assert.Contains(t, strings.Split(test.kinds, "|"), string(f.failure.Kind), "%s: %s", test.name, f.failure.Err)
	}
}

func TestWaitForms(t *testing.T) {
	now := time.Date(2036, 11, 26, 9, 29, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0.5": time.Second / 2, " 7 ": 7 * time.Second, "Wed, 26 Nov 2036 09:30:00 GMT": time.Minute, "Wednesday, 26-Nov-36 09:30:00 GMT": time.Minute,
		"2036-11-26T09:30:00Z": time.Minute, "26s": 26 * time.Second, "500ms": time.Second / 2, "1m30s": 90 * time.Second, "-5": 0, "-5s": 0, "soon": 0, "NaN": 0, "1e400": 0, "99999999999": time.Hour,
	} {
		assert.Equal(t, want, retryAfter(header, now), "%q", header)
	}
	for says, want := range map[string]time.Duration{
		"Please try again in 6.2s. Visit": 6200 * time.Millisecond, "Please try again in 43m12.5s.": 43*time.Minute + 12500*time.Millisecond, "Please retry after 26 seconds.": 26 * time.Second, "try again in 2 hours": 2 * time.Hour,
		"try again in 1h2m": 62 * time.Minute, "Try again in 5 minutes.": 5 * time.Minute, "retry in 300ms": 300 * time.Millisecond, "try again later": 0, "try again in 5 parsecs": 0, "Please retry in 26.3s.": 26300 * time.Millisecond,
	} {
		assert.Equal(t, want, waitIn(says), says)
	}
}
