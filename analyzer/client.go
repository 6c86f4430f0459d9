package analyzer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// client makes single calls of the model. It keeps no state between them.
type client struct {
	api      *openai.Client
	host     string // for errors
	model    string
	timeout  time.Duration
	prices   Prices
	now      func() time.Time
	redacted func(string) string // for what the provider says
}

// answer is what one call brought; the spend is set for failed calls too, where the provider told.
type answer struct {
	content string
	model   string
	spend   incident.Spend
}

// fault is a call that brought no content.
type fault struct {
	outcome
	billed bool // the provider may have billed it
}

// usage holds the counts of both dialects; what is not told is 0.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	CacheHit   int `json:"prompt_cache_hit_tokens"`
	CacheMiss  int `json:"prompt_cache_miss_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// spend makes sense of the counts, which come from outside.
func (u usage) spend() incident.Spend {
	const most = 1 << 30
	prompt := min(max(u.Prompt, u.CacheHit+u.CacheMiss, 0), most)
	return incident.Spend{
		Calls: 1, Prompt: prompt, Cached: min(max(u.CacheHit, u.Details.Cached, 0), prompt),
		Completion: min(max(u.Completion, 0), most),
	}
}

// complete makes one call. It returns within the timeout, whatever the provider sends.
func (c *client) complete(ctx context.Context, messages []openai.ChatCompletionMessage) (answer, *fault) {
	started := c.now()
	x := &exchange{timeout: c.timeout}
	call, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, x), x.timeout)
	defer cancel()
	resp, err := c.api.CreateChatCompletion(call, openai.ChatCompletionRequest{
		Model: c.model, Messages: messages,
		ResponseFormat: &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject},
	})
	got := answer{model: c.model}
	if x.status/100 == 2 {
		got = c.told(x.body, started)
	}
	if f := c.transportFault(ctx, call, x, err); f != nil {
		got.spend = billed(got.spend, f.billed)
		return got, f
	}
	content, f := c.content(x, resp)
	got.content = content
	return got, f
}

// told reads the model's name and the usage from an answer.
func (c *client) told(body []byte, started time.Time) answer {
	var reply struct {
		Model string `json:"model"`
		Usage usage  `json:"usage"`
	}
	_ = json.Unmarshal(body, &reply) // what cannot be read was not told
	got := answer{model: line(reply.Model, maxLabelName), spend: reply.Usage.spend()}
	if got.model == "" {
		got.model = c.model
	}
	got.spend.Cost = c.prices.cost(got.model, c.model, got.spend, started)
	return got
}

// billed returns the spend of a call: nothing for one that surely was not billed.
func billed(spend incident.Spend, yes bool) incident.Spend {
	if !yes {
		return incident.Spend{}
	}
	spend.Calls = 1
	return spend
}

// transportFault returns what went wrong up to a whole body with a good status.
func (c *client) transportFault(ctx, call context.Context, x *exchange, err error) *fault {
	switch {
	case x.status != 0 && x.status/100 != 2:
		return c.statusFault(x)
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return c.fault(incident.FailInternal, x.sent.Load(), "the call of the model was stopped by us")
	case call.Err() != nil:
		return c.fault(incident.FailTimeout, x.sent.Load(), "no whole answer from %s within %s; it is tried again (llm.timeout sets how long to wait)",
			c.host, x.timeout)
	case errors.Is(err, errTooLarge):
		return c.fault(incident.FailBadAnswer, true, "%s sent more than 4 MiB; it is tried again", c.host)
	case x.whole:
		return nil // go-openai could not make sense of it; content says why
	case x.sent.Load():
		return c.fault(incident.FailUnavailable, true, "the connection to %s broke before the whole answer was there; it is tried again", c.host)
	}
	return c.fault(incident.FailUnavailable, false, "no connection to %s: %s; check LLM_BASE_URL, DNS and the proxy", c.host, c.quote(cause(err)))
}

// statusFault returns what an HTTP status other than 2xx means.
func (c *client) statusFault(x *exchange) *fault {
	kind, text, endpoint := incident.FailRequest, "", false
	switch s := x.status; {
	case s == http.StatusUnauthorized:
		kind, text = incident.FailAuthentication, "the key was refused; set DEEPSEEK_API_KEY"
	case s == http.StatusForbidden:
		kind, text = incident.FailAuthentication, "access was refused; check the rights of the key, and proxies on the way"
	case s == http.StatusPaymentRequired, s == http.StatusTooManyRequests && strings.Contains(string(x.body), `"insufficient_quota"`):
		kind, text = incident.FailBalance, "the balance of the account is used up; top it up"
	case s == http.StatusTooManyRequests:
		kind, text = incident.FailRateLimit, "too many requests; it is tried again"
	case s == http.StatusRequestTimeout:
		kind, text = incident.FailTimeout, "the server waited too long for us; it is tried again"
	case s >= http.StatusInternalServerError:
		kind, text = incident.FailOverload, "the server is overloaded or failing; it is tried again"
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusGone:
		text, endpoint = "no such endpoint or model; check LLM_BASE_URL (many want /v1 at its end) and LLM_MODEL", true
	case s < http.StatusBadRequest:
		text, endpoint = "redirects are not followed; set LLM_BASE_URL to where it points", true
	default:
		text = "the request was refused; check llm.model, llm.thinking (omit for other providers) and llm.extra_body"
	}
	if said := c.said(x); said != "" && kind != incident.FailAuthentication { // which quotes keys
		text += " (it says: " + said + ")"
	}
	f := c.fault(kind, false, "%d from %s: %s", x.status, c.host, text)
	f.endpoint, f.failure.RetryAfter = endpoint, x.retryAfter
	return f
}

// content returns the model's text from a whole body with a good status.
func (c *client) content(x *exchange, resp openai.ChatCompletionResponse) (string, *fault) {
	bad := func(format string, args ...any) (string, *fault) {
		return "", c.fault(incident.FailBadAnswer, true, format, args...)
	}
	if len(strings.TrimSpace(string(x.body))) == 0 {
		return bad("%s answered %d with an empty body; it is tried again", c.host, x.status)
	}
	if len(resp.Choices) == 0 {
		if said := c.said(x); said != "" && json.Valid(x.body) {
			return bad("%s answered %d with an error: %s", c.host, x.status, said)
		}
		return bad("%s answered %d without a chat completion (%s); check LLM_BASE_URL", c.host, x.status,
			c.quote(x.header.Get("Content-Type")))
	}
	choice := resp.Choices[0]
	switch {
	case choice.FinishReason == openai.FinishReasonContentFilter:
		return bad("the content filter of %s stopped the answer; it is tried again", c.host)
	case choice.FinishReason == "insufficient_system_resource": // DeepSeek's word for an overload in mid-answer
		return "", c.fault(incident.FailOverload, true, "%s ran out of resources in the middle of the answer; it is tried again", c.host)
	case strings.TrimSpace(text.Clean(choice.Message.Content)) != "":
		return choice.Message.Content, nil
	case choice.FinishReason == openai.FinishReasonLength:
		return bad("%s used up llm.max_tokens before the answer began; raise it", c.host)
	}
	return bad("%s answered %d with blank content; it is tried again", c.host, x.status)
}

// models returns the names of the models that the endpoint lists.
func (c *client) models(ctx context.Context) ([]string, *fault) {
	x := &exchange{timeout: modelsTimeout}
	call, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, x), x.timeout)
	defer cancel()
	list, err := c.api.ListModels(call)
	if f := c.transportFault(ctx, call, x, err); f != nil {
		return nil, f
	}
	if err != nil {
		return nil, c.fault(incident.FailBadAnswer, false, "%s did not list its models as JSON; check LLM_BASE_URL", c.host)
	}
	var names []string
	for _, m := range list.Models {
		names = append(names, line(m.ID, maxLabelName))
	}
	return names, nil
}
