package quality

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
)

// tokens estimates how many tokens a text has by DeepSeek's own rule of thumb: an English character is about 0.3 token,
// a Chinese one about 0.6 (https://api-docs.deepseek.com/quick_start/token_usage). The true number is in the usage of
// a live answer; digits, labels and PromQL take more than prose does.
func tokens(text string) int {
	n := 0.
	for _, c := range text {
		switch {
		case unicode.Is(unicode.Han, c), c >= '　' && c <= '〿', c >= '！' && c <= '～':
			n += .6
		default:
			n += .3
		}
	}
	return int(n + .5)
}

// rendered is a request's messages as one text, as a model reads them.
func rendered(messages []analyzer.Message) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString("<" + m.Role + ">" + m.Content)
	}
	return b.String()
}

// cached returns the tokens that two prompts have in common from their start on: what a provider that caches by prefix
// would have kept. DeepSeek keeps whole units of 64 tokens, and not every time.
func cached(first, second string) int {
	n := 0
	for n < min(len(first), len(second)) && first[n] == second[n] {
		n++
	}
	for n > 0 && n < len(second) && !utf8.RuneStart(second[n]) {
		n--
	}
	return tokens(second[:n])
}

func TestTokens(t *testing.T) {
	assert.Equal(t, 30, tokens(strings.Repeat("a", 100)))
	assert.Equal(t, 60, tokens(strings.Repeat("警", 100)))
	assert.Equal(t, 3, tokens("警报，high"))
}

// The most that prompts may have on average: what they had before they told shapes, limits and what did not change, over the same
// scenarios. What is added must be paid for by what repeats.
const (
	meanFirst  = 3074
	meanSecond = 4099
)

// TestTokensOfSuite prints how many tokens the prompts of the suite have, and fails where they have grown.
func TestTokensOfSuite(t *testing.T) {
	var sums [2]int
	all := names(t)
	for _, name := range all {
		s := load(t, name)
		calls := s.replay(t).calls
		require.Len(t, calls, len(sums), name)
		for i, c := range calls {
			sums[i] += tokens(rendered(c.Messages))
		}
	}
	first, second := sums[0]/len(all), sums[1]/len(all)
	t.Logf("prompt tokens, mean of %d scenarios: first %d (bound %d), second %d (bound %d)", len(all), first, meanFirst, second, meanSecond)
	assert.LessOrEqual(t, first, meanFirst)
	assert.LessOrEqual(t, second, meanSecond)
}

func TestCached(t *testing.T) {
	first := []analyzer.Message{{Role: "system", Content: strings.Repeat("a", 100)}, {Role: "user", Content: "警"}}
	second := []analyzer.Message{first[0], {Role: "user", Content: "訊"}}
	assert.Equal(t, tokens("<system>"+first[0].Content+"<user>"), cached(rendered(first), rendered(second)))
	assert.Equal(t, tokens(rendered(first)), cached(rendered(first), rendered(append(first, second...))))
}
