package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// maxPast is how many Past returns of all and of those with feedback.
const maxPast = 100

func past(t *testing.T, s *opened, alertname string, before time.Time) []incident.PastRecord {
	t.Helper()
	found, err := s.Past(t.Context(), alertname, before)
	require.NoError(t, err)
	return found
}

func testPast(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	assert.Empty(t, past(t, s, "Ax", at), "not earlier")
	assert.Empty(t, past(t, s, "Ay", at.Add(time.Hour)), "of another name")
	inc, _ := get(t, s, id)
	want := inc.PastRecord()
	assert.Equal(t, []incident.PastRecord{want}, past(t, s, "Ax", at.Add(time.Second)))
	require.Len(t, want.Labels, 1)

	finish(t, s, claim(t, s, incident.WorkEvidence), at)
	c := claim(t, s, incident.WorkAnalysis)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.Verdict = &incident.Verdict{Causes: []incident.Cause{
			{Hypothesis: strings.Repeat("磁", 400), Marks: []incident.Mark{{Kind: incident.MarkUncited}}}, {Hypothesis: "second"},
		}}
		inc.Analyzed(c.Incident, incident.Spend{}, at)
	}))
	for i := range 4 {
		require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
			return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: fmt.Sprint(i), At: at}) == nil
		}))
	}
	grown := firing("x", at)
	for i := range 30 {
		grown.Alerts = append(grown.Alerts, alert("x", fmt.Sprint(i), "warning", incident.Firing))
	}
	accept(t, s, grown)
	ended := resolved("x", at.Add(time.Minute))
	for i := range 30 {
		ended.Alerts = append(ended.Alerts, alert("x", fmt.Sprint(i), "warning", incident.Resolved))
	}
	now.advance(time.Minute)
	accept(t, s, ended)
	check := func(s *opened) {
		inc, _ := get(t, s, id)
		want := inc.PastRecord()
		want.Hypothesis, want.Marked = strings.Repeat("磁", 299)+"…", true
		assert.Equal(t, []incident.PastRecord{want}, past(t, s, "Ax", at.Add(time.Second)))
		assert.Len(t, want.Labels, incident.MaxPastLabels)
		assert.Equal(t, incident.Resolved, want.Status)
		assert.Equal(t, "1", want.Feedback[0].Text)
		assert.Len(t, want.Feedback, incident.MaxPastFeedback)
	}
	check(s)
	check(reopen(t, s))
}

// testPastFeedbackIsFound: what somebody said is found behind any number of newer incidents.
func testPastFeedbackIsFound(t *testing.T, e *Engine) {
	s := open(t, e)
	var taught string
	for i := range 2*maxPast + 5 {
		n := firing(fmt.Sprint(i), at.Add(time.Duration(i)*time.Second))
		n.GroupLabels = map[string]string{"alertname": "Same"}
		id := accept(t, s, n).IncidentID
		if i > 0 && i < 2*maxPast {
			continue
		}
		if i == 0 {
			taught = id
		}
		require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
			return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "the disk", At: at}) == nil
		}))
	}
	found := past(t, s, "Same", at.Add(time.Hour))
	require.Len(t, found, maxPast+1, "each once")
	assert.Equal(t, taught, found[maxPast].ID)
	assert.Equal(t, "the disk", found[maxPast].Feedback[0].Text)
	for i, r := range found[:maxPast] {
		assert.Equal(t, at.Add(time.Duration(2*maxPast+4-i)*time.Second), r.OpenedAt)
	}
}
