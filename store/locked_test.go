package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLockedByAnother: another process holds the lock of SQLite's writers. All that has queued up is refused together, and nobody waits
// for the others' turns; when the lock is free all goes on.
func TestLockedByAnother(t *testing.T) {
	const patience = 300 * time.Millisecond
	s := open(t)
	accept(t, s, firing("x", at))
	_, err := s.db.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA busy_timeout = %d`, patience.Milliseconds()))
	require.NoError(t, err)
	name, err := dsn(s.opts.Path, nil)
	require.NoError(t, err)
	other, err := sql.Open("sqlite", name)
	require.NoError(t, err)
	defer other.Close()
	conn, err := other.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	require.NoError(t, err)
	begun := time.Now()
	errs := make([]error, 64)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Accept(context.Background(), firing(fmt.Sprint(i), at)) })
	}
	wg.Wait()
	assert.Less(t, time.Since(begun), 30*patience, "not as often as there are notifications")
	for _, err := range errs {
		require.ErrorContains(t, err, "database is locked")
	}
	require.Error(t, s.Ping(t.Context()))
	_, err = conn.ExecContext(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	for i := range errs {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	assert.Equal(t, 1+len(errs), count(t, s, `SELECT count(*) FROM notifications`))
}
