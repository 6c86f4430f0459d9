package analyzer

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// refusal is what a provider says in place of an answer. Its forms are many: an object, a text, a list, a text that is JSON again.
type refusal struct {
	status   int
	codes    string        // all codes and types, each within blanks, in small letters
	messages []string      // what it says to people, the outermost first
	params   []string      // the fields of the request that it names
	wait     time.Duration // as the body asks; 0 when it does not
}

// readRefusal reads an error's body.
func readRefusal(status int, body []byte) refusal {
	r := refusal{status: status}
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("data:")))
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return r
	}
	r.add("", v, 0)
	if r.wait == 0 {
		r.wait = waitIn(strings.Join(r.messages, " "))
	}
	return r
}

var tryAgain = regexp.MustCompile(`(?i)(?:try again|retry) (?:after|in) ((?:\d{1,6}(?:\.\d+)?(?:ms|[hms])){2,}|(\d{1,6}(?:\.\d+)?) ?(ms|s\b|sec|m\b|min|h\b|hour))`)

// waitIn returns how long a message asks to wait; 0 when it does not.
func waitIn(message string) time.Duration {
	m := tryAgain.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	if wait, err := time.ParseDuration(strings.ToLower(m[1])); err == nil { // 43m12.5s
		return wait
	}
	unit := strings.ToLower(m[3])
	if unit != "ms" {
		unit = unit[:1]
	}
	wait, _ := time.ParseDuration(m[2] + unit) // digits and a unit
	return wait
}

// refusalIn reads an error that came in a good answer; its own code stands for the status.
func refusalIn(status int, v any) refusal {
	r := refusal{status: status}
	r.add("", v, 0)
	for code := range strings.FieldsSeq(r.codes) {
		if n, err := strconv.Atoi(code); err == nil && n >= 400 && n < 600 {
			r.status = n
			break
		}
	}
	return r
}

const maxRefusalDepth = 8

func (r *refusal) add(key string, v any, depth int) {
	if depth > maxRefusalDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		if key == "loc" {
			if len(v) > 0 {
				r.params = append(r.params, str(v[len(v)-1]))
			}
			return
		}
		for _, item := range v {
			r.add(key, item, depth+1)
		}
	case map[string]any:
		for _, name := range []string{"error", "message", "msg", "detail", "description", "status_msg", "raw", "code", "type", "error_type", "status", "status_code", "param", "loc", "field", "retryDelay", "metadata", "innererror", "base_resp", "details", "fieldViolations", "reasons", "limit_source"} {
			if inner, ok := v[name]; ok && inner != nil {
				r.add(name, inner, depth+1)
			}
		}
	default:
		r.leaf(key, str(v), depth)
	}
}

func (r *refusal) leaf(key, s string, depth int) {
	if s = strings.TrimSpace(s); s == "" {
		return
	}
	switch key {
	case "code", "type", "error_type", "status", "status_code", "reasons", "limit_source":
		r.codes += " " + strings.ToLower(strings.Join(strings.Fields(s), "_")) + " "
	case "param", "field":
		r.params = append(r.params, s)
	case "retryDelay":
		r.wait, _ = time.ParseDuration(s)
	case "", "loc", "metadata", "details":
	default:
		if text := strings.TrimSpace(strings.TrimPrefix(s, "data:")); strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			var inner any
			if d.Decode(&inner) == nil {
				r.add(key, inner, depth+1)
				return
			}
		}
		r.messages = append(r.messages, s)
	}
}

// says returns the provider's words, the most telling first: what a relay hands on says more than what it says itself.
func (r refusal) says() string {
	if n := len(r.messages); n > 1 && strings.EqualFold(r.messages[0], "Provider returned error") {
		return strings.Join(r.messages[1:], "; ")
	}
	return strings.Join(r.messages, "; ")
}

// Kinds of refusals, by codes and words. The codes are of OpenAI, Azure, Ark, DashScope, Moonshot, SiliconFlow, Mistral, OpenRouter, Zhipu,
// MiniMax, xAI, Groq, Gemini, Anthropic and llama.cpp; docs/models.md has the table.
var refusals = struct{ owes, quota, throttled, closed, region, policy, tooLong, overloaded, badKey, limited, daily, missing, invalid *regexp.Regexp }{
	owes: regexp.MustCompile(`(?i) (?:credit_balance_exhausted|arrearage|accountoverdueerror|exceeded_current_quota_error|insufficient_balance(?:_error)?|billing_not_active|insufficient_quota|1113|30001|openrouter_credits|balance_not_enough) |` +
		`insufficient (?:account )?balance|balance (?:is )?(?:insufficient|not enough)|credit balance is too low|used all available credits|doesn'?t have any credits|run out of credits|requires more credits|in good standing|overdue|arrears?\b|余额不足|欠费|\(1008\)|payment required|` +
		`billing hard limit|billing_hard_limit|credits? (?:are|is|have been|has been) (?:depleted|exhausted|used)|budget has been exceeded|budget_exceeded|insufficient_user_quota|resourceinsufficient|资源包.{0,8}用尽|额度.{0,6}(?:用尽|失败)`),
	quota: regexp.MustCompile(`(?i) (?:organization_spend_limit_exceeded|project_spend_limit_exceeded|organization_usage_limit_exceeded|setlimitexceeded|quotaexceeded|openrouter_key_limit|allocationquota\.freetieronly|1309) |` +
		`free (?:allocated )?quota|free.?tier.{0,20}(?:exceeded|exhausted|used)|spending limit|spend limit|monthly (?:usage )?limit|usage limits?\b|call volume quota|key limit exceeded|额度(?:已)?(?:用完|不足)`),
	throttled: regexp.MustCompile(`(?i)throttl|allocated quota exceeded|\brate.?limit(?:s|ed|ing)?\b|too many requests|max rpm|requests per|tokens per`),
	policy: regexp.MustCompile(`(?i) (?:content_filter|content_policy_violation|responsibleaipolicyviolation|data_inspection_failed|datainspectionfailed|1301|unsafe_request|sensitivecontentdetected\S*|\S*sensitivecontentdetected|\S*riskdetection|moderation|content_filtered) |` +
		`content exists risk|considered high risk|content management policy|inappropriate content|requires moderation|\bflagged\b|violat\w* .{0,30}polic|contentpolicyviolation|\(102[67]\)`),
	tooLong: regexp.MustCompile(`(?i) (?:context_length_exceeded|exceed_context_size_error|tokens_too_long|characters_too_long|1261|request_too_large|model_max_prompt_tokens_exceeded) |` +
		`maximum context length|exceeded model token limit|input token length too long|range of input length|too large for model with|prompt is too long|prompt too long|longer than the model|exceeds the available context|greater than the context length|input token count|maximum prompt length|context window exceeds|max_tokens must be at least 1, got -|request too large for |contextwindowexceeded|context length of only`),
	overloaded: regexp.MustCompile(`(?i) (?:serveroverloaded|engine_overloaded_error|server_is_overloaded|overloaded_error|1305|1312|50603|50505|unavailable_error|server_error|service_unavailable_error) |` +
		`overloaded|service tier capacity exceeded|model (?:is )?(?:busy|loading)|model has crashed`),
	badKey: regexp.MustCompile(`(?i) (?:invalid_api_key|authenticationerror|authentication_error|invalid_authentication_error|incorrect_api_key_error|invalid_iam_token) |` +
		`incorrect api.?key|api.?key not valid|invalid.?api.?key|expired.?(?:api.?)?key|\(1004\)`),
	closed:  regexp.MustCompile(`(?i)account .{0,40}(?:terminated|suspended|deactivated|disabled|banned)|账户.{0,10}(?:停用|封禁|锁定)`),
	region:  regexp.MustCompile(`(?i)(?:location|country|region).{0,30}not supported|not available in your (?:country|region)`),
	limited: regexp.MustCompile(`(?i) (?:rate_limit\w*|rate_limited|slow_down|ratelimitexceeded\S*|\S*ratelimitexceeded|requestbursttoofast|throttling\S*|130[2348]|1310|resource_exhausted) |\(1002\)`),
	daily:   regexp.MustCompile(`(?i) (?:1304|1308|1310) |per day|\brpd\b|\btpd\b|daily|perday`),
	missing: regexp.MustCompile(`(?i) (?:modelnotopen|invalidendpointormodel\S*|1211|20012|resource_not_found_error|not_found_error|model_not_found|deploymentnotfound|invalid_model) |model not exist|model does not exist`),
	invalid: regexp.MustCompile(`(?i) json_validate_failed `),
}

// sort returns what kind of failure a refusal is, in words for the person on call; endpoint says that it can't be the fault of the prompt.
func (r refusal) sort() (kind incident.FailureKind, meaning string, endpoint bool) {
	all := r.codes + strings.Join(r.messages, " ")
	has := func(p *regexp.Regexp) bool { return p.MatchString(all) }
	busy := has(refusals.throttled) || r.wait > 0
	switch s := r.status; {
	case has(refusals.quota) && (r.wait == 0 || s != 429):
		return incident.FailBalance, "quota or spending limit reached; raise it at the provider, or top up", false
	case has(refusals.owes) && (!strings.Contains(all, " insufficient_quota ") || !busy):
		return incident.FailBalance, "account balance exhausted or overdue; top it up", false
	case s == 402 && !strings.Contains(all, "in_flight_budget"):
		return incident.FailBalance, "account balance exhausted; top it up", false
	case has(refusals.closed):
		return incident.FailForbidden, "the provider has closed the account; ask it why", false
	case s < 500 && has(refusals.policy):
		return incident.FailPolicy, "the provider's content policy blocks this incident's prompt or its answer; no retry", false
	case has(refusals.invalid):
		return incident.FailBadAnswer, "the model did not write valid JSON", false
	case s != 401 && (has(refusals.tooLong) && (!busy || s == 413 || strings.Contains(all, "must be reduced")) || s == 413):
		return incident.FailRequest, "the prompt is too long for the model; lower llm.max_prompt_bytes, or raise the server's context", false
	case has(refusals.overloaded), s == 529, s == 498:
		return incident.FailOverload, "the server is overloaded or failing; will retry", false
	case s == 401, has(refusals.badKey) && s != 429:
		return incident.FailAuthentication, "key rejected; check DEEPSEEK_API_KEY", false
	case s == 429, s == 402, has(refusals.limited):
		if has(refusals.daily) {
			return incident.FailRateLimit, "the provider's limit for the day or the plan is reached; will retry", false
		}
		return incident.FailRateLimit, "rate limited; will retry", false
	case s == 408:
		return incident.FailTimeout, "the server timed out; will retry", false
	case s >= 500:
		return incident.FailOverload, "the server is overloaded or failing; will retry", false
	case has(refusals.missing), s == 404, s == 405, s == 410:
		return incident.FailRequest, "no such endpoint or model; check LLM_BASE_URL (it often ends in /v1) and LLM_MODEL", true
	case s == 403, has(refusals.region):
		return incident.FailForbidden, "access denied, though the key was not rejected; check the account, its permissions and region, and any proxy", false
	case s >= 300 && s < 400:
		return incident.FailRequest, "redirects are not followed; set LLM_BASE_URL to the target", true
	case s < 300:
		return incident.FailOverload, "an error in place of an answer; will retry", false
	}
	return incident.FailRequest, "request rejected; check llm.model, llm.thinking (omit for other providers) and llm.extra_body (null leaves a field out)", false
}
