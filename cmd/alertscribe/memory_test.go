package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestFeedbackReachesTheNextIncident: what a person says of one incident is shown in its report, costs no call, and
// reaches the analysis of the next incident of the same kind as a hint of a person, with what the model thought then as a hypothesis.
func TestFeedbackReachesTheNextIncident(t *testing.T) {
	m := newModel(t)
	s := startService(t, func(c *config) {
		withModel(m)(c)
		c.Analysis.ReopenWithin = 0 // each firing after a resolve is an incident of its own
	})
	complete := func(id string) *incident.Incident {
		return s.await(id, soon, "complete", func(inc *incident.Incident) bool {
			return inc.Analysis.State == incident.Complete && current(inc)
		})
	}
	first := s.open("Remembered")
	complete(first)
	code, text := do(t, http.DefaultClient, http.MethodPost, s.url+"/api/v1/incidents/"+first+"/feedback",
		[]byte(`{"kind":"correct","text":"It was the nightly backup.","by":"ann"}`), "Content-Type", "application/json")
	require.Equal(t, http.StatusOK, code, text)
	inc := complete(first)
	assert.Contains(t, s.report(inc), "It was the nightly backup.")
	assert.Contains(t, s.report(inc), "ann")

	s.post("/alert", oneAlert("Remembered", incident.Resolved))
	second := s.open("Remembered")
	require.NotEqual(t, first, second)
	inc = complete(second)
	require.Len(t, m.Requests(), 2, "feedback costs no call")
	sent := m.Requests()[1].User()
	assert.Contains(t, sent, "P1 (a person corrected the analysis of the incident of ")
	assert.Contains(t, sent, "It was the nightly backup.")
	assert.Contains(t, sent, "H1 (")
	assert.NotContains(t, m.Requests()[0].User(), "P1 (")
	assert.Contains(t, s.report(inc), "It was the nightly backup.", "and it is shown there too")
	_, found := s.incident(second)
	for _, c := range found.Verdict.Causes {
		assert.NotContains(t, c.Evidence, "H1")
	}
}

// TestStormIsLinked: incidents of one namespace that open together lead to each other in both reports.
func TestStormIsLinked(t *testing.T) {
	s := startService(t, nil)
	post := func(name, namespace string) string {
		a := s.post("/alert", body(t, name, map[string]string{"namespace": namespace}, nil))
		require.NotNil(t, a.Incident, a.raw)
		return *a.Incident
	}
	one, two, other := post("CheckoutSlow", "shop"), post("DatabaseDown", "shop"), post("Elsewhere", "blog")
	settled := func(id string) *incident.Incident {
		return s.await(id, soon, "current", func(inc *incident.Incident) bool { return inc.Analysis.Evidence > 0 && current(inc) })
	}
	assert.Contains(t, s.report(settled(one)), "DatabaseDown")
	assert.Contains(t, s.report(settled(two)), "CheckoutSlow")
	assert.NotContains(t, s.report(settled(other)), "CheckoutSlow")
	_, page := get(t, s.url+"/reports/"+one)
	assert.Contains(t, page, `href="/reports/`+two+`"`, "one click away")
}
