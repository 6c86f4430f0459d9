package evidence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// TestAllThatIsAsked holds a whole collection to its order, to its budget, and to what each item owes the reader.
func TestAllThatIsAsked(t *testing.T) {
	r := attack()
	p := r.serve(t, loginRules)
	am := realAlertmanager(t, r.at(6300))
	c := collectorAt(t, p.URL, r.end(), func(o *Options) {
		o.Alertmanager, o.History = serverAt(t, am.URL), archive{}
	})
	inc := firingIncident(r.at(6300), "", "alertname=HighLoginFailureRate user_type=guest severity=critical")
	began := time.Now()
	items := c.Collect(t.Context(), inc, nil).Items
	inv := c.investigate(t.Context(), inc, 60)
	for _, one := range c.collectors(inv) {
		c.runCollector(t.Context(), one, inv)
	}
	t.Logf("%d items, %d queries, %s", len(items), inv.prom.Budget().Used(), time.Since(began)/2)
	assert.LessOrEqual(t, inv.prom.Budget().Used(), 60)
	var kinds []incident.EvidenceKind
	for _, item := range items {
		t.Log(item.ID, item.Kind, item.Title, "–", item.Summary)
		assert.False(t, item.Failed, item.Summary)
		assert.NotEmpty(t, item.Title)
		assert.NotEmpty(t, item.Summary)
		kinds = append(kinds, item.Kind)
		if item.Query != "" {
			assert.NotEmpty(t, item.Link)
			assert.True(t, item.End.After(item.Start))
			_, err := promql.Parse(item.Query)
			require.NoError(t, err, item.Query)
		}
		if item.Table != nil {
			for _, row := range item.Table.Rows {
				assert.Len(t, row, len(item.Table.Columns))
			}
		}
	}
	assert.Subset(t, kinds, []incident.EvidenceKind{
		incident.KindAlert, incident.KindSignal, incident.KindDrilldown, incident.KindSuspects, incident.KindNeighbors,
		incident.KindAlerts, incident.KindHistory,
	})
	assert.IsNonDecreasing(t, indexes(kinds))
}

func indexes(kinds []incident.EvidenceKind) []int {
	order := map[incident.EvidenceKind]int{
		incident.KindAlert: 0, incident.KindSignal: 1, incident.KindDrilldown: 2, incident.KindSuspects: 3,
		incident.KindNeighbors: 4, incident.KindAlerts: 5, incident.KindHistory: 6, incident.KindRunbook: 7,
	}
	var out []int
	for _, k := range kinds {
		out = append(out, order[k])
	}
	return out
}
