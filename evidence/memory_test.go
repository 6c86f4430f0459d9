package evidence

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestRecall(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	current := firingIncident(now, "", "alertname=X instance=a:80 job=api zone=a")
	const (
		same = "alertname=X instance=a:80 job=api zone=a" // similarity 1
		half = "alertname=X instance=b:80 job=web zone=a" // similarity .5
	)
	type past struct {
		id, alert string
		ago       time.Duration
		causes    []incident.Cause
		feedback  []incident.Feedback
	}
	cause := func(s string, marks ...incident.Mark) []incident.Cause {
		return []incident.Cause{{Hypothesis: s, Marks: marks}, {Hypothesis: "second"}}
	}
	said := func(texts ...string) []incident.Feedback {
		var out []incident.Feedback
		for _, s := range texts {
			out = append(out, incident.Feedback{Kind: incident.Correct, Text: s})
		}
		return out
	}
	const month = 30 * 24 * time.Hour
	tests := []struct {
		name string
		past []past
		want []string
	}{
		{"nothing", nil, nil},
		{"the weightiest first, three at most", []past{
			{"half", half, time.Hour, cause("c"), nil},
			{"old", same, 2 * month, cause("c"), nil},
			{"new", same, time.Hour, cause("c"), nil},
			{"month", same, month - time.Hour, cause("c"), nil},
		}, []string{"new", "month", "half"}},
		{"people first", []past{
			{"new", same, time.Hour, cause("c"), nil},
			{"taught", half, 2 * month, nil, said("the disk was full")},
			{"taught newly", half, month, nil, said("the disk was full")},
		}, []string{"taught newly", "taught", "new"}},
		{"too old", []past{
			{"4.3 months", same, 4*month + 8*24*time.Hour, cause("c"), nil},
			{"4.4 months", same, 4*month + 12*24*time.Hour, cause("c"), nil},
			{"taught 6.6 months", same, 6*month + 18*24*time.Hour, nil, said("x")},
			{"taught 6.7 months", same, 6*month + 21*24*time.Hour, nil, said("x")},
		}, []string{"taught 6.6 months", "4.3 months"}},
		{"nothing to say", []past{
			{"no verdict", same, time.Hour, nil, nil},
			{"no cause", same, 2 * time.Hour, []incident.Cause{}, nil},
			{"an empty cause", same, 3 * time.Hour, cause(""), nil},
			{"a cause", same, 4 * time.Hour, cause("c"), nil},
		}, []string{"a cause"}},
		{"not of this kind, not earlier", []past{
			{"another alert", "alertname=Y instance=a:80 job=api zone=a", time.Hour, cause("c"), nil},
			{"later", same, -time.Hour, cause("c"), nil},
			{"at the same time", same, 0, cause("c"), nil},
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := archive{list: []*incident.Incident{current}, findings: map[string]incident.Findings{}}
			for _, p := range test.past {
				inc := firingIncident(now.Add(-p.ago), "", p.alert)
				inc.ID, inc.Feedback = p.id, p.feedback
				a.list = append(a.list, inc)
				if p.causes != nil {
					a.findings[p.id] = incident.Findings{Verdict: &incident.Verdict{Causes: p.causes}}
				}
			}
			c := collectorAt(t, "", now, func(o *Options) { o.History = a })
			var ids []string
			for _, r := range c.PastIncidents(t.Context(), current) {
				ids = append(ids, r.Incident)
			}
			assert.Equal(t, test.want, ids)
		})
	}
}

func TestRecollection(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	current := firingIncident(now, "", "alertname=X instance=a:80")
	earlier := firingIncident(now.Add(-30*24*time.Hour), "", "alertname=X instance=b:80", "alertname=X instance=c:80 zone=a")
	earlier.ResolvedAt, earlier.ReportPath = earlier.StartedAt.Add(time.Hour), "2026-10-21/x.md"
	for _, s := range []string{"one", "two", "three", "four"} {
		earlier.Feedback = append(earlier.Feedback, incident.Feedback{Kind: incident.Confirm, Text: s, By: "kim"})
	}
	recall := func(v *incident.Verdict) incident.PastIncident {
		a := archive{list: []*incident.Incident{earlier}, findings: map[string]incident.Findings{earlier.ID: {Verdict: v}}}
		c := collectorAt(t, "", now.Add(time.Hour), func(o *Options) { o.History = a })
		found := c.PastIncidents(t.Context(), current)
		require.Len(t, found, 1)
		return found[0]
	}
	r := recall(&incident.Verdict{Causes: []incident.Cause{{Hypothesis: "the disk"}}})
	assert.Equal(t, incident.PastIncident{
		Incident: earlier.ID, ReportPath: "2026-10-21/x.md", StartedAt: earlier.StartedAt, ResolvedAt: earlier.ResolvedAt,
		Similarity: .5, Weight: .25, Hypothesis: "the disk", // by the likeliest of its alerts, at the age of the openings
		Feedback: earlier.Feedback[1:],
	}, r)
	r.Feedback[0].Text = "changed"
	assert.Equal(t, "two", earlier.Feedback[1].Text, "it is a copy")

	marked := []incident.Mark{{Kind: incident.MarkUncited}}
	assert.True(t, recall(&incident.Verdict{Causes: []incident.Cause{{Hypothesis: "a", Marks: marked}}}).Marked)
	assert.False(t, recall(&incident.Verdict{Causes: []incident.Cause{{Hypothesis: "a"}, {Hypothesis: "b", Marks: marked}}}).Marked)
	r = recall(&incident.Verdict{Prose: "I think it was the disk."})
	assert.Empty(t, r.Hypothesis)
	assert.Len(t, r.Feedback, incident.MaxPastFeedback)
	assert.Empty(t, recall(nil).Hypothesis)
}

func TestRecallFaults(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	current := firingIncident(now, "", "alertname=X")
	assert.Nil(t, collectorAt(t, "", now).PastIncidents(t.Context(), current), "no history")
	broken := collectorAt(t, "", now, func(o *Options) { o.History = archive{err: errors.New("the disk is gone")} })
	assert.Nil(t, broken.PastIncidents(t.Context(), current))

	synctest.Test(t, func(t *testing.T) {
		c := collectorAt(t, "", now, func(o *Options) { o.History = hangingHistory{} })
		began := time.Now()
		assert.Empty(t, c.PastIncidents(t.Context(), current))
		assert.Equal(t, recallTimeout, time.Since(began))
	})
}

// hangingHistory never answers.
type hangingHistory struct{}

func (hangingHistory) Past(ctx context.Context, _ string, _ time.Time) ([]incident.PastRecord, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// countedHistory counts how often it is read.
type countedHistory struct {
	archive
	reads *int
}

func (c countedHistory) Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error) {
	*c.reads++
	return c.archive.Past(ctx, alertname, before)
}

// TestPastIsReadOnce: what is recalled comes from the records that the evidence was made of, and from no older ones.
func TestPastIsReadOnce(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	current, earlier := firingIncident(now, "", "alertname=X"), firingIncident(now.Add(-time.Hour), "", "alertname=X")
	reads := 0
	h := countedHistory{archive{list: []*incident.Incident{earlier}, findings: map[string]incident.Findings{
		earlier.ID: {Verdict: &incident.Verdict{Causes: []incident.Cause{{Hypothesis: "the disk"}}}},
	}}, &reads}
	c := collectorAt(t, "", now, func(o *Options) { o.History = h })
	for range 2 {
		c.Collect(t.Context(), current, nil)
		assert.Len(t, c.PastIncidents(t.Context(), current), 1)
	}
	assert.Equal(t, 2, reads)
	c.PastIncidents(t.Context(), current)
	assert.Equal(t, 3, reads)
}
