package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/store/storetest"
)

// file is a database of the suite.
type file string

func (f file) Open(o storetest.Options) (storetest.Store, error) {
	return Open(context.Background(), Options{Path: string(f), Policy: o.Policy, Lease: o.Lease, Retention: o.Retention, Now: o.Now})
}

// TestConformance runs the suite that all engines have in common.
func TestConformance(t *testing.T) {
	engine := &storetest.Engine{
		New: func(tb testing.TB) storetest.Database { return file(filepath.Join(tb.TempDir(), "alertscribe.db")) },
		Log: func(tb testing.TB, db storetest.Database) []storetest.Logged {
			tb.Helper()
			conn, err := sql.Open("sqlite", "file:"+string(db.(file))+"?mode=ro")
			require.NoError(tb, err)
			defer conn.Close()
			rows, err := conn.QueryContext(context.Background(), `SELECT outcome, coalesce(incident_id, ''), received_at, body FROM notifications ORDER BY seq`)
			require.NoError(tb, err)
			type row struct {
				storetest.Logged
				received int64
			}
			found, err := scanAll(rows, func(r *row) []any { return []any{&r.Outcome, &r.Incident, &r.received, &r.Body} })
			require.NoError(tb, err)
			log := make([]storetest.Logged, len(found))
			for i, r := range found {
				log[i] = r.Logged
				log[i].Received = fromMicros(r.received)
			}
			return log
		},
	}
	engine.Run(t)
}
