package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestSourceEndToEnd: a metric that no Prometheus has becomes an alert, an incident and a report, which says where it comes from; and
// when it is over, that is said.
func TestSourceEndToEnd(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "metrics"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	prom := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{})
	s := startService(t, func(c *config) {
		withRules(t, sourceRules)(c)
		c.Detect.Sources = []ingest.Source{{Name: "orders", Kafka: &ingest.Kafka{
			KafkaBrokers: ingest.KafkaBrokers{Brokers: cluster.ListenAddrs()}, Topic: "metrics",
		}}}
		require.Empty(t, c.Detect.prepareSources())
		c.Prometheus.URL = prom.URL
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("metrics"))
	require.NoError(t, err)
	defer client.Close()
	begin := time.Now().Add(-time.Minute)
	send := func(second int, v float64) {
		body := fmt.Sprintf(`{"name":"order_failure_rate","value":%g,"timestamp":%d,"labels":{"shop":"a"}}`, v, begin.Add(time.Duration(second)*time.Second).UnixMilli())
		require.NoError(t, client.ProduceSync(t.Context(), kgo.KeyStringRecord("a", body)).FirstErr())
	}
	for i := range 20 {
		send(i, 7.5)
	}
	require.Eventually(t, func() bool { return s.incidentOf("Failing") != nil }, time.Minute, 50*time.Millisecond)
	inc := s.await(s.incidentOf("Failing").ID, time.Minute, "looked at", func(inc *incident.Incident) bool {
		return strings.Contains(s.report(inc), "comes from the queue")
	})
	assert.Equal(t, directReceiver, inc.Receiver)
	report := s.report(inc)
	assert.Contains(t, report, `the alert's metric comes from the queue "orders", says the alert; Prometheus doesn't have it`)
	assert.Contains(t, report, "expected at most 5, is 7.5, since")
	assert.NotContains(t, report, "g0.expr", "Prometheus would show nothing")
	for _, a := range inc.Alerts {
		assert.Empty(t, a.GeneratorURL)
	}
	send(20, 1)
	s.await(inc.ID, time.Minute, "resolved", func(inc *incident.Incident) bool { return inc.Status == incident.Resolved && onDisk(inc) })
}

func TestSourcesConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("rules.yml", sourceRules)
	write("amqp.url", "amqp://us:planted-password@rabbit/\n")
	load := func(text string) (*config, error) { return loadConfig(write("config.yml", text), noEnv, "") }
	const orders = "{name: orders, rabbitmq: {url_file: amqp.url, queue: metrics}}"
	c, err := load("detect: {rule_files: [rules.yml], sources: [" + orders + ", {name: other, kafka: {brokers: ['k:9092'], topic: m}}]}")
	require.NoError(t, err, "no Prometheus is needed")
	assert.Equal(t, "2 rules in 1 groups; incidents are opened directly: no Alertmanager is set; 1 queue(s) are read", c.detectionText())
	assert.EqualValues(t, 1000*memoryPerSeries+memoryPerSource, c.detectionMemory())
	assert.Equal(t, []string{
		"source orders has no place for dead letters: messages that can't be read are counted, logged, and dropped",
		"source other is not read: no rule names it",
	}, c.Detect.warnings())
	assert.Equal(t, "amqp://us:planted-password@rabbit/", c.Detect.Sources[0].RabbitMQ.URL.Reveal(), "relative to the file")
	assert.NotContains(t, fmt.Sprintf("%+v", c.Detect.Sources[0].RabbitMQ), "planted")
	_, err = load("detect: {rule_files: [rules.yml], sources: [{name: order, rabbitmq: {url_file: amqp.url, queue: metrics}}]}")
	require.ErrorContains(t, err, `rule shop/Failing: there is no source "orders"; did you mean order?`)
	_, err = load("detect: {rule_files: [rules.yml]}")
	require.ErrorContains(t, err, `there is no source "orders"; add it to detect.sources`)

	asked := map[string]error{}
	c.askSources(t.Context(), func(name string, err error) { asked[name] = err })
	require.Len(t, asked, 2)
	require.Error(t, asked["source orders"])
	assert.NotContains(t, asked["source orders"].Error(), "planted")
	_, err = pickRules(c.Detect.groups, "Failing")
	require.ErrorContains(t, err, "watches the source orders, which has no past")
}
