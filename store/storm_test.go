package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// struck returns a notification in which a group of a namespace begins to fire.
func struck(group, namespace, severity string, received time.Time) *incident.Notification {
	a := alert(group, "a", severity, incident.Firing)
	if namespace != "" {
		a.Labels["namespace"] = namespace
	}
	return notification(group, received, a)
}

// links returns the alert names that an incident is linked with, in their order.
func links(t testing.TB, s *Store, id string) []string {
	t.Helper()
	inc, _ := get(t, s, id)
	var names []string
	for _, l := range inc.Related {
		names = append(names, l.Alertname)
	}
	return names
}

// burst opens groups of one namespace in one batch and returns the incidents by their alert names.
func burst(t *testing.T, s *Store, notifications ...*incident.Notification) map[string]*incident.Incident {
	t.Helper()
	var ops []func()
	for _, n := range notifications {
		ops = append(ops, func() { _, _ = s.Accept(context.Background(), n) })
	}
	together(t, s, ops...)
	list, _, err := s.Incidents(t.Context(), incident.Query{Limit: 500})
	require.NoError(t, err)
	found := map[string]*incident.Incident{}
	for _, inc := range list {
		found[inc.Alertname] = inc
	}
	return found
}

// TestStormMostSevereFirst: who opens when there are more than can be linked is linked with the most severe, then with
// the oldest, whether they are on disk or in the same batch.
func TestStormMostSevereFirst(t *testing.T) {
	severities := []string{"info", "warning", "critical", "warning", "error", "info", "critical", "warning", "whatever", "page", "warning", "warning", "critical"}
	want := []string{"A2", "A6", "A9", "A4", "A1", "A3", "A7", "A8", "A10", "A11"}
	var all []*incident.Notification
	for i, severity := range severities[:12] {
		all = append(all, struck(fmt.Sprint(i), "shop", severity, at.Add(time.Duration(i)*time.Second)))
	}
	last := struck("12", "shop", severities[12], at.Add(12*time.Second))
	for split := range 13 {
		t.Run(fmt.Sprint(split), func(t *testing.T) {
			s := open(t)
			for _, n := range all[:split] {
				accept(t, s, n)
			}
			inc := burst(t, s, append(slices.Clone(all[split:]), last)...)["A12"]
			require.NotNil(t, inc)
			assert.Equal(t, want, links(t, s, inc.ID))
		})
	}
}

// TestStormSeesWhatTheBatchHasChanged: incidents on disk that have become severe, or harmless, within the batch.
func TestStormSeesWhatTheBatchHasChanged(t *testing.T) {
	s := open(t)
	for i := range 13 {
		accept(t, s, struck(fmt.Sprint(i), "shop", "warning", at.Add(time.Duration(i)*time.Second)))
	}
	inc := burst(
		t, s, struck("12", "shop", "critical", at.Add(20*time.Second)), struck("0", "shop", "info", at.Add(20*time.Second)),
		struck("1", "shop", "info", at.Add(20*time.Second)), struck("13", "shop", "warning", at.Add(21*time.Second)),
	)["A13"]
	require.NotNil(t, inc)
	assert.Equal(t, []string{"A12", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10"}, links(t, s, inc.ID))
}

// TestStormInHalves: a batch that is run again in halves makes the same links as one that succeeds at once.
func TestStormInHalves(t *testing.T) {
	run := func(poisoned bool) map[string][]string {
		s := open(t)
		if poisoned {
			_, err := s.db.ExecContext(t.Context(), `CREATE TRIGGER poison BEFORE INSERT ON notifications
				WHEN NEW.receiver = 'poison' BEGIN SELECT RAISE(ABORT, 'a bad row'); END`)
			require.NoError(t, err)
		}
		for i := range 4 {
			accept(t, s, struck(fmt.Sprint("old", i), "shop", "warning", at))
		}
		var all []*incident.Notification
		for i := range 40 {
			severity := []string{"info", "critical", "warning"}[i%3]
			n := struck(fmt.Sprint(i%30), "shop", severity, at.Add(time.Duration(i%4)*time.Second)) // some change again
			if i == 17 && poisoned {
				n.Receiver = "poison"
			}
			if i != 17 || poisoned {
				all = append(all, n)
			}
		}
		got := map[string][]string{}
		for name, inc := range burst(t, s, all...) {
			got[name] = []string{}
			for _, l := range inc.Related {
				got[name] = append(got[name], l.Alertname+" "+l.Severity)
			}
		}
		return got
	}
	smooth, halved := run(false), run(true)
	assert.Len(t, smooth, 33, "the poisoned one is missing")
	assert.Equal(t, smooth, halved)
	for name, related := range smooth {
		assert.Len(t, related, incident.MaxRelated, name)
	}
}

// TestStormUsesItsIndex: looking for neighbours must not cost more with every incident that there ever was.
func TestStormUsesItsIndex(t *testing.T) {
	s := open(t)
	rows, err := s.readDB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+selectNear, "namespace=shop", 0, 0, 1, 10)
	require.NoError(t, err)
	type step struct {
		id, parent, unused int
		detail             string
	}
	plan, err := scanAll(rows, func(s *step) []any { return []any{&s.id, &s.parent, &s.unused, &s.detail} })
	require.NoError(t, err)
	require.NotEmpty(t, plan)
	assert.Contains(t, plan[0].detail, "incidents_scope (scope=? AND severity_rank=? AND opened_at>? AND opened_at<?)")
}
