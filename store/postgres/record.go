package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
	"github.com/alertscribe/alertscribe/text"
)

const (
	// laterRank is added to the rank of a report that was written: in a storm the facts of all come before what is new of one.
	laterRank = 1000
	// silentRank is the place in lists of what fires no longer.
	silentRank = 1 << 20
	// maxColumn bounds, in bytes, text that is indexed.
	maxColumn = 500
	// cacheBytes bounds the JSON of the incidents that a copy remembers, by half.
	cacheBytes = 4 << 20
)

// group is an alert group as the database knows it.
type group struct {
	hash [16]byte // of receiver and group key
	lock int64    // its advisory lock
}

func groupOf(receiver, key string) group {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d:%s%s", len(receiver), receiver, key) // never fails
	var g group
	copy(g.hash[:], h.Sum(nil))
	g.lock = int64(binary.BigEndian.Uint64(g.hash[:])) //nolint:gosec // any number is one
	return g
}

func keyHash(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:8]
}

// column returns a text as columns hold it: PostgreSQL takes neither NUL nor what is no UTF-8, and indexes only so much.
func column(s string) string { return text.CutBytes(valid(s), maxColumn) }

func valid(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// docColumns are those of an incident (i) and its repeat state (r), in the order of layout.Stored.Fields.
const docColumns = `i.seq, i.doc, r.doc, r.version, (SELECT string_agg(a.doc, ',') FROM alerts a WHERE a.seq = i.seq)`

const selectDocs = `SELECT ` + docColumns + ` FROM incidents i JOIN repeat_state r ON r.seq = i.seq `

// record is an incident within a transaction that holds the lock of its group.
type record struct {
	inc     *incident.Incident // replaced, never changed in place
	group   group
	seq     int64
	version int64              // another one with each change, by chance: a count could come again after a failover that lost commits
	size    int                // in bytes, about
	saved   *incident.Incident // as the database has it; nil: not at all
	freed   []incident.Work    // kinds whose leases have ended in this transaction
}

func newRecord(row *layout.Stored) (*record, error) {
	inc, err := row.Decode()
	if err != nil {
		return nil, err
	}
	return &record{inc: inc, seq: row.Seq, version: row.Version, size: row.Size(), saved: inc}, nil
}

// cache remembers incidents as they were committed by this copy, or read. What it holds counts only with its version.
type cache struct {
	mu      sync.Mutex
	records *layout.Recent[string, *record] // by id
	large   map[[16]byte]bool               // groups of which an incident was large when it was seen last
}

// get returns a copy of what is remembered, if it is of this version.
func (c *cache) get(id string, version int64) *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.records.Get(id)
	if !ok || r.version != version {
		return nil
	}
	own := *r
	return &own
}

// isLarge reports whether work on a group takes so long that others should not wait for it.
func (c *cache) isLarge(g group) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.large[g.hash]
}

// put remembers a record that was committed; it must not be changed from then on.
func (c *cache) put(r *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(r.inc.Alerts) > layout.LargeGroup {
		c.large[r.group.hash] = true
	} else if len(c.large) > 0 {
		delete(c.large, r.group.hash)
	}
	if r.size > cacheBytes/4 {
		c.records.Drop(r.inc.ID)
		return
	}
	c.records.Put(r.inc.ID, r, r.size)
}

// changes are what a transaction writes, and what others are told of it after the commit.
type changes struct {
	pgx.Batch

	s       *Store
	changed []incident.Change
	due     map[incident.Work]bool
	written []*record
	states  states
	work    workRows
}

// states are rows of repeat_state to be written, the new ones apart: one statement for all costs less than one for each.
type states struct{ fresh, known stateRows }

type stateRows struct {
	seqs, heard, versions []int64
	docs                  []string
}

func (s *stateRows) add(r *record, doc []byte) {
	s.seqs, s.heard, s.versions = append(s.seqs, r.seq), append(s.heard, micros(r.inc.LastHeardAt)), append(s.versions, r.version)
	s.docs = append(s.docs, string(doc))
}

func (s *stateRows) queue(b *pgx.Batch, query string) {
	if len(s.seqs) > 0 {
		b.Queue(query, s.seqs, s.heard, s.versions, s.docs)
	}
}

// workRows are rows of work to be written, and those that are due no more.
type workRows struct {
	seqs, opened, due []int64
	kinds             []string
	ranks             []int32
	goneSeqs          []int64
	goneKinds         []string
}

// upsertWork moves what is due from the clock of this machine to that of the database, by which it is claimed.
var upsertWork = `INSERT INTO work (seq, kind, opened_at, severity_rank, due_at)
	SELECT seq, kind, opened, rank, due + ` + at(6) + ` - $7 FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::int[], $5::bigint[])
		AS u (seq, kind, opened, rank, due)
	ON CONFLICT (seq, kind) DO UPDATE SET severity_rank = excluded.severity_rank, due_at = excluded.due_at`

// queue queues the rows; here is the time of this machine.
func (w *workRows) queue(b *pgx.Batch, clock *int64, here time.Time) {
	if len(w.seqs) > 0 {
		b.Queue(upsertWork, w.seqs, w.kinds, w.opened, w.ranks, w.due, clock, micros(here))
	}
	if len(w.goneSeqs) > 0 {
		const gone = ` FROM unnest($1::bigint[], $2::text[]) AS gone (seq, kind) WHERE w.seq = gone.seq AND w.kind = gone.kind`
		b.Queue(`DELETE FROM work w USING unnest($1::bigint[], $2::text[]) AS gone (seq, kind)
			WHERE w.seq = gone.seq AND w.kind = gone.kind AND w.lease_token = ''`, w.goneSeqs, w.goneKinds)
		b.Queue(`UPDATE work w SET due_at = NULL`+gone, w.goneSeqs, w.goneKinds) // somebody has it
	}
}

func (s *Store) newChanges() *changes { return &changes{s: s, due: map[incident.Work]bool{}} }

// write writes a record where it is not as it was. Its seq must be known.
func (c *changes) write(r *record) error {
	if r.inc != r.saved {
		if err := c.writeIncident(r); err != nil {
			return fmt.Errorf("writing incident %s: %w", r.inc.ID, err)
		}
	}
	c.writeWork(r)
	r.saved, r.freed = r.inc, nil
	c.written = append(c.written, r)
	return nil
}

func (c *changes) writeIncident(r *record) error {
	if r.saved == nil || !layout.SameRest(r.saved, r.inc) {
		if err := c.writeRest(r); err != nil {
			return err
		}
	}
	_, state := layout.Split(r.inc)
	doc, err := json.Marshal(state)
	if err != nil {
		return err
	}
	r.version = rand.Int64N(1 << 62)
	c.changed = append(c.changed, incident.Change{ID: r.inc.ID, Revision: r.inc.Revision, Status: r.inc.Status, Analysis: r.inc.Analysis.State})
	if r.saved == nil {
		c.states.fresh.add(r, doc)
	} else {
		c.states.known.add(r, doc)
	}
	return nil
}

// writeRest writes all of an incident but its repeat state.
func (c *changes) writeRest(r *record) error {
	inc, was := r.inc, r.saved
	rest, _ := layout.Split(inc)
	if layout.Apart(inc) {
		rest.Alerts = nil
	}
	doc, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	chunks, err := layout.EncodeChunks(was, inc)
	if err != nil {
		return err
	}
	rank := c.s.policy.Load().Rank(inc.Severity)
	listRank := silentRank
	if inc.Status == incident.Firing {
		listRank = rank
	}
	indexed := []any{
		r.seq, string(inc.Status), column(inc.Severity), rank, listRank, column(inc.Alertname), string(inc.Analysis.State),
		string(inc.Analysis.WaitsFor()), inc.Revision, string(doc),
	}
	if was == nil {
		c.Queue(`INSERT INTO incidents (seq, status, severity, severity_rank, list_rank, alertname, analysis_state, analysis_reason,
			revision, doc, id, group_hash, group_lock, key_hash, opened_at, scope)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			append(indexed, inc.ID, r.group.hash[:], r.group.lock, keyHash(inc.GroupKey), micros(inc.OpenedAt), column(inc.Scope))...)
	} else {
		c.Queue(`UPDATE incidents SET status = $2, severity = $3, severity_rank = $4, list_rank = $5, alertname = $6,
			analysis_state = $7, analysis_reason = $8, revision = $9, doc = $10 WHERE seq = $1`, indexed...)
	}
	r.size = len(doc)
	if layout.Apart(inc) {
		const alertBytes = 400 // in memory
		r.size += alertBytes * len(inc.Alerts)
	}
	c.writeChunks(r.seq, chunks)
	if err := c.writePast(r); err != nil {
		return err
	}
	return c.writeSearch(r)
}

func (c *changes) writeChunks(seq int64, writes []layout.ChunkWrite) {
	for _, w := range writes {
		if w.Doc == nil {
			c.Queue(`DELETE FROM alerts WHERE seq = $1 AND chunk = $2`, seq, w.Number)
		} else {
			c.Queue(`INSERT INTO alerts (seq, chunk, doc) VALUES ($1, $2, $3)
				ON CONFLICT (seq, chunk) DO UPDATE SET doc = excluded.doc`, seq, w.Number, string(w.Doc))
		}
	}
}

// writePast writes what later incidents are told of this one where that has changed.
func (c *changes) writePast(r *record) error {
	inc := r.inc
	if r.saved != nil && inc.SamePast(r.saved) {
		return nil
	}
	doc, err := json.Marshal(inc.PastRecord())
	if err != nil {
		return err
	}
	c.Queue(`INSERT INTO past (seq, incident_id, alertname, opened_at, has_feedback, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (seq) DO UPDATE SET has_feedback = excluded.has_feedback, doc = excluded.doc`,
		r.seq, inc.ID, column(inc.Alertname), micros(inc.OpenedAt), len(inc.Feedback) > 0, string(doc))
	return nil
}

// workRow is what a row of work says but for its lease; the zero value is none.
type workRow struct {
	due  int64
	rank int
}

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

// writeWork writes what is due where it is not as it was, and what is left where a lease has ended. The lease of a row is its
// own: who changes what is due leaves it alone.
func (c *changes) writeWork(r *record) {
	for _, kind := range incident.Works() {
		row, old := c.s.workRow(r.inc, kind), workRow{}
		if r.saved != nil {
			old = c.s.workRow(r.saved, kind)
		}
		switch {
		case row == old && !slices.Contains(r.freed, kind):
		case row != workRow{}:
			c.due[kind] = true
			w := &c.work
			w.seqs, w.kinds, w.opened = append(w.seqs, r.seq), append(w.kinds, string(kind)), append(w.opened, micros(r.inc.OpenedAt))
			w.ranks, w.due = append(w.ranks, int32(row.rank)), append(w.due, row.due) //nolint:gosec // small
		default:
			c.work.goneSeqs, c.work.goneKinds = append(c.work.goneSeqs, r.seq), append(c.work.goneKinds, string(kind))
		}
	}
}

// seal queues what was gathered, what others are told, and the commit.
func (c *changes) seal() {
	const columns = ` FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])`
	c.states.fresh.queue(&c.Batch, `INSERT INTO repeat_state (seq, last_heard_at, version, doc) SELECT *`+columns)
	c.states.known.queue(&c.Batch, `UPDATE repeat_state r SET last_heard_at = u.heard, version = u.version, doc = u.doc`+
		columns+` AS u (seq, heard, version, doc) WHERE r.seq = u.seq`)
	here := c.s.now()
	clock := c.s.clock()
	if clock != nil {
		*clock = micros(here) // there is one clock, which tests move
	}
	c.work.queue(&c.Batch, clock, here)
	for _, payload := range payloads(c.s.copy, c.changed, c.due) {
		c.Queue(`SELECT pg_notify('`+changesChannel+`', $1)`, payload)
	}
	c.Queue(`COMMIT`)
}

// send runs all that is queued in one go, and tells this copy what came of it.
func (c *changes) send(exec executor) error {
	if err := exec.run(&c.Batch); err != nil {
		return err
	}
	for _, r := range c.written {
		c.s.recent.put(r)
	}
	for kind := range c.due {
		c.s.wake(kind)
	}
	return nil
}
