package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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

// logged returns the line that a logger with the handler writes, without its time.
func logged(t *testing.T, log func(*slog.Logger)) string {
	t.Helper()
	r, err := New(nil)
	require.NoError(t, err)
	var out bytes.Buffer
	log(slog.New(r.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))))
	return strings.TrimSpace(out.String())
}

type server struct{ url string }

func (s server) LogValue() slog.Value { return slog.StringValue("asks " + s.url) }

func TestLogLines(t *testing.T) {
	for name, tc := range map[string]struct {
		log  func(*slog.Logger)
		want string
	}{
		"nothing secret": {func(l *slog.Logger) { l.Info("Work done", "work", "analysis", "n", 3) }, `level=INFO msg="Work done" work=analysis n=3`},
		"message":        {func(l *slog.Logger) { l.Warn("refused: password=hunter22") }, `level=WARN msg="refused: password=[REDACTED:password:1]"`},
		"key tells":      {func(l *slog.Logger) { l.Info("m", "password", "hunter22") }, `level=INFO msg=m password=[REDACTED:password:1]`},
		"key and value": {
			func(l *slog.Logger) { l.Info("m", "dsn", "postgres://u:hunter22@db", "api_key", "ab12") },
			`level=INFO msg=m dsn=postgres://u:[REDACTED:password:1]@db api_key=[REDACTED:api_key:2]`,
		},
		"one secret in a line has one number": {
			func(l *slog.Logger) {
				l.Info("password=hunter22", "token", "hunter22", "err", errors.New("pwd: hunter22"))
			},
			`level=INFO msg="password=[REDACTED:password:1]" token=[REDACTED:password:1] err="pwd: [REDACTED:password:1]"`,
		},
		"group": {
			func(l *slog.Logger) {
				l.Info("m", slog.Group("db", "password", "hunter22", slog.Group("in", "port", 5432)))
			},
			`level=INFO msg=m db.password=[REDACTED:password:1] db.in.port=5432`,
		},
		"empty group":   {func(l *slog.Logger) { l.Info("m", slog.Group("db")) }, `level=INFO msg=m`},
		"of the logger": {func(l *slog.Logger) { l.With("token", "ab12").WithGroup("g").Info("m", "n", 1) }, `level=INFO msg=m token=[REDACTED:token:1] g.n=1`},
		"values of all kinds": {
			func(l *slog.Logger) {
				l.Info("m", "b", true, "f", 1.5, "u", uint64(7), "d", time.Second, "nil", nil, "list", []string{"--password", "hunter22"})
			},
			`level=INFO msg=m b=true f=1.5 u=7 d=1s nil=<nil> list="[--password [REDACTED:password:1]]"`,
		},
		"value that words itself": {
			func(l *slog.Logger) { l.Info("m", "server", server{"https://u:hunter22@h"}) },
			`level=INFO msg=m server="asks https://u:[REDACTED:password:1]@h"`,
		},
		"bytes":                 {func(l *slog.Logger) { l.Info("m", "body", json.RawMessage(`{"token":"ab12"}`)) }, `level=INFO msg=m body="{\"token\":\"[REDACTED:token:1]\"}"`},
		"key tells of any type": {func(l *slog.Logger) { l.Info("m", "password", errors.New("hunter22")) }, `level=INFO msg=m password=[REDACTED:password:1]`},
		"key in code":           {func(l *slog.Logger) { l.Info("m", "a=b", "c") }, `level=INFO msg=m "a=b"=c`},
		"colors":                {func(l *slog.Logger) { l.Info("\x1b[31mpassword\x1b[0m=hunter22") }, `level=INFO msg="password=[REDACTED:password:1]"`},
		"turned around":         {func(l *slog.Logger) { l.Info("m", "name", "\u202eevil\u009b1m\a") }, `level=INFO msg=m name=evil`},
		"debug":                 {func(l *slog.Logger) { l.Debug("m") }, `level=DEBUG msg=m`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, logged(t, tc.log))
		})
	}
}

// TestLoggersDoNotShareAttributes: a logger that is derived leaves the one that it came from alone.
func TestLoggersDoNotShareAttributes(t *testing.T) {
	line := logged(t, func(l *slog.Logger) {
		l.With("a", 1)
		l.WithGroup("g")
		l.Info("m", "b", 2)
	})
	assert.Equal(t, "level=INFO msg=m b=2", line)
}

// TestPlacesOfLogLinesStay: the place in the code that logged is the caller's, not ours.
func TestPlacesOfLogLinesStay(t *testing.T) {
	r, err := New(nil)
	require.NoError(t, err)
	var out bytes.Buffer
	slog.New(r.Handler(slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true}))).Info("m")
	assert.Contains(t, out.String(), "log_test.go")
}

// TestLoggingIsSafeForConcurrentUse runs one logger and loggers that come from it side by side.
func TestLoggingIsSafeForConcurrentUse(t *testing.T) {
	line := logged(t, func(l *slog.Logger) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 20 {
					l.With("token", fmt.Sprintf("hunter%d", i)).Info("m", "password", fmt.Sprintf("hunter%d", i))
				}
			})
		}
		wg.Wait()
	})
	assert.Equal(t, 160, strings.Count(line, "msg=m"))
	assert.NotContains(t, line, "hunter")
}
