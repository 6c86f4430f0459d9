package analyzer

import (
	"bytes"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// firstCalls says how many requests the first call takes with the settings of docs/models.md, by the stand-in.
var firstCalls = map[string]struct {
	heading string // in docs/models.md
	first   int
	change  string // what the log says was changed
}{
	"deepseek":    {"DeepSeek", 1, ""},
	"openai":      {"OpenAI", 3, "max_tokens is renamed to max_completion_tokens"},
	"azure":       {"Azure OpenAI", 3, "thinking is left out"},
	"gemini":      {"Gemini", 2, "thinking is left out"},
	"mistral":     {"Mistral", 2, "thinking is left out"},
	"openrouter":  {"OpenRouter", 1, ""},
	"dashscope":   {"DashScope", 2, "enable_thinking: false is sent"},
	"ark":         {"Ark", 2, "response_format is left out"},
	"kimi":        {"Kimi", 1, ""},
	"zhipu":       {"Zhipu", 1, ""},
	"siliconflow": {"SiliconFlow", 2, "max_tokens is lowered to 8192"},
	"ollama":      {"Ollama", 1, ""},
	"vllm":        {"vLLM", 2, "max_tokens is lowered to 16384"},
	"lmstudio":    {"LM Studio", 2, "response_format is left out"},
	"llamacpp":    {"llama.cpp", 1, ""},
}

// preset is what docs/models.md says to set.
type preset struct {
	LLM struct {
		BaseURL   string         `yaml:"base_url"`
		Model     string         `yaml:"model"`
		Thinking  string         `yaml:"thinking"`
		Timeout   string         `yaml:"timeout"`
		MaxTokens int            `yaml:"max_tokens"`
		ExtraBody map[string]any `yaml:"extra_body"`
	} `yaml:"llm"`
}

// presetOf reads the preset under a heading.
func presetOf(t *testing.T, heading string) (p preset) {
	t.Helper()
	doc, err := os.ReadFile("../docs/models.md")
	require.NoError(t, err)
	_, part, found := strings.Cut(string(doc), "\n### "+heading+"\n")
	require.True(t, found, heading)
	_, part, _ = strings.Cut(part, "```yaml\n")
	part, _, _ = strings.Cut(part, "```")
	d := yaml.NewDecoder(strings.NewReader(part))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&p))
	return p
}

// TestProviders asks each stand-in with the settings that docs/models.md gives for it: what it refuses is left out or renamed once.
func TestProviders(t *testing.T) {
	for _, p := range modeltest.Providers() {
		t.Run(p.Name, func(t *testing.T) {
			want, ok := firstCalls[p.Name]
			require.True(t, ok)
			set := presetOf(t, want.heading).LLM
			u, err := url.Parse(set.BaseURL)
			require.NoError(t, err)
			assert.Equal(t, p.Path, u.Path)
			var log bytes.Buffer
			b := newBench(t, func(o *Options) {
				o.BaseURL += u.RequestURI()
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				o.Model, o.Thinking, o.MaxTokens, o.ExtraBody = set.Model, set.Thinking, set.MaxTokens, set.ExtraBody
			})
			b.srv.Always(p.Reply())
			v, failure := b.ask(t, "a")
			require.Nil(t, failure)
			assert.Equal(t, "One source makes most of the failures.", v.Causes[0].Hypothesis)
			assert.Equal(t, 1, v.Spend.Calls, "a request that was refused is not billed")
			assert.Len(t, b.srv.Requests(), want.first)
			assert.Contains(t, log.String(), want.change)
			if want.change == "" {
				assert.NotContains(t, log.String(), "Requests changed")
			}
			_, failure = b.ask(t, "b")
			require.Nil(t, failure)
			assert.Len(t, b.srv.Requests(), want.first+1, "what it refuses is remembered")
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

// TestTooLongIsNoFieldsFault: what is said of a field in a refusal of a long prompt changes no field.
func TestTooLongIsNoFieldsFault(t *testing.T) {
	b := newBench(t)
	b.srv.Next(modeltest.Status(400, "max_tokens must be at least 1, got -186."))
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Contains(t, failure.Err.Error(), "llm.max_prompt_bytes")
	_, failure = b.ask(t, "b")
	require.Nil(t, failure)
	assert.Contains(t, string(b.srv.Requests()[1].Body), `"max_tokens":4096`)
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
