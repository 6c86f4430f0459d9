package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

// forgottenKept is for how long it is known what was removed, so that every copy can remove its report.
const forgottenKept = 30 * 24 * time.Hour

// selectOld gets the time that is kept of incidents that rank up to $2, and of others, in microseconds; 0 is for good.
var selectOld = `SELECT i.seq, i.id, i.doc FROM incidents i JOIN repeat_state r ON r.seq = i.seq,
	LATERAL (SELECT CASE WHEN i.severity_rank <= $2 THEN $3::bigint ELSE $4::bigint END AS kept) AS k
	WHERE i.status <> 'firing' AND k.kept > 0 AND i.opened_at < ` + at(1) + ` - $5 AND r.last_heard_at < ` + at(1) + ` - k.kept
	AND NOT EXISTS (SELECT 1 FROM work w WHERE w.seq = i.seq)
	ORDER BY i.opened_at, i.seq LIMIT $6 FOR UPDATE OF i SKIP LOCKED`

// Forget removes incidents that are kept for long enough, the oldest first and at most limit, in one transaction, and returns how
// many they were. Their notifications and costs stay until their own time comes.
func (s *Store) Forget(ctx context.Context, keep incident.Retention, limit int) (int, error) {
	if keep.Shortest() <= 0 {
		return 0, nil
	}
	forgotten := 0
	err := retried(func() error {
		return s.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
			rows, err := tx.Query(ctx, selectOld, s.clock(), s.policy.Load().Rank("critical"), keep.Critical.Microseconds(), keep.Incidents.Microseconds(),
				keep.Shortest().Microseconds(), limit)
			if err != nil {
				return err
			}
			type row struct {
				Seq     int64
				ID, Doc string
			}
			found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
			if err != nil {
				return err
			}
			b := &pgx.Batch{}
			for _, r := range found {
				var inc struct {
					ReportPath string `json:"report_path"`
				}
				if err := json.Unmarshal([]byte(r.Doc), &inc); err != nil {
					return fmt.Errorf("decoding incident %s: %w", r.ID, err)
				}
				b.Queue(`DELETE FROM incidents WHERE seq = $1`, r.Seq)
				b.Queue(`INSERT INTO forgotten (at, incident_id, report_path) VALUES (`+at(1)+`, $2, $3)`, s.clock(), r.ID, column(inc.ReportPath))
			}
			b.Queue(`DELETE FROM forgotten WHERE at < `+at(1)+` - $2`, s.clock(), forgottenKept.Microseconds())
			forgotten = len(found)
			return tx.SendBatch(ctx, b).Close()
		})
	})
	if err != nil {
		return 0, fmt.Errorf("removing old incidents: %w", err)
	}
	return forgotten, nil
}

// Forgotten returns incidents that were removed by any copy, those behind a Seq, in its order.
func (s *Store) Forgotten(ctx context.Context, after int64, limit int) ([]incident.Forgotten, error) {
	return collect[incident.Forgotten](ctx, s, "reading what was removed",
		`SELECT seq, incident_id, report_path FROM forgotten WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// Size returns how many bytes the database has on disk; what was removed counts until the server has cleaned up.
func (s *Store) Size(ctx context.Context) (bytes int64, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	if err := s.pool.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes); err != nil {
		return 0, s.failed(fmt.Errorf("measuring the database: %w", err))
	}
	return bytes, nil
}

// SetPolicy has notifications folded by other rules from now on. The order of severities stays that of Open, by which rows
// are sorted.
func (s *Store) SetPolicy(p *incident.Policy) {
	next := *p
	next.Severities = s.opts.Policy.Severities
	s.policy.Store(&next)
}
