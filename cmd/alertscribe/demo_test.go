package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// output is what a command prints while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// TestDemo runs the demo as people do: its report has suspects and knows yesterday, and with --keep its pages are there until it is
// interrupted, which is no failure.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes two minutes by the clock")
	}
	t.Parallel()
	m := newModel(t)
	settings := map[string]string{"LLM_BASE_URL": m.URL, "DEEPSEEK_API_KEY": "sk-test-key-of-the-stand-in"}
	out, dir := &output{}, t.TempDir()
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&cli{stdout: out, stderr: out, environment: settings}).demo(ctx, dir, true) }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "all goes on until ctrl-C") || len(ended) > 0 },
		4*time.Minute, 100*time.Millisecond, out)
	require.Empty(t, ended, out)

	url := regexp.MustCompile(`\nOpen (http://127\.0\.0\.1:\d+/reports)\n`).FindStringSubmatch(out.String())
	require.NotNil(t, url, out)
	assert.Less(t, strings.Index(out.String(), url[0]), strings.Index(out.String(), "ATTACK"), "it stands on top")
	code, page := get(t, url[1])
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, page, demoAlert)

	files, err := filepath.Glob(filepath.Join(dir, "reports", "*", "*_"+demoAlert+"_*.md"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	report := string(b)
	assert.NotContains(t, report, "No related series has enough history")
	assert.Contains(t, report, "user_password_hash_seconds_total", "what the attack cost the service is a suspect")
	assert.Regexp(t, `(?i)\| (?:a day before|yesterday) \| \d`, report, "yesterday has values")
	assert.NotContains(t, report, "process started", "its past has no restart")
	if testing.Verbose() {
		t.Log(report)
	}
	interrupt()
	require.NoError(t, <-ended)
	resp, err := http.Get(url[1]) //nolint:noctx // a test's
	if err == nil {
		_ = resp.Body.Close()
	}
	require.Error(t, err, "nothing is left running")
}
