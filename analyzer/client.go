package analyzer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// client makes single calls of the model. Between them it remembers only what the provider refuses to be sent.
type client struct {
	config    openai.ClientConfig // without an HTTP client
	http      *http.Client
	userAgent string
	params    *params
	query     string // of each request's URL
	host      string // for errors
	model     string
	timeout   time.Duration // of a chat request
	prices    Prices
	now       func() time.Time
	redacted  func(string) string // for what the provider says
	adapted   func(change, says string)
}

// reply is what one call brought; the spend is set for failed calls too, where the provider told.
type reply struct {
	content string
	cut     bool // the provider says that the answer was cut at a limit
	whole   bool // the provider says that the model has ended it by itself
	model   string
	spend   incident.Spend
	asked   int // bytes of the prompt
}

const bytesPerToken = 4 // of our prompts, about: English 4, Chinese 3 to 4.5

// promptCut reports whether the server has read less than it was sent. Ollama drops the oldest messages of a prompt that is longer than
// its context, and answers as if nothing were: then the count of tokens is much too small, or a bit too small and just what a context holds.
func (r reply) promptCut() bool {
	if r.spend.Prompt == 0 {
		return false // not told
	}
	perToken := float64(r.asked) / float64(r.spend.Prompt)
	for context := 2048; context <= 1<<17; context *= 2 {
		if perToken > 4.8 && r.spend.Prompt <= context && r.spend.Prompt > context*15/16 {
			return true
		}
	}
	return perToken > 7
}

// fault is a call that brought no content.
type fault struct {
	callOutcome
	refusal *refusal // what the provider said in place of an answer, where it said something
	billed  bool     // the provider may have billed it
}

// complete makes one call. Each request of it returns within the timeout, whatever the provider sends. A request that is refused for a
// field that the provider does not know is made again without it.
func (c *client) complete(ctx context.Context, messages []openai.ChatCompletionMessage) (reply, *fault) {
	for range maxChanges {
		sent := c.params.snapshot()
		got, f := c.once(ctx, messages, sent)
		if f == nil || f.failure.Kind != incident.FailRequest || f.endpoint || f.refusal == nil {
			return got, f
		}
		if _, ok := sent["response_format"]; !ok {
			sent["response_format"] = json.RawMessage("{}") // which the library sets
		}
		change := c.params.adapt(*f.refusal, live(sent))
		if change == "" {
			return got, f
		}
		c.adapted(change, c.quote(f.refusal.says()))
	}
	return c.once(ctx, messages, c.params.snapshot())
}

// live returns the fields without those that are left out.
func live(fields map[string]json.RawMessage) map[string]json.RawMessage {
	fields = maps.Clone(fields)
	maps.DeleteFunc(fields, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	return fields
}

func (c *client) once(ctx context.Context, messages []openai.ChatCompletionMessage, fields map[string]json.RawMessage) (reply, *fault) {
	started := c.now()
	x := c.exchange(ctx, c.timeout, fields, func(ctx context.Context, api *openai.Client) error {
		_, err := api.CreateChatCompletion(ctx, openai.ChatCompletionRequest{
			Model: c.model, Messages: messages,
			ResponseFormat: &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject},
		})
		return err
	})
	got, said := reply{model: c.model}, completion{}
	if x.good() {
		said = readCompletion(x.body)
		got = c.reply(said, started)
	}
	f := c.transportFault(ctx, x, c.timeout)
	if f == nil {
		got.content, f = c.content(x, said)
	}
	switch {
	case f == nil:
		return got, nil
	case !f.billed:
		got.spend = incident.Spend{}
	default:
		got.spend.Calls = 1
	}
	return got, f
}

// reply returns what a completion says about itself.
func (c *client) reply(said completion, started time.Time) reply {
	got := reply{
		model: cmp.Or(boundedLine(said.model, maxLabelName), c.model), spend: said.usage.spend(),
		cut: said.is(cutReasons), whole: said.is(wholeReasons),
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
		return c.fault(incident.FailBadAnswer, true, "%s sent more than 4 MiB", c.host)
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
	r := readRefusal(x.status, x.body)
	if len(r.messages) == 0 && !strings.HasPrefix(x.header.Get("Content-Type"), "text/html") && !json.Valid(x.body) {
		r.messages = []string{string(x.body)}
	}
	f := c.refused(r, false)
	if wait := retryAfter(x.header.Get("Retry-After"), c.now()); wait > 0 {
		f.failure.RetryAfter = wait
	}
	return f
}

// refused returns what a refusal means, with the provider's own words.
func (c *client) refused(r refusal, billed bool) *fault {
	kind, meaning, endpoint := r.sort()
	if says := c.quote(r.says()); says != "" {
		meaning += " (says: " + says + ")"
	}
	f := c.fault(kind, billed, "%d from %s: %s", r.status, c.host, meaning)
	f.endpoint, f.refusal, f.failure.RetryAfter = endpoint, &r, min(r.wait, maxPause)
	return f
}

// content returns the model's text from a whole body with a good status.
func (c *client) content(x exchange, said completion) (string, *fault) {
	fail := func(kind incident.FailureKind, billed bool, format string, args ...any) (string, *fault) {
		return "", c.fault(kind, billed, format, args...)
	}
	blank := strings.TrimSpace(text.Clean(said.content)) == ""
	paid := said.usage.completion > 0
	switch {
	case len(strings.TrimSpace(string(x.body))) == 0:
		return fail(incident.FailBadAnswer, true, "%s answered %d with an empty body", c.host, x.status)
	case said.wrong != nil:
		return "", c.refused(refusalIn(x.status, said.wrong), paid)
	case !said.found:
		return "", c.noCompletion(x)
	case said.is(policyReasons):
		return fail(incident.FailPolicy, true, "the content filter of %s blocked the answer; no retry", c.host)
	case said.is(failureReasons): // insufficient_system_resource is DeepSeek's word for an overload in mid-answer
		return fail(incident.FailOverload, true, "%s ran out of resources or failed mid-answer (%s); will retry", c.host, c.quote(said.finish))
	case !blank && spoken(said.content) != "":
		return said.content, nil
	case said.refusal != "":
		return fail(incident.FailPolicy, true, "the model of %s refuses to answer (says: %s); no retry", c.host, c.quote(said.refusal))
	case !blank || said.thought || said.usage.thinking > 0 || said.is(cutReasons):
		return fail(incident.FailThinking, true, "the model of %s used all tokens of its answer for thinking (llm.max_tokens); "+
			"raise it, or set llm.thinking: disabled", c.host)
	}
	return fail(incident.FailBadAnswer, true, "%s answered %d with blank content", c.host, x.status)
}

// noCompletion returns what a body is that is not a chat completion: an error in a form of its own, or not the endpoint at all.
func (c *client) noCompletion(x exchange) *fault {
	first := firstOf(x.body)
	if get(first, "choices") != nil || get(first, "usage") != nil {
		return c.fault(incident.FailBadAnswer, true, "%s answered %d without a chat completion: it holds no choice", c.host, x.status)
	}
	if first == nil && bytes.Contains(x.body, []byte(`"choices"`)) {
		return c.fault(incident.FailUnavailable, true, "the answer of %s is cut; will retry", c.host)
	}
	if r := refusalIn(x.status, first); len(r.messages) > 0 {
		return c.refused(r, false)
	}
	return c.fault(incident.FailUnavailable, false, "%s answered %d without a chat completion (%s); check LLM_BASE_URL and any proxy; will retry",
		c.host, x.status, c.quote(x.header.Get("Content-Type")))
}

func firstOf(body []byte) any {
	parts, _ := chunks(body)
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

// models returns the names of the models that the endpoint lists.
func (c *client) models(ctx context.Context) ([]string, *fault) {
	var list openai.ModelsList
	x := c.exchange(ctx, modelsTimeout, nil, func(ctx context.Context, api *openai.Client) (err error) {
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
