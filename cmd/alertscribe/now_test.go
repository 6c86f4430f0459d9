package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestTryItByHand: what the README says to type sends samples that are of now.
func TestTryItByHand(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, block, _ := strings.Cut(string(readme), "## Try it by hand")
	_, block, _ = strings.Cut(block, "```sh\n")
	block, _, ok := strings.Cut(block, "```")
	require.True(t, ok)
	s := startService(t, nil)
	posted := 0
	for line := range strings.Lines(block) {
		prepare, send, ok := strings.Cut(line, "| curl ")
		if !ok {
			assert.Contains(t, line, " --now ")
			continue
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", prepare)
		cmd.Dir = "../.."
		body, err := cmd.Output()
		require.NoError(t, err)
		path := regexp.MustCompile(`localhost:5008(/[a-z]+)`).FindStringSubmatch(send)
		require.NotNil(t, path, send)
		a := s.post(path[1], body)
		require.NotNil(t, a.Incident, a.raw)
		inc, _ := s.incident(*a.Incident)
		assert.WithinDuration(t, time.Now(), inc.StartedAt, time.Minute)
		posted++
	}
	assert.Equal(t, 2, posted)
}

// TestMoveToPresent: the newest event is a minute ago, and all spans are as they were.
func TestMoveToPresent(t *testing.T) {
	for _, name := range []string{"one-alert", "resolved", "mixed", "many-alerts", "no-fingerprint", "grafana/mixed"} {
		t.Run(name, func(t *testing.T) {
			cfg := configIn(t, t.TempDir(), nil)
			file := filepath.Join("../../testdata", name+".json")
			before, err := (&cli{}).readPayload(cfg, input{file: file})
			require.NoError(t, err)
			after, err := (&cli{}).readPayload(cfg, input{file: file, now: true})
			require.NoError(t, err)
			var newest time.Time
			span := after.StartedAt.Sub(before.StartedAt)
			for i, a := range after.Alerts {
				b := before.Alerts[i]
				assert.Equal(t, span, a.StartsAt.Sub(b.StartsAt))
				assert.Equal(t, b.EndsAt.IsZero(), a.EndsAt.IsZero())
				if !a.EndsAt.IsZero() {
					assert.Equal(t, span, a.EndsAt.Sub(b.EndsAt))
				}
				for _, at := range []time.Time{a.StartsAt, a.EndsAt} {
					if at.After(newest) {
						newest = at
					}
				}
			}
			assert.WithinDuration(t, time.Now().Add(-time.Minute), newest, 5*time.Second)
		})
	}
	n := &incident.Notification{Alerts: []incident.Alert{{}}}
	moveToPresent(n)
	assert.True(t, n.Alerts[0].StartsAt.IsZero(), "nothing to move")
}
