package evidence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestOneOnset: an alert that fires late has one onset in all items, the one at which its condition began to be met, unless that leaves
// nothing to compare with.
func TestOneOnset(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	r.add(`up{job="api",instance="a:80"}`, steps(1))
	r.add(`late{job="api"}`, steps(1, 5000, 50))
	r.add(`ever{job="api"}`, steps(50))
	r.add(`early{job="api"}`, steps(1, 3100, 50))
	r.add(`app_build_info{job="api",instance="a:80",version="1"}`, steps(1, 4700, nan))
	r.add(`app_build_info{job="api",instance="a:80",version="2"}`, steps(nan, 4700, 1))
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	const fired = 6400
	for name, tc := range map[string]struct {
		expr string
		want float64
	}{
		"the condition was met earlier":    {"late > 10", 5000},
		"it was met all along":             {"ever > 10", fired},
		"it leaves too little before it":   {"early > 10", fired},
		"without data of the alert's time": {"nowhere > 10", fired},
	} {
		t.Run(name, func(t *testing.T) {
			inv := c.investigate(t.Context(), firingIncident(r.at(fired), tc.expr, "alertname=X job=api"), 20)
			assert.InDelta(t, r.at(tc.want).Unix(), inv.onset.Unix(), 60)
		})
	}
	t.Run("a change that may have been before it counts as before it", func(t *testing.T) {
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(fired), "late > 10", "alertname=X job=api"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 2)
		assert.Regexp(t, `^1 during .*, 1 in the half hour before the onset .*app_build_info: version: "1" → "2".* Times are of the first look that shows a change, up to 15s late\.$`, items[1].Summary)
	})
}
