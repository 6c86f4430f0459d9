package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/text"
)

// TestPrintable: JSON that is shown by a terminal obeys nothing, and holds the same.
func TestPrintable(t *testing.T) {
	const said = "queue\x1b[31m\u009b1m\u202e\a\u200b"
	got := string(printable(map[string]string{"error": said}))
	assert.Negative(t, strings.IndexFunc(got, text.Invisible), "%q", got)
	var back map[string]string
	require.NoError(t, json.Unmarshal([]byte(got), &back))
	assert.Equal(t, said, back["error"])
	assert.True(t, strings.HasSuffix(got, "}\n"))
}
