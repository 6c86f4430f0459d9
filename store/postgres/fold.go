package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

const (
	// lockGroups takes locks in their order, waiting for each.
	lockGroups = `SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS keys (key)`
	// selectNewest finds the newest incident of each group.
	selectNewest = `SELECT newest.seq, newest.id, r.version, groups.hash, newest.group_lock FROM unnest($1::bytea[]) AS groups (hash)
		CROSS JOIN LATERAL (SELECT seq, id, group_lock FROM incidents WHERE group_hash = groups.hash ORDER BY seq DESC LIMIT 1) AS newest
		JOIN repeat_state r ON r.seq = newest.seq`
)

// folding is a transaction that folds notifications.
type folding struct {
	executor

	s       *Store
	patient bool                 // begin again for locks that somebody else holds
	locked  map[int64]bool       // of groups
	records map[string]*record   // by id
	newest  map[[16]byte]*record // of each group
	dirty   []*record            // in the order in which they were first changed
	opened  []*record
}

// begin takes the locks of all groups and reads their newest incidents.
func (f *folding) begin(batch []*accepting, more []group) error {
	groups := slices.Clone(more)
	for _, a := range batch {
		groups = append(groups, a.group)
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.lock, b.lock) })
	groups = slices.CompactFunc(groups, func(a, b group) bool { return a.hash == b.hash })
	keys, hashes := []int64{}, [][]byte{}
	for _, g := range groups {
		f.locked[g.lock] = true
		keys, hashes = append(keys, g.lock), append(hashes, g.hash[:])
	}
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(lockGroups, keys)
	b.Queue(selectNewest, hashes)
	found, err := f.versions(b, 2)
	if err != nil {
		return fmt.Errorf("locking groups: %w", err)
	}
	records, err := f.load(found)
	if err != nil {
		return err
	}
	for _, r := range records {
		f.newest[r.group.hash] = r
	}
	return nil
}

// versioned is an incident and its version.
type versioned struct {
	Seq     int64
	ID      string
	Version int64
	Hash    []byte // of its group
	Lock    int64
}

// versions sends a batch whose last statement returns versions; before it are some of which nothing is read.
func (f *folding) versions(b *pgx.Batch, before int) ([]versioned, error) {
	results := f.conn.SendBatch(f.ctx, b)
	defer results.Close()
	for range before {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[versioned])
	if err != nil {
		return nil, err
	}
	return found, results.Close()
}

// load returns the records of incidents under the locks of their groups: what this copy remembers while it is the same version, and
// the rest from the database.
func (f *folding) load(found []versioned) ([]*record, error) {
	records := make([]*record, 0, len(found))
	var missing []int64
	groups := map[int64]group{}
	for _, v := range found {
		g := group{lock: v.Lock}
		copy(g.hash[:], v.Hash)
		groups[v.Seq] = g
		if r := f.s.recent.get(v.ID, v.Version); r != nil {
			r.group = g
			records = append(records, r)
		} else {
			missing = append(missing, v.Seq)
		}
	}
	if len(missing) > 0 {
		rows, err := f.conn.Query(f.ctx, selectDocs+`WHERE i.seq = ANY($1)`, missing)
		if err != nil {
			return nil, fmt.Errorf("reading incidents: %w", err)
		}
		docs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[layout.Stored])
		if err != nil {
			return nil, fmt.Errorf("reading incidents: %w", err)
		}
		for i := range docs {
			r, err := newRecord(&docs[i])
			if err != nil {
				return nil, err
			}
			r.group = groups[r.seq]
			f.s.recent.put(r)
			own := *r
			records = append(records, &own)
		}
	}
	for _, r := range records {
		f.records[r.inc.ID] = r
	}
	return records, nil
}

// fold folds a notification into the incident of its group. An error is its own failure.
func (f *folding) fold(a *accepting) error {
	r := f.newest[a.group.hash]
	var before, after *incident.Incident
	var outcome incident.Outcome
	if r != nil {
		before = r.inc
	}
	if err := f.s.guard("folding a notification", func() { after, outcome = f.s.policy.Load().Fold(before, a.n) }); err != nil {
		return err
	}
	a.receipt = incident.Receipt{Outcome: outcome}
	switch {
	case after == nil:
	case before != nil && before.ID == after.ID:
		f.change(r, after)
	default:
		r = &record{group: a.group}
		f.records[after.ID], f.newest[a.group.hash] = r, r
		f.change(r, after)
		f.opened = append(f.opened, r)
	}
	if after != nil {
		a.receipt.IncidentID = after.ID
	}
	return nil
}

func (f *folding) change(r *record, inc *incident.Incident) {
	if r.inc == r.saved { // so far
		f.dirty = append(f.dirty, r)
	}
	r.inc = inc
}

// finish writes all that has changed, and commits.
func (f *folding) finish(batch []*accepting) error {
	if err := f.number(); err != nil {
		return err
	}
	b := f.s.newChanges()
	for _, r := range f.dirty {
		if err := b.write(r); err != nil {
			return err
		}
	}
	var received []int64
	var receivers, keys, outcomes []string
	var ids []*string
	var bodies [][]byte
	for _, a := range batch {
		if a.answer != nil {
			continue
		}
		var id *string
		if a.receipt.IncidentID != "" {
			id = &a.receipt.IncidentID
		}
		received, ids, bodies = append(received, micros(a.n.ReceivedAt)), append(ids, id), append(bodies, a.n.Body)
		receivers, keys = append(receivers, column(a.n.Receiver)), append(keys, column(a.n.GroupKey))
		outcomes = append(outcomes, string(a.receipt.Outcome))
	}
	b.Queue(`INSERT INTO notifications (received_at, receiver, group_key, incident_id, outcome, body)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])`,
		received, receivers, keys, ids, outcomes, bodies)
	b.seal()
	return b.send(f.executor)
}

// number gives the incidents that were opened their numbers, which grow in a group.
func (f *folding) number() error {
	if len(f.opened) == 0 {
		return nil
	}
	rows, err := f.conn.Query(f.ctx, `SELECT nextval('incidents_seq') FROM generate_series(1, $1)`, len(f.opened))
	if err != nil {
		return fmt.Errorf("numbering incidents: %w", err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("numbering incidents: %w", err)
	}
	if len(numbers) != len(f.opened) {
		return errors.New("numbering incidents: the database gave too few numbers")
	}
	for i, r := range f.opened {
		r.seq = numbers[i]
	}
	return nil
}
