package redact

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/text"
)

// invisibles are one of each sort of character that does not show.
var invisibles = map[string]string{
	"NUL": "\x00", "backspace": "\b", "escape": "\x1b", "DEL": "\x7f", "C1": "\u0086", "soft hyphen": "\u00ad",
	"grapheme joiner": "\u034f", "Arabic letter mark": "\u061c", "Hangul filler": "\u3164", "Mongolian separator": "\u180e",
	"zero-width space": "\u200b", "right-to-left override": "\u202e", "word joiner": "\u2060", "byte order mark": "\ufeff",
	"variation selector": "\ufe0f", "supplementary selector": "\U000e0100", "tag": "\U000e0041", "private use": "\ue000",
	"no character": "\uffff", "Braille blank": "\u2800",
}

// colors are terminal sequences, as terminals get them and as writers of logs escape them.
var colors = map[string]string{
	"color": "\x1b[31m", "bold and color": "\x1b[1;38;5;208m", "reset": "\x1b[m", "erase line": "\x1b[K", "cursor": "\x1b[?25h",
	"C1": "\u009b0m", "character set": "\x1b(B", "JSON": `\u001b[36m`, "JSON, upper case": `\u001B[0m`, "Go": `\x1b[0m`, "octal": `\033[1m`,
	"shell": `\e[0m`, "caret": "^[[0m", "rsyslog": "#033[0m", "symbol": "\u241b[0m", "URL": "%1B[0m", "HTML": "&#27;[0m",
	"title": "\x1b]0;deploy\a", "hyperlink": "\x1b]8;;https://example.com/\x1b\\", "C1 string": "\u009d0;x\u009c", "JSON title": `\u001b]0;x\u0007`,
	"device control": "\x1bPq\x1b\\", "lost escape": "[1;31m", "lost escape of an erased line": "[K", "two": "\x1b[0m\x1b[1m",
}

// TestNothingHidesBehindWhatDoesNotShow puts each into each place of a secret and of what announces it.
func TestNothingHidesBehindWhatDoesNotShow(t *testing.T) {
	for _, set := range []map[string]string{invisibles, colors} {
		for name, hidden := range set {
			t.Run(name, func(t *testing.T) {
				for at := 1; at < len("password=hunter22"); at++ {
					in := "password=hunter22"[:at] + hidden + "password=hunter22"[at:] + " user=bob"
					got := redacted(t, in)
					assert.NotContains(t, shown(got).text, "hunter22"[max(0, at-9):], "%q", in)
					assert.Contains(t, got, "[REDACTED:password:1]", "%q", in)
					assert.True(t, strings.HasSuffix(got, " user=bob"), "%q", got)
				}
			})
		}
	}
}

func TestColoredLogs(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"logrus":           {"\x1b[31mERRO\x1b[0m[0007] login \x1b[31mpassword\x1b[0m=hunter22", "\x1b[31mERRO\x1b[0m[0007] login \x1b[31mpassword\x1b[0m=[REDACTED:password:1]"},
		"zerolog":          {"\x1b[36mpassword=\x1b[0mhunter22 \x1b[36muser=\x1b[0mbob", "\x1b[36mpassword=\x1b[0m[REDACTED:password:1] \x1b[36muser=\x1b[0mbob"},
		"grep":             {"\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K: hunter22", "\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K: [REDACTED:password:1]"},
		"JSON line":        {`{"msg":"\u001b[33mapi_key\u001b[0m: \u001b[1mab12cd34\u001b[0m"}`, `{"msg":"\u001b[33mapi_key\u001b[0m: \u001b[1m[REDACTED:api_key:1]"}`},
		"escape taken out": {"[36mtoken[0m=ab12cd34 next", "[36mtoken[0m=[REDACTED:token:1] next"},
		"bearer":           {"Authorization: \x1b[1mBearer\x1b[0m abc123def456", "Authorization: \x1b[1mBearer\x1b[0m [REDACTED:authorization:1]"},
		"URL":              {"postgres://app:\x1b[4mhunter22\x1b[0m@db/x", "postgres://app:\x1b[4m[REDACTED:password:1]@db/x"},
		"in a hyperlink":   {"\x1b]8;;https://ops:hunter22@host/\x1b\\page\x1b]8;;\x1b\\", "\x1b]8;;https://ops:[REDACTED:password:1]@host/\x1b\\page\x1b]8;;\x1b\\"},
		"in a title":       {"\x1b]0;password=hunter22\a", "\x1b]0;password=[REDACTED:password:1]"},
		"never ends":       {"\x1b]0;password=hunter22", "\x1b]0;password=[REDACTED:password:1]"},
		"Chinese":          {"\x1b[31m密码\x1b[0m：hunter22", "\x1b[31m密码\x1b[0m：[REDACTED:password:1]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := redacted(t, tc.in)
			assert.NotContains(t, got, "hunter22")
			assert.Equal(t, tc.want, got)
			assert.Equal(t, got, redacted(t, got), "redacted twice")
		})
	}
}

// TestWhatLooksLikeASecretToAReaderIsOne covers the ways of writing ASCII without its characters.
func TestWhatLooksLikeASecretToAReaderIsOne(t *testing.T) {
	for name, in := range map[string]string{
		"full-width": "ｐａｓｓｗｏｒｄ＝hunter22", "mathematical": "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝 = hunter22", "accents": "pa\u0301sswo\u0308rd=hunter22",
		"one character with its accent": "pássword: hunter22", "small forms": "password﹕hunter22", "ratio": "password∶hunter22",
		"double low quotes": "password=„hunter22“", "corner brackets": "password=「hunter22」", "ornamental quotes": "password: ❝hunter22❞",
		"primes": "password=″hunter22″", "angle quotes": "password=«hunter22»", "single quotes": "password=‘hunter22’",
		"em dash": "—password hunter22", "en dashes": "––password hunter22", "next line": "a\u0085password=hunter22", "line separator": "a\u2028password=hunter22",
		"narrow space": "password\u202f=\u2009hunter22", "NFD": "contrasen\u0303a: hunter22", "NFC": "contraseña: hunter22",
		"JSON escapes": `{"\u0070assword":"hunter22"}`, "JSON of Chinese": `{"\u5bc6\u7801": "hunter22"}`, "hidden in JSON": `{"pass\u200bword":"hunter22"}`,
		"hidden in JSON in JSON": `{\"pass\\u200bword\":\"hunter22\"}`, "two halves in JSON": `pass\udb40\udc41word=hunter22`, "NUL in JSON": `pass\u0000word=hunter22`,
		"hidden in a URL": "?pass%E2%80%8Bword=hunter22", "URL of Chinese": "%E5%AF%86%E7%A0%81=hunter22", "full-width in a URL": "pass%EF%BD%97ord=hunter22",
		"hidden in HTML": "pass&shy;word=hunter22", "number in HTML": "pass&#8203;word=hunter22", "named in HTML": "pass&ZeroWidthSpace;word&equals;hunter22",
	} {
		t.Run(name, func(t *testing.T) {
			got := redacted(t, in)
			assert.NotContains(t, got, "hunter22")
			assert.Contains(t, got, ":1]")
		})
	}
}

func TestWhatDoesNotShowStaysWhereNothingIsSecret(t *testing.T) {
	for _, in := range []string{
		"\x1b[31mERROR\x1b[0m login failed 5 times", "\ufeffall is well", "a\u200bb", "rate(token_total[5m]) > 2", "max_over_time(password_age[1h:5m])",
		"[K8s] token expired", "[5m] 12 passwords changed", `C:\users\e[0]`, "50%1B", "&nbsp;&shy;", `\ud800`, "^[", "\x1b", "\x1b[", "#033", "naïve café ½ №5 ½ ① ㎏", "密码 — 已过期",
	} {
		assert.Equal(t, in, redacted(t, in))
	}
}

// TestSameSecretIsKnownAgain: a color or a hidden character makes no other secret of it.
func TestSameSecretIsKnownAgain(t *testing.T) {
	s := session(t)
	s.Text("password=hunter22")
	for _, hidden := range []string{"\u200b", "\u034f", "\x1b[1m", "\x00"} {
		assert.Equal(t, "token: [REDACTED:password:1]", s.Text("token: hunt"+hidden+"er22"), "%q", hidden)
	}
}

func TestUsersExpressionsSeeWhatIsShown(t *testing.T) {
	r, err := New([]string{`EMP-\d{6}`, `工号：\d+`})
	require.NoError(t, err)
	for in, want := range map[string]string{
		"EMP-123\u200b456.": "[REDACTED:custom:1].", "E\x1b[1mMP-123456.": "[REDACTED:custom:1].", "工\u034f号：42。": "[REDACTED:custom:1]。", "EMP-1\u200b": "EMP-1\u200b",
	} {
		assert.Equal(t, want, r.Session().Text(in))
	}
}

// TestOrigin: each place of a view leads back to where it came from.
func TestOrigin(t *testing.T) {
	for _, in := range []string{"abc", "a\u200bb\u00adc", "ａ：b“c”", "a\x1b[31mb", "é\u0301x", "%70%E2%80%8B&amp;z", `\u0070\\u200b`, "㏂x", "…"} {
		for _, how := range []folding{0, forms, sequences, forms | sequences | escapes} {
			v, _ := fold(in, how)
			last := 0
			for i := range len(v.text) + 1 {
				at := v.origin(i)
				assert.True(t, at >= last && at <= len(in), "%q in %q", v.text[:i], in)
				if i < len(v.text) && utf8.RuneStart(v.text[i]) && v.text[i] != '.' && v.text[i] != 'm' {
					assert.True(t, utf8.RuneStart(in[at]), "%q in %q", v.text[:i], in)
				}
				last = at
			}
			assert.Equal(t, len(in), v.origin(len(v.text)), "%q", in)
		}
	}
}

// FuzzHidden inserts characters that do not show anywhere into texts that hold a secret: none stays behind.
func FuzzHidden(f *testing.F) {
	for _, hidden := range invisibles {
		f.Add(hidden, uint64(0x9e3779b97f4a7c15))
	}
	for _, hidden := range []string{"\u009bA\u009b", "\u200b\u034f", "\x1b[31m", "\x1b[0m\u200b", "\u009b1m", "\x1b]0;x\a"} {
		f.Add(hidden, uint64(1<<40|1<<9|5))
	}
	f.Fuzz(func(t *testing.T, hidden string, places uint64) {
		const secret = "Zq9Wv7xK2mP4nR8tB3c"
		hidden = onlyHidden(hidden[:min(len(hidden), 48)])
		for i, plant := range plants {
			plain := strings.ReplaceAll(plant, "SECRET", secret)
			in := insert(plain, hidden, places)
			got := session(t).Text(in)
			assert.NotContains(t, shown(got).text, secret, "plant %d, %q", i, in)
			assert.Equal(t, got, session(t).Text(got), "redacted twice: %q", in)
			assert.LessOrEqual(t, len(got), len(in)+32)
		}
	})
}

// onlyHidden returns what of s does not show: invisible characters, or complete sequences of a terminal and invisible characters that
// begin none. What begins one would take a letter of the text around it along, which a reader of either kind would miss.
func onlyHidden(s string) string {
	var chars, complete strings.Builder
	for s = strings.ToValidUTF8(s, ""); s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		switch n := text.Sequence(s); {
		case strings.ContainsRune(`[\^#%&`+"\u241b", r): // not by itself
		case n > 0 && shown(s[:n]).text == "":
			complete.WriteString(s[:n])
			size = n
		case text.Invisible(r):
			chars.WriteRune(r)
			if r != 0x1b && r != 0x90 && r != 0x9b && r != 0x9d {
				complete.WriteRune(r)
			}
		}
		s = s[size:]
	}
	if len(complete.String()) > len(chars.String()) {
		return complete.String()
	}
	return chars.String()
}

// insert puts hidden behind each character of s whose bit is set in places, which is used again and again.
func insert(s, hidden string, places uint64) string {
	var b strings.Builder
	for i, r := range []rune(s) {
		b.WriteRune(r)
		if places>>(i%64)&1 == 1 {
			b.WriteString(hidden)
		}
	}
	return b.String()
}

func ExampleSession_Text() {
	r, err := New(nil)
	if err != nil {
		panic(err)
	}
	s := r.Session()
	fmt.Println(s.Text("login to postgres://app:hunter22@db failed"))
	fmt.Println(s.Text("retry with password=hunter22 token=ab12"))
	fmt.Println(s.Counts())
	// Output:
	// login to postgres://app:[REDACTED:password:1]@db failed
	// retry with password=[REDACTED:password:1] token=[REDACTED:token:2]
	// map[password:2 token:1]
}

func TestDecodeAt(t *testing.T) {
	for in, want := range map[string]struct {
		r    rune
		size int
	}{
		"%41": {'A', 3}, "%4": {}, "%": {}, "%zz": {}, "%4g": {}, "%00": {0, 3}, "%0A": {'\n', 3}, "%E5%AF%86x": {'密', 9}, "%E5%AF": {}, "%E5x": {}, "%FF": {},
		"%F0%9F%94%A5": {'🔥', 12}, `\u0041`: {'A', 6}, `\u004`: {}, `\u`: {}, `\`: {}, `\n`: {}, `\x41`: {}, `\u5bc6`: {'密', 6}, `\\u0022`: {}, `\\u200b`: {0x200b, 7},
		`\\\u200bx`: {0x200b, 8}, `\ud83d\udd25`: {'🔥', 12}, `\ud83d`: {}, `\ud83dx`: {}, `\udd25\ud83d`: {}, "&amp;": {'&', 5}, "&#65;": {'A', 5}, "&#x41;": {'A', 6},
		"&shy;": {0xad, 5}, "&quot;x": {'"', 6}, "&nosuch;": {}, "&": {}, "& ;": {}, "&amp": {}, "&fjlig;": {}, // two letters
	} {
		r, size := decodeAt(in)
		assert.Equal(t, want.size, size, "%q", in)
		if size > 0 {
			assert.Equal(t, want.r, r, "%q", in)
		}
	}
}

// TestViews: most texts are read once, and each more costs as much again.
func TestViews(t *testing.T) {
	for in, want := range map[string]int{
		"all is well, 45.3% of rate(x[5m]) + 1": 1, "密码：一": 1, "\x1b[31mred\x1b[0m": 1, "ａ": 1,
		"\x1b[K": 2, "[0m": 2, "\x1b]0;x\a": 2, "%41": 2, `\u0041`: 2, "&amp;": 2, "[0m%41": 3,
	} {
		assert.Len(t, views(in), want, "%q", in)
	}
}
