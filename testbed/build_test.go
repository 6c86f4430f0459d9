package testbed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// log is a writer that may be read while others write.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestBuildOnceForAll(t *testing.T) {
	dir, progress := filepath.Join(t.TempDir(), "bin"), new(log)
	var compiled atomic.Int64
	compile := func(_ context.Context, j job) error {
		compiled.Add(1)
		assert.FileExists(t, filepath.Join(j.dir, "go.mod"))
		assert.FileExists(t, filepath.Join(j.dir, "go.sum"))
		j.compiled("example.org/pkg")
		time.Sleep(100 * time.Millisecond) // long enough for the others to wait
		return os.WriteFile(j.out, []byte("program"), 0o700)
	}
	var wg errgroup.Group
	for range 8 {
		wg.Go(func() error {
			path, err := builder{dir, progress, 20 * time.Millisecond, compile}.build(t.Context(), Prometheus)
			assert.Equal(t, "prometheus-3.15.0", strings.TrimSuffix(filepath.Base(path), ".exe"))
			assert.FileExists(t, path)
			return err
		})
	}
	require.NoError(t, wg.Wait())
	assert.EqualValues(t, 1, compiled.Load())
	assert.Contains(t, progress.String(), "building prometheus 3.15.0 into "+dir+" (4 to 9 minutes, the first time only)\n")
	assert.Regexp(t, `still building prometheus 3\.15\.0 into \S+: 0s, package 1: example\.org/pkg\n`, progress.String())
	assert.Contains(t, progress.String(), "waiting for another process")
	assert.Contains(t, progress.String(), "built prometheus in")
	left, err := filepath.Glob(filepath.Join(dir, ".build-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestBuildFailsAndIsTriedAgain(t *testing.T) {
	broken := errors.New("no space left")
	b := builder{t.TempDir(), new(log), time.Hour, func(context.Context, job) error { return broken }}
	_, err := b.build(t.Context(), Amtool)
	require.ErrorIs(t, err, broken)
	b.compile = func(_ context.Context, j job) error { return os.WriteFile(j.out, nil, 0o700) }
	path, err := b.build(t.Context(), Amtool)
	require.NoError(t, err)
	assert.FileExists(t, path)
}

func TestWaitingForTheLockEndsWithContext(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFile(t.Context(), filepath.Join(dir, ".lock"))
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = builder{dir, new(log), time.Hour, goBuild}.build(ctx, Prometheus)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestGoBuild(t *testing.T) {
	j := job{recipe: recipes[Prometheus], tool: Prometheus, dir: t.TempDir(), out: filepath.Join(t.TempDir(), "out")}
	require.ErrorContains(t, goBuild(t.Context(), j), "is GOPROXY reachable?", "a directory without go.mod")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, goBuild(ctx, j), context.Canceled)
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, goBuild(t.Context(), j), "apt install prometheus prometheus-alertmanager")
}

// TestGoBuildTellsItsPackages: as it compiles them, and not what else it says.
func TestGoBuildTellsItsPackages(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/m\ngo 1.24\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	nonce := time.Now().String() // compiled anew, or nothing is told
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "sub.go"), []byte("package sub\nvar X = `"+nonce+"`\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\nimport `example.org/m/sub`\nfunc main() { println(sub.X) }\n"), 0o600))
	var told []string
	j := job{recipe: recipe{pkg: "example.org/m"}, tool: Prometheus, dir: dir, out: filepath.Join(dir, "out"), compiled: func(pkg string) { told = append(told, pkg) }}
	require.NoError(t, goBuild(t.Context(), j))
	assert.Equal(t, []string{"example.org/m/sub", "example.org/m"}, told)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\nfunc main() { undefined() }\n"), 0o600))
	told = nil
	require.ErrorContains(t, goBuild(t.Context(), j), "undefined: undefined")
	assert.Equal(t, []string{"example.org/m"}, told)
}

func TestModuleFilesHoldTheVersions(t *testing.T) {
	for tool, r := range recipes {
		t.Run(string(tool), func(t *testing.T) {
			mod, err := moduleFiles.ReadFile("tools/" + r.module + ".mod")
			require.NoError(t, err)
			assert.Contains(t, string(mod), r.pkg+"\n", "the tool line")
			version := map[string]string{"prometheus": "v0.315.0", "alertmanager": "v0.31.1"}[r.module]
			assert.Contains(t, string(mod), "github.com/prometheus/"+r.module+" "+version+" ")
		})
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv(PreferEnv, "path")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	script := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700))
	}
	script("prometheus", "echo prometheus, version 2.42.0")
	script("alertmanager", "echo another program of that name")
	script("prometheus-alertmanager", "echo alertmanager, version 0.25.0")
	bins, err := Find(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, Binaries{Prometheus: filepath.Join(dir, "prometheus"), Alertmanager: filepath.Join(dir, "prometheus-alertmanager")}, bins)

	script("prometheus-alertmanager", "exit 1")
	_, err = Find(t.Context(), nil)
	require.ErrorContains(t, err, "no go command")
	_, err = Find(t.Context(), nil, "grafana")
	require.ErrorContains(t, err, "unknown tool")

	t.Setenv(PreferEnv, "built")
	_, err = Find(t.Context(), nil, Prometheus)
	require.ErrorContains(t, err, "no go command")
	t.Setenv(PreferEnv, "buitl")
	_, err = Find(t.Context(), nil)
	require.ErrorContains(t, err, "must be path or built")
}

func TestTail(t *testing.T) {
	for _, c := range []struct {
		text  string
		lines int
		want  string
	}{
		{"", 3, ""},
		{"a\n", 1, "a"},
		{"a\nb\nc\n", 2, "b\nc"},
		{"a\nb", 5, "a\nb"},
	} {
		assert.Equal(t, c.want, tail([]byte(c.text), c.lines))
	}
}
