package store

import (
	"fmt"
	"testing"
	"time"

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

// fill opens A0 to A9, a minute apart, of which the even ones are resolved and A3 is stale; A5 is critical.
func fill(t *testing.T, s *Store) {
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
