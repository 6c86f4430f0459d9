package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func testFindID(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	accept(t, s, firing("y", at))
	for _, prefix := range []string{id[:8], id[:20], id} {
		found, err := s.FindID(t.Context(), prefix)
		require.NoError(t, err)
		assert.Equal(t, id, found)
	}
	_, err := s.FindID(t.Context(), "aaaaaaaa")
	require.ErrorIs(t, err, incident.ErrNotFound)
	for i := range 32 { // as many as there are letters and digits: two of all these ids begin alike
		accept(t, s, firing(fmt.Sprintf("z%d", i), at))
	}
	ambiguous := 0
	for _, letter := range "abcdefghijklmnopqrstuvwxyz234567" {
		if _, err := s.FindID(t.Context(), string(letter)); errors.Is(err, incident.ErrAmbiguous) {
			ambiguous++
		}
	}
	assert.Positive(t, ambiguous)
}

// testLooksAreKept: the first look, the one of the verdict and the newest are there after a restart, also where an incident
// has ended.
func testLooksAreKept(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	look := func(summary string) incident.Look {
		return incident.Look{At: now.Now(), Items: []incident.Evidence{{Kind: incident.KindSignal, Title: "signal", Summary: summary}}}
	}
	c := claim(t, s, incident.WorkEvidence)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.See(look("6"))
		inc.EvidenceCollected(c.Incident, atOnce(), now.Now())
	}))
	c = claim(t, s, incident.WorkAnalysis)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.Conclude(&incident.Verdict{Causes: []incident.Cause{{Evidence: []string{"E1"}}}}, c.Findings.Evidence, nil)
		inc.Analyzed(c.Incident, incident.Spend{}, now.Now())
	}))
	now.advance(time.Minute)
	accept(t, s, resolved("x", now.Now()))
	c = claim(t, s, incident.WorkRefresh)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.See(look("125"))
		inc.Refreshed(c.Incident, f.PictureChanged(), atOnce(), now.Now())
	}))
	s = reopen(t, s)
	inc, f := get(t, s, id)
	require.Len(t, f.Evidence, 1)
	assert.Equal(t, "125", f.Evidence[0].Summary)
	assert.Equal(t, "6", f.Evidence[0].AsAnalyzed.Summary)
	assert.Equal(t, "6", f.First[0].Summary)
	assert.Equal(t, "6", f.Analyzed[0].Summary)
	assert.Equal(t, now.Now().UTC(), inc.LookedAt.UTC())
	unclaimable(t, s, incident.WorkRefresh)
}
