package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// aging is a store in which incidents live and end.
type aging struct {
	*opened

	t    *testing.T
	now  *clock
	keep incident.Retention
}

// settle does what is due, and what becomes due by that.
func (a *aging) settle() {
	for range 5 {
		for _, w := range incident.Works() {
			claims, err := a.Claim(a.t.Context(), w, 100)
			require.NoError(a.t, err)
			for _, c := range claims {
				finish(a.t, a.opened, c, a.now.Now())
			}
		}
		a.now.advance(time.Minute)
	}
}

// life opens an incident that ends after some time; 0: it goes on.
func (a *aging) life(group, severity string, lasts time.Duration) (id string) {
	id = accept(a.t, a.opened, notification(group, a.now.Now(), alert(group, "1", severity, incident.Firing))).IncidentID
	if lasts > 0 {
		a.now.advance(lasts)
		accept(a.t, a.opened, notification(group, a.now.Now(), alert(group, "1", severity, incident.Resolved)))
	}
	return id
}

func (a *aging) forget(limit int) int {
	n, err := a.Forget(a.t.Context(), a.keep, limit)
	require.NoError(a.t, err)
	return n
}

// assertListed holds the list to the incidents that there are.
func (a *aging) assertListed(ids ...string) {
	a.t.Helper()
	list, err := a.List(a.t.Context(), incident.Query{Limit: 100})
	require.NoError(a.t, err)
	var all []string
	for _, r := range list.Rows {
		all = append(all, r.ID)
	}
	assert.ElementsMatch(a.t, ids, all)
}

// testForget: what ended long ago goes, the oldest first and a few at a time; what fires, has work left, was heard of lately, or is
// critical stays.
func testForget(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	a := &aging{opened: s, t: t, now: now, keep: incident.Retention{Incidents: 30 * 24 * time.Hour, Critical: 365 * 24 * time.Hour}}
	fires := a.life("fires", "warning", 0)
	first, second := a.life("first", "warning", time.Minute), a.life("second", "info", time.Minute)
	critical := a.life("critical", "critical", time.Minute)
	a.settle()
	atWork := a.life("at work", "warning", time.Minute)
	now.advance(90 * 24 * time.Hour)
	lately := a.life("lately", "warning", time.Minute)

	require.Equal(t, 1, a.forget(1))
	a.assertListed(fires, second, critical, atWork, lately)
	require.Equal(t, 1, a.forget(10))
	require.Zero(t, a.forget(10))
	a.assertListed(fires, critical, atWork, lately)
	again := a.life("first", "warning", 0)
	assert.NotEqual(t, first, again, "its group begins anew")
	a.settle()
	assert.Equal(t, 1, a.forget(10), "its work is done")
	a.keep.Critical = a.keep.Incidents
	assert.Equal(t, 1, a.forget(10))
	a.assertListed(fires, lately, again)
	a.keep = incident.Retention{}
	now.advance(10_000 * time.Hour)
	assert.Zero(t, a.forget(10), "0 is for good")
	a.opened = reopen(t, s)
	a.assertListed(fires, lately, again)
	assert.Len(t, a.log(t), 12, "notifications have a time of their own")
}

// testForgetAll: with an incident goes all that lies beside it; that it is gone is known.
func testForgetAll(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	a := &aging{opened: s, t: t, now: now, keep: incident.Retention{Incidents: time.Hour, Critical: time.Hour}}
	first, second := a.life("first", "warning", time.Minute), a.life("second", "warning", time.Minute)
	require.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: first, Channel: "oncall", ID: "x"}))
	a.settle()
	inc, _ := get(t, s, first)
	found := func() int {
		list, err := s.List(t.Context(), incident.Query{Limit: 100, Text: "Afirst"})
		require.NoError(t, err)
		return len(list.Rows)
	}
	require.Equal(t, 1, found())
	now.advance(24 * time.Hour)
	require.Equal(t, 2, a.forget(10))

	assert.Zero(t, found(), "search has forgotten it")
	_, _, err := s.Incident(t.Context(), first)
	require.ErrorIs(t, err, incident.ErrNotFound)
	_, err = s.FindID(t.Context(), first[:8])
	require.ErrorIs(t, err, incident.ErrNotFound)
	told, err := s.Deliveries(t.Context(), first)
	require.NoError(t, err)
	assert.Empty(t, told)
	past, err := s.Past(t.Context(), inc.Alertname, now.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Empty(t, past)
	gone, err := s.Forgotten(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, gone, 2)
	assert.Equal(t, []string{first, second}, []string{gone[0].ID, gone[1].ID})
	assert.Equal(t, inc.ReportPath, gone[0].ReportPath)
	rest, err := s.Forgotten(t.Context(), gone[0].Seq, 10)
	require.NoError(t, err)
	assert.Equal(t, gone[1:], rest)
	size, err := s.Size(t.Context())
	require.NoError(t, err)
	assert.Positive(t, size)
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
