package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"login_failures_total is up", "login_failures_total is up"},
		{"_em_ and **b**", `\_em\_ and \*\*b\*\*`},
		{"a\nb\t c\r\n", "a b c"},
		{"a | b", "a &#124; b"},
		{"`x`", "&#96;x&#96;"},
		{`c:\temp\|`, `c:\\temp\\&#124;`},
		{"# no heading", `\# no heading`},
		{"- no list", `\- no list`},
		{"1. no list", `1\. no list`},
		{"2026-11-20 is a date", "2026-11-20 is a date"},
		{"see http://x.example/a_b now", "see `http://x.example/a_b` now"},
		{"ask @all or me@x.example", "ask `@all` or `me@x.example`"},
		{"WWW.x.example", "`WWW.x.example`"},
		{"请看http://x.example。谢谢", "请看`http://x.example`。谢谢"},
		{"[a](b) [a]: b ![c](d)", `\[a\]\(b) \[a\]\: b \!\[c\]\(d)`},
		{"<b>&lt;", `\<b\>\&lt;`},
		{"a && b & c", "a && b & c"},
		{"\u202eevil\u200b\x00", "evil"},
		{"\xff", "�"},
	} {
		t.Run(tt.in, func(t *testing.T) { assert.Equal(t, tt.want, escaped(tt.in, 200)) })
	}
}

func TestFence(t *testing.T) {
	assert.Equal(t, []string{"```sh", "ls", "```"}, fence("sh", "\nls\n", 100))
	assert.Equal(t, []string{"`````", "a ```` b", "```", "`````"}, fence("", "a ```` b\n```\n", 100))
	assert.Equal(t, []string{"```", "a", "  b", "```"}, fence("", "a\r\n  b\u202e", 100))
}

func TestSlug(t *testing.T) {
	assert.Equal(t, "e2-login_failure_ratio-over-time", slug("E2: login_failure_ratio over time"))
	assert.Equal(t, slug("E1: a|b `c`"), slug(escaped("E1: a|b `c`", 100)))
	assert.Equal(t, "可能原因", slug("可能原因"))
	assert.Equal(t, "e1-read-only", slug("E1: Read-only"))
}

func TestSafeURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://p.example:9090/graph?g0.expr=up", "http://p.example:9090/graph?g0.expr=up"},
		{"https://user:secret@p.example/", "https://p.example/"},
		{"http://[::1]:9090/", "http://[::1]:9090/"},
		{"http://p.example/a)b <c>\"'`|\\", "http://p.example/a%29b%20%3Cc%3E%22%27%60%7C%5C"},
		{"javascript:alert(1)", ""},
		{"javascript://x.example/%0aalert(1)", ""},
		{"ftp://x.example/", ""},
		{"data:text/html,x", ""},
		{"//evil.example/", ""},
		{"/relative", ""},
		{"http:opaque", ""},
		{"http://", ""},
		{"http://x.example/" + strings.Repeat("a", maxURLBytes), ""},
		{"", ""},
	} {
		t.Run(tt.in[:min(len(tt.in), 40)], func(t *testing.T) { assert.Equal(t, tt.want, safeURL(tt.in)) })
	}
}

func TestSilenceURL(t *testing.T) {
	assert.Equal(t, "http://am.example/x/#/silences/new?filter=%7Balertname%3D%22A%20%5C%22B%5C%22%22%2C%22my.label%22%3D%22c%22%7D",
		silenceURL("http://am.example/x/", map[string]string{"alertname": `A "B"`, "my.label": "c"}))
	assert.Empty(t, silenceURL("javascript:alert(1)", nil))
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		v          float64
		unit, want string
	}{
		{0, "", "0"},
		{0.64, "%", "64 %"},
		{0.0532, "%", "5.32 %"},
		{1234, "", "1.23k"},
		{2.5e9, "", "2.5G"},
		{-1500, "", "-1.5k"},
		{0.25, "s", "250 ms"},
		{90, "s", "1.5 min"},
		{1536, "bytes", "1.5 KiB"},
		{3, "req/s", "3 req/s"},
		{1e-7, "", "1e-7"},
		{1e18, "", "1e18"},
	} {
		assert.Equal(t, tt.want, number(tt.v, tt.unit), "%v %s", tt.v, tt.unit)
	}
}
