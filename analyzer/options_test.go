package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

func TestBaseURL(t *testing.T) {
	for given, want := range map[string]string{
		"https://api.deepseek.com":                   "https://api.deepseek.com",
		"https://api.deepseek.com/":                  "https://api.deepseek.com",
		" https://api.deepseek.com/v1/ ":             "https://api.deepseek.com/v1",
		"http://localhost:11434/v1/chat/completions": "http://localhost:11434/v1",
		"https://host/openai/deployments/x//":        "https://host/openai/deployments/x",
	} {
		u, _, err := baseURL(given)
		require.NoError(t, err)
		assert.Equal(t, want, u.String())
	}
	for _, path := range []string{"", "/", "/v1", "/v1/"} {
		b := newBench(t, func(o *Options) { o.BaseURL += path })
		_, failure := b.ask(t, "a")
		require.Nil(t, failure, path)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"Options.Ledger":   func(o *Options) { o.Ledger = nil },
		"LLM_BASE_URL is":  func(o *Options) { o.BaseURL = "api.deepseek.com" },
		"LLM_BASE_URL has": func(o *Options) { o.BaseURL = "https://key@api.deepseek.com" },
		"llm.thinking":     func(o *Options) { o.Thinking = "deep" },
		"language":         func(o *Options) { o.Language = "fr" },
		`not set "stream"`: func(o *Options) { o.ExtraBody = map[string]any{"stream": true} },
		"llm.extra_body: ": func(o *Options) { o.ExtraBody = map[string]any{"x": func() {}} },
		"max_prompt_bytes": func(o *Options) { o.MaxPromptBytes = 100 },
		"max_tokens":       func(o *Options) { o.MaxTokens = -1 },
		"llm.timeout":      func(o *Options) { o.Timeout = -1 },
		"calls_per_hour":   func(o *Options) { o.Limits.CallsPerHour = -1 },
		"DEEPSEEK_API_KEY": func(o *Options) { o.Key = "sk-two words" },
	} {
		opts := Options{Ledger: NewMemoryLedger(time.Now), Key: testKey}
		change(&opts)
		_, err := New(opts)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "two words")
		assert.NotContains(t, err.Error(), "key@")
	}
}

func TestCheckModel(t *testing.T) {
	check := func(model string, change func(*modeltest.Server)) (string, error) {
		b := newBench(t, func(o *Options) { o.Model = model })
		if change != nil {
			change(b.srv)
		}
		return b.CheckModel(t.Context())
	}
	warning, err := check("deepseek-flash", nil)
	require.NoError(t, err)
	assert.Empty(t, warning)
	warning, err = check("deepseek-reasoner", nil)
	require.NoError(t, err)
	assert.Contains(t, warning, "retired by DeepSeek in July 2026: set LLM_MODEL to deepseek-flash with llm.thinking: high")
	warning, err = check("deepseek-flush", nil)
	require.NoError(t, err)
	assert.Contains(t, warning, "is not served by")
	assert.Contains(t, warning, "deepseek-flash, deepseek-v4-pro")
	warning, err = check("x", func(s *modeltest.Server) { s.SetModels() })
	require.NoError(t, err)
	assert.Empty(t, warning, "an endpoint that lists nothing")
	_, err = check("x", func(s *modeltest.Server) { s.Down() })
	require.Error(t, err)
	assert.Equal(t, incident.FailUnavailable, incident.AsFailure(err).Kind)
}

func TestCost(t *testing.T) {
	prices := DefaultPrices()
	spend := incident.Spend{Prompt: 3_000_000, Cached: 1_000_000, Completion: 1_000_000}
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	at := func(days, hour int) time.Time { return monday.AddDate(0, 0, days).Add(time.Duration(hour) * time.Hour) }
	assert.InDelta(t, .003+2*.15+.60, prices.cost("deepseek-flash", "", spend, at(0, 0)), 1e-9)
	assert.InDelta(t, .006+2*.30+1.20, prices.cost("deepseek-flash", "", spend, at(0, 1)), 1e-9)
	assert.InDelta(t, .022+2*.66+1.98, prices.cost("DeepSeek-V4-Pro-0813", "deepseek-v4-pro", spend, at(0, 4)), 1e-9)
	assert.InDelta(t, .044+2*1.32+3.96, prices.cost("deepseek-v4-pro", "deepseek-flash", spend, at(4, 9)), 1e-9)
	assert.InDelta(t, .022+2*.66+1.98, prices.cost("deepseek-v4-pro", "", spend, at(5, 9)), 1e-9, "a Saturday has no peak")
	assert.Zero(t, prices.cost("llama", "llama", spend, at(0, 1)))
	for hour, want := range []bool{false, true, true, true, false, false, true, true, true, true, false, false} {
		assert.Equal(t, want, prices.cost("deepseek-flash", "", spend, at(2, hour)) > 1, hour)
	}
}

func TestMemoryLedger(t *testing.T) {
	c := &clock{day}
	l := NewMemoryLedger(c.now)
	limits := incident.Limits{CallsPerHour: 2}
	first, err := l.ReserveCall(t.Context(), "a", 0, limits)
	require.NoError(t, err)
	c.advance(time.Minute)
	second, err := l.ReserveCall(t.Context(), "a", 0, limits)
	require.NoError(t, err)
	_, err = l.ReserveCall(t.Context(), "a", 0, limits)
	require.ErrorIs(t, err, incident.ErrBudget)
	var over *incident.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Equal(t, day.Add(time.Hour), over.Renews)
	require.NoError(t, l.SettleCall(t.Context(), second, "m", incident.Spend{}, false))
	require.NoError(t, l.SettleCall(t.Context(), first, "m", incident.Spend{}, true))
	_, err = l.ReserveCall(t.Context(), "a", 0, limits)
	require.NoError(t, err)
	_, err = l.ReserveCall(t.Context(), "a", 0, incident.Limits{})
	require.NoError(t, err, "0 is no cap")
}

func TestMemoryLedgerCountsMoney(t *testing.T) {
	c := &clock{day}
	l := NewMemoryLedger(c.now)
	limits := incident.Limits{CostPerHour: .01}
	call, err := l.ReserveCall(t.Context(), "a", .008, limits)
	require.NoError(t, err)
	_, err = l.ReserveCall(t.Context(), "a", .008, limits)
	require.ErrorIs(t, err, incident.ErrBudget, "it may cost as much as was reserved")
	require.NoError(t, l.SettleCall(t.Context(), call, "m", incident.Spend{Prompt: 10, Cost: .001}, true))
	_, err = l.ReserveCall(t.Context(), "a", .008, limits)
	require.NoError(t, err, "it has cost less")
}
