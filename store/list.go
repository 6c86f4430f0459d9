package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// maxPage bounds a page of a list.
const maxPage = 500

// listed is what lists select, order, and count incidents by. That of all incidents is in memory, 40 bytes each: SQLite takes
// half a second to count a hundred thousand, this a millisecond.
type listed struct {
	seq, openedAt int64
	alertname     *string // one for all of the same name
	severity      *string
	rank          int
	status        incident.Status
	skipped       bool
}

// before reports whether an incident stands before another: firing ones first, by severity, then the newest.
func (l *listed) before(o *listed) bool {
	switch firing := l.status == incident.Firing; {
	case firing != (o.status == incident.Firing):
		return firing
	case firing && l.rank != o.rank:
		return l.rank < o.rank
	}
	return older(*o, *l) < 0
}

func older(a, b listed) int {
	return cmp.Or(cmp.Compare(a.openedAt, b.openedAt), cmp.Compare(a.seq, b.seq))
}

// lists is the memory of what is listed.
type lists struct {
	mu    sync.RWMutex
	rows  []listed // the oldest first
	names map[string]*string
}

// name returns the one string for all that are equal.
func (l *lists) name(s string) *string {
	if l.names == nil {
		l.names = map[string]*string{}
	}
	p, ok := l.names[s]
	if !ok {
		p = &s
		l.names[s] = p
	}
	return p
}

func (l *lists) put(rows []listed) {
	if len(rows) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range rows {
		r.alertname, r.severity = l.name(*r.alertname), l.name(*r.severity)
		at, known := slices.BinarySearchFunc(l.rows, r, older)
		if known {
			l.rows[at] = r
		} else {
			l.rows = slices.Insert(l.rows, at, r)
		}
	}
}

// forget takes out incidents that are not there anymore.
func (l *lists) forget(gone map[int64]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = slices.DeleteFunc(l.rows, func(r listed) bool { return gone[r.seq] })
}

func (s *Store) listing(r *record) listed {
	c := s.columns(r.inc)
	return listed{
		seq: r.saved.seq, openedAt: micros(r.inc.OpenedAt), alertname: &r.inc.Alertname, severity: &c.severity, rank: c.rank,
		status: c.status, skipped: c.reason == incident.Skipped,
	}
}

// loadLists reads what is listed of all incidents.
func (s *Store) loadLists(ctx context.Context) error {
	type row struct {
		listed

		name, level string
		reason      incident.Reason
	}
	rows, err := s.readDB.QueryContext(ctx, selectAllListed)
	if err != nil {
		return fmt.Errorf("reading what is listed: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.openedAt, &r.status, &r.level, &r.rank, &r.name, &r.reason); err != nil {
			return fmt.Errorf("reading what is listed: %w", err)
		}
		r.alertname, r.severity, r.skipped = s.lists.name(r.name), s.lists.name(r.level), r.reason == incident.Skipped
		s.lists.rows = append(s.lists.rows, r.listed)
	}
	return rows.Err()
}

func (l *listed) cursor() layout.Cursor {
	c := layout.Cursor{OpenedAt: l.openedAt, Seq: l.seq}
	if l.status == incident.Firing {
		c.Firing, c.Rank = 1, l.rank
	}
	return c
}

func placeOf(c layout.Cursor) *listed {
	l := &listed{openedAt: c.OpenedAt, seq: c.Seq, rank: c.Rank}
	if c.Firing == 1 {
		l.status = incident.Firing
	}
	return l
}

// Incidents returns a page of incidents in the order of [Store.List], and the cursor of the next page; "" after the last.
func (s *Store) Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error) {
	l, err := s.List(ctx, q)
	for _, row := range l.Rows {
		list = append(list, row.Incident)
	}
	return list, l.Next, err
}

// List returns a page of incidents: what fires first, by severity, then the newest. What is opened while somebody pages moves
// nothing on the pages that follow. A limit out of bounds is brought into them. [incident.ErrCursor] when the cursor is no cursor,
// [incident.ErrTooManyValues] when a matcher would have to be tried on too many.
func (s *Store) List(ctx context.Context, q incident.Query) (incident.List, error) {
	var after *listed
	if q.After != "" {
		c, err := layout.ParseCursor(q.After)
		if err != nil {
			return incident.List{}, err
		}
		after = placeOf(c)
	}
	conditions, err := s.conditions(ctx, q)
	if err != nil {
		return incident.List{}, err
	}
	limit := min(max(q.Limit, 1), maxPage)
	list, page := s.lists.choose(q, conditions, after, limit+1, s.opts.Now())
	if len(page) > limit {
		page = page[:limit]
		list.Next = page[limit-1].cursor().String()
	}
	list.Rows, err = s.readListed(ctx, page)
	return list, err
}

// Newest returns the ID of the incident that was opened last among those that a query selects; [incident.ErrNotFound] when there is
// none.
func (s *Store) Newest(ctx context.Context, q incident.Query) (string, error) {
	conditions, err := s.conditions(ctx, q)
	if err != nil {
		return "", err
	}
	newest := s.lists.newest(q, conditions)
	if newest == 0 {
		return "", incident.ErrNotFound
	}
	var id string
	if err := s.readStmts[selectListedID].QueryRowContext(ctx, newest).Scan(&id); err != nil {
		return "", fmt.Errorf("reading the newest incident: %w", err)
	}
	return id, nil
}

// fits reports whether an incident fulfils all of a query but status and severity.
func (l *listed) fits(q *incident.Query, conditions []condition) bool {
	if q.Alertname != "" && *l.alertname != q.Alertname || q.OnlySkipped && !l.skipped {
		return false
	}
	for _, c := range conditions {
		if !c(l.seq) {
			return false
		}
	}
	return true
}

func (l *lists) newest(q incident.Query, conditions []condition) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i := len(l.rows) - 1; i >= 0; i-- {
		if l.rows[i].fits(&q, conditions) {
			return l.rows[i].seq
		}
	}
	return 0
}

// choose counts what a query selects, and returns the part of it that follows a place.
func (l *lists) choose(q incident.Query, conditions []condition, after *listed, limit int, now time.Time) (incident.List, []listed) {
	today := now.UTC().Truncate(24 * time.Hour)
	list := incident.List{ByStatus: map[incident.Status]int{}, BySeverity: map[string]int{}, Days: make([]incident.Day, incident.ListDays)}
	for i := range list.Days {
		list.Days[i].Start = today.AddDate(0, 0, i+1-incident.ListDays)
	}
	var first, rest []listed
	bySeverity := map[*string]int{}
	l.mu.RLock()
	defer l.mu.RUnlock()
	start, day := list.Days[0].Start.UnixMicro(), (24 * time.Hour).Microseconds()
	for i := len(l.rows) - 1; i >= 0; i-- {
		r := &l.rows[i]
		if !r.fits(&q, conditions) {
			continue
		}
		status, severity := q.Status == "" || q.Status == r.status, q.Severity == "" || q.Severity == *r.severity
		if q.HideSkipped && r.skipped {
			if status && severity {
				list.Skipped++
			}
			continue
		}
		if severity {
			list.ByStatus[r.status]++
		}
		if status {
			bySeverity[r.severity]++
		}
		if !status || !severity {
			continue
		}
		list.Total++
		if n := (r.openedAt - start) / day; r.openedAt >= start && n < incident.ListDays {
			list.Days[n].Count++
		}
		switch {
		case after != nil && !after.before(r):
		case r.status == incident.Firing:
			first = append(first, *r)
		case len(rest) < limit: // the newest come first
			rest = append(rest, *r)
		}
	}
	for severity, n := range bySeverity {
		list.BySeverity[*severity] = n
	}
	slices.SortFunc(first, func(a, b listed) int {
		if a.before(&b) {
			return -1
		}
		return 1
	})
	page := append(first, rest...)
	return list, page[:min(len(page), limit)]
}

// readListed reads the incidents of a page. What is gone meanwhile is left out and forgotten.
func (s *Store) readListed(ctx context.Context, page []listed) ([]incident.ListRow, error) {
	if len(page) == 0 {
		return nil, nil
	}
	wanted, places := make([]int64, len(page)), map[int64]int{}
	for i := range page {
		wanted[i], places[page[i].seq] = page[i].seq, i
	}
	argument, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	type row struct {
		layout.Stored

		cause  string
		marked bool
	}
	rows, err := s.readStmts[selectListed].QueryContext(ctx, string(argument))
	if err != nil {
		return nil, fmt.Errorf("listing incidents: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any { return append(r.Fields(), &r.cause, &r.marked) })
	if err != nil {
		return nil, fmt.Errorf("listing incidents: %w", err)
	}
	list := make([]incident.ListRow, len(page))
	for _, r := range found {
		at := places[r.Seq]
		delete(places, r.Seq)
		list[at].Cause, list[at].Marked = r.cause, r.marked
		if list[at].Incident, err = r.Decode(); err != nil {
			return nil, err
		}
	}
	if len(places) > 0 {
		gone := map[int64]bool{}
		for seq := range places {
			gone[seq] = true
		}
		s.lists.forget(gone)
	}
	return slices.DeleteFunc(list, func(r incident.ListRow) bool { return r.Incident == nil }), nil
}
