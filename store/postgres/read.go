package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// selectIncident is to be completed by a condition.
const selectIncident = `SELECT ` + docColumns + `, coalesce(f.evidence, ''), coalesce(f.verdict, ''), coalesce(f.memory, ''), coalesce(f.looks, '')
	FROM incidents i JOIN repeat_state r ON r.seq = i.seq LEFT JOIN findings f ON f.seq = i.seq WHERE `

// collect reads rows whose columns are the fields of T, in their order.
func collect[T any](ctx context.Context, s *Store, what, query string, args ...any) ([]T, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, s.failed(fmt.Errorf("%s: %w", what, err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, s.failed(fmt.Errorf("%s: %w", what, err))
	}
	return found, nil
}

// Incident returns an incident and its findings, of the same moment; [incident.ErrNotFound] when there is none.
func (s *Store) Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return s.incident(ctx, `i.id = $1`, valid(id))
}

func (s *Store) incident(ctx context.Context, condition string, id any) (*incident.Incident, incident.Findings, error) {
	var row layout.Stored
	var raw layout.Findings
	err := s.pool.QueryRow(ctx, selectIncident+condition, id).Scan(append(row.Fields(), &raw.Evidence, &raw.Verdict, &raw.Memory, &raw.Looks)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, incident.Findings{}, incident.ErrNotFound
	}
	if err != nil {
		return nil, incident.Findings{}, s.failed(fmt.Errorf("reading incident %v: %w", id, err))
	}
	inc, err := row.Decode()
	if err != nil {
		return nil, incident.Findings{}, err
	}
	f, err := raw.Decode()
	return inc, f, err
}

// Peek returns an incident without its findings, as it was committed last; [incident.ErrNotFound] when there is none.
func (s *Store) Peek(ctx context.Context, id string) (*incident.Incident, error) {
	list, err := s.docs(ctx, "reading incident "+id, `WHERE i.id = $1`, valid(id))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, incident.ErrNotFound
	}
	return list[0], nil
}

// docs reads incidents; the query follows selectDocs.
func (s *Store) docs(ctx context.Context, what, query string, args ...any) ([]*incident.Incident, error) {
	found, err := collect[layout.Stored](ctx, s, what, selectDocs+query, args...)
	if err != nil {
		return nil, err
	}
	return layout.DecodeAll(found)
}

// FindID returns the id of the one incident whose id begins so; [incident.ErrNotFound] when there is none,
// [incident.ErrAmbiguous] when there are several.
func (s *Store) FindID(ctx context.Context, prefix string) (string, error) {
	type row struct{ ID string }
	ids, err := collect[row](ctx, s, "looking for an incident",
		`SELECT id FROM incidents WHERE starts_with(id, $1) AND id COLLATE "C" >= $1 ORDER BY id COLLATE "C" LIMIT 2`, valid(prefix))
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", incident.ErrNotFound
	case len(ids) > 1:
		return "", incident.ErrAmbiguous
	}
	return ids[0].ID, nil
}

// StaleCandidates returns firing incidents that were last heard of before a time, those opened first first.
func (s *Store) StaleCandidates(ctx context.Context, before time.Time, limit int) ([]*incident.Incident, error) {
	return s.docs(ctx, "listing silent incidents",
		`WHERE i.status = 'firing' AND i.opened_at < $1 AND r.last_heard_at < $1 ORDER BY i.opened_at LIMIT $2`, micros(before), limit)
}

// EvidenceOnly returns firing incidents, opened after a time, whose analysis is evidence only for one of the reasons, the
// most severe first.
func (s *Store) EvidenceOnly(ctx context.Context, since time.Time, limit int, reasons ...incident.Reason) ([]*incident.Incident, error) {
	if len(reasons) == 0 {
		return nil, nil
	}
	names := make([]string, len(reasons))
	for i, r := range reasons {
		names[i] = string(r)
	}
	return s.docs(ctx, "listing evidence-only incidents", `WHERE i.status = 'firing' AND i.analysis_state = 'evidence_only'
		AND i.analysis_reason = ANY($1) AND i.opened_at > $2 ORDER BY i.severity_rank, i.opened_at LIMIT $3`, names, micros(since), limit)
}

// Past returns the newest 100 incidents of an alert name that opened before a time, and the newest 100 of them that carry
// feedback, however old they are: the newest first, each once.
func (s *Store) Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error) {
	type row struct {
		ID         string
		Opened     int64
		Hypothesis string
		Marked     bool
		Doc        []byte
	}
	const columns = `SELECT incident_id, opened_at, hypothesis, marked, doc FROM past WHERE alertname = $1 AND opened_at < $2`
	found, err := collect[row](ctx, s, "listing past incidents", `SELECT * FROM (`+columns+` ORDER BY opened_at DESC LIMIT 100) AS newest
		UNION SELECT * FROM (`+columns+` AND has_feedback ORDER BY opened_at DESC LIMIT 100) AS taught ORDER BY opened_at DESC, incident_id`,
		column(alertname), micros(before))
	if err != nil {
		return nil, err
	}
	past := make([]incident.PastRecord, len(found))
	for i, r := range found {
		past[i] = incident.PastRecord{ID: r.ID, Hypothesis: r.Hypothesis, Marked: r.Marked}
		if err := json.Unmarshal(r.Doc, &past[i]); err != nil {
			return nil, fmt.Errorf("reading the past record of incident %s: %w", r.ID, err)
		}
		past[i].OpenedAt = fromMicros(r.Opened)
	}
	return past, nil
}
