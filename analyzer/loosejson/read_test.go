package loosejson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asJSON writes a value as valid JSON; words stand in angle brackets.
func asJSON(v Value) string {
	var parts []string
	switch v.Kind {
	case Null:
		return "null"
	case Bool:
		return fmt.Sprint(v.True)
	case Number:
		return v.Text
	case Word:
		return "<" + v.Text + ">"
	case String:
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v.Text)
		return strings.TrimSpace(b.String())
	case Array:
		for _, item := range v.Items {
			parts = append(parts, asJSON(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case Object:
	}
	for _, m := range v.Members {
		parts = append(parts, asJSON(Value{Kind: String, Text: m.Key})+":"+asJSON(m.Value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestRead(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"valid", `{"a":[1,true,null,"x\ny"]}`, `{"a":[1,true,null,"x\ny"]}`},
		{"raw breaks and tabs", "{\"a\": \"x\ty\nz\"}", `{"a":"x\ty\nz"}`},
		{"trailing commas", `{"a":[1,],}`, `{"a":[1]}`},
		{"missing commas", "{\"a\": \"x\"\n\"b\": [1\n\"p\" \"q\"]\nc: 2}", `{"a":"x","b":[1,"p","q"],"c":2}`},
		{"comments", "{# one\n\"a\": 1, // two\n /* three */ \"b\": \"http://x//y # z\"}", `{"a":1,"b":"http://x//y # z"}`},
		{"single quotes", `{'a': 'it\'s', 'b': 'it's here', 'c': "it's"}`, `{"a":"it's","b":"it's here","c":"it's"}`},
		{"typographic quotes", `{“a”: “x “y”，z”, ‘b’：‘c’}`, `{"a":"x “y”，z","b":"c"}`},
		{"quotes in the text stay", `{"a": "包含“引号”，和逗号",}`, `{"a":"包含“引号”，和逗号"}`},
		{"python", `{'a': True, 'b': None, 'c': u'x', 'd': """p "q" r"""}`, `{"a":true,"b":null,"c":"x","d":"p \"q\" r"}`},
		{"joined strings", `{"a": "x" + "y"}`, `{"a":"xy"}`},
		{"bad escapes", `{"a": "\d+\.x \_", 'b': "C:\temp\new x\ty"}`, `{"a":"\\d+\\.x \\_","b":"C:\\temp\\new x\ty"}`},
		{"quotes that were not escaped", `{"a": "he said "no", then left", "b": 2}`, `{"a":"he said \"no\", then left","b":2}`},
		{"a selector that was not escaped", `[{"q": "sum(x{job="api", env="p"}[5m]) by (z)", "r": "y{a="b"}"}]`, `[{"q":"sum(x{job=\"api\", env=\"p\"}[5m]) by (z)","r":"y{a=\"b\"}"}]`},
		{"full width", `｛"a"：1，"b"：［"x"、"y"］｝`, `{"a":1,"b":["x","y"]}`},
		{"bare keys and words", `{a: high, b-c: .8, d: +1, e: NaN, f: 很高}`, `{"a":<high>,"b-c":.8,"d":+1,"e":null,"f":<很高>}`},
		{"elided", `{"a": [1, ...]}`, `{"a":[1,<...>]}`},
		{"surrogates", `{'a': "\ud83d\ude00 \u4e2d"}`, `{"a":"😀 中"}`},
		{"semicolons", `{"a": 1; "b": 2}`, `{"a":1,"b":2}`},
		{"arrows", `{"a" => 1}`, `{"a":1}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, end, err := Read(test.text + " rest}")
			require.NoError(t, err)
			assert.Equal(t, test.want, asJSON(v))
			assert.Equal(t, len(test.text), end)
			assert.Equal(t, test.name != "valid", v.Loose)
			for at := range len(test.text) - 1 {
				if cut := strings.TrimRight(test.text[:at+1], " \n"); len(cut) > 0 {
					_, _, err := Read(cut)
					assert.Error(t, err, "cut after %q", cut)
				}
			}
		})
	}
}

func TestNotRead(t *testing.T) {
	for _, text := range []string{"", "{", `{"a"}`, `{"a":}`, `{"a":1]`, `[1}`, `{:1}`, `{"a": {b c}}`, strings.Repeat("[", 1000), `{"a": 1 /* `} {
		_, _, err := Read(text)
		require.Error(t, err, text)
	}
}

// FuzzRead holds what is read against encoding/json: valid JSON is read as it reads it.
func FuzzRead(f *testing.F) {
	f.Add(`{"a":[1,true,null,"x\ny"]}`)
	f.Add(`{'a': “x “y”，z”, /* c */ b: "he said "no", then"} rest`)
	f.Fuzz(func(t *testing.T, text string) {
		v, end, err := Read(text)
		if end < 0 || end > len(text) {
			t.Fatal("the end is outside of the text")
		}
		var want any
		if json.Unmarshal([]byte(text), &want) != nil || v.Loose || err != nil {
			return
		}
		var got any
		if e := json.Unmarshal([]byte(asJSON(v)), &got); e != nil || !assert.ObjectsAreEqual(want, got) {
			t.Fatalf("%v, not %v (%v)", got, want, e)
		}
	})
}
