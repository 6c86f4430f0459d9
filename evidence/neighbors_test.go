package evidence

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestNeighbours(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	until := func(end float64, value, then float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < end {
				return value
			}
			return then
		}
	}
	gone := math.NaN()
	for i, up := range []func(float64) float64{until(9e9, 1, 1), until(5400, 1, 0), until(5700, 1, gone)} {
		where := fmt.Sprintf(`{job="api",namespace="shop",instance="%d:80"`, i)
		r.add("up"+where+"}", up)
		r.add("process_start_time_seconds"+where+"}", until(6000, float64(r.start.Unix()-1e6), float64(r.start.Unix()-1e6)))
		r.add("api_build_info"+where+`,version="1.0"}`, until(5000, 1, gone))
		r.add("api_build_info"+where+`,version="1.1"}`, until(5000, gone, 1))
		r.add("requests"+where+"}", until(9e9, 1, 1))
	}
	r.add(`process_start_time_seconds{job="api",namespace="shop",instance="0:80"}`, until(4980, float64(r.start.Unix()-1e6), float64(r.at(4980).Unix())))
	r.add(`kube_deployment_spec_replicas{namespace="shop",deployment="api",job="ksm"}`, until(4900, 3, 2))
	r.counter(`kube_pod_container_status_restarts_total{namespace="shop",pod="api-1",container="api",job="ksm"}`, func(s float64) float64 {
		if s == 6900 {
			return 1. / 15
		}
		return 0
	})
	r.add(`up{job="web",instance="w:80"}`, until(9e9, 1, 1))
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())

	t.Run("a deployment gone wrong", func(t *testing.T) {
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(5800), "requests > 0", "alertname=X instance=1:80"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 4)
		for _, item := range items {
			require.False(t, item.Failed, item.Summary)
			t.Log(item.Title, item.Summary, item.Table.Rows)
			assert.NotEmpty(t, item.Query)
			assert.NotEmpty(t, item.Link)
		}
		assert.Regexp(t, `^2 of 3 targets with job="api" were not always up during .* UTC; the first since .*instance="1:80".* down\. At the end: 2 down or not scraped\. Other targets: 1, none was down\.$`, items[0].Summary)
		require.Len(t, items[0].Table.Rows, 2)
		assert.Equal(t, "not scraped", items[0].Table.Rows[1][2])
		assert.Regexp(t, `^2 during .* UTC, 1 in the half hour before the onset .* process started .*instance="0:80"`, items[1].Summary)
		assert.Contains(t, items[2].Summary, `api_build_info: version: "1.0" → "1.1"`)
		assert.Len(t, items[2].Table.Rows, 3)
		assert.Contains(t, items[3].Summary, `kube_deployment_spec_replicas: 3 → 2 deployment="api", namespace="shop"`)
	})
	t.Run("all well", func(t *testing.T) {
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(5800), "", "alertname=X job=web"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 1)
		assert.Regexp(t, `^All targets with job="web" \(1\) were up throughout .* UTC\. Other targets: 3; down for a while: 1, job="api" \(1\)\. Not seen in that time: restarts, version and config changes, deployment and replica changes\.$`, items[0].Summary)
	})
	t.Run("no target", func(t *testing.T) {
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(5800), "", "alertname=X team=a"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 1)
		assert.Contains(t, items[0].Summary, "identify no target")
	})
	t.Run("a target that is not there", func(t *testing.T) {
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(5800), "", "alertname=X job=nowhere"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 1)
		assert.Contains(t, items[0].Summary, `Prometheus has no scrape targets with job="nowhere"`)
	})
}
