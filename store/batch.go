package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// groupKey names an alert group.
type groupKey struct{ receiver, key string }

// record is an incident as a batch sees it. One that is in the cache is never changed: each batch has its own copies.
type record struct {
	inc    *incident.Incident  // replaced, never changed in place
	chunks []layout.ChunkWrite // of inc, where they were encoded outside of the writer
	dirty  bool                // to be written at the end of the batch
	freed  []incident.Work     // kinds whose leases have ended in this batch
	saved  saved               // what the database holds
}

// saved is what the database holds of a record.
type saved struct {
	inc     *incident.Incident // nil: no row yet
	columns columns
	seq     int64 // of its row
	version int64
	size    int // in bytes, about
}

// columns are those that are indexed and change.
type columns struct {
	status   incident.Status
	severity string
	rank     int
	state    incident.State
	reason   incident.Reason
}

// workRow is what a row of work says but for its lease; the zero value is none.
type workRow struct {
	due  int64
	rank int
}

// batch is a transaction and the incidents that it has looked at.
type batch struct {
	*Store

	tx      *sql.Tx
	stmts   map[string]*sql.Stmt
	records map[string]*record
	groups  map[groupKey]string // the newest incident's id
	scopes  map[string]*nearby  // see storm.go; nil: to be forgotten
	dirty   []*record           // in the order in which they were first changed
	log     []entry
	due     map[incident.Work]bool // to be woken after the commit
	changed []incident.Change      // to be published after the commit
	listed  []listed               // to be listed so after the commit
}

// entry is a notification to be appended.
type entry struct {
	n       *incident.Notification
	id      sql.NullString
	outcome incident.Outcome
}

func (s *Store) begin(ctx context.Context) (*batch, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotBegun, err)
	}
	return &batch{
		Store: s, tx: tx, stmts: map[string]*sql.Stmt{}, records: map[string]*record{},
		groups: map[groupKey]string{}, scopes: map[string]*nearby{}, due: map[incident.Work]bool{},
	}, nil
}

func (b *batch) stmt(ctx context.Context, query string) *sql.Stmt {
	stmt := b.stmts[query]
	if stmt == nil {
		stmt = b.tx.StmtContext(ctx, b.Store.stmts[query])
		b.stmts[query] = stmt
	}
	return stmt
}

func (b *batch) exec(ctx context.Context, query string, args ...any) error {
	_, err := b.stmt(ctx, query).ExecContext(ctx, args...)
	return err
}

// execCount is exec that returns the number of rows that it has changed.
func (b *batch) execCount(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := b.stmt(ctx, query).ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (b *batch) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return b.stmt(ctx, query).QueryRowContext(ctx, args...)
}

// current returns the newest incident of a group, nil when there is none. read is what was read of it outside of the
// writer, nil for nothing.
func (b *batch) current(ctx context.Context, g groupKey, read *record) (*record, error) {
	id, known := b.groups[g]
	if !known {
		id, known = b.cachedGroup(g)
	}
	if !known {
		err := b.queryRow(ctx, selectCurrent, g.receiver, g.key).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("looking for the incident of a group: %w", err)
		}
	}
	b.groups[g] = id
	return b.record(ctx, id, read)
}

// record returns an incident; a refusal when there is none. It is the batch's own copy. What was read outside of the writer
// counts while nothing has been written of the incident since.
func (b *batch) record(ctx context.Context, id string, read *record) (*record, error) {
	if r, ok := b.records[id]; ok {
		return r, nil
	}
	r, ok := b.cached(id)
	if !ok && read != nil && read.inc.ID == id {
		var version int64
		if err := b.queryRow(ctx, selectVersion, read.saved.seq).Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("reading the version of incident %s: %w", id, err)
		}
		r, ok = read, version == read.saved.version
	}
	if !ok {
		var err error
		if r, err = b.load(b.queryRow(ctx, selectDoc, id), id); err != nil {
			return nil, err
		}
	}
	own := *r
	b.records[id] = &own
	return &own, nil
}

// load reads an incident from a row; a refusal when there is none.
func (s *Store) load(row *sql.Row, id string) (*record, error) {
	var raw layout.Stored
	err := row.Scan(raw.Fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, refusal{incident.ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("reading incident %s: %w", id, err)
	}
	inc, err := raw.Decode()
	if err != nil {
		return nil, err
	}
	return &record{inc: inc, saved: saved{inc: inc, columns: s.columns(inc), seq: raw.Seq, version: raw.Version, size: raw.Size()}}, nil
}

// add makes a new incident the newest of its group.
func (b *batch) add(inc *incident.Incident) *record {
	r := &record{}
	b.records[inc.ID] = r
	b.groups[groupKey{inc.Receiver, inc.GroupKey}] = inc.ID
	b.change(r, inc)
	b.enterScope(inc)
	return r
}

// change replaces the incident of a record, or only marks it as changed when that is its own.
func (b *batch) change(r *record, inc *incident.Incident) {
	if r.inc != nil && r.inc.Severity != inc.Severity {
		b.scopes[inc.Scope] = nil // its place in a storm is another one
	}
	if r.inc != inc {
		r.inc, r.chunks = inc, nil
	}
	if !r.dirty {
		r.dirty = true
		b.dirty = append(b.dirty, r)
	}
}

func (s *Store) columns(inc *incident.Incident) columns {
	return columns{
		status: inc.Status, severity: inc.Severity, rank: s.policy.Load().Rank(inc.Severity),
		state: inc.Analysis.State, reason: inc.Analysis.WaitsFor(),
	}
}

// laterRank is added to the rank of a report that is on disk: in a storm the facts of all come before what is new of one.
const laterRank = 1000

func (s *Store) workRow(inc *incident.Incident, kind incident.Work) workRow {
	due, ok := inc.Due[kind]
	if !ok {
		return workRow{}
	}
	row := workRow{due: micros(due), rank: s.policy.Load().Rank(inc.Severity)}
	if kind == incident.WorkFile && inc.FileRevision > 0 {
		row.rank += laterRank
	}
	return row
}

// ranks are those that rows of work may have, in order: claims ask for one after the other. None is ever taken out.
type ranks map[incident.Work][]int

func (r ranks) enter(kind incident.Work, rank int) {
	if at, known := slices.BinarySearch(r[kind], rank); !known {
		r[kind] = slices.Insert(r[kind], at, rank)
	}
}

// flush writes what the batch has changed so far. Incidents come first: notifications refer to them.
func (b *batch) flush(ctx context.Context) error {
	for _, r := range b.dirty {
		was := r.saved.inc
		if r.inc != was {
			if err := b.writeIncident(ctx, r); err != nil {
				return fmt.Errorf("writing incident %s: %w", r.inc.ID, err)
			}
		}
		if err := b.writeWork(ctx, r, was); err != nil {
			return fmt.Errorf("writing what is due on incident %s: %w", r.inc.ID, err)
		}
		r.dirty, r.freed = false, nil
	}
	for _, e := range b.log {
		err := b.exec(ctx, insertNotification, micros(e.n.ReceivedAt), e.n.Receiver, e.n.GroupKey, e.id, e.outcome, e.n.Body)
		if err != nil {
			return fmt.Errorf("appending a notification: %w", err)
		}
	}
	b.dirty, b.log = nil, nil
	return nil
}

func (b *batch) writeIncident(ctx context.Context, r *record) error {
	inc, was := r.inc, r.saved.inc
	if was == nil || !layout.SameRest(was, inc) {
		if err := b.writeRest(ctx, r); err != nil {
			return err
		}
		if err := b.writePast(ctx, r); err != nil {
			return err
		}
		if err := b.writeSearch(ctx, r.saved.seq, was, inc); err != nil {
			return err
		}
		b.listed = append(b.listed, b.listing(r))
	}
	_, state := layout.Split(inc)
	doc, err := json.Marshal(state)
	if err != nil {
		return err
	}
	r.saved.inc = inc
	r.saved.version++
	b.changed = append(b.changed, incident.Change{ID: inc.ID, Revision: inc.Revision, Status: inc.Status, Analysis: inc.Analysis.State})
	return b.exec(ctx, upsertRepeatState, r.saved.seq, micros(inc.LastHeardAt), string(doc), r.saved.version)
}

// writeRest writes all of an incident but its repeat state.
func (b *batch) writeRest(ctx context.Context, r *record) error {
	inc := r.inc
	rest, _ := layout.Split(inc)
	if layout.Apart(inc) {
		rest.Alerts = nil
	}
	doc, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	c := b.columns(inc)
	indexed := []any{c.status == incident.Firing, c.status, c.severity, c.rank, inc.Alertname, c.state, c.reason}
	switch {
	case r.saved.inc == nil:
		first := []any{inc.ID, inc.Receiver, inc.GroupKey, micros(inc.OpenedAt)}
		var row sql.Result
		row, err = b.stmt(ctx, insertIncident).ExecContext(ctx, append(slices.Concat(first, indexed), inc.Revision, string(doc), inc.Scope)...)
		if err == nil {
			r.saved.seq, err = row.LastInsertId()
		}
	case c != r.saved.columns:
		err = b.exec(ctx, updateIncident, append(indexed, inc.Revision, string(doc), inc.ID)...)
	default:
		err = b.exec(ctx, updateDoc, inc.Revision, string(doc), inc.ID)
	}
	if err != nil {
		return err
	}
	r.saved.columns, r.saved.size = c, len(doc)
	if layout.Apart(inc) {
		const alertBytes = 400 // in memory
		r.saved.size += alertBytes * len(inc.Alerts)
	}
	if r.chunks == nil {
		if r.chunks, err = layout.EncodeChunks(r.saved.inc, inc); err != nil {
			return err
		}
	}
	return b.writeChunks(ctx, r.saved.seq, r.chunks)
}

// writeWork writes what is due where it is not as it was, and what is left where a lease has ended. The lease of a row is its
// own: who changes what is due leaves it alone.
func (b *batch) writeWork(ctx context.Context, r *record, was *incident.Incident) error {
	for _, kind := range incident.Works() {
		row, old := b.workRow(r.inc, kind), workRow{}
		if was != nil {
			old = b.workRow(was, kind)
		}
		freed := slices.Contains(r.freed, kind)
		if row == old && !freed {
			continue
		}
		if row != (workRow{}) {
			b.due[kind] = true
			b.ranks.enter(kind, row.rank)
			if err := b.exec(ctx, upsertWork, r.saved.seq, kind, micros(r.inc.OpenedAt), row.rank, row.due); err != nil {
				return err
			}
			continue
		}
		gone, err := b.execCount(ctx, deleteWork, r.saved.seq, kind)
		if err == nil && gone == 0 {
			err = b.exec(ctx, undueWork, r.saved.seq, kind) // somebody has it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep is called after the commit: what the batch knows is true now.
func (b *batch) keep() {
	b.cache(b.records, b.groups)
	b.keepScopes()
	b.lists.put(b.listed)
	for kind := range b.due {
		b.wake(kind)
	}
	b.feed.Publish(b.changed)
	select {
	case b.committed <- struct{}{}:
	default:
	}
}
