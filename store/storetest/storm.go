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

// struck returns a notification in which a group of a namespace begins to fire.
func struck(group, namespace, severity string, received time.Time) *incident.Notification {
	a := alert(group, "a", severity, incident.Firing)
	if namespace != "" {
		a.Labels["namespace"] = namespace
	}
	return notification(group, received, a)
}

// links returns the alert names that an incident is linked with, in their order.
func links(t testing.TB, s *opened, id string) []string {
	t.Helper()
	inc, _ := get(t, s, id)
	var names []string
	for _, l := range inc.Related {
		names = append(names, l.Alertname)
	}
	return names
}

func testStormLinksBothWays(t *testing.T, e *Engine) {
	s := open(t, e)
	first := accept(t, s, struck("1", "shop", "warning", at)).IncidentID
	second := accept(t, s, struck("2", "shop", "critical", at.Add(5*time.Minute))).IncidentID
	check := func(s *opened) {
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

func testStormMakesFilesDueAgain(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
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

func testWhatIsNoStorm(t *testing.T, e *Engine) {
	s := open(t, e)
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
	for _, inc := range all(t, s) {
		assert.Empty(t, inc.Related)
	}
}

// testStormMostSevereFirst: who opens when there are more than can be linked is linked with the most severe, then with
// the oldest, whether they are on disk or in the same batch.
func testStormMostSevereFirst(t *testing.T, e *Engine) {
	severities := []string{"info", "warning", "critical", "warning", "error", "info", "critical", "warning", "whatever", "page", "warning", "warning", "critical"}
	want := []string{"A2", "A6", "A9", "A4", "A1", "A3", "A7", "A8", "A10", "A11"}
	var all []*incident.Notification
	for i, severity := range severities[:12] {
		all = append(all, struck(fmt.Sprint(i), "shop", severity, at.Add(time.Duration(i)*time.Second)))
	}
	last := struck("12", "shop", severities[12], at.Add(12*time.Second))
	s := open(t, e)
	for _, n := range all {
		accept(t, s, n)
	}
	assert.Equal(t, want, links(t, s, accept(t, s, last).IncidentID))
}

func testStormIsBounded(t *testing.T, e *Engine) {
	const groups = 200
	s := open(t, e)
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
	linked, revisions := 0, 0
	for _, inc := range list {
		revisions += int(inc.Revision)
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
	assert.LessOrEqual(t, revisions, groups*(1+2*incident.MaxRelated), "every link is one change, and few are replaced")
}

// testStormFullIncidentsAreLeftAlone: an incident that has all its links is not written again.
func testStormFullIncidentsAreLeftAlone(t *testing.T, e *Engine) {
	s := open(t, e)
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
