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

// relate links an incident that is being opened with those of its scope that opened shortly before it, both ways where
// the other one has room for a link: so that a storm costs each incident no more than a few writes.
func (b *batch) relate(ctx context.Context, inc *incident.Incident, now time.Time) error {
	if inc.Scope == "" {
		return nil
	}
	near, err := b.near(ctx, inc)
	if err != nil {
		return fmt.Errorf("looking for incidents of %q: %w", inc.Scope, err)
	}
	for _, r := range near {
		inc.Relate(r.inc, b.Policy, now)
		if r.inc.Relates(inc, b.Policy) {
			other := r.inc.Clone()
			other.Relate(inc, b.Policy, now)
			b.change(r, other)
		}
	}
	return nil
}

// near returns the incidents of a scope that opened within the window of a storm, the most severe first, then the oldest.
// Those that this batch has changed are taken as it has them, whatever the database says: a batch that is run again in
// halves has to come to the same links.
func (b *batch) near(ctx context.Context, inc *incident.Incident) ([]*record, error) {
	var near []*record
	outdated := 0 // rows that the database may return in vain
	for _, r := range b.dirty {
		if r.inc.Scope == inc.Scope && r.inc.OpenedAt.Sub(inc.OpenedAt).Abs() <= incident.StormWindow {
			near = append(near, r)
			if r.saved.inc != nil {
				outdated++
			}
		}
	}
	ids, err := b.storedNear(ctx, inc, incident.MaxRelated+outdated)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r, err := b.record(ctx, id)
		if err != nil {
			return nil, err
		}
		if !r.dirty {
			near = append(near, r)
		}
	}
	slices.SortFunc(near, b.severeFirst)
	return near[:min(len(near), incident.MaxRelated)], nil
}

// storedNear returns the ids of the incidents that the database has near another one, in the order of near.
func (b *batch) storedNear(ctx context.Context, inc *incident.Incident, limit int) ([]string, error) {
	from, to := micros(inc.OpenedAt.Add(-incident.StormWindow)), micros(inc.OpenedAt.Add(incident.StormWindow))
	var ids []string
	for rank := 0; rank <= len(b.Policy.Severities) && len(ids) < limit; rank++ {
		rows, err := b.stmt(ctx, selectNear).QueryContext(ctx, inc.Scope, rank, from, to, limit-len(ids))
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

// severeFirst orders as storedNear does. Of what opened in the same microsecond the group decides: ids are another
// each time that a batch is run.
func (b *batch) severeFirst(x, y *record) int {
	return cmp.Or(cmp.Compare(b.Policy.Rank(x.inc.Severity), b.Policy.Rank(y.inc.Severity)), x.inc.OpenedAt.Compare(y.inc.OpenedAt),
		strings.Compare(x.inc.Receiver, y.inc.Receiver), strings.Compare(x.inc.GroupKey, y.inc.GroupKey))
}
