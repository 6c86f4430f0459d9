package postgres

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

// selectNear finds the incidents of scopes that opened near a time, the most severe first, then the oldest: as many as one
// incident can be linked with. It asks for one rank after the other.
const selectNear = `SELECT opening.n::int, near.seq, near.id, near.group_hash, near.group_lock, near.severity_rank, near.opened_at
	FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS opening (scope, opened_at, n)
	CROSS JOIN LATERAL (SELECT i.* FROM unnest($3::int[]) AS ranks (rank) CROSS JOIN LATERAL (
		SELECT seq, id, group_hash, group_lock, severity_rank, opened_at FROM incidents
		WHERE scope = opening.scope AND scope <> '' AND severity_rank = ranks.rank AND opened_at BETWEEN opening.opened_at - $4 AND opening.opened_at + $4
		ORDER BY opened_at, seq LIMIT $5) AS i LIMIT $5) AS near`

// near is an incident to which one that opens may be linked.
type near struct {
	Opening  int // which of those that open, from 1 on
	Seq      int64
	ID       string
	Hash     []byte
	Lock     int64
	Rank     int
	OpenedAt int64

	record *record // where it is of this transaction
}

func (n near) group() group {
	g := group{lock: n.Lock}
	copy(g.hash[:], n.Hash)
	return g
}

// relate links the incidents that were opened with those of their scopes that opened shortly before, both ways where the other
// one has room for a link: so that a storm costs each incident no more than a few writes.
func (f *folding) relate() error {
	var scoped []*record
	for _, r := range f.opened {
		if r.inc.Scope != "" {
			scoped = append(scoped, r)
		}
	}
	if len(scoped) == 0 {
		return nil
	}
	stored, err := f.near(scoped)
	if err != nil {
		return err
	}
	if err := f.read(scoped, stored); err != nil {
		return err
	}
	for i, r := range scoped {
		after := r.inc.Clone()
		for _, n := range f.nearest(r, scoped[:i], stored[i]) {
			after.Relate(n.record.inc, f.s.policy.Load(), after.OpenedAt)
			if f.locked[n.record.group.lock] && n.record.inc.Relates(after, f.s.policy.Load()) {
				other := n.record.inc.Clone()
				other.Relate(after, f.s.policy.Load(), after.OpenedAt)
				f.change(n.record, other)
			}
		}
		r.inc = after
	}
	return nil
}

// near returns what the database has near each of the incidents that open.
func (f *folding) near(scoped []*record) ([][]near, error) {
	scopes, times := make([]string, len(scoped)), make([]int64, len(scoped))
	for i, r := range scoped {
		scopes[i], times[i] = column(r.inc.Scope), micros(r.inc.OpenedAt)
	}
	half := len(f.s.ranks) / 2 // the others are those of work
	rows, err := f.conn.Query(f.ctx, selectNear, scopes, times, f.s.ranks[:half], incident.StormWindow.Microseconds(), incident.MaxRelated)
	if err != nil {
		return nil, fmt.Errorf("looking for incidents nearby: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n near, err error) {
		return n, row.Scan(&n.Opening, &n.Seq, &n.ID, &n.Hash, &n.Lock, &n.Rank, &n.OpenedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for incidents nearby: %w", err)
	}
	list := make([][]near, len(scoped))
	for _, n := range found {
		list[n.Opening-1] = append(list[n.Opening-1], n)
	}
	return list, nil
}

// read reads the incidents nearby, and takes the locks of those that have room for a link to an incident that opens: one that
// cannot be had at once has the transaction begin again, with it.
func (f *folding) read(scoped []*record, stored [][]near) error {
	unread := map[int64]near{}
	for _, list := range stored {
		for _, n := range list {
			if f.records[n.ID] == nil {
				unread[n.Seq] = n
			}
		}
	}
	if err := f.readNear(unread); err != nil {
		return err
	}
	wanted := map[int64]near{}
	for i, list := range stored {
		for _, n := range list {
			if r := f.records[n.ID]; r != nil && !f.locked[n.Lock] && r.inc.Relates(scoped[i].inc, f.s.policy.Load()) {
				wanted[n.Seq] = n
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := f.tryLocks(wanted); err != nil {
		return err
	}
	return f.readNear(wanted) // as they are under the locks
}

// readNear reads incidents as they are now.
func (f *folding) readNear(list map[int64]near) error {
	if len(list) == 0 {
		return nil
	}
	seqs := make([]int64, 0, len(list))
	for seq := range list {
		seqs = append(seqs, seq)
	}
	b := &pgx.Batch{}
	b.Queue(`SELECT i.seq, i.id, r.version, i.group_hash, i.group_lock FROM incidents i JOIN repeat_state r ON r.seq = i.seq WHERE i.seq = ANY($1)`, seqs)
	found, err := f.versions(b, 0)
	if err != nil {
		return fmt.Errorf("reading incidents nearby: %w", err)
	}
	_, err = f.load(found)
	return err
}

// tryLocks takes locks without waiting: they are not in order.
func (f *folding) tryLocks(list map[int64]near) error {
	keys := make([]int64, 0, len(list))
	for _, n := range list {
		keys = append(keys, n.Lock)
	}
	rows, err := f.conn.Query(f.ctx, `SELECT key FROM unnest($1::bigint[]) AS keys (key) WHERE pg_try_advisory_xact_lock(key)`, keys)
	if err != nil {
		return fmt.Errorf("locking incidents nearby: %w", err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("locking incidents nearby: %w", err)
	}
	for _, key := range got {
		f.locked[key] = true
	}
	busy := &lockedElsewhere{}
	for _, n := range list {
		if !f.locked[n.Lock] {
			busy.groups = append(busy.groups, n.group())
		}
	}
	if len(busy.groups) > 0 && f.patient {
		return busy
	}
	return nil
}

// nearest returns the incidents to which one is linked: of those in the database as they are in this transaction, and of those that
// it has opened before.
func (f *folding) nearest(r *record, opened []*record, stored []near) []near {
	var list []near
	seen := map[string]bool{r.inc.ID: true}
	enter := func(other *record, seq int64) {
		if other == nil || seen[other.inc.ID] || other.inc.Scope != r.inc.Scope || r.inc.OpenedAt.Sub(other.inc.OpenedAt).Abs() > incident.StormWindow {
			return
		}
		seen[other.inc.ID] = true
		list = append(list, near{Seq: seq, Rank: f.s.policy.Load().Rank(other.inc.Severity), OpenedAt: micros(other.inc.OpenedAt), record: other})
	}
	for _, n := range stored {
		enter(f.records[n.ID], n.Seq)
	}
	for _, other := range f.newest { // those that have become more severe
		if other.saved != nil {
			enter(other, other.seq)
		}
	}
	for i, other := range opened {
		enter(other, int64(1)<<62+int64(i)) // behind all that were there
	}
	slices.SortFunc(list, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.OpenedAt, b.OpenedAt), cmp.Compare(a.Seq, b.Seq))
	})
	return list[:min(len(list), incident.MaxRelated)]
}
