package redact

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNothingSecretIsLogged(t *testing.T) {
	r, err := New([]string{`emp-\d+`})
	require.NoError(t, err)
	var out bytes.Buffer
	log := slog.New(r.Handler(slog.NewTextHandler(&out, nil)))
	log.With("url", "https://u:hunter2with@host/").WithGroup("g").Error("asking postgres://app:hunter2message@db/app",
		"err", errors.New("refused: password=hunter2error"), "password", "hunter2key", "who", "emp-4711",
		slog.Group("inner", "header", "Authorization: Bearer hunter2bearer0123456789"),
		"any", map[string]string{"token": "hunter2map0123456789"},
		"secret", Secret("hunter2typed"), "count", 42, "took", 1500*time.Millisecond, "target", "db-7:9187")
	line := out.String()
	assert.NotContains(t, line, "hunter2")
	assert.NotContains(t, line, "4711")
	for _, kept := range []string{"asking postgres://app:[REDACTED", "@db/app", "g.count=42", "g.took=1.5s", "g.target=db-7:9187", "g.inner.header", "level=ERROR"} {
		assert.Contains(t, line, kept)
	}
}

func TestLogLevelsStay(t *testing.T) {
	r, err := New(nil)
	require.NoError(t, err)
	var out bytes.Buffer
	log := slog.New(r.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	log.Info("quiet")
	assert.Empty(t, out.String())
	assert.False(t, log.Enabled(t.Context(), slog.LevelInfo))
}

func BenchmarkLog(b *testing.B) {
	r, err := New(nil)
	require.NoError(b, err)
	log := slog.New(r.Handler(slog.NewTextHandler(&bytes.Buffer{}, nil)))
	for b.Loop() {
		log.Info("Work done", "work", "analysis", "incident", "3kd8a2bcmnopqrstuvwxyz2345", "err", "no answer from db-7:9187")
	}
}
