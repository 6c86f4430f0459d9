package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// What takes time is done by the goroutine that waits for it, outside of the writer: reading and decoding what is not in
// memory, folding into a large group, encoding. The writer checks by the version, or by the identity of what is in memory,
// that it was done to the present state, and does it again where it was not.

// peek returns an incident as it was committed last: from memory, or else from the database.
func (s *Store) peek(ctx context.Context, id string) (*record, error) {
	if r, ok := s.cached(id); ok {
		return r, nil
	}
	return s.load(s.readStmts[selectDoc].QueryRowContext(ctx, id), id)
}

// peekGroup returns the newest incident of a group; nil when there is none.
func (s *Store) peekGroup(ctx context.Context, g groupKey) (*record, error) {
	id, known := s.cachedGroup(g)
	if !known {
		err := s.readStmts[selectCurrent].QueryRowContext(ctx, g.receiver, g.key).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("looking for the incident of a group: %w", err)
		}
	}
	return s.peek(ctx, id)
}

// peekLocked is peek that lets others wait where the incident is large, until the function that it returns is called.
func (s *Store) peekLocked(ctx context.Context, id string) (r *record, unlock func(), err error) {
	unlock = func() {}
	if r, err = s.peek(ctx, id); err != nil || len(r.inc.Alerts) <= layout.LargeGroup {
		return r, unlock, err
	}
	unlock = s.locks.lock(groupKey{r.inc.Receiver, r.inc.GroupKey})
	r, err = s.peek(ctx, id)
	return r, unlock, err
}

// locks keep two operations on one large group apart, since the later one would have to be done again within the writer.
// Groups share them.
type locks struct {
	seed maphash.Seed
	mu   [64]sync.Mutex
}

func (l *locks) lock(g groupKey) (unlock func()) {
	mu := &l.mu[maphash.Comparable(l.seed, g)%uint64(len(l.mu))]
	mu.Lock()
	return mu.Unlock
}

// finished is a result that was applied outside of the writer.
type finished struct {
	read     *record
	after    *incident.Incident
	was, now layout.Findings
	findings incident.Findings
}

// applyOutside applies the result of a claim to the incident and its findings as they are.
func (s *Store) applyOutside(ctx context.Context, c incident.Claim, read *record, apply func(*incident.Incident, *incident.Findings)) (*finished, error) {
	f := &finished{read: read, findings: c.Findings}
	if c.Work != incident.WorkFile {
		var version int64
		err := s.readStmts[selectFindingsVersion].QueryRowContext(ctx, read.saved.seq).Scan(&version, &f.was.Evidence, &f.was.Verdict, &f.was.Memory, &f.was.Looks)
		if err != nil {
			return nil, fmt.Errorf("reading the findings of incident %s: %w", c.Incident.ID, err)
		}
		if version != read.saved.version {
			return nil, nil // it has just changed
		}
		if f.findings, err = f.was.Decode(); err != nil {
			return nil, err
		}
	}
	f.after = read.inc.Clone()
	err := s.guard("applying a result", func() { apply(f.after, &f.findings) })
	if err == nil && c.Work != incident.WorkFile {
		f.now, err = layout.EncodeFindings(f.findings)
	}
	return f, err
}
