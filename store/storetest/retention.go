package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// testForget: what ended long ago goes, the oldest first and a few at a time, with all that lies beside it; what fires, has work
// left, was heard of lately, or is critical stays.
func testForget(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	settle := func() { // whatever becomes due by what is done
		for range 5 {
			for _, w := range incident.Works() {
				claims, err := s.Claim(t.Context(), w, 100)
				require.NoError(t, err)
				for _, c := range claims {
					finish(t, s, c, now.Now())
				}
			}
			now.advance(time.Minute)
		}
	}
	life := func(group, severity string, lasts time.Duration) string {
		id := accept(t, s, notification(group, now.Now(), alert(group, "1", severity, incident.Firing))).IncidentID
		if lasts > 0 {
			now.advance(lasts)
			accept(t, s, notification(group, now.Now(), alert(group, "1", severity, incident.Resolved)))
		}
		return id
	}
	fires := life("fires", "warning", 0)
	first := life("first", "warning", time.Minute)
	second := life("second", "info", time.Minute)
	critical := life("critical", "critical", time.Minute)
	require.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: first, Channel: "oncall", ID: "x"}))
	settle()
	atWork := life("at work", "warning", time.Minute)
	now.advance(90 * 24 * time.Hour)
	lately := life("lately", "warning", time.Minute)

	keep := incident.Retention{Incidents: 30 * 24 * time.Hour, Critical: 365 * 24 * time.Hour}
	inc, _ := get(t, s, first)
	forget := func(limit int) int {
		n, err := s.Forget(t.Context(), keep, limit)
		require.NoError(t, err)
		return n
	}
	ids := func() (all []string) {
		list, err := s.List(t.Context(), incident.Query{Limit: 100})
		require.NoError(t, err)
		for _, r := range list.Rows {
			all = append(all, r.ID)
		}
		slices.Sort(all)
		return all
	}
	sorted := func(of ...string) []string {
		slices.Sort(of)
		return of
	}
	require.Equal(t, 1, forget(1))
	assert.Equal(t, sorted(fires, second, critical, atWork, lately), ids(), "the oldest first")
	require.Equal(t, 1, forget(10))
	require.Zero(t, forget(10))
	assert.Equal(t, sorted(fires, critical, atWork, lately), ids())
	_, _, err := s.Incident(t.Context(), first)
	require.ErrorIs(t, err, incident.ErrNotFound)
	_, err = s.FindID(t.Context(), first[:8])
	require.ErrorIs(t, err, incident.ErrNotFound)
	told, err := s.Deliveries(t.Context(), first)
	require.NoError(t, err)
	assert.Empty(t, told)
	past, err := s.Past(t.Context(), inc.Alertname, now.Now().Add(time.Hour))
	require.NoError(t, err)
	for _, p := range past {
		assert.NotEqual(t, first, p.ID)
	}
	list, err := s.List(t.Context(), incident.Query{Limit: 100, Text: "Afirst"})
	require.NoError(t, err)
	assert.Empty(t, list.Rows, "search has forgotten it")

	gone, err := s.Forgotten(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, gone, 2)
	assert.Equal(t, []string{first, second}, []string{gone[0].ID, gone[1].ID})
	assert.Equal(t, inc.ReportPath, gone[0].ReportPath)
	rest, err := s.Forgotten(t.Context(), gone[0].Seq, 10)
	require.NoError(t, err)
	assert.Equal(t, gone[1:], rest)

	again := accept(t, s, firing("first", now.Now())).IncidentID
	assert.NotEqual(t, first, again, "its group begins anew")
	settle()
	assert.Equal(t, 1, forget(10), "its work is done")
	keep.Critical = 30 * 24 * time.Hour
	assert.Equal(t, 1, forget(10))
	assert.Equal(t, sorted(fires, lately, again), ids())
	keep = incident.Retention{}
	now.advance(10_000 * time.Hour)
	assert.Zero(t, forget(10), "0 is for good")
	size, err := s.Size(t.Context())
	require.NoError(t, err)
	assert.Positive(t, size)
	s = reopen(t, s)
	assert.Equal(t, sorted(fires, lately, again), ids())
	assert.Len(t, s.log(t), 12, "notifications have a time of their own")
}

// testSetPolicy: what comes is folded by the rules that hold then.
func testSetPolicy(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	flap := func(group string) (first, second string) {
		first = accept(t, s, firing(group, now.Now())).IncidentID
		now.advance(time.Minute)
		accept(t, s, resolved(group, now.Now()))
		now.advance(time.Minute)
		return first, accept(t, s, firing(group, now.Now())).IncidentID
	}
	first, second := flap("a")
	assert.Equal(t, first, second, "a flap")
	p := *atOnce()
	p.ReopenWithin = time.Second
	s.SetPolicy(&p)
	first, second = flap("b")
	assert.NotEqual(t, first, second)
}
