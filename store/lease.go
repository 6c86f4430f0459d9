package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
)

// Claim leases up to limit incidents on which the work is due, the most severe first, then those that are due longest.
// Each comes with its findings, as of the same moment. When ctx ends while it runs, what it may have leased is due again
// after the lease.
func (s *Store) Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error) {
	var claims []incident.Claim
	var found []rawFindings
	err := s.do(ctx, func(ctx context.Context, b *batch) (err error) {
		claims, found, err = b.claim(ctx, work, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming work: %w", err)
	}
	for i := range claims {
		if claims[i].Findings, err = found[i].decode(); err != nil {
			return nil, fmt.Errorf("claiming incident %s: %w", claims[i].Incident.ID, err)
		}
	}
	return claims, nil
}

func (b *batch) claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, []rawFindings, error) {
	if err := b.flush(ctx); err != nil { // so that the query sees what the batch has done
		return nil, nil, err
	}
	now := b.Now()
	ids, err := b.dueNow(ctx, work, micros(now), limit)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for what is due: %w", err)
	}
	var claims []incident.Claim
	var found []rawFindings
	for _, id := range ids {
		r, err := b.record(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		f, err := b.findings(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		l := lease{token: incident.NewID(), until: micros(now.Add(b.Lease))}
		r.leases[kindOf(work)] = l
		b.change(r, r.inc)
		claims = append(claims, incident.Claim{Incident: r.inc.Clone(), Work: work, Token: l.token})
		found = append(found, f)
	}
	return claims, found, nil
}

// dueNow returns the ids of incidents whose work is due and not leased.
func (b *batch) dueNow(ctx context.Context, work incident.Work, now int64, limit int) ([]string, error) {
	var ids []string
	for rank := 0; rank <= len(b.Policy.Severities) && len(ids) < limit; rank++ {
		rows, err := b.stmt(ctx, selectWork).QueryContext(ctx, work, rank, now, now, limit-len(ids))
		if err != nil {
			return nil, err
		}
		more, err := scanAll(rows, func(id *string) []any { return []any{id} })
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// Renew extends the lease of a claim; [incident.ErrLeaseLost] when another worker has the work now.
func (s *Store) Renew(ctx context.Context, c incident.Claim) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		r, err := b.leased(ctx, c)
		if err != nil {
			return err
		}
		r.leases[kindOf(c.Work)].until = micros(s.Now().Add(s.Lease))
		b.change(r, r.inc)
		return nil
	})
}

// Release gives a claim back with nothing done: the work is due as it was.
func (s *Store) Release(ctx context.Context, c incident.Claim) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		r, err := b.leased(ctx, c)
		if err != nil {
			return err
		}
		r.leases[kindOf(c.Work)] = lease{}
		b.change(r, r.inc)
		return nil
	})
}

// Finish stores the result of a claim and ends its lease. apply gets the incident and its findings as they are now, not
// as they were claimed. Work on the file has no findings to store: its apply gets those of the claim, and what it does
// to them is dropped. [incident.ErrLeaseLost] when another worker has the work now: then nothing is stored.
func (s *Store) Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		r, err := b.leased(ctx, c)
		if err != nil {
			return err
		}
		f, raw := c.Findings, rawFindings{}
		if c.Work != incident.WorkFile {
			if raw, err = b.findings(ctx, c.Incident.ID); err != nil {
				return err
			}
			if f, err = raw.decode(); err != nil {
				return err
			}
		}
		inc := r.inc.Clone()
		if err := s.guard("applying a result", func() { apply(inc, &f) }); err != nil {
			return err
		}
		r.leases[kindOf(c.Work)] = lease{}
		b.change(r, inc)
		if c.Work == incident.WorkFile {
			return nil
		}
		return b.writeFindings(ctx, c.Incident.ID, raw, f)
	})
}

// leased returns the incident of a claim whose lease stands.
func (b *batch) leased(ctx context.Context, c incident.Claim) (*record, error) {
	kind := kindOf(c.Work)
	if kind < 0 || c.Token == "" || c.Incident == nil {
		return nil, refusal{incident.ErrLeaseLost}
	}
	r, err := b.record(ctx, c.Incident.ID)
	if err != nil {
		return nil, err
	}
	if r.leases[kind].token != c.Token {
		return nil, refusal{incident.ErrLeaseLost}
	}
	return r, nil
}

// Update changes an incident without a lease. When apply returns false nothing is written.
// [incident.ErrNotFound] when there is no such incident.
func (s *Store) Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		r, err := b.record(ctx, id)
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

// rawFindings are findings as they are stored; all are empty when there are none.
type rawFindings struct{ evidence, verdict, memory []byte }

func (r rawFindings) decode() (incident.Findings, error) {
	var f incident.Findings
	for _, part := range []struct {
		what string
		raw  []byte
		into any
	}{{"evidence", r.evidence, &f.Evidence}, {"a verdict", r.verdict, &f.Verdict}, {"memory", r.memory, &f.Memory}} {
		if len(part.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return f, fmt.Errorf("reading the JSON of %s: %w", part.what, err)
		}
	}
	return f, nil
}

func (b *batch) findings(ctx context.Context, id string) (rawFindings, error) {
	var r rawFindings
	err := b.queryRow(ctx, selectFindings, id).Scan(&r.evidence, &r.verdict, &r.memory)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("reading the findings of incident %s: %w", id, err)
	}
	return r, nil
}

func encodeFindings(f incident.Findings) (r rawFindings, err error) {
	if r.evidence, err = json.Marshal(f.Evidence); err != nil {
		return r, fmt.Errorf("writing evidence as JSON: %w", err)
	}
	if r.verdict, err = json.Marshal(f.Verdict); err != nil {
		return r, fmt.Errorf("writing a verdict as JSON: %w", err)
	}
	if len(f.Memory) == 0 {
		return r, nil
	}
	if r.memory, err = json.Marshal(f.Memory); err != nil {
		return r, fmt.Errorf("writing memory as JSON: %w", err)
	}
	return r, nil
}

// writeFindings stores findings where they are not as they were.
func (b *batch) writeFindings(ctx context.Context, id string, was rawFindings, f incident.Findings) error {
	now, err := encodeFindings(f)
	if err != nil {
		return err
	}
	if bytes.Equal(now.evidence, was.evidence) && bytes.Equal(now.verdict, was.verdict) && bytes.Equal(now.memory, was.memory) {
		return nil
	}
	if err := b.exec(ctx, upsertFindings, id, string(now.evidence), string(now.verdict), string(now.memory)); err != nil {
		return fmt.Errorf("storing the findings of incident %s: %w", id, err)
	}
	if bytes.Equal(now.verdict, was.verdict) {
		return nil
	}
	if err := b.writePastVerdict(ctx, id, f.Verdict); err != nil {
		return fmt.Errorf("storing the past record of incident %s: %w", id, err)
	}
	return nil
}
