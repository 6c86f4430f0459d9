package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/incident"
)

const judgedSourceRules = `groups:
- name: shop
  interval: 1s
  judge: every 1h
  rules:
  - {alert: Failing, source: orders, expr: order_failure_rate > 5, for: 10m, labels: {team: shop}}
`

// TestSourceSecondOpinion: what a topic says is judged by the model as a whole; its warning becomes an incident, and is paid for as all
// calls are.
func TestSourceSecondOpinion(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "metrics"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	model := newModel(t)
	judgment := modeltest.Content(`{"has_anomaly": true, "anomalies": [{"metric": "M1", "severity": "warning", "reason": "Failures of b rise while those of its peers do not."}], "summary": "s"}`)
	model.Always(func(w http.ResponseWriter, r *http.Request, asked modeltest.Request) {
		reply := modeltest.Verdict()
		if strings.Contains(asked.Prompt(), `"has_anomaly"`) {
			reply = judgment
		}
		reply(w, r, asked)
	})
	s := startService(t, func(c *config) {
		withModel(model)(c)
		withRules(t, judgedSourceRules)(c)
		c.Detect.Sources = []ingest.Source{{Name: "orders", Kafka: &ingest.Kafka{
			KafkaBrokers: ingest.KafkaBrokers{Brokers: cluster.ListenAddrs()}, Topic: "metrics",
		}}}
		require.Empty(t, c.Detect.prepareSources())
		assert.Contains(t, c.detectionText(), "; a model gives second opinions")
		without := *c
		without.LLM.Key = ""
		assert.Contains(t, without.detectionText(), "; second opinions are off: there is no API key")
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("metrics"))
	require.NoError(t, err)
	defer client.Close()
	now := time.Now()
	body := fmt.Sprintf(`[{"name":"order_failure_rate","value":4,"timestamp":%d,"labels":{"shop":"b"}},{"name":"order_failure_rate","value":4.5,"timestamp":%d,"labels":{"shop":"b"}}]`,
		now.Add(-2*time.Second).UnixMilli(), now.UnixMilli())
	require.NoError(t, client.ProduceSync(t.Context(), kgo.KeyStringRecord("b", body)).FirstErr())

	var inc *incident.Incident
	require.Eventually(t, func() bool {
		list, _, err := s.app.store.Incidents(t.Context(), incident.Query{Limit: 10})
		require.NoError(t, err)
		if len(list) > 0 {
			inc = list[0]
		}
		return len(list) > 0
	}, time.Minute, 50*time.Millisecond)
	require.Len(t, inc.Alerts, 1)
	assert.Equal(t, map[string]string{"alertname": "FailingSecondOpinion", "shop": "b", "severity": "warning", "team": "shop"}, inc.Alerts[0].Labels)
	assert.Equal(t, "Failures of b rise while those of its peers do not.", inc.Alerts[0].Annotations["second_opinion"])
	asked := model.Requests()[0].User()
	assert.Contains(t, asked, "group shop, metrics from orders, as they are at ")
	assert.Contains(t, asked, `M1 shop/Failing order_failure_rate{shop="b"} 4.5, expected unknown (none to 5), before (each 2s): 4`)
	_, metrics := get(t, s.url+"/metrics")
	assert.Contains(t, metrics, "\nalertscribe_judgments_total 1\n")
	assert.Contains(t, metrics, "\nalertscribe_detect_second_opinions_total{outcome=\"warning\"} 1\n")
	for _, name := range []string{"cost_usd_total", `tokens_total{kind="prompt"}`, `tokens_total{kind="completion"}`} {
		assert.True(t, metricAbove(metrics, "alertscribe_detect_second_opinion_"+name, 0), name)
	}
}
