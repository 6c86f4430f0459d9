package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
	"github.com/alertscribe/alertscribe/text"
)

// bySeq finds the row of work of an incident's id.
const bySeq = ` WHERE seq = (SELECT seq FROM incidents WHERE id = $1) AND kind = $2`

const endLease = `UPDATE work SET lease_until = 0, lease_token = ''` + bySeq + ` AND lease_token = $3`

// claimWork asks for one rank after the other, so that the index leads straight to what is due, past all that is scheduled for
// later; it stops at the limit. What another copy is about to claim is passed over.
var claimWork = `WITH picked AS MATERIALIZED (
		SELECT w.seq FROM unnest($2::int[]) AS ranks (rank) CROSS JOIN LATERAL (
			SELECT seq FROM work WHERE kind = $1 AND severity_rank = ranks.rank AND due_at <= ` + at(4) + ` AND ` + ended("lease_until", 4, 5) + `
			ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) w LIMIT $3)
	UPDATE work w SET lease_until = ` + at(4) + ` + $5, lease_token = gen_random_uuid()::text FROM picked
	WHERE w.seq = picked.seq AND w.kind = $1 RETURNING w.seq, w.lease_token, w.severity_rank, w.due_at`

// ended is the SQL of a lease that has ended: its time is over, or is so far ahead that the clock of the database was set back since.
// The parameters are that of the clock and how long a lease lasts.
func ended(until string, clock, lease int) string {
	return fmt.Sprintf(`(%[1]s <= %[2]s OR %[1]s > %[2]s + 2 * $%[3]d)`, until, at(clock), lease)
}

// Lease returns how long a claim lasts without being renewed.
func (s *Store) Lease() time.Duration { return s.opts.Lease }

// Claim leases up to limit incidents on which the work is due, the most severe first, then those that are due longest. Reports
// that are not on disk yet come before all others. Each comes with its findings. When ctx ends while it runs, what it may have
// leased is due again after the lease.
func (s *Store) Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error) {
	if limit <= 0 {
		return nil, nil
	}
	type leased struct {
		Seq   int64
		Token string
		Rank  int
		Due   int64
	}
	ctx, cancel := s.within(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, claimWork, string(work), s.ranks, limit, s.clock(), s.opts.Lease.Microseconds())
	if err != nil {
		return nil, s.failed(fmt.Errorf("claiming work: %w", err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[leased])
	if err != nil {
		return nil, s.failed(fmt.Errorf("claiming work: %w", err))
	}
	slices.SortStableFunc(found, func(a, b leased) int {
		if a.Rank != b.Rank {
			return a.Rank - b.Rank
		}
		return int(max(-1, min(1, a.Due-b.Due)))
	})
	claims := make([]incident.Claim, len(found))
	for i, l := range found {
		c := incident.Claim{Work: work, Token: l.Token}
		if c.Incident, c.Findings, err = s.incident(ctx, `i.seq = $1`, l.Seq); err != nil {
			return nil, s.failed(fmt.Errorf("claiming work: %w", err)) // it is due again after the lease
		}
		claims[i] = c
	}
	return claims, nil
}

// Renew extends the lease of a claim; [incident.ErrLeaseLost] when another worker has the work now.
func (s *Store) Renew(ctx context.Context, c incident.Claim) error {
	return s.setLease(ctx, c, `UPDATE work SET lease_until = `+at(4)+` + $5`+bySeq+` AND lease_token = $3`, s.clock(), s.opts.Lease.Microseconds())
}

// Release gives a claim back with nothing done: the work is due as it was.
func (s *Store) Release(ctx context.Context, c incident.Claim) error {
	if err := s.setLease(ctx, c, endLease); err != nil {
		return err
	}
	b := s.newChanges()
	b.due[c.Work] = true
	b.Queue(`BEGIN`)
	b.Queue(`DELETE FROM work`+bySeq+` AND due_at IS NULL AND lease_token = ''`, c.Incident.ID, string(c.Work))
	b.seal()
	e, finish, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer finish()
	return s.failed(b.send(e))
}

// setLease changes the lease of a claim while it stands.
func (s *Store) setLease(ctx context.Context, c incident.Claim, query string, more ...any) error {
	if c.Token == "" || c.Incident == nil {
		return incident.ErrLeaseLost
	}
	n, err := s.exec(ctx, query, append([]any{valid(c.Incident.ID), string(c.Work), valid(c.Token)}, more...)...)
	if err != nil {
		return fmt.Errorf("changing a lease: %w", err)
	}
	if n == 0 {
		return incident.ErrLeaseLost
	}
	return nil
}

// Finish stores the result of a claim and ends its lease. apply gets the incident and its findings as they are now, not
// as they were claimed; it may run more than once. Work on the file has no findings to store: its apply gets those of the claim,
// and what it does to them is dropped. [incident.ErrLeaseLost] when another worker has the work now: then nothing is stored.
func (s *Store) Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error {
	if c.Token == "" || c.Incident == nil {
		return incident.ErrLeaseLost
	}
	return retried(func() error {
		return s.change(ctx, c.Incident.ID, &c, func(l *locked, b *changes) error {
			if !l.leased {
				return incident.ErrLeaseLost
			}
			l.record.freed = append(l.record.freed, c.Work)
			findings := c.Findings
			if c.Work != incident.WorkFile {
				var err error
				if findings, err = l.findings.Decode(); err != nil {
					return err
				}
			}
			after := l.record.inc.Clone()
			if err := s.guard("applying a result", func() { apply(after, &findings) }); err != nil {
				return err
			}
			l.record.inc = after
			if c.Work == incident.WorkFile {
				return nil
			}
			return b.writeFindings(l.record, l.findings, findings)
		})
	})
}

// Update changes an incident without a lease. When apply returns false nothing is written; it may run more than once.
// [incident.ErrNotFound] when there is no such incident.
func (s *Store) Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error {
	return retried(func() error {
		return s.change(ctx, id, nil, func(l *locked, _ *changes) error {
			inc, changed := l.record.inc.Clone(), false
			if err := s.guard("updating an incident", func() { changed = apply(inc) }); err != nil {
				return err
			}
			if changed {
				l.record.inc = inc
			}
			return nil
		})
	})
}

// change changes one incident under the lock of its group.
func (s *Store) change(ctx context.Context, id string, claim *incident.Claim, apply func(*locked, *changes) error) error {
	e, finish, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer finish()
	l, err := s.begin(e, valid(id), claim)
	if err != nil {
		return s.failed(err)
	}
	b := s.newChanges()
	if err := apply(l, b); err != nil {
		return err
	}
	if l.record.inc == l.record.saved && claim == nil {
		return nil
	}
	if err := b.write(l.record); err != nil {
		return err
	}
	b.seal()
	return s.failed(b.send(e))
}

// writeFindings stores findings where they are not as they were.
func (c *changes) writeFindings(r *record, was layout.Findings, findings incident.Findings) error {
	now, err := layout.EncodeFindings(findings)
	if err != nil {
		return err
	}
	sameVerdict := bytes.Equal(now.Verdict, was.Verdict)
	if sameVerdict && bytes.Equal(now.Evidence, was.Evidence) && bytes.Equal(now.Memory, was.Memory) && bytes.Equal(now.Looks, was.Looks) {
		return nil
	}
	c.Queue(`INSERT INTO findings (seq, evidence, verdict, memory, looks) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (seq) DO UPDATE SET evidence = excluded.evidence, verdict = excluded.verdict, memory = excluded.memory, looks = excluded.looks`,
		r.seq, string(now.Evidence), string(now.Verdict), string(now.Memory), string(now.Looks))
	if sameVerdict {
		return nil
	}
	v := findings.Verdict
	hypothesis, marked := "", false
	if v != nil && len(v.Causes) > 0 {
		hypothesis = text.Cut(v.Causes[0].Hypothesis, incident.MaxPastHypothesis)
		marked = hypothesis != "" && len(v.Causes[0].Marks) > 0
	}
	c.Queue(`UPDATE past SET hypothesis = $2, marked = $3 WHERE seq = $1`, r.seq, valid(hypothesis), marked)
	if v == nil {
		return nil // what was said before stays true of the incident's past
	}
	said := []string{v.Summary, v.Prose}
	for _, cause := range v.Causes {
		said = append(said, cause.Hypothesis)
	}
	c.Queue(`UPDATE search SET verdict = $2::tsvector WHERE seq = $1`, r.seq, vector(layout.SearchWords(strings.Join(said, "\n"))))
	return nil
}

// Queue counts what is due or scheduled and what is leased, by the kind of work.
func (s *Store) Queue(ctx context.Context) (incident.Queue, error) {
	q := incident.Queue{Due: map[incident.Work]int{}, Running: map[incident.Work]int{}}
	for _, w := range incident.Works() {
		q.Due[w], q.Running[w] = 0, 0
	}
	type count struct {
		Work         string
		Due, Running int
		Oldest       int64
	}
	counts, err := collect[count](ctx, s, "counting work", `SELECT kind, count(due_at), count(*) FILTER (WHERE lease_until > `+at(1)+`) AS running,
		coalesce(min(CASE WHEN kind <> 'refresh' THEN opened_at WHEN due_at <= `+at(1)+` THEN due_at END), 0) FROM work GROUP BY kind`, s.clock())
	if err != nil {
		return q, err
	}
	for _, c := range counts {
		q.Due[incident.Work(c.Work)], q.Running[incident.Work(c.Work)] = c.Due, c.Running
		if oldest := fromMicros(c.Oldest); c.Oldest > 0 && (q.Oldest.IsZero() || oldest.Before(q.Oldest)) {
			q.Oldest = oldest
		}
	}
	return q, nil
}

// NextDue returns when such work can be claimed next, by the clock of this machine: when it is due, or when the lease that keeps
// it ends. It may be in the past; zero when none is due or scheduled.
func (s *Store) NextDue(ctx context.Context, work incident.Work) (time.Time, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	var next, there int64
	err := s.pool.QueryRow(ctx, `SELECT coalesce(min(greatest(lease_until, due_at)), 0), `+at(2)+` FROM work WHERE kind = $1 AND due_at IS NOT NULL`,
		string(work), s.clock()).Scan(&next, &there)
	switch {
	case err != nil:
		return time.Time{}, s.failed(fmt.Errorf("finding the next due work: %w", err))
	case next == 0:
		return time.Time{}, nil
	case s.opts.Now != nil:
		return fromMicros(next), nil
	}
	return time.Now().Add(time.Duration(next-there) * time.Microsecond).UTC(), nil
}
