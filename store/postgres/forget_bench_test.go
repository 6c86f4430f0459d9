package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/storetest"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// stock fills a database with resolved incidents of the year before, each the copy of one that was stored as any other is.
func stock(b *testing.B, url string, s *Store, incidents int) {
	b.Helper()
	n := sized(0, "old", time.Now().AddDate(-1, 0, 0))
	receipt, err := s.Accept(b.Context(), n)
	require.NoError(b, err)
	require.NoError(b, s.Update(b.Context(), receipt.IncidentID, func(inc *incident.Incident) bool {
		old := time.Now().AddDate(-1, 0, 0)
		inc.Status, inc.OpenedAt, inc.LastHeardAt, inc.Due = incident.Resolved, old, old, nil
		return true
	}))
	testbedtest.Query(b, url, `UPDATE incidents SET opened_at = opened_at - 365 * 86400000000`)
	testbedtest.Query(b, url, `CREATE TABLE old AS SELECT i.*, r.last_heard_at, r.doc AS state FROM incidents i JOIN repeat_state r USING (seq)`)
	testbedtest.Query(b, url, `INSERT INTO incidents SELECT i, i::text, decode(md5(i::text), 'hex'), i, key_hash, status, severity, severity_rank, list_rank, alertname,
		analysis_state, analysis_reason, opened_at + i, revision, scope, doc FROM old, generate_series(1000000, 1000000 + $1 - 1) AS i`, incidents)
	testbedtest.Query(b, url, `INSERT INTO repeat_state SELECT i.seq, o.last_heard_at, 1, o.state FROM incidents i, old o WHERE i.seq >= 1000000`)
	testbedtest.Query(b, url, `INSERT INTO findings SELECT seq, repeat(md5(seq::text), 100), '', '', '' FROM incidents WHERE seq >= 1000000`)
	testbedtest.Query(b, url, `INSERT INTO past SELECT i.seq, i.id, p.alertname, i.opened_at, false, '', false, p.doc FROM incidents i, past p, old o
		WHERE i.seq >= 1000000 AND p.seq = o.seq`)
	testbedtest.Query(b, url, `INSERT INTO search SELECT i.seq, s.words, s.verdict, s.labels, s.fingerprints FROM incidents i, search s, old o
		WHERE i.seq >= 1000000 AND s.seq = o.seq`)
	testbedtest.Query(b, url, `ANALYZE`)
}

// BenchmarkForget removes a hundred thousand incidents, a few at a time, while notifications come: p99-ms is how long those take
// beside it, forgotten/s how fast it is.
func BenchmarkForget(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		url := newDatabase(b)
		s := open(b, url)
		stock(b, url, s, storetest.ForgetStock)
		b.StartTimer()
		storetest.MeasureForget(b, func(i int) error {
			_, err := s.Accept(context.Background(), firing(fmt.Sprint("new", i%500)))
			return err
		}, func() (int, error) {
			return s.Forget(b.Context(), incident.Retention{Incidents: time.Hour, Critical: time.Hour}, storetest.ForgetStep)
		})
		b.StopTimer()
		require.NoError(b, s.Close())
		b.StartTimer()
	}
}
