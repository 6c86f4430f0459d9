package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// forgottenKept is for how long it is known what was removed, so that its report can be.
const forgottenKept = 30 * 24 * time.Hour

// The statements of retention.
const (
	selectHeard = `SELECT i.seq, i.severity, r.last_heard_at FROM json_each(?) AS wanted JOIN incidents i ON i.seq = wanted.value
		JOIN repeat_state r ON r.seq = i.seq WHERE NOT EXISTS (SELECT 1 FROM work w WHERE w.seq = i.seq)`
	selectForget = `SELECT i.id, i.doc FROM incidents i
		WHERE i.seq = ? AND i.status <> 'firing' AND NOT EXISTS (SELECT 1 FROM work w WHERE w.seq = i.seq)`
	insertForgotten = `INSERT INTO forgotten (at, incident_id, report_path) VALUES (?, ?, ?)`
	pruneForgotten  = `DELETE FROM forgotten WHERE at < ?`
	selectForgotten = `SELECT seq, incident_id, report_path FROM forgotten WHERE seq > ? ORDER BY seq LIMIT ?`
	deleteAlerts    = `DELETE FROM alerts WHERE seq = ?`
	deleteFindings  = `DELETE FROM findings WHERE seq = ?`
	deletePast      = `DELETE FROM past WHERE seq = ?`
	deleteState     = `DELETE FROM repeat_state WHERE seq = ?`
	deleteIncident  = `DELETE FROM incidents WHERE seq = ?`
	selectSize      = `SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
)

// Forget removes incidents that are kept for long enough, the oldest first and at most limit, in one transaction, and returns how
// many they were. Their notifications and costs stay until their own time comes.
func (s *Store) Forget(ctx context.Context, keep incident.Retention, limit int) (int, error) {
	seqs, err := s.tooOld(ctx, keep, limit)
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	forgotten := 0
	gone := map[int64]bool{}
	err = s.do(ctx, func(ctx context.Context, b *batch) error {
		forgotten, gone = 0, map[int64]bool{}
		for _, seq := range seqs {
			id, err := b.forget(ctx, seq)
			if err != nil {
				return fmt.Errorf("removing an old incident: %w", err)
			}
			if id != "" {
				forgotten++
				gone[seq] = true
			}
		}
		return b.exec(ctx, pruneForgotten, micros(s.opts.Now().Add(-forgottenKept)))
	})
	if err != nil {
		return 0, err
	}
	s.lists.forget(gone)
	return forgotten, nil
}

// tooOld returns the rows of incidents that may be removed, the oldest first.
func (s *Store) tooOld(ctx context.Context, keep incident.Retention, limit int) ([]int64, error) {
	now, policy := s.opts.Now(), s.policy.Load()
	cutoffs := map[string]int64{}
	old := func(severity string, at int64) bool {
		cutoff, known := cutoffs[severity]
		if !known {
			if kept := keep.Of(severity, policy); kept > 0 {
				cutoff = micros(now.Add(-kept))
			}
			cutoffs[severity] = cutoff
		}
		return at < cutoff
	}
	var seqs []int64
	for chunk := range slices.Chunk(s.lists.ended(old), 4*limit) {
		wanted, err := json.Marshal(chunk)
		if err != nil {
			return nil, err
		}
		type row struct {
			seq, heard int64
			severity   string
		}
		rows, err := s.readDB.QueryContext(ctx, selectHeard, string(wanted))
		if err != nil {
			return nil, fmt.Errorf("looking for old incidents: %w", err)
		}
		found, err := scanAll(rows, func(r *row) []any { return []any{&r.seq, &r.severity, &r.heard} })
		if err != nil {
			return nil, fmt.Errorf("looking for old incidents: %w", err)
		}
		for _, r := range found {
			if old(r.severity, r.heard) {
				seqs = append(seqs, r.seq)
			}
		}
		if len(seqs) >= limit {
			break
		}
	}
	return seqs[:min(limit, len(seqs))], nil
}

// ended returns the rows of incidents that do not fire and were opened long ago, the oldest first.
func (l *lists) ended(old func(severity string, at int64) bool) []int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var seqs []int64
	for i := range l.rows {
		if r := &l.rows[i]; r.status != incident.Firing && old(*r.severity, r.openedAt) {
			seqs = append(seqs, r.seq)
		}
	}
	return seqs
}

// forget removes one incident and returns its ID; "" where it has come to life.
func (b *batch) forget(ctx context.Context, seq int64) (id string, err error) {
	var doc string
	switch err := b.queryRow(ctx, selectForget, seq).Scan(&id, &doc); {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	}
	if r, known := b.records[id]; known && r.dirty {
		return "", nil
	}
	var inc struct {
		ReportPath string `json:"report_path"`
		Receiver   string `json:"receiver"`
		GroupKey   string `json:"group_key"`
	}
	if err := json.Unmarshal([]byte(doc), &inc); err != nil {
		return "", err
	}
	for _, query := range []string{deleteAlerts, deleteFindings, deletePast, deleteState, deleteIncident} {
		if err := b.exec(ctx, query, seq); err != nil {
			return "", err
		}
	}
	b.recent.forget(id, groupKey{inc.Receiver, inc.GroupKey})
	return id, b.exec(ctx, insertForgotten, micros(b.opts.Now()), id, inc.ReportPath)
}

// forget drops an incident that is removed. It is too early, before the commit, but that costs only that it is read again.
func (c *cache) forget(id string, g groupKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records.Drop(id)
	if newest, ok := c.groups.Get(g); ok && newest == id {
		c.groups.Drop(g)
	}
}

// Forgotten returns incidents that were removed, those behind a Seq, in its order.
func (s *Store) Forgotten(ctx context.Context, after int64, limit int) ([]incident.Forgotten, error) {
	rows, err := s.readDB.QueryContext(ctx, selectForgotten, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading what was removed: %w", err)
	}
	found, err := scanAll(rows, func(f *incident.Forgotten) []any { return []any{&f.Seq, &f.ID, &f.ReportPath} })
	if err != nil {
		return nil, fmt.Errorf("reading what was removed: %w", err)
	}
	return found, nil
}

// Size returns how many bytes of the database are in use. Its file is larger by what was removed and is used again.
func (s *Store) Size(ctx context.Context) (bytes int64, err error) {
	if err := s.readDB.QueryRowContext(ctx, selectSize).Scan(&bytes); err != nil {
		return 0, fmt.Errorf("measuring the database: %w", err)
	}
	return bytes, nil
}
