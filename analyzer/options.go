package analyzer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// New returns an Analyzer. It makes no request. An error names the setting at fault.
func New(opts Options) (*Analyzer, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	var err error
	if opts.Redactor == nil {
		if opts.Redactor, err = redact.New(nil); err != nil {
			return nil, fmt.Errorf("making a redactor: %w", err)
		}
	}
	base, query, err := baseURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	fields, err := opts.fields()
	if err != nil {
		return nil, err
	}
	config := openai.DefaultConfig(opts.Key.Reveal())
	config.BaseURL = base.String()
	fixed := map[string]bool{}
	for name := range opts.ExtraBody {
		fixed[name] = true
	}
	return &Analyzer{
		opts: opts,
		client: &client{
			config: config, params: &params{fields: fields, fixed: fixed}, query: query, userAgent: "alertscribe/" + opts.Version, host: base.Host, model: opts.Model,
			timeout: opts.Timeout, now: opts.Now, prices: opts.Prices, redacted: opts.redactedOfKey(),
			adapted: func(change, says string) {
				opts.Logger.Warn("Requests changed: the model's endpoint refuses a parameter", "change", change, "host", base.Host, "says", says)
			},
			http: &http.Client{
				Transport: opts.Transport,
				// A redirect would carry the key and the data to wherever it points.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
		},
		breaker: newBreaker(opts.Now, cmp.Or(opts.ProbeAfter, firstProbe)),
		metrics: newMetrics(opts.Registerer),
		logger:  opts.Logger,
	}, nil
}

// redactedOfKey returns what redacts a provider's words, which may quote the key. A key of a few letters, as local servers have it, is a
// word and no secret; a short one is masked where it stands by itself.
func (o Options) redactedOfKey() func(string) string {
	const least, long = 8, 20
	key := o.Key.Reveal()
	alone := regexp.MustCompile(`(^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(key) + `($|[^A-Za-z0-9_-])`)
	return func(s string) string {
		switch {
		case len(key) >= long:
			s = strings.ReplaceAll(s, key, "<masked>")
		case len(key) >= least:
			for range 2 { // neighbors share the character between them
				s = alone.ReplaceAllString(s, "${1}<masked>${2}")
			}
		}
		return o.Redactor.Session().Text(s)
	}
}

func (o Options) withDefaults() Options {
	o.BaseURL = cmp.Or(o.BaseURL, "https://api.deepseek.com")
	o.Model = cmp.Or(o.Model, "deepseek-flash")
	o.Language = cmp.Or(o.Language, incident.English)
	o.Thinking = cmp.Or(o.Thinking, "disabled")
	o.Version = cmp.Or(o.Version, "dev")
	o.Timeout = cmp.Or(o.Timeout, 120*time.Second)
	o.MaxPromptBytes = cmp.Or(o.MaxPromptBytes, 24<<10)
	if o.MaxTokens == 0 {
		o.MaxTokens = 4096
		if o.Thinking == "low" || o.Thinking == "high" {
			o.MaxTokens = 16384
		}
	}
	if o.Prices.Models == nil {
		o.Prices = DefaultPrices()
	}
	if o.Policy == nil {
		o.Policy = incident.DefaultPolicy()
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Key = redact.Secret(strings.TrimSpace(o.Key.Reveal()))
	return o
}

func (o Options) validate() error {
	switch {
	case o.Ledger == nil:
		return errors.New("Options.Ledger is required")
	case o.Language.Validate() != nil:
		return o.Language.Validate()
	case o.Timeout < 0:
		return fmt.Errorf("llm.timeout is %s: it must be positive", o.Timeout)
	case o.MaxTokens < 0:
		return fmt.Errorf("llm.max_tokens is %d: it must be positive", o.MaxTokens)
	case o.MaxPromptBytes < minPromptBytes:
		return fmt.Errorf("analysis.max_prompt_bytes is %d: it must be at least %d", o.MaxPromptBytes, minPromptBytes)
	case o.Limits.CallsPerHour < 0 || o.Limits.CostPerHour < 0 || o.Limits.CostPerDay < 0:
		return errors.New("budget.calls_per_hour, cost_per_hour or cost_per_day is negative: use 0 for no limit")
	case o.Limits.CostPerHour+o.Limits.CostPerDay > 0 && !o.Prices.Knows(o.Model):
		return fmt.Errorf("a cost budget is set, but %q has no price; add it to budget.prices", o.Model)
	case strings.ContainsFunc(o.Key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("DEEPSEEK_API_KEY has invalid characters: was it copied exactly?")
	}
	return o.Prices.Validate()
}

// baseURL reads the endpoint as users write it, and the query that each request's URL gets.
func baseURL(s string) (base *url.URL, query string, err error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "", errors.New("LLM_BASE_URL is not an http or https URL, like https://api.deepseek.com") // it may hold a secret
	}
	if u.User != nil || u.Fragment != "" {
		return nil, "", errors.New("LLM_BASE_URL has a user or a fragment; put the key in DEEPSEEK_API_KEY")
	}
	query, u.RawQuery, u.ForceQuery = u.RawQuery, "", false
	u.Path = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/chat/completions"), "/")
	u.RawPath = ""
	return u, query, nil
}

// fields returns what the transport adds to each chat request.
func (o Options) fields() (map[string]json.RawMessage, error) {
	values := map[string]any{"max_tokens": o.MaxTokens}
	switch o.Thinking {
	case "disabled":
		values["thinking"] = map[string]string{"type": "disabled"}
	case "low", "high":
		values["thinking"] = map[string]string{"type": "enabled"}
		values["reasoning_effort"] = o.Thinking
	case "omit":
	default:
		return nil, fmt.Errorf("llm.thinking is %q: it must be disabled, low, high or omit", o.Thinking)
	}
	for key, value := range o.ExtraBody {
		if key == "model" || key == "messages" || key == "stream" {
			return nil, fmt.Errorf("llm.extra_body must not set %q", key)
		}
		values[key] = value
	}
	fields := map[string]json.RawMessage{}
	for key, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("llm.extra_body: writing %q as JSON: %w", key, err)
		}
		fields[key] = raw
	}
	return fields, nil
}
