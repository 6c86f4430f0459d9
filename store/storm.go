package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// nearby are the incidents of a scope to which one that opens now is linked: the most severe, then the oldest, of those that
// opened within the window of a storm. It is kept in memory, since in a storm every incident that opens asks for it.
type nearby struct {
	asked     time.Time // when an incident opened for which it was right, the latest
	incidents []near    // in the order of compare, incident.MaxRelated at most
}

// near is an entry of nearby.
type near struct {
	id, receiver, groupKey string
	rank                   int
	openedAt               time.Time
}

// compare orders as the database does. Of what opened in the same microsecond the group decides: ids are another each time
// that a batch is run.
func (n near) compare(o near) int {
	return cmp.Or(cmp.Compare(n.rank, o.rank), n.openedAt.Compare(o.openedAt),
		strings.Compare(n.receiver, o.receiver), strings.Compare(n.groupKey, o.groupKey))
}

// maxScopes bounds the scopes that are kept in memory.
const maxScopes = 1000

// relate links an incident that is being opened with those of its scope that opened shortly before it, both ways where
// the other one has room for a link: so that a storm costs each incident no more than a few writes.
func (b *batch) relate(ctx context.Context, inc *incident.Incident, now time.Time) error {
	if inc.Scope == "" {
		return nil
	}
	scope, err := b.scope(ctx, inc)
	if err != nil {
		return fmt.Errorf("looking for incidents of %q: %w", inc.Scope, err)
	}
	for _, n := range slices.Clone(scope.incidents) {
		r, err := b.record(ctx, n.id, nil)
		if err != nil {
			return fmt.Errorf("looking for incidents of %q: %w", inc.Scope, err)
		}
		inc.Relate(r.inc, b.policy.Load(), now)
		if r.inc.Relates(inc, b.policy.Load()) {
			other := r.inc.Clone()
			other.Relate(inc, b.policy.Load(), now)
			b.change(r, other)
		}
	}
	return nil
}

// scope returns what is near an incident that is being opened: from memory while that is right, else from the database.
func (b *batch) scope(ctx context.Context, inc *incident.Incident) (*nearby, error) {
	scope, known := b.scopes[inc.Scope]
	if !known {
		if kept := b.Store.scopes[inc.Scope]; kept != nil {
			scope = &nearby{asked: kept.asked, incidents: slices.Clone(kept.incidents)}
		}
	}
	if scope == nil || inc.OpenedAt.Before(scope.asked) || slices.ContainsFunc(scope.incidents, func(n near) bool {
		return n.openedAt.Sub(inc.OpenedAt).Abs() > incident.StormWindow
	}) {
		var err error
		if scope, err = b.readScope(ctx, inc); err != nil {
			return nil, err
		}
	}
	scope.asked = inc.OpenedAt
	b.scopes[inc.Scope] = scope
	return scope, nil
}

func (b *batch) readScope(ctx context.Context, inc *incident.Incident) (*nearby, error) {
	if err := b.flush(ctx); err != nil { // so that the query sees what the batch has done
		return nil, err
	}
	from, to := micros(inc.OpenedAt.Add(-incident.StormWindow)), micros(inc.OpenedAt.Add(incident.StormWindow))
	scope := &nearby{}
	for rank := 0; rank <= len(b.policy.Load().Severities) && len(scope.incidents) < incident.MaxRelated; rank++ {
		rows, err := b.stmt(ctx, selectNear).QueryContext(ctx, inc.Scope, rank, from, to)
		if err != nil {
			return nil, err
		}
		type row struct {
			near

			opened int64
		}
		found, err := scanAll(rows, func(r *row) []any { return []any{&r.id, &r.receiver, &r.groupKey, &r.opened} })
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			r.rank, r.openedAt = rank, fromMicros(r.opened)
			scope.incidents = append(scope.incidents, r.near)
		}
	}
	scope.incidents = scope.incidents[:min(len(scope.incidents), incident.MaxRelated)]
	return scope, nil
}

// enterScope enters an incident that was opened where its scope is in memory.
func (b *batch) enterScope(inc *incident.Incident) {
	scope := b.scopes[inc.Scope]
	if inc.Scope == "" || scope == nil {
		return
	}
	n := near{inc.ID, inc.Receiver, inc.GroupKey, b.policy.Load().Rank(inc.Severity), inc.OpenedAt}
	at, _ := slices.BinarySearchFunc(scope.incidents, n, near.compare)
	if at < incident.MaxRelated {
		scope.incidents = slices.Insert(scope.incidents, at, n)
		scope.incidents = scope.incidents[:min(len(scope.incidents), incident.MaxRelated)]
	}
}

// keepScopes is called after the commit.
func (b *batch) keepScopes() {
	if len(b.Store.scopes) > maxScopes {
		clear(b.Store.scopes)
	}
	for name, scope := range b.scopes {
		if scope == nil {
			delete(b.Store.scopes, name)
		} else {
			b.Store.scopes[name] = scope
		}
	}
}
