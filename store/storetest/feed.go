package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func testSubscribe(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	changes := s.Subscribe(ctx)
	id := accept(t, s, firing("x", at)).IncidentID
	assert.Equal(t, incident.Change{ID: id, Revision: 1, Status: incident.Firing, Analysis: incident.Pending}, <-changes)
	finish(t, s, claim(t, s, incident.WorkEvidence), now.Now())
	assert.Equal(t, incident.Change{ID: id, Revision: 2, Status: incident.Firing, Analysis: incident.Pending}, <-changes)
	_, err := s.Accept(t.Context(), resolved("y", at)) // of no incident
	require.NoError(t, err)
	require.ErrorContains(t, s.Update(t.Context(), id, func(*incident.Incident) bool { panic("a fault of ours") }), "a fault")
	accept(t, s, firing("x", at))
	assert.Equal(t, incident.Change{ID: id, Revision: 2, Status: incident.Firing, Analysis: incident.Pending}, <-changes, "a repeat")
	cancel()
	_, open := <-changes
	assert.False(t, open)

	changes = s.Subscribe(t.Context())
	require.NoError(t, s.Close())
	_, open = <-changes
	assert.False(t, open)
	_, open = <-s.Subscribe(t.Context())
	assert.False(t, open, "after the end")
}

// testSubscribersSeeTheLastState: whoever looks at each change, and when something was missed, ends with what is stored.
func testSubscribersSeeTheLastState(t *testing.T, e *Engine) {
	const groups, rounds = 20, 40
	s, _ := openAt(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	changes := s.Subscribe(ctx)
	var wg sync.WaitGroup
	for g := range groups {
		wg.Go(func() {
			for r := range rounds {
				n := firing(fmt.Sprint(g), at)
				n.Alerts[0].StartsAt = at.Add(time.Duration(r) * time.Second)
				_, err := s.Accept(context.Background(), n)
				assert.NoError(t, err)
			}
		})
	}
	seen := map[string]int64{}
	look := func() {
		list, _, err := s.Incidents(ctx, incident.Query{Limit: 500})
		require.NoError(t, err)
		for _, inc := range list {
			seen[inc.ID] = max(seen[inc.ID], inc.Revision)
		}
	}
	complete := func() bool {
		for _, revision := range seen {
			if revision < rounds {
				return false
			}
		}
		return len(seen) == groups
	}
	for !complete() {
		c, open := <-changes
		require.True(t, open, "%v", seen)
		if c.Missed {
			look()
		} else {
			seen[c.ID] = max(seen[c.ID], c.Revision)
		}
	}
	wg.Wait()
}
