package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// Lease returns how long a claim lasts without being renewed.
func (s *Store) Lease() time.Duration { return s.opts.Lease }

// Claim leases up to limit incidents on which the work is due, the most severe first, then those that are due longest. Reports
// that are not on disk yet come before all others. Each comes with its findings, as of the same moment. When ctx ends while
// it runs, what it may have leased is due again after the lease.
func (s *Store) Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error) {
	var leased []leasedWork
	err := s.do(ctx, func(ctx context.Context, b *batch) (err error) {
		leased, err = b.claim(ctx, work, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming work: %w", err)
	}
	claims := make([]incident.Claim, len(leased))
	for i, l := range leased {
		c := incident.Claim{Work: work, Token: l.token}
		if c.Incident, c.Findings, err = s.incident(ctx, selectIncidentAt, l.seq); err != nil {
			return nil, fmt.Errorf("claiming work: %w", err) // it is due again after the lease
		}
		claims[i] = c
	}
	return claims, nil
}

// leasedWork is work on an incident that was leased.
type leasedWork struct {
	seq   int64 // of the incident
	token string
}

func (b *batch) claim(ctx context.Context, work incident.Work, limit int) ([]leasedWork, error) {
	if err := b.flush(ctx); err != nil { // so that the query sees what the batch has done
		return nil, err
	}
	now := b.opts.Now()
	due, err := b.dueNow(ctx, work, micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("listing due work: %w", err)
	}
	leased := make([]leasedWork, len(due))
	for i, seq := range due {
		leased[i] = leasedWork{seq, incident.NewID()}
		if err := b.exec(ctx, leaseWork, micros(now.Add(b.opts.Lease)), leased[i].token, seq, work); err != nil {
			return nil, fmt.Errorf("leasing work: %w", err)
		}
	}
	return leased, nil
}

// dueNow returns the incidents whose work is due and not leased.
func (b *batch) dueNow(ctx context.Context, work incident.Work, now int64, limit int) ([]int64, error) {
	var due []int64
	for _, rank := range b.ranks[work] {
		if len(due) == limit {
			break
		}
		rows, err := b.stmt(ctx, selectWork).QueryContext(ctx, work, rank, now, now)
		if err != nil {
			return nil, err
		}
		more, err := scanSome(rows, limit-len(due), func(seq *int64) []any { return []any{seq} })
		if err != nil {
			return nil, err
		}
		due = append(due, more...)
	}
	return due, nil
}

// Renew extends the lease of a claim; [incident.ErrLeaseLost] when another worker has the work now.
func (s *Store) Renew(ctx context.Context, c incident.Claim) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		return b.setLease(ctx, c, micros(s.opts.Now().Add(s.opts.Lease)), c.Token)
	})
}

// Release gives a claim back with nothing done: the work is due as it was.
func (s *Store) Release(ctx context.Context, c incident.Claim) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		if err := b.setLease(ctx, c, 0, ""); err != nil {
			return err
		}
		b.due[c.Work] = true
		return b.exec(ctx, dropUndueWork, c.Incident.ID, c.Work)
	})
}

// setLease changes the lease of a claim while it stands.
func (b *batch) setLease(ctx context.Context, c incident.Claim, until int64, token string) error {
	if c.Token == "" || c.Incident == nil {
		return refusal{incident.ErrLeaseLost}
	}
	n, err := b.execCount(ctx, updateLease, until, token, c.Incident.ID, c.Work, c.Token)
	if err != nil {
		return fmt.Errorf("changing a lease: %w", err)
	}
	if n == 0 {
		return refusal{incident.ErrLeaseLost}
	}
	return nil
}

// Finish stores the result of a claim and ends its lease. apply gets the incident and its findings as they are now, not
// as they were claimed. Work on the file has no findings to store: its apply gets those of the claim, and what it does
// to them is dropped. [incident.ErrLeaseLost] when another worker has the work now: then nothing is stored.
func (s *Store) Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error {
	if c.Token == "" || c.Incident == nil {
		return incident.ErrLeaseLost
	}
	read, unlock, err := s.peekLocked(ctx, c.Incident.ID)
	defer unlock()
	if err != nil {
		return err
	}
	f, err := s.applyOutside(ctx, c, read, apply)
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		if err := b.setLease(ctx, c, 0, ""); err != nil {
			return err
		}
		r, err := b.record(ctx, c.Incident.ID, read)
		if err != nil {
			return err
		}
		r.freed = append(r.freed, c.Work)
		return b.finish(ctx, c, r, f, apply)
	})
}

// finish stores a result, as it was applied outside of the writer where that was to the present state.
func (b *batch) finish(ctx context.Context, c incident.Claim, r *record, f *finished, apply func(*incident.Incident, *incident.Findings)) error {
	if f == nil || f.read.inc != r.inc {
		f = &finished{findings: c.Findings, after: r.inc.Clone()}
		var err error
		if c.Work != incident.WorkFile {
			if f.was, err = b.findings(ctx, r); err != nil {
				return err
			}
			if f.findings, err = f.was.Decode(); err != nil {
				return err
			}
		}
		if err := b.guard("applying a result", func() { apply(f.after, &f.findings) }); err != nil {
			return err
		}
		if c.Work != incident.WorkFile {
			if f.now, err = layout.EncodeFindings(f.findings); err != nil {
				return err
			}
		}
	}
	b.change(r, f.after)
	if c.Work == incident.WorkFile {
		return nil
	}
	return b.writeFindings(ctx, r, f)
}

// Update changes an incident without a lease. When apply returns false nothing is written.
// [incident.ErrNotFound] when there is no such incident.
func (s *Store) Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error {
	read, unlock, err := s.peekLocked(ctx, id)
	defer unlock()
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		r, err := b.record(ctx, id, read)
		if err != nil {
			return err
		}
		inc, changed := r.inc.Clone(), false
		if err := s.guard("updating an incident", func() { changed = apply(inc) }); err != nil {
			return err
		}
		if changed {
			b.change(r, inc)
		}
		return nil
	})
}

func (b *batch) findings(ctx context.Context, rec *record) (layout.Findings, error) {
	var r layout.Findings
	err := b.queryRow(ctx, selectFindings, rec.saved.seq).Scan(&r.Evidence, &r.Verdict, &r.Memory, &r.Looks)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("reading the findings of incident %s: %w", rec.inc.ID, err)
	}
	return r, nil
}

// writeFindings stores findings where they are not as they were.
func (b *batch) writeFindings(ctx context.Context, r *record, f *finished) error {
	sameVerdict := bytes.Equal(f.now.Verdict, f.was.Verdict)
	if sameVerdict && bytes.Equal(f.now.Evidence, f.was.Evidence) && bytes.Equal(f.now.Memory, f.was.Memory) &&
		bytes.Equal(f.now.Looks, f.was.Looks) {
		return nil
	}
	if err := b.exec(ctx, upsertFindings, r.saved.seq, string(f.now.Evidence), string(f.now.Verdict), string(f.now.Memory), string(f.now.Looks)); err != nil {
		return fmt.Errorf("storing the findings of incident %s: %w", r.inc.ID, err)
	}
	if sameVerdict {
		return nil
	}
	if err := b.writePastVerdict(ctx, r.saved.seq, f.findings.Verdict); err != nil {
		return fmt.Errorf("storing the past record of incident %s: %w", r.inc.ID, err)
	}
	return b.writeSearchVerdict(ctx, r.saved.seq, f.findings.Verdict)
}
