package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// scanAll reads and closes rows; fields names where the columns of one go.
func scanAll[T any](rows *sql.Rows, fields func(*T) []any) ([]T, error) {
	return scanSome(rows, math.MaxInt, fields)
}

// scanSome is scanAll that reads no more rows than it is told.
func scanSome[T any](rows *sql.Rows, limit int, fields func(*T) []any) ([]T, error) {
	defer rows.Close()
	var all []T
	for len(all) < limit && rows.Next() {
		var t T
		if err := rows.Scan(fields(&t)...); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// Incident returns an incident and its findings, of the same moment; [incident.ErrNotFound] when there is none.
func (s *Store) Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error) {
	return s.incident(ctx, selectIncident, id)
}

// FindID returns the id of the one incident whose id begins so; [incident.ErrNotFound] when there is none,
// [incident.ErrAmbiguous] when there are several.
func (s *Store) FindID(ctx context.Context, prefix string) (string, error) {
	rows, err := s.readStmts[selectIDs].QueryContext(ctx, prefix, prefix+"~") // behind all letters and digits
	if err != nil {
		return "", fmt.Errorf("looking for an incident: %w", err)
	}
	var ids []string
	ids, err = scanSome(rows, 2, func(id *string) []any { return []any{id} })
	switch {
	case err != nil:
		return "", fmt.Errorf("looking for an incident: %w", err)
	case len(ids) == 0:
		return "", incident.ErrNotFound
	case len(ids) > 1:
		return "", incident.ErrAmbiguous
	}
	return ids[0], nil
}

// incident reads an incident by one of two queries.
func (s *Store) incident(ctx context.Context, query string, id any) (*incident.Incident, incident.Findings, error) {
	var row layout.Stored
	var raw layout.Findings
	err := s.readStmts[query].QueryRowContext(ctx, id).Scan(append(row.Fields(), &raw.Evidence, &raw.Verdict, &raw.Memory, &raw.Looks)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, incident.Findings{}, incident.ErrNotFound
	}
	if err != nil {
		return nil, incident.Findings{}, fmt.Errorf("reading incident %v: %w", id, err)
	}
	inc, err := row.Decode()
	if err != nil {
		return nil, incident.Findings{}, err
	}
	f, err := raw.Decode()
	return inc, f, err
}

// StaleCandidates returns firing incidents that were last heard of before a time, those opened first first.
func (s *Store) StaleCandidates(ctx context.Context, before time.Time, limit int) ([]*incident.Incident, error) {
	return s.docs(ctx, "silent incidents", selectStale, micros(before), micros(before), limit)
}

// EvidenceOnly returns firing incidents, opened after a time, whose analysis is evidence only for one of the reasons, the
// most severe first.
func (s *Store) EvidenceOnly(ctx context.Context, since time.Time, limit int, reasons ...incident.Reason) ([]*incident.Incident, error) {
	if len(reasons) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(reasons)+2)
	for _, r := range reasons {
		args = append(args, r)
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(reasons)), ", ")
	return s.docs(ctx, "evidence-only incidents", fmt.Sprintf(selectEvidenceOnly, marks), append(args, micros(since), limit)...)
}

func (s *Store) docs(ctx context.Context, what, query string, args ...any) ([]*incident.Incident, error) {
	rows, err := s.readDB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", what, err)
	}
	docs, err := scanAll(rows, (*layout.Stored).Fields)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", what, err)
	}
	return layout.DecodeAll(docs)
}

// Queue counts what is due or scheduled and what is leased, by the kind of work.
func (s *Store) Queue(ctx context.Context) (incident.Queue, error) {
	q := incident.Queue{Due: map[incident.Work]int{}, Running: map[incident.Work]int{}}
	for _, w := range incident.Works() {
		q.Due[w], q.Running[w] = 0, 0
	}
	type count struct {
		work         incident.Work
		due, running int
		oldest       int64
	}
	rows, err := s.readDB.QueryContext(ctx, selectQueue, micros(s.opts.Now()))
	if err != nil {
		return q, fmt.Errorf("counting work: %w", err)
	}
	counts, err := scanAll(rows, func(c *count) []any { return []any{&c.work, &c.due, &c.running, &c.oldest} })
	if err != nil {
		return q, fmt.Errorf("counting work: %w", err)
	}
	for _, c := range counts {
		q.Due[c.work], q.Running[c.work] = c.due, c.running
		if oldest := fromMicros(c.oldest); c.oldest > 0 && (q.Oldest.IsZero() || oldest.Before(q.Oldest)) {
			q.Oldest = oldest
		}
	}
	return q, nil
}

// NextDue returns when such work can be claimed next: when it is due, or when the lease that keeps it ends. It may be
// in the past; zero when none is due or scheduled.
func (s *Store) NextDue(ctx context.Context, work incident.Work) (time.Time, error) {
	var next int64
	if err := s.readStmts[selectNextDue].QueryRowContext(ctx, work).Scan(&next); err != nil {
		return time.Time{}, fmt.Errorf("finding the next due work: %w", err)
	}
	return fromMicros(next), nil
}
