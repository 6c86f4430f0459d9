package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
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

func TestStormLinksBothWays(t *testing.T) {
	s := open(t)
	first := accept(t, s, struck("1", "shop", "warning", at)).IncidentID
	second := accept(t, s, struck("2", "shop", "critical", at.Add(5*time.Minute))).IncidentID
	check := func(s *Store) {
		one, _ := get(t, s, first)
		two, _ := get(t, s, second)
		assert.Equal(t, []incident.RelatedIncident{{
			ID: second, Alertname: "A2", Severity: "critical", OpenedAt: at.Add(5 * time.Minute), ReportPath: two.ReportPath,
		}}, one.Related)
		assert.Equal(t, []incident.RelatedIncident{{ID: first, Alertname: "A1", Severity: "warning", OpenedAt: at, ReportPath: one.ReportPath}}, two.Related)
		assert.Equal(t, "namespace=shop", two.Scope)
	}
	check(s)
	check(reopen(t, s))
}

func TestStormMakesFilesDueAgain(t *testing.T) {
	s, now := openAt(t)
	first := accept(t, s, struck("1", "shop", "warning", at)).IncidentID
	finish(t, s, claim(t, s, incident.WorkFile), now.Now())
	unclaimable(t, s, incident.WorkFile)
	<-s.Due(incident.WorkFile)
	second := accept(t, s, struck("2", "shop", "critical", at)).IncidentID
	select {
	case <-s.Due(incident.WorkFile):
	default:
		t.Error("the workers sleep on")
	}
	assert.Equal(t, second, claim(t, s, incident.WorkFile).Incident.ID)
	unclaimable(t, s, incident.WorkFile) // it waits for its evidence
	c := claim(t, s, incident.WorkEvidence)
	assert.Equal(t, second, c.Incident.ID, "the most severe first")
	c = claim(t, s, incident.WorkEvidence)
	finish(t, s, c, now.Now())
	assert.Equal(t, first, claim(t, s, incident.WorkFile).Incident.ID)
}

func TestWhatIsNoStorm(t *testing.T) {
	s := open(t)
	accept(t, s, struck("1", "shop", "warning", at))
	for name, n := range map[string]*incident.Notification{
		"another namespace": struck("2", "billing", "warning", at),
		"no scope":          struck("3", "", "warning", at),
		"no scope either":   struck("4", "", "warning", at),
		"later":             struck("5", "shop", "warning", at.Add(5*time.Minute+time.Microsecond)),
		"long before":       struck("6", "shop", "warning", at.Add(-5*time.Minute-time.Microsecond)),
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, links(t, s, accept(t, s, n).IncidentID)) })
	}
	assert.Equal(t, 6, count(t, s, `SELECT count(*) FROM incidents WHERE doc ->> 'related' IS NULL`))
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

func TestStormIsBounded(t *testing.T) {
	const groups = 200
	s := open(t)
	var wg sync.WaitGroup
	for i := range groups {
		wg.Go(func() {
			severity := []string{"info", "critical", "warning"}[i%3]
			_, err := s.Accept(context.Background(), struck(fmt.Sprint(i), "shop", severity, at.Add(time.Duration(i)*time.Millisecond)))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	list, _, err := s.Incidents(t.Context(), incident.Query{Limit: 500})
	require.NoError(t, err)
	require.Len(t, list, groups)
	known := map[string]bool{}
	for _, inc := range list {
		known[inc.ID] = true
	}
	linked := 0
	for _, inc := range list {
		assert.LessOrEqual(t, len(inc.Related), incident.MaxRelated)
		seen := map[string]bool{inc.ID: true}
		for _, l := range inc.Related {
			assert.True(t, known[l.ID], "to an incident that there is")
			assert.False(t, seen[l.ID], "once, and not to itself")
			seen[l.ID] = true
		}
		if len(inc.Related) > 0 {
			linked++
		}
	}
	assert.Equal(t, groups, linked)
	assert.LessOrEqual(t, count(t, s, `SELECT sum(revision) FROM incidents`), groups*(1+2*incident.MaxRelated), "every link is one change, and few are replaced")
}

// TestStormFullIncidentsAreLeftAlone: an incident that has all its links is not written again.
func TestStormFullIncidentsAreLeftAlone(t *testing.T) {
	s := open(t)
	first := accept(t, s, struck("0", "shop", "critical", at)).IncidentID
	for i := range incident.MaxRelated {
		accept(t, s, struck(fmt.Sprint(i+1), "shop", "warning", at))
	}
	before, _ := get(t, s, first)
	require.Len(t, before.Related, incident.MaxRelated)
	last := accept(t, s, struck("last", "shop", "warning", at)).IncidentID
	after, _ := get(t, s, first)
	assert.Equal(t, before, after)
	assert.Equal(t, "A0", links(t, s, last)[0], "but who comes later leads to it")
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
