package redact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKnownElsewhere: a value that was found is found where nothing announces it, also in another spelling, and a word is not.
func TestKnownElsewhere(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"later":                {"password=Vn7Qx2LmT0ab; retry: Vn7Qx2LmT0ab", "password=[REDACTED:password:1]; retry: [REDACTED:password:1]"},
		"earlier":              {"bob Vn7Qx2LmT0ab, password=Vn7Qx2LmT0ab", "bob [REDACTED:password:1], password=[REDACTED:password:1]"},
		"encoded":              {"u://a:p%40ssw0rd1@h then p@ssw0rd1", "u://a:[REDACTED:password:1]@h then [REDACTED:password:2]"},
		"hidden":               {"password=Vn7Qx2LmT0ab Vn7Q\u200bx2LmT0ab", "password=[REDACTED:password:1] [REDACTED:password:1]"},
		"of Basic":             {"Authorization: Basic Ym9iOlZuN1F4MkxtVDBhYg== Vn7Qx2LmT0ab", "Authorization: Basic [REDACTED:authorization:1] [REDACTED:password:2]"},
		"part of a word":       {"password=hunter22x hunter22xyz", "password=[REDACTED:password:1] hunter22xyz"},
		"a word":               {"password=production in production", "password=[REDACTED:password:1] in production"},
		"a short one":          {"password=hunter2 hunter2", "password=[REDACTED:password:1] hunter2"},
		"a number":             {"password=20261125 on 20261125", "password=[REDACTED:password:1] on 20261125"},
		"within a placeholder": {"password=[REDACTED:password:1]REDACTED:pass1", "password=[REDACTED:password:2]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := redacted(t, tc.in)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, got, redacted(t, got), "redacted twice")
		})
	}
	s := session(t)
	s.Text("token: Vn7Qx2LmT0ab")
	assert.Equal(t, "log Vn7Qx2LmT0 and [REDACTED:token:1]", s.Text("log Vn7Qx2LmT0 and Vn7Qx2LmT0ab"), "in another text of the session")
	assert.Equal(t, "Vn7Qx2LmT0ab", session(t).Text("Vn7Qx2LmT0ab"), "and of no other")
}

// TestKnownIsBounded: values that begin alike, thousands of them, cost no more than others.
func TestKnownIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&b, "password=samestart%dx samestart%dx\n", i, i)
	}
	before := cpuTime(t)
	got := redacted(t, b.String())
	assert.Less(t, (cpuTime(t) - before).Seconds(), 3.0)
	assert.NotContains(t, got, "password=samestart")
	var k known
	for i := range 100 {
		k.add(fmt.Sprintf("samestart%dx", i), Password)
	}
	assert.Len(t, k.byStart[[minKnown]byte([]byte("samestar"))], maxAlike)
}
