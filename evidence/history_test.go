package evidence

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// archive is a history in memory.
type archive struct {
	list     []*incident.Incident
	findings map[string]incident.Findings
	err      error
}

func (a archive) Past(_ context.Context, alertname string, before time.Time) ([]incident.PastRecord, error) {
	var out []incident.PastRecord
	for _, inc := range a.list {
		if inc.Alertname != alertname || !inc.OpenedAt.Before(before) {
			continue
		}
		r := inc.PastRecord()
		if v := a.findings[inc.ID].Verdict; v != nil && len(v.Causes) > 0 {
			r.Hypothesis, r.Marked = v.Causes[0].Hypothesis, len(v.Causes[0].Marks) > 0
		}
		out = append(out, r)
	}
	return out, a.err
}

func TestHistory(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	past := func(ago, lasted time.Duration, alert string) *incident.Incident {
		inc := firingIncident(now.Add(-ago), "", alert)
		inc.Status, inc.ResolvedAt = incident.Resolved, inc.StartedAt.Add(lasted)
		return inc
	}
	other := past(24*time.Hour, 5*time.Minute, "alertname=X instance=b:80")
	same := past(48*time.Hour, time.Hour, "alertname=X instance=a:80")
	current := firingIncident(now, "", "alertname=X instance=a:80")
	a := archive{
		list:     []*incident.Incident{current, other, same, past(time.Hour, 0, "alertname=Y"), firingIncident(now.Add(time.Hour), "", "alertname=X")},
		findings: map[string]incident.Findings{same.ID: {Verdict: &incident.Verdict{Summary: "the disk was full"}}},
	}
	items := func(a archive) []incident.Evidence {
		c := collectorAt(t, "", now, func(o *Options) { o.History = a })
		return ofKind(c.Collect(t.Context(), current, nil).Items, incident.KindHistory)
	}
	found := items(a)
	require.Len(t, found, 1)
	assert.Equal(t, "Earlier incidents: 2, with the same labels: 1; the last began at 2026-11-19 08:00:00 UTC "+
		"and lasted 5m.", found[0].Summary)
	assert.Equal(t, [][]string{
		{"2026-11-18 08:00:00 UTC", "1h", "", same.ID},
		{"2026-11-19 08:00:00 UTC", "5m", `instance="b:80"`, other.ID},
	}, found[0].Table.Rows)
	assert.NotContains(t, fmt.Sprint(found), "the disk was full", "what was thought then is no evidence")

	found = items(archive{})
	require.Len(t, found, 1)
	assert.Equal(t, "No earlier incidents of this alert.", found[0].Summary)

	found = items(archive{err: errors.New("the disk is gone")})
	require.Len(t, found, 1)
	assert.True(t, found[0].Failed)
	assert.Contains(t, found[0].Summary, "the disk is gone")
}
