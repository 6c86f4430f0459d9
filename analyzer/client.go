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
	config    openai.ClientConfig // without an HTTP client
	http      *http.Client
	userAgent string
	fields    map[string]json.RawMessage // of a chat request's JSON: replaced, or removed by null
	host      string                     // for errors
	model     string
	timeout   time.Duration // of a chat request
	prices    Prices
	now       func() time.Time
	redacted  func(string) string // for what the provider says
}

// reply is what one call brought; the spend is set for failed calls too, where the provider told.
type reply struct {
	content string
	model   string
	spend   incident.Spend
}

// fault is a call that brought no content.
type fault struct {
	callOutcome
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
func (c *client) complete(ctx context.Context, messages []openai.ChatCompletionMessage) (reply, *fault) {
	started := c.now()
	var chat openai.ChatCompletionResponse
	x := c.exchange(ctx, c.timeout, func(ctx context.Context, api *openai.Client) (err error) {
		chat, err = api.CreateChatCompletion(ctx, openai.ChatCompletionRequest{
			Model: c.model, Messages: messages,
			ResponseFormat: &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject},
		})
		return err
	})
	got := reply{model: c.model}
	if x.good() {
		got = c.parseUsage(x.body, started)
	}
	f := c.transportFault(ctx, x, c.timeout)
	if f == nil {
		got.content, f = c.content(x, chat)
		return got, f
	}
	if !f.billed {
		got.spend = incident.Spend{}
	} else {
		got.spend.Calls = 1
	}
	return got, f
}

// parseUsage reads the model's name and the usage from an answer.
func (c *client) parseUsage(body []byte, started time.Time) reply {
	var told struct {
		Model string `json:"model"`
		Usage usage  `json:"usage"`
	}
	_ = json.Unmarshal(body, &told) // what can't be read was not told
	got := reply{model: boundedLine(told.Model, maxLabelName), spend: told.Usage.spend()}
	if got.model == "" {
		got.model = c.model
	}
	got.spend.Cost = c.prices.cost(got.model, c.model, got.spend, started)
	return got
}

// transportFault returns what went wrong up to a whole body with a good status. The context is the caller's.
func (c *client) transportFault(ctx context.Context, x exchange, timeout time.Duration) *fault {
	switch {
	case x.status != 0 && !x.good():
		return c.statusFault(x)
	case x.err == nil:
		return nil
	case ctx.Err() != nil:
		return c.fault(incident.FailInternal, x.sent, "model call canceled")
	case x.expired:
		return c.fault(incident.FailTimeout, x.sent, "no complete answer from %s within %s; will retry (raise llm.timeout to wait longer)",
			c.host, timeout)
	case errors.Is(x.err, errTooLarge):
		return c.fault(incident.FailBadAnswer, true, "%s sent more than 4 MiB; will retry", c.host)
	case x.whole:
		return nil // go-openai could not make sense of it; content says why
	case x.sent:
		return c.fault(incident.FailUnavailable, true, "connection to %s lost mid-answer; will retry", c.host)
	}
	return c.fault(incident.FailUnavailable, false, "no connection to %s: %s; check LLM_BASE_URL, DNS and the proxy",
		c.host, c.quote(cause(x.err)))
}

// statusFault returns what an HTTP status other than 2xx means.
func (c *client) statusFault(x exchange) *fault {
	kind, meaning, endpoint := incident.FailRequest, "", false
	switch s := x.status; {
	case s == http.StatusUnauthorized:
		kind, meaning = incident.FailAuthentication, "key rejected; check DEEPSEEK_API_KEY"
	case s == http.StatusForbidden:
		kind, meaning = incident.FailAuthentication, "access denied; check the key's permissions and any proxy"
	case s == http.StatusPaymentRequired, s == http.StatusTooManyRequests && strings.Contains(string(x.body), `"insufficient_quota"`):
		kind, meaning = incident.FailBalance, "account balance exhausted; top it up"
	case s == http.StatusTooManyRequests:
		kind, meaning = incident.FailRateLimit, "rate limited; will retry"
	case s == http.StatusRequestTimeout:
		kind, meaning = incident.FailTimeout, "the server timed out; will retry"
	case s >= http.StatusInternalServerError:
		kind, meaning = incident.FailOverload, "the server is overloaded or failing; will retry"
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusGone:
		meaning, endpoint = "no such endpoint or model; check LLM_BASE_URL (it often ends in /v1) and LLM_MODEL", true
	case s < http.StatusBadRequest:
		meaning, endpoint = "redirects are not followed; set LLM_BASE_URL to the target", true
	default:
		meaning = "request rejected; check llm.model, llm.thinking (omit for other providers) and llm.extra_body"
	}
	if message := c.providerMessage(x); message != "" && kind != incident.FailAuthentication { // which quotes keys
		meaning += " (says: " + message + ")"
	}
	f := c.fault(kind, false, "%d from %s: %s", x.status, c.host, meaning)
	f.endpoint, f.failure.RetryAfter = endpoint, retryAfter(x.header.Get("Retry-After"), c.now())
	return f
}

// content returns the model's text from a whole body with a good status.
func (c *client) content(x exchange, chat openai.ChatCompletionResponse) (string, *fault) {
	bad := func(format string, args ...any) (string, *fault) {
		return "", c.fault(incident.FailBadAnswer, true, format, args...)
	}
	if len(strings.TrimSpace(string(x.body))) == 0 {
		return bad("%s answered %d with an empty body; will retry", c.host, x.status)
	}
	if len(chat.Choices) == 0 {
		if message := c.providerMessage(x); message != "" && json.Valid(x.body) {
			return bad("%s answered %d with an error: %s", c.host, x.status, message)
		}
		return bad("%s answered %d without a chat completion (%s); check LLM_BASE_URL", c.host, x.status,
			c.quote(x.header.Get("Content-Type")))
	}
	choice := chat.Choices[0]
	switch {
	case choice.FinishReason == openai.FinishReasonContentFilter:
		return bad("the content filter of %s blocked the answer; will retry", c.host)
	case choice.FinishReason == "insufficient_system_resource": // DeepSeek's word for an overload in mid-answer
		return "", c.fault(incident.FailOverload, true, "%s ran out of resources mid-answer; will retry", c.host)
	case strings.TrimSpace(text.Clean(choice.Message.Content)) != "":
		return choice.Message.Content, nil
	case choice.FinishReason == openai.FinishReasonLength:
		return bad("%s reached llm.max_tokens before the answer began; raise it", c.host)
	}
	return bad("%s answered %d with blank content; will retry", c.host, x.status)
}

// models returns the names of the models that the endpoint lists.
func (c *client) models(ctx context.Context) ([]string, *fault) {
	var list openai.ModelsList
	x := c.exchange(ctx, modelsTimeout, func(ctx context.Context, api *openai.Client) (err error) {
		list, err = api.ListModels(ctx)
		return err
	})
	if f := c.transportFault(ctx, x, modelsTimeout); f != nil {
		return nil, f
	}
	if x.err != nil {
		return nil, c.fault(incident.FailBadAnswer, false, "%s did not list its models as JSON; check LLM_BASE_URL", c.host)
	}
	var names []string
	for _, m := range list.Models {
		names = append(names, boundedLine(m.ID, maxLabelName))
	}
	return names, nil
}
