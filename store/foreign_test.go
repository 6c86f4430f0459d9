package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestForeignFileStays: a DATABASE_URL that names a file of somebody else's changes neither its content nor its mode.
func TestForeignFileStays(t *testing.T) {
	for name, tc := range map[string]struct {
		make  func(*testing.T, string)
		files []string // that are left
		says  string
	}{
		"short text": {write("vm\n"), []string{"x"}, "no SQLite database"},
		"long text":  {write("something else that is longer than a header has to be"), []string{"x"}, "no SQLite database"},
		"directory": {func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Mkdir(path, 0o700))
		}, []string{"x"}, "no regular file"},
		"another program's database": {statements(`CREATE TABLE dashboards (id INTEGER)`), []string{"x", "x.lock"}, "of another program"},
		"one with goose's migrations": {
			statements(`CREATE TABLE goose_db_version (id INTEGER); CREATE TABLE users (id INTEGER)`), []string{"x", "x.lock"}, "of another program",
		},
		"one with incidents": {statements(`CREATE TABLE incidents (id INTEGER)`), []string{"x", "x.lock"}, "of another program"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			tc.make(t, path)
			require.NoError(t, os.Chmod(path, 0o644)) //nolint:gosec // as other programs have it
			before := content(t, path)
			_, err := Open(t.Context(), Options{Path: path})
			require.ErrorContains(t, err, tc.says)
			require.ErrorContains(t, err, "set DATABASE_URL to another path")
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
			assert.Equal(t, before, content(t, path))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			var left []string
			for _, e := range entries {
				left = append(left, e.Name())
			}
			assert.Equal(t, tc.files, left)
		})
	}
}

// TestOwnFilesOpen: what is missing, empty, or was left at the start of the very first start is a database of ours.
func TestOwnFilesOpen(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, string){
		"missing":      func(*testing.T, string) {},
		"empty":        write(""),
		"no table yet": statements(`PRAGMA user_version = 1`),
		"killed in migration": statements(`CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
			is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			prepare(t, path)
			require.NoError(t, openOnly(path))
			require.NoError(t, openOnly(path))
		})
	}
}

func write(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
}

func statements(sqlText string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), sqlText)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
