package analyzer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// presets are the settings of docs/models.md, by the stand-in, and how many requests the first call takes with them.
var presets = map[string]struct {
	set    func(*Options)
	first  int
	change string // what the log says was changed
}{
	"deepseek": {first: 1},
	"openai":   {first: 3, change: "max_tokens is renamed to max_completion_tokens"},
	"azure":    {set: func(o *Options) { o.BaseURL += "?api-version=2024-10-21" }, first: 3, change: "thinking is left out"},
	"gemini":   {first: 2, change: "thinking is left out"},
	"mistral":  {first: 2, change: "thinking is left out"},
	"openrouter": {set: func(o *Options) {
		o.Thinking, o.ExtraBody = "omit", map[string]any{"reasoning": map[string]any{"enabled": false}}
	}, first: 1},
	"dashscope":   {first: 2, change: "enable_thinking: false is sent"},
	"ark":         {first: 2, change: "response_format is left out"},
	"kimi":        {first: 1},
	"zhipu":       {first: 1},
	"siliconflow": {set: func(o *Options) { o.MaxTokens, o.ExtraBody = 16384, map[string]any{"enable_thinking": false} }, first: 2, change: "max_tokens is lowered to 8192"},
	"ollama":      {set: func(o *Options) { o.Thinking, o.ExtraBody = "omit", map[string]any{"reasoning_effort": "none"} }, first: 1},
	"vllm":        {set: func(o *Options) { o.Thinking, o.MaxTokens = "omit", 32768 }, first: 2, change: "max_tokens is lowered to 16384"},
	"lmstudio":    {first: 2, change: "response_format is left out"},
	"llamacpp":    {first: 1},
}

// TestProviders asks each stand-in with the settings that docs/models.md gives for it: what it refuses is left out or renamed once.
func TestProviders(t *testing.T) {
	for _, p := range modeltest.Providers() {
		t.Run(p.Name, func(t *testing.T) {
			preset, ok := presets[p.Name]
			require.True(t, ok)
			var log bytes.Buffer
			b := newBench(t, func(o *Options) {
				o.BaseURL += p.Path
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				if preset.set != nil {
					preset.set(o)
				}
			})
			b.srv.Always(p.Reply())
			v, failure := b.ask(t, "a")
			require.Nil(t, failure)
			assert.Equal(t, "One source makes most of the failures.", v.Causes[0].Hypothesis)
			assert.Equal(t, 1, v.Spend.Calls, "a request that was refused is not billed")
			assert.Len(t, b.srv.Requests(), preset.first)
			assert.Contains(t, log.String(), preset.change)
			if preset.change == "" {
				assert.NotContains(t, log.String(), "Requests changed")
			}
			_, failure = b.ask(t, "b")
			require.Nil(t, failure)
			assert.Len(t, b.srv.Requests(), preset.first+1, "what it refuses is remembered")
		})
	}
}

func TestWhatTheUserSetsIsNeverChanged(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.BaseURL += "/v1"
		o.ExtraBody = map[string]any{"thinking": map[string]any{"type": "enabled"}}
	})
	for _, p := range modeltest.Providers() {
		if p.Name == "openai" {
			b.srv.Always(p.Reply())
		}
	}
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailRequest, failure.Kind)
	assert.Contains(t, failure.Err.Error(), "Unrecognized request argument supplied: thinking")
	assert.Len(t, b.srv.Requests(), 1)
}

// TestPromptCutByTheServer: Ollama answers a prompt that is too long for its context as if nothing were.
func TestPromptCutByTheServer(t *testing.T) {
	cut := func(size int) []incident.Mark {
		b := newBench(t, func(o *Options) { o.BaseURL, o.MaxPromptBytes = o.BaseURL+"/v1", 64<<10 })
		for _, p := range modeltest.Providers() {
			if p.Name == "ollama" {
				b.srv.Always(p.Reply())
			}
		}
		evidence := testEvidence()
		for range size {
			evidence = append(evidence, incident.Evidence{ID: "E3", Kind: incident.KindSignal, Title: "x", Summary: strings.Repeat("word ", 200)})
		}
		v, err := b.Draft(t.Context(), testIncident(), incident.Findings{Evidence: evidence})
		require.NoError(t, err)
		return v.Marks
	}
	assert.Empty(t, cut(1))
	marks := cut(15)
	require.Len(t, marks, 1)
	assert.Equal(t, incident.MarkPromptCut, marks[0].Kind)
	assert.Contains(t, marks[0].Text, "4096 tokens of about")
}
