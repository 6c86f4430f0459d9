package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestBackup: a copy that is made while notifications come has a moment of them, and is a database like any other.
func TestBackup(t *testing.T) {
	s := open(t)
	first := accept(t, s, firing("first", at)).IncidentID
	ctx, cancel := context.WithCancel(t.Context())
	var coming sync.WaitGroup
	for c := range 4 {
		coming.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.Accept(t.Context(), firing(fmt.Sprint(c, "-", i%50), at))
				assert.NoError(t, err)
			}
		})
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "copy.db")
	require.NoError(t, Backup(t.Context(), s.opts.Path, file))
	cancel()
	coming.Wait()
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.ErrorIs(t, Backup(t.Context(), s.opts.Path, file), ErrExists, "nothing is overwritten")
	require.Error(t, Backup(t.Context(), filepath.Join(dir, "none.db"), filepath.Join(dir, "b.db")))

	path := filepath.Join(dir, "restored", "a.db")
	require.NoError(t, Restore(t.Context(), file, path))
	require.ErrorIs(t, Restore(t.Context(), file, path), ErrExists)
	restored, err := Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, restored.Close()) })
	inc, _, err := restored.Incident(t.Context(), first)
	require.NoError(t, err)
	want, _, err := s.Incident(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, want.Alerts, inc.Alerts)
	var ids, notes int
	require.NoError(t, restored.readDB.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM incidents), (SELECT count(DISTINCT incident_id) FROM notifications)`).Scan(&ids, &notes))
	assert.Equal(t, ids, notes, "of one moment")
	list, err := restored.List(t.Context(), incident.Query{Limit: 10, Text: "Afirst"})
	require.NoError(t, err)
	assert.NotEmpty(t, list.Rows, "search is restored, too")
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestRestoreRefuses what is no backup, is damaged, or is of a newer release; nothing is left of the attempt.
func TestRestoreRefuses(t *testing.T) {
	s := open(t)
	for i := range 200 {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	require.NoError(t, Backup(t.Context(), s.opts.Path, good))
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		content []byte
		sql     string
		says    string
	}{
		"text":              {[]byte("no database"), "", "is no database of alertscribe"},
		"empty":             {nil, "", "is no database of alertscribe"},
		"cut":               {whole[:len(whole)/2], "", ""},
		"another's":         {whole, `DROP TABLE goose_db_version`, "is no database of alertscribe"},
		"of a newer schema": {whole, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`, "use the release that made it"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "backup.db")
			require.NoError(t, os.WriteFile(file, tc.content, 0o600))
			if tc.sql != "" {
				db, err := openWriter(t.Context(), file)
				require.NoError(t, err)
				_, err = db.ExecContext(t.Context(), tc.sql)
				require.NoError(t, err)
				require.NoError(t, db.Close())
			}
			path := filepath.Join(t.TempDir(), "a.db")
			require.ErrorContains(t, Restore(t.Context(), file, path), tc.says)
			assert.NoFileExists(t, path)
		})
	}
}

// TestDamaged: a database that is damaged is said to be, and left as it is.
func TestDamaged(t *testing.T) {
	s := open(t)
	for i := range 200 {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	path := filepath.Join(t.TempDir(), "a.db")
	require.NoError(t, Backup(t.Context(), s.opts.Path, path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, damage := range map[string]func([]byte) []byte{
		"cut":         func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"overwritten": func(b []byte) []byte { copy(b, make([]byte, 8192)); return b },
		"text": func([]byte) []byte {
			return []byte("something else that lies there, and is longer than a header of a database has to be: 0123456789")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := damage(append([]byte(nil), whole...))
			path := filepath.Join(t.TempDir(), "a.db")
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			_, err := Open(t.Context(), Options{Path: path})
			require.ErrorContains(t, err, "move it aside")
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, bad, left)
		})
	}
}

// TestNewerSchema: a database of a newer release is not touched.
func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	db, err := openWriter(t.Context(), path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = Open(t.Context(), Options{Path: path})
	require.ErrorContains(t, err, "use the release that wrote it")
}

// TestWriteFilesAgain: what is missing on disk is due again, and nothing else.
func TestWriteFilesAgain(t *testing.T) {
	s := open(t)
	one, two := accept(t, s, firing("one", at)).IncidentID, accept(t, s, firing("two", at)).IncidentID
	for range 2 {
		c := claim(t, s, incident.WorkFile)
		require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, _ *incident.Findings) { inc.FileWritten(c.Incident) }))
	}
	inc, _, err := s.Incident(t.Context(), two)
	require.NoError(t, err)
	n, err := s.WriteFilesAgain(t.Context(), func(path string) bool { return path == inc.ReportPath })
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, two, claim(t, s, incident.WorkFile).Incident.ID)
	assert.NotEqual(t, one, two)
}
