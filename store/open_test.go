package store

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesArePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "data%20?#", "alertscribe.db")
	s := open(t, func(o *Options) { o.Path = path })
	accept(t, s, firing("x", at))
	for name, mode := range map[string]os.FileMode{"": 0o600, "-wal": 0o600, "-shm": 0o600, ".lock": 0o600} {
		info, err := os.Stat(path + name)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), info.Name())
	}
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(path, 0o644)) //nolint:gosec // what must be mended
	open(t, func(o *Options) { o.Path = path })
	info, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func openOnly(path string) error {
	s, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		return err
	}
	return s.Close()
}

func TestSecondProcessIsLockedOut(t *testing.T) {
	s := open(t)
	run := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], s.opts.Path)
		cmd.Env = append(os.Environ(), child+"=open")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run()
	require.Error(t, err)
	assert.Regexp(t, `opening the database .*alertscribe.db: in use by process \d+; stop it first, or set DATABASE_URL`, out)
	require.NoError(t, s.Close())
	out, err = run()
	require.NoError(t, err, out)
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("this is no database, but long enough to look like one to a reader"), 0o600))
	for _, path := range []string{filepath.Join(file, "x.db"), file, dir} {
		_, err := Open(t.Context(), Options{Path: path})
		require.ErrorContains(t, err, "opening the database "+path)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := open(t, func(o *Options) { o.Registerer = reg })
	accept(t, s, firing("x", at))
	n, err := testutil.GatherAndCount(reg, "alertscribe_store_commit_duration_seconds",
		"alertscribe_store_batch_operations", "alertscribe_store_failed_batches_total")
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestPathIsRequired(t *testing.T) {
	_, err := Open(t.Context(), Options{})
	require.EqualError(t, err, "store: Options.Path is required")
}
