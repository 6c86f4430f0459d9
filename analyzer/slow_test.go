package analyzer

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestReadingIsBounded: no answer takes long to read, whatever it is made of.
func TestReadingIsBounded(t *testing.T) {
	for name, part := range map[string]string{
		"braces": "{", "keys": `{"a":`, "quotes": `"x "y", `, "bare": "{a:", "brackets": "[{", "comments": "{/*", "hash": "{# \n", "thoughts": "<think>{",
		"stray": "</think>{\"a\":1}", "fences": "```json\n{\"a\":", "objects": `{"summary":"s","causes":[]} `, "strings": `"{\"a\":`, "apostrophes": `{'a': 'it's `, "spaces": "{ \n\t ", "wide": "｛“a”：“", "commas": `{"a" ,`,
		"opening": "{\"a\": \"", "text": "some words here. ", "escapes": `{\"a\":`, "colons": `{"a":"b" "c":"d" `,
	} {
		for _, begin := range []string{"", `{"summary": "x", "causes": ["`} {
			content := begin + strings.Repeat(part, maxContent/4/len(part))
			took := testbedtest.CPU(func() { _, _ = readVerdict(reply{content: content, whole: true}) })
			t.Logf("%s after %q: %v", name, begin, took.Round(time.Millisecond))
			assert.Less(t, took, 10*time.Second, name)
		}
	}
}
