package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRemove: a report goes with its charts and its day; what is somebody else's stays.
func TestRemove(t *testing.T) {
	write := func(t *testing.T) (w *Writer, id, name, file string) {
		t.Helper()
		w, err := New(Options{Dir: t.TempDir()})
		require.NoError(t, err)
		inc, found := complete()
		require.NoError(t, w.Write(t.Context(), inc, found))
		return w, inc.ID, inc.ReportPath, filepath.Join(w.dir, inc.ReportPath)
	}
	t.Run("all of it", func(t *testing.T) {
		w, id, name, file := write(t)
		require.NoError(t, w.Remove(t.Context(), id, name))
		assert.NoDirExists(t, filepath.Dir(file), "the day is empty")
		assert.NoError(t, w.Remove(t.Context(), id, name), "again")
	})
	t.Run("notes beside it stay", func(t *testing.T) {
		w, id, name, file := write(t)
		notes := filepath.Join(filepath.Dir(file), "notes.txt")
		require.NoError(t, os.WriteFile(notes, nil, 0o600))
		require.NoError(t, w.Remove(t.Context(), id, name))
		assert.NoFileExists(t, file)
		assert.FileExists(t, notes)
	})
	t.Run("another incident's", func(t *testing.T) {
		w, _, name, file := write(t)
		require.NoError(t, w.Remove(t.Context(), "another", name))
		assert.FileExists(t, file)
	})
	t.Run("not a path of ours", func(t *testing.T) {
		w, id, _, file := write(t)
		for _, name := range []string{"", ".md", "../x.md", "/etc/passwd", "a/../b.md"} {
			require.NoError(t, w.Remove(t.Context(), id, name), name)
		}
		assert.FileExists(t, file)
	})
	t.Run("a link", func(t *testing.T) {
		w, id, name, file := write(t)
		target := filepath.Join(t.TempDir(), "target.md")
		require.NoError(t, os.Rename(file, target))
		require.NoError(t, os.Symlink(target, file))
		require.NoError(t, w.Remove(t.Context(), id, name))
		assert.FileExists(t, target)
	})
}
