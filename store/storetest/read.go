package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// names returns the alert names of a list.
func names(list []*incident.Incident) []string {
	var names []string
	for _, inc := range list {
		names = append(names, inc.Alertname)
	}
	return names
}

func testIncidentNotFound(t *testing.T, e *Engine) {
	_, _, err := open(t, e).Incident(t.Context(), incident.NewID())
	require.ErrorIs(t, err, incident.ErrNotFound)
}

// fill opens A0 to A9, a minute apart, of which the even ones are resolved and A3 is stale; A5 is critical.
func fill(t *testing.T, s *opened) {
	t.Helper()
	for i := range 10 {
		group, received, severity := fmt.Sprint(i), at.Add(time.Duration(i)*time.Minute), "warning"
		if i == 5 {
			severity = "critical"
		}
		r := accept(t, s, notification(group, received, alert(group, "a", severity, incident.Firing)))
		if i%2 == 0 {
			accept(t, s, notification(group, received, alert(group, "a", severity, incident.Resolved)))
		}
		if i == 3 {
			require.NoError(t, s.Update(t.Context(), r.IncidentID, func(inc *incident.Incident) bool {
				inc.MarkStale(received)
				return true
			}))
		}
	}
}

func testIncidents(t *testing.T, e *Engine) {
	s := open(t, e)
	fill(t, s)
	for _, test := range []struct {
		name  string
		query incident.Query
		want  []string
	}{
		{"all", incident.Query{}, []string{"A5", "A9", "A7", "A1", "A8", "A6", "A4", "A3", "A2", "A0"}},
		{"firing", incident.Query{Status: incident.Firing}, []string{"A5", "A9", "A7", "A1"}},
		{"resolved", incident.Query{Status: incident.Resolved}, []string{"A8", "A6", "A4", "A2", "A0"}},
		{"stale", incident.Query{Status: incident.Stale}, []string{"A3"}},
		{"critical", incident.Query{Severity: "critical"}, []string{"A5"}},
		{"alertname", incident.Query{Alertname: "A6"}, []string{"A6"}},
		{"two filters", incident.Query{Alertname: "A6", Status: incident.Firing}, nil},
	} {
		for _, limit := range []int{1, 2, 3, 500} {
			t.Run(fmt.Sprint(test.name, " by ", limit), func(t *testing.T) {
				q, got := test.query, []string(nil)
				for q.Limit = limit; ; {
					list, next, err := s.Incidents(t.Context(), q)
					require.NoError(t, err)
					assert.LessOrEqual(t, len(list), limit)
					got = append(got, names(list)...)
					if q.After = next; next == "" {
						break
					}
				}
				assert.Equal(t, test.want, got)
			})
		}
	}
}

func testIncidentsWhileOthersOpen(t *testing.T, e *Engine) {
	s := open(t, e)
	fill(t, s)
	var got []string
	q := incident.Query{Limit: 3}
	for i := 0; ; i++ {
		list, next, err := s.Incidents(t.Context(), q)
		require.NoError(t, err)
		got = append(got, names(list)...)
		if q.After = next; next == "" {
			break
		}
		accept(t, s, firing(fmt.Sprint("new", i), at.Add(time.Hour)))
	}
	assert.Equal(t, []string{"A5", "A9", "A7", "A1", "A8", "A6", "A4", "A3", "A2", "A0"}, got)
}

func testIncidentsRefusesCursor(t *testing.T, e *Engine) {
	for _, after := range []string{"x", "1-2", "1-2-3", "1-2-3-4-5", " 1-2-3-4", "1-2-x", "1-2-3; DROP TABLE incidents"} {
		_, _, err := open(t, e).Incidents(t.Context(), incident.Query{Limit: 1, After: after})
		require.ErrorIs(t, err, incident.ErrCursor, after)
	}
}

func testSilent(t *testing.T, e *Engine) {
	s := open(t, e)
	fill(t, s) // A1, A5, A7 and A9 fire
	accept(t, s, firing("1", at.Add(time.Hour)))
	list, err := s.StaleCandidates(t.Context(), at.Add(8*time.Minute), 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"A5", "A7"}, names(list), "A1 was heard of since, A9 opened later")
	list, err = s.StaleCandidates(t.Context(), at.Add(8*time.Minute), 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"A5"}, names(list))
}

func testEvidenceOnly(t *testing.T, e *Engine) {
	s := open(t, e)
	for i, reason := range []incident.Reason{incident.Balance, incident.NoKey, incident.GaveUp, incident.NoKey, ""} {
		group, severity := fmt.Sprint(i), "warning"
		if i == 3 {
			severity = "critical"
		}
		r := accept(t, s, notification(group, at.Add(time.Duration(i)), alert(group, "a", severity, incident.Firing)))
		require.NoError(t, s.Update(t.Context(), r.IncidentID, func(inc *incident.Incident) bool {
			if reason != "" {
				inc.Analysis.State, inc.Analysis.Reason = incident.EvidenceOnly, reason
			}
			return true
		}))
	}
	list, err := s.EvidenceOnly(t.Context(), at.Add(-time.Second), 10, incident.NoKey, incident.Balance)
	require.NoError(t, err)
	assert.Equal(t, []string{"A3", "A0", "A1"}, names(list))
	list, err = s.EvidenceOnly(t.Context(), at.Add(-time.Second), 1, incident.NoKey)
	require.NoError(t, err)
	assert.Equal(t, []string{"A3"}, names(list))
	accept(t, s, notification("3", at, alert("3", "a", "critical", incident.Resolved)))
	list, err = s.EvidenceOnly(t.Context(), at.Add(-time.Second), 10, incident.NoKey)
	require.NoError(t, err)
	assert.Equal(t, []string{"A1"}, names(list), "what fires no more is let be")
	list, err = s.EvidenceOnly(t.Context(), at.Add(-time.Second), 10)
	require.NoError(t, err)
	assert.Empty(t, list)
	list, err = s.EvidenceOnly(t.Context(), at.Add(time.Second), 10, incident.NoKey)
	require.NoError(t, err)
	assert.Empty(t, list, "opened too long ago")

	for _, final := range []bool{false, true} {
		r := accept(t, s, notification(fmt.Sprint("final ", final), at, alert("f", "a", "warning", incident.Firing)))
		require.NoError(t, s.Update(t.Context(), r.IncidentID, func(inc *incident.Incident) bool {
			inc.Analysis.State, inc.Analysis.Reason, inc.Analysis.Final = incident.EvidenceOnly, incident.GaveUp, final
			return true
		}))
	}
	list, err = s.EvidenceOnly(t.Context(), at.Add(-time.Second), 10, incident.GaveUp)
	require.NoError(t, err)
	assert.Len(t, list, 2, "what was given up for good takes no place among those that may be asked about again")
}

// testScheduledRefresh: a firing incident is looked at again later, always. That is no unfinished work before it is due.
func testScheduledRefresh(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	accept(t, s, firing("x", at))
	policy := atOnce()
	policy.Refresh = []time.Duration{time.Hour}
	c := claim(t, s, incident.WorkEvidence)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, _ *incident.Findings) {
		inc.EvidenceCollected(c.Incident, policy, now.Now())
	}))
	finish(t, s, claim(t, s, incident.WorkAnalysis), now.Now())
	finish(t, s, claim(t, s, incident.WorkFile), now.Now())
	now.advance(50 * time.Minute)
	q, err := s.Queue(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, q.Due[incident.WorkRefresh])
	assert.Zero(t, q.Oldest)
	now.advance(30 * time.Minute)
	q, err = s.Queue(t.Context())
	require.NoError(t, err)
	assert.Equal(t, at.Add(time.Hour), q.Oldest, "overdue")
}

func testQueue(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	q, err := s.Queue(t.Context())
	require.NoError(t, err)
	assert.Zero(t, q.Oldest)
	assert.Equal(t, map[incident.Work]int{incident.WorkFile: 0, incident.WorkEvidence: 0, incident.WorkAnalysis: 0, incident.WorkRefresh: 0}, q.Due)
	accept(t, s, firing("x", at))
	accept(t, s, firing("y", at.Add(time.Minute)))
	claim(t, s, incident.WorkEvidence)
	q, err = s.Queue(t.Context())
	require.NoError(t, err)
	assert.Equal(t, incident.Queue{
		Due:     map[incident.Work]int{incident.WorkFile: 2, incident.WorkEvidence: 2, incident.WorkAnalysis: 0, incident.WorkRefresh: 0},
		Running: map[incident.Work]int{incident.WorkFile: 0, incident.WorkEvidence: 1, incident.WorkAnalysis: 0, incident.WorkRefresh: 0},
		Oldest:  at,
	}, q)
	now.advance(time.Minute)
	q, err = s.Queue(t.Context())
	require.NoError(t, err)
	assert.Zero(t, q.Running[incident.WorkEvidence], "the lease has expired")
}
