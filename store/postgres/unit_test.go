package postgres

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestTokens(t *testing.T) {
	for in, want := range map[string]string{
		"web-2":                  "web 2",
		"Zoë ÀÀÀ":                "zoe aaa",
		`a'b"c\d:*&|!()<->`:      "a b c d",
		"a\x00b\xff":             "a b",
		"HighErrorRate":          "higherrorrate",
		"":                       "",
		"支 付":                    "支 付",
		strings.Repeat("x", 300): strings.Repeat("x", 255),
	} {
		assert.Equal(t, want, strings.Join(tokens(in), " "), "%q", in)
	}
	assert.Equal(t, "'a':1 'b':2 ", vector("a b"))
	assert.Equal(t, "'web' <-> '2':*", phrase("web-2"))
	assert.Empty(t, phrase(`"*()`))
}

// TestColumn: what columns hold is text that PostgreSQL takes, and short enough for an index.
func TestColumn(t *testing.T) {
	assert.Equal(t, "a\uFFFDb\uFFFD", column("a\x00b\xff"))
	assert.LessOrEqual(t, len(column(strings.Repeat("é", 1000))), maxColumn)
}

// TestGroups: receiver and key name a group together, however they are split, and whatever bytes they have.
func TestGroups(t *testing.T) {
	seen := map[group]bool{}
	for _, g := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "b\x00"}, {"a", "b\xff"}, {"a", "b\xfe"}} {
		seen[groupOf(g[0], g[1])] = true
	}
	assert.Len(t, seen, 6)
	again := groupOf("a", "b")
	assert.True(t, seen[again])
}

// TestPayloads: what is told of a transaction fits into what NOTIFY takes, and is told whole, in order, and with the kinds of work
// once.
func TestPayloads(t *testing.T) {
	assert.Empty(t, payloads("me", nil, nil))
	for _, n := range []int{0, 1, 62, 63, 1000} {
		changed := make([]incident.Change, n)
		for i := range changed {
			changed[i] = incident.Change{ID: incident.NewID(), Revision: 1 << 40, Status: incident.Resolved, Analysis: incident.EvidenceOnly}
		}
		var got []incident.Change
		due := 0
		for _, p := range payloads("me", changed, map[incident.Work]bool{incident.WorkFile: true}) {
			assert.Less(t, len(p), 8000)
			var m message
			require.NoError(t, json.Unmarshal([]byte(p), &m))
			assert.Equal(t, "me", m.Copy)
			due += len(m.Due)
			for _, c := range m.Changes {
				got = append(got, incident.Change{ID: c.ID, Revision: c.Revision, Status: c.Status, Analysis: c.Analysis})
			}
		}
		assert.Equal(t, 1, due)
		assert.Len(t, got, n)
		if n > 0 {
			assert.Equal(t, changed, got)
		}
	}
}
