package promql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeriesText(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		`up`:                               {"__name__": "up"},
		`a:b:rate5m{x="\"\\"}`:             {"__name__": "a:b:rate5m", "x": `"\`},
		`{__name__="http.requests"}`:       {"__name__": "http.requests"},
		`{"service.name"="a",job="登录"}`:    {"service.name": "a", "job": "登录"},
		`{__name__="http.requests",a="b"}`: {"__name__": "http.requests", "a": "b"},
	} {
		got := SeriesText(labels)
		assert.Len(t, got, len(want))
		_, err := Parse(got)
		require.NoError(t, err, got)
	}
}

func TestSelectorText(t *testing.T) {
	for _, test := range []struct {
		name     string
		matchers []Matcher
		want     string
	}{
		{"up", nil, `up{}`},
		{"up", []Matcher{{"job", "=", "a"}, {"code", "!~", "5.."}}, `up{job="a",code!~"5.."}`},
		{"", []Matcher{{"job", "=", `say "hi"\`}}, `{job="say \"hi\"\\"}`},
		{"", []Matcher{{"service.name", "=", "a"}}, `{"service.name"="a"}`},
		{"", []Matcher{{"__name__", "=~", "a|b"}}, `{__name__=~"a|b"}`},
	} {
		got := SelectorText(test.name, test.matchers...)
		assert.Equal(t, test.want, got)
		_, err := Parse(got)
		assert.NoError(t, err)
	}
}

func TestBareSelector(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(x{a="b"}[5m] offset 1h)`: `x{a="b"}`, `x @ 5`: `x`, `{__name__="x"} @ end() offset -1d`: `{__name__="x"}`,
	} {
		assert.Equal(t, want, BareSelector(Selectors(parsed(t, expr))[0]), expr)
	}
}

func TestSelectors(t *testing.T) {
	var got []string
	for _, v := range Selectors(parsed(t, `sum(rate(a[5m])) / on () b > scalar(c{x="y"}) + 1`)) {
		got = append(got, v.String())
	}
	assert.Equal(t, []string{"a", "b", `c{x="y"}`}, got, "from left to right")
	assert.Empty(t, Selectors(parsed(t, `vector(1)`)))
}
