package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestSmoke(t *testing.T) {
	s := open(t)
	r := accept(t, s, firing("a", at))
	require.Equal(t, incident.OutcomeOpened, r.Outcome)
	r2 := accept(t, s, firing("a", at))
	require.Equal(t, incident.OutcomeRepeat, r2.Outcome)
	require.Equal(t, r.IncidentID, r2.IncidentID)
	cs, err := s.Claim(t.Context(), incident.WorkEvidence, 4)
	require.NoError(t, err)
	require.Len(t, cs, 1)
	require.NoError(t, s.Finish(t.Context(), cs[0], func(inc *incident.Incident, f *incident.Findings) {
		f.Evidence = []incident.Evidence{{ID: "E1"}}
		inc.EvidenceCollected(cs[0].Incident, at)
	}))
	inc, f, err := s.Incident(t.Context(), r.IncidentID)
	require.NoError(t, err)
	require.Len(t, f.Evidence, 1)
	require.Equal(t, 1, inc.Repeats)
	q, err := s.Queue(t.Context())
	require.NoError(t, err)
	t.Log(q)
	l, next, err := s.Incidents(t.Context(), incident.Query{Limit: 10})
	require.NoError(t, err)
	require.Len(t, l, 1)
	require.Empty(t, next)
	require.NoError(t, s.Check(t.Context()))
}
