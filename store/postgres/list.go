package postgres

import (
	"context"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// maxPage bounds a page of a list.
const maxPage = 500

const fromSearched = ` FROM incidents i JOIN search s ON s.seq = i.seq `

// Incidents returns a page of incidents in the order of [Store.List], and the cursor of the next page; "" after the last.
func (s *Store) Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error) {
	w, err := s.fitting(ctx, q)
	if err != nil {
		return nil, "", err
	}
	rows, next, err := s.page(ctx, q, w)
	for _, row := range rows {
		list = append(list, row.Incident)
	}
	return list, next, err
}

// List returns a page of incidents: what fires first, by severity, then the newest. What is opened while somebody pages moves
// nothing on the pages that follow. A limit out of bounds is brought into them. [incident.ErrCursor] when the cursor is no cursor,
// [incident.ErrTooManyValues] when a matcher would have to be tried on too many.
func (s *Store) List(ctx context.Context, q incident.Query) (incident.List, error) {
	w, err := s.fitting(ctx, q)
	if err != nil {
		return incident.List{}, err
	}
	rows, next, err := s.page(ctx, q, w)
	if err != nil {
		return incident.List{}, err
	}
	list, err := s.count(ctx, q, w)
	list.Rows, list.Next = rows, next
	return list, err
}

// count counts what a query selects.
func (s *Store) count(ctx context.Context, q incident.Query, w *where) (incident.List, error) {
	list := incident.List{ByStatus: map[incident.Status]int{}, BySeverity: map[string]int{}, Days: make([]incident.Day, incident.ListDays)}
	today := s.now().UTC().Truncate(day)
	for i := range list.Days {
		list.Days[i].Start = today.AddDate(0, 0, i+1-incident.ListDays)
	}
	w = w.clone()
	start, length := w.arg(list.Days[0].Start.UnixMicro()), w.arg(day.Microseconds())
	type row struct {
		Status   string
		Severity string
		Skipped  bool
		Day      int64
		Count    int
	}
	counts, err := collect[row](ctx, s, "counting incidents", `SELECT i.status, i.severity, i.analysis_reason = 'skipped' AS skipped,
		CASE WHEN i.opened_at >= `+start+`::bigint THEN (i.opened_at - `+start+`) / `+length+`::bigint ELSE -1 END AS day, count(*)`+
		from(w)+`WHERE `+w.sql()+` GROUP BY 1, 2, 3, 4`, w.args...)
	if err != nil {
		return list, err
	}
	wanted := column(q.Severity)
	for _, r := range counts {
		status, severity := q.Status == "" || string(q.Status) == r.Status, q.Severity == "" || wanted == r.Severity
		if q.HideSkipped && r.Skipped {
			if status && severity {
				list.Skipped += r.Count
			}
			continue
		}
		if severity {
			list.ByStatus[incident.Status(r.Status)] += r.Count
		}
		if status {
			list.BySeverity[r.Severity] += r.Count
		}
		if !status || !severity {
			continue
		}
		list.Total += r.Count
		if r.Day >= 0 && r.Day < incident.ListDays {
			list.Days[r.Day].Count += r.Count
		}
	}
	return list, nil
}

// from joins what is searched where it is asked for.
func from(w *where) string {
	if w.searched {
		return fromSearched
	}
	return ` FROM incidents i `
}

// page returns the page of a query, and the cursor of the next one.
func (s *Store) page(ctx context.Context, q incident.Query, w *where) ([]incident.ListRow, string, error) {
	w = w.clone()
	joined := from(w)
	if q.Status != "" {
		w.and(`i.status = ` + w.arg(valid(string(q.Status))))
	}
	if q.Severity != "" {
		w.and(`i.severity = ` + w.arg(column(q.Severity)))
	}
	if q.HideSkipped {
		w.and(`i.analysis_reason <> 'skipped'`)
	}
	if q.After != "" {
		c, err := layout.ParseCursor(q.After)
		if err != nil {
			return nil, "", err
		}
		rank := silentRank
		if c.Firing == 1 {
			rank = c.Rank
		}
		place := w.arg(rank)
		w.and(`(i.list_rank > ` + place + ` OR i.list_rank = ` + place + ` AND (i.opened_at, i.seq) < (` + w.arg(c.OpenedAt) + `, ` + w.arg(c.Seq) + `))`)
	}
	limit := min(max(q.Limit, 1), maxPage)
	type row struct {
		layout.Stored

		Rank       int
		OpenedAt   int64
		Hypothesis string
		Marked     bool
	}
	found, err := collect[row](ctx, s, "listing incidents", `SELECT `+docColumns+`, i.list_rank, i.opened_at, p.hypothesis, p.marked FROM (
		SELECT i.seq`+joined+`WHERE `+w.sql()+` ORDER BY i.list_rank, i.opened_at DESC, i.seq DESC LIMIT `+w.arg(limit+1)+`) AS chosen
		JOIN incidents i ON i.seq = chosen.seq JOIN repeat_state r ON r.seq = i.seq JOIN past p ON p.seq = i.seq
		ORDER BY i.list_rank, i.opened_at DESC, i.seq DESC`, w.args...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		c := layout.Cursor{OpenedAt: last.OpenedAt, Seq: last.Seq}
		if last.Rank != silentRank {
			c.Firing, c.Rank = 1, last.Rank
		}
		next = c.String()
	}
	list := make([]incident.ListRow, len(found))
	for i, r := range found {
		list[i] = incident.ListRow{Cause: r.Hypothesis, Marked: r.Marked}
		if list[i].Incident, err = r.Decode(); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// Newest returns the ID of the incident that was opened last among those that a query selects; [incident.ErrNotFound] when there is
// none.
func (s *Store) Newest(ctx context.Context, q incident.Query) (string, error) {
	w, err := s.fitting(ctx, q)
	if err != nil {
		return "", err
	}
	type row struct{ ID string }
	found, err := collect[row](ctx, s, "looking for the newest incident",
		`SELECT i.id`+from(w)+`WHERE `+w.sql()+` ORDER BY i.opened_at DESC, i.seq DESC LIMIT 1`, w.args...)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", incident.ErrNotFound
	}
	return found[0].ID, nil
}
