package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestReportsCommand(t *testing.T) {
	s := startService(t, func(*config) {})
	out, err := command(t, "", "reports", "--url="+s.url)
	require.NoError(t, err)
	assert.Equal(t, "No incidents yet.\n", out)
	down := s.open("Down")
	s.open("Sl\u200bow")
	list := func(args ...string) string {
		t.Helper()
		out, err := command(t, "", append([]string{"reports", "--url=" + s.url}, args...)...)
		require.NoError(t, err)
		return out
	}
	all := list()
	assert.Regexp(t, `(?m)^ID +STATUS +SEVERITY +ALERT +ALERTS +STARTED +ANALYSIS +CAUSE\n`, all)
	assert.Regexp(t, `(?m)^`+down[:8]+` +firing +\S+ +Down +1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ `, all)
	assert.Contains(t, all, "Slow", "nothing of a stranger reaches the terminal that is not text")
	assert.Contains(t, list("--limit=1"), "1 of 2; --limit shows more.")
	for _, filter := range []string{"--query=down", "--alertname=Down", `--match=alertname=~"D.*"`} {
		filtered := list(filter)
		assert.Contains(t, filtered, "Down", filter)
		assert.NotContains(t, filtered, "Slow", filter)
	}
	assert.Contains(t, list("--status=stale"), "No incident matches.")
	assert.Contains(t, list("--json"), `"total":2`)
	assert.Contains(t, list(down[:8]), "id: "+down+"\n")
	assert.Contains(t, list(s.url+"/reports/"+down), "# Down")
	assert.Contains(t, list("--json", down), `"group_key"`)

	_, err = command(t, "", "reports", "--url="+s.url, "--match=x")
	badInput(t, err, "match")
	_, err = command(t, "", "reports", "--url="+s.url, "aaaaaaaa")
	badInput(t, err, "no such incident")
	_, err = command(t, "", "reports", "--url="+s.url, "short")
	badInput(t, err, "not an incident ID")
}

// shared is a buffer that is read while it is written.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *shared) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *shared) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestReportsFollow: a line for each change of what the filters select, until interrupted; one incident until its analysis is over.
func TestReportsFollow(t *testing.T) {
	s := startService(t, func(*config) {})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out shared
	c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &out}
	app, commands := c.application()
	name, err := app.Parse([]string{"reports", "--url=" + s.url, "--follow", "--query=down"})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- commands[name](ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "No incident matches.") }, soon, 5*time.Millisecond)
	var down string
	require.Eventually(t, func() bool { // the stream may open a moment after the list was read
		s.open("Elsewhere")
		down = s.open("Down")
		return strings.Contains(out.String(), down[:8])
	}, soon, 100*time.Millisecond)
	assert.NotContains(t, out.String(), "Elsewhere")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)

	s.await(down, soon, "the analysis", func(inc *incident.Incident) bool { return inc.Analysis.State != incident.Pending })
	report, err := command(t, "", "reports", "--url="+s.url, "--follow", down)
	require.NoError(t, err)
	assert.Contains(t, report, "id: "+down+"\n")
}
