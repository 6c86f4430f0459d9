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

// cacheBytes bounds the JSON of the incidents that are kept in memory between batches, by half.
const cacheBytes = 4 << 20

// groupKey names an alert group.
type groupKey struct{ receiver, key string }

// record is an incident with its leases, as a batch sees it.
type record struct {
	inc    *incident.Incident // replaced, never changed in place: workers may hold it
	leases [3]lease           // by kind of work, see kindOf
	dirty  bool               // to be written at the end of the batch
	saved  saved              // what the database holds
}

// lease of one kind of work; no token: free.
type lease struct {
	token string
	until int64
}

type kindLease struct {
	kind incident.Work
	lease
}

// saved is what the database holds of a record.
type saved struct {
	inc     *incident.Incident // nil: no row yet
	columns columns
	work    [3]workRow
	size    int // of the JSON
}

// columns are those that are indexed and change.
type columns struct {
	status              incident.Status
	severity, alertname string
	rank                int
	state               incident.State
	reason              incident.Reason
}

// workRow is a row of work; the zero value is none.
type workRow struct {
	due   int64
	rank  int
	lease lease
}

// batch is a transaction and the incidents that it has looked at.
type batch struct {
	*Store
	tx      *sql.Tx
	stmts   map[string]*sql.Stmt
	records map[string]*record
	groups  map[groupKey]string // the newest incident's id
	dirty   []*record           // in the order in which they were first changed
	log     []entry
	due     map[incident.Work]bool // to be woken after the commit
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
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	return &batch{
		Store: s, tx: tx, stmts: map[string]*sql.Stmt{}, records: map[string]*record{},
		groups: map[groupKey]string{}, due: map[incident.Work]bool{},
	}, nil
}

// kindOf returns the place of a kind of work in a record.
func kindOf(w incident.Work) int { return slices.Index(incident.Works(), w) }

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

func (b *batch) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return b.stmt(ctx, query).QueryRowContext(ctx, args...)
}

// current returns the newest incident of a group, nil when there is none.
func (b *batch) current(ctx context.Context, g groupKey) (*record, error) {
	id, known := b.groups[g]
	if !known {
		id, known = b.Store.groups.get(g)
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
	return b.record(ctx, id)
}

// record returns an incident; a refusal when there is none. It is the batch's own copy.
func (b *batch) record(ctx context.Context, id string) (*record, error) {
	if r, ok := b.records[id]; ok {
		return r, nil
	}
	r, ok := b.Store.records.get(id)
	if ok {
		copied := *r
		r = &copied
	} else {
		var err error
		if r, err = b.load(ctx, id); err != nil {
			return nil, err
		}
	}
	b.records[id] = r
	return r, nil
}

func (b *batch) load(ctx context.Context, id string) (*record, error) {
	var row stored
	err := b.queryRow(ctx, selectDoc, id).Scan(&row.doc, &row.heard)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, refusal{incident.ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("reading incident %s: %w", id, err)
	}
	r := &record{}
	if r.inc, err = row.decode(); err != nil {
		return nil, err
	}
	rows, err := b.stmt(ctx, selectLeases).QueryContext(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading the leases of incident %s: %w", id, err)
	}
	leases, err := scanAll(rows, func(l *kindLease) []any { return []any{&l.kind, &l.until, &l.token} })
	if err != nil {
		return nil, fmt.Errorf("reading the leases of incident %s: %w", id, err)
	}
	for _, l := range leases {
		r.leases[kindOf(l.kind)] = l.lease
	}
	r.saved = saved{inc: r.inc, columns: b.columns(r.inc), work: b.work(r), size: len(row.doc)}
	return r, nil
}

// add makes a new incident the newest of its group.
func (b *batch) add(inc *incident.Incident) {
	r := &record{}
	b.records[inc.ID] = r
	b.groups[groupKey{inc.Receiver, inc.GroupKey}] = inc.ID
	b.change(r, inc)
}

// change replaces the incident of a record, or only marks it as changed when that is its own.
func (b *batch) change(r *record, inc *incident.Incident) {
	r.inc = inc
	if !r.dirty {
		r.dirty = true
		b.dirty = append(b.dirty, r)
	}
}

func (b *batch) columns(inc *incident.Incident) columns {
	return columns{
		status: inc.Status, severity: inc.Severity, alertname: inc.Alertname, rank: b.Policy.Rank(inc.Severity),
		state: inc.Analysis.State, reason: inc.Analysis.Reason,
	}
}

func (b *batch) work(r *record) [3]workRow {
	var rows [3]workRow
	for i, due := range []time.Time{r.inc.Due.File, r.inc.Due.Evidence, r.inc.Due.Analysis} {
		if row := (workRow{due: micros(due), lease: r.leases[i]}); row != (workRow{}) {
			row.rank = b.Policy.Rank(r.inc.Severity)
			rows[i] = row
		}
	}
	return rows
}

// flush writes what the batch has changed so far. Incidents come first: notifications refer to them.
func (b *batch) flush(ctx context.Context) error {
	for _, r := range b.dirty {
		if err := b.writeIncident(ctx, r); err != nil {
			return fmt.Errorf("writing incident %s: %w", r.inc.ID, err)
		}
		if err := b.writeWork(ctx, r); err != nil {
			return fmt.Errorf("writing what is due on incident %s: %w", r.inc.ID, err)
		}
		r.dirty = false
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
	if inc == was {
		return nil // only a lease has changed
	}
	if was == nil || !sameRest(was, inc) {
		if err := b.writeRest(ctx, r); err != nil {
			return err
		}
		if err := b.writePast(ctx, inc, was); err != nil {
			return err
		}
	}
	_, h := split(inc)
	doc, err := json.Marshal(h)
	if err != nil {
		return err
	}
	r.saved.inc = inc
	return b.exec(ctx, upsertHeard, inc.ID, micros(inc.LastHeardAt), string(doc))
}

// writeRest writes all of an incident but what is heard.
func (b *batch) writeRest(ctx context.Context, r *record) error {
	inc := r.inc
	rest, _ := split(inc)
	doc, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	c := b.columns(inc)
	indexed := []any{c.status == incident.Firing, c.status, c.severity, c.rank, c.alertname, c.state, c.reason}
	switch {
	case r.saved.inc == nil:
		first := []any{inc.ID, inc.Receiver, inc.GroupKey, micros(inc.OpenedAt)}
		err = b.exec(ctx, insertIncident, append(slices.Concat(first, indexed), inc.Revision, string(doc), inc.Scope)...)
	case c != r.saved.columns:
		err = b.exec(ctx, updateIncident, append(indexed, inc.Revision, string(doc), inc.ID)...)
	default:
		err = b.exec(ctx, updateDoc, inc.Revision, string(doc), inc.ID)
	}
	r.saved.columns, r.saved.size = c, len(doc)
	return err
}

func (b *batch) writeWork(ctx context.Context, r *record) error {
	rows := b.work(r)
	for i, kind := range incident.Works() {
		row := rows[i]
		if row == r.saved.work[i] {
			continue
		}
		var err error
		if row == (workRow{}) {
			err = b.exec(ctx, deleteWork, r.inc.ID, kind)
		} else {
			due := sql.NullInt64{Int64: row.due, Valid: row.due != 0}
			err = b.exec(ctx, upsertWork, r.inc.ID, kind, micros(r.inc.OpenedAt), row.rank, due, row.lease.until, row.lease.token)
		}
		if err != nil {
			return err
		}
		if row.due != 0 && row.lease.token == "" {
			b.due[kind] = true
		}
	}
	r.saved.work = rows
	return nil
}

// keep is called after the commit: what the batch knows is true now.
func (b *batch) keep() {
	for id, r := range b.records {
		b.Store.records.put(id, r, r.saved.size)
	}
	for g, id := range b.groups {
		b.Store.groups.put(g, id, len(g.receiver)+len(g.key)+len(id))
	}
	for kind := range b.due {
		b.wake(kind)
	}
}
