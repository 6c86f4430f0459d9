package analyzer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newTransport returns a transport of the test's own, closed with it: goleak looks for its connections.
func newTransport(t *testing.T) *http.Transport {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestDraft(t *testing.T) {
	b := newBench(t)
	verdict, failure := b.ask(t, "a")
	require.Nil(t, failure)
	assert.Equal(t, "security", verdict.Category)
	assert.Equal(t, []string{"E1", "E2"}, verdict.Causes[0].Evidence)
	assert.Empty(t, verdict.Causes[0].Marks)
	assert.Equal(t, "deepseek-flash", verdict.Model)
	assert.Equal(t, int64(7), verdict.Generation)
	assert.Equal(t, day, verdict.At)
	assert.Equal(t, 1, verdict.Spend.Calls)
	assert.Positive(t, verdict.Spend.Cost)
	assert.Equal(t, "ready", b.Status())

	again, failure := b.ask(t, "b")
	require.Nil(t, failure)
	assert.Zero(t, verdict.Spend.Cached)
	assert.Positive(t, again.Spend.Cached, "the prefix is the same, so that the provider's cache is hit")
	assert.Less(t, again.Spend.Cost, verdict.Spend.Cost)
}

func TestRequestGolden(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"disabled": func(*Options) {},
		"high":     func(o *Options) { o.Thinking, o.Model, o.Language = "high", "deepseek-v4-pro", "zh" },
		"omit": func(o *Options) {
			o.Thinking, o.ExtraBody = "omit", map[string]any{
				"max_tokens": nil, "max_completion_tokens": 999, "chat_template_kwargs": map[string]any{"enable_thinking": false},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, change)
			_, failure := b.ask(t, "a")
			require.Nil(t, failure)
			require.Len(t, b.srv.Requests(), 1)
			sent := b.srv.Requests()[0]
			assert.Equal(t, "Bearer "+testKey, sent.Header.Get("Authorization"))
			assert.Equal(t, "alertscribe/1.2.3", sent.Header.Get("User-Agent"))
			var pretty bytes.Buffer
			require.NoError(t, json.Indent(&pretty, sent.Body, "", " "))
			golden(t, "request_"+name+".json", pretty.Bytes())
		})
	}
}
