package ingest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestBomb: messages that are small in the broker and huge in memory hold up nothing: they become one dead letter, once.
func TestBomb(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	source := kafkaSource(brokers)
	parts := openStore(t, tempDB(t))
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	produce(t, brokers, "metrics", series(1, 5, now))
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.ProducerBatchMaxBytes(decompressedBytes+4<<20),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.DefaultProduceTopic("metrics"))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Value: bytes.Repeat([]byte("0"), decompressedBytes+1<<20)}).FirstErr())
	produce(t, brokers, "metrics", series(1, 5, now.Add(10*time.Second)))
	c := start(t, testRules, parts, source)
	eventually(t, "what is behind", func() bool { return c.learned() == 10 })
	letters := consume(t, brokers, "dead", 1)
	require.Len(t, letters, 1)
	headers := map[string]string{}
	for _, h := range letters[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	assert.Equal(t, "messages 5 to 5 are compressed together and have more than 32 MiB; they were not read, look at them where they are", headers[headerReason])
	assert.Equal(t, "metrics/0/5", headers[headerPosition])
	eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
	c.stop()
	again := start(t, testRules, parts, source)
	produce(t, brokers, "metrics", series(1, 1, now.Add(20*time.Second)))
	eventually(t, "it goes on", func() bool { return again.learned() == 11 })
	assert.Zero(t, again.messages(messageDeadLettered), "once")
}

func deleteTopic(t *testing.T, c *kfake.Cluster, topic string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	require.NoError(t, err)
	defer cl.Close()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{topic}
	x := kmsg.NewDeleteTopicsRequestTopic()
	x.Topic = new(topic)
	req.Topics = append(req.Topics, x)
	answer, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	for _, x := range answer.Topics {
		require.Zero(t, x.ErrorCode)
	}
}

func createTopic(t *testing.T, c *kfake.Cluster, topic string, partitions int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	require.NoError(t, err)
	defer cl.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	x := kmsg.NewCreateTopicsRequestTopic()
	x.Topic, x.NumPartitions, x.ReplicationFactor = topic, partitions, 1
	req.Topics = append(req.Topics, x)
	answer, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	require.Zero(t, answer.Topics[0].ErrorCode)
}

// TestTopicIsMadeAnew: a topic that is deleted while it is read is missed, and read from its begin when it is there again.
func TestTopicIsMadeAnew(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprint("stopped ", stopped), func(t *testing.T) {
			brokers := cluster(t, 1, "metrics", "dead")
			parts := openStore(t, tempDB(t))
			now := time.Now().Truncate(time.Second).Add(-2 * time.Minute)
			c := start(t, testRules, parts, kafkaSource(brokers))
			produce(t, brokers, "metrics", series(2, 20, now))
			eventually(t, "all points", func() bool { return c.learned() == 40 })
			if stopped {
				c.stop()
			}
			deleteTopic(t, brokers, "metrics")
			if stopped {
				createTopic(t, brokers, "metrics", 1)
				produce(t, brokers, "metrics", series(2, 5, now.Add(time.Minute)))
				c = start(t, testRules, parts, kafkaSource(brokers))
			} else {
				eventually(t, "that it is missed", func() bool {
					return testutil.ToFloat64(c.in.metrics.faults.WithLabelValues("orders", faultMissing)) > 0
				})
				eventually(t, "that it is not read", func() bool { return testutil.ToFloat64(c.in.metrics.connected.WithLabelValues("orders")) == 0 })
				createTopic(t, brokers, "metrics", 1)
				produce(t, brokers, "metrics", series(2, 5, now.Add(time.Minute)))
			}
			eventually(t, "all points of the new one", func() bool { return c.learned() == 50 })
			assert.Zero(t, c.outcome(watch.PointLate))
			eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
			c.stop()
			last := start(t, testRules, parts, kafkaSource(brokers))
			produce(t, brokers, "metrics", series(2, 1, now.Add(2*time.Minute)))
			eventually(t, "it goes on from there", func() bool { return last.learned() == 52 })
			assert.Zero(t, last.outcome(watch.PointLate))
		})
	}
}

// TestBrokerRestarts: while brokers are away, that is seen, alerts stay, and nothing is lost.
func TestBrokerRestarts(t *testing.T) {
	dir := t.TempDir()
	_, text, err := net.SplitHostPort(testbedtest.FreeAddress(t))
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	first, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "metrics", "dead"), kfake.DataDir(dir), kfake.Ports(port))
	require.NoError(t, err)
	source := kafkaSource(first)
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	now := time.Now().Truncate(time.Second)
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf(`a|{"name":"order_failure_rate","value":9,"timestamp":%d}`, now.Unix()-5+int64(i)))
	}
	produce(t, first, "metrics", lines)
	eventually(t, "an alert", func() bool { return c.told.firing("shop/Failing") == 1 })
	first.Close()
	connected := func() float64 { return testutil.ToFloat64(c.in.metrics.connected.WithLabelValues("orders")) }
	eventually(t, "that they are away", func() bool { return connected() == 0 })
	eventually(t, "why", func() bool {
		return testutil.ToFloat64(c.in.metrics.faults.WithLabelValues("orders", faultUnreachable)) > 0
	})
	assert.Equal(t, 1, c.told.firing("shop/Failing"), "nobody knows better")
	second, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.Ports(port))
	require.NoError(t, err)
	t.Cleanup(second.Close)
	eventually(t, "that they are back", func() bool { return connected() == 1 })
	produce(t, second, "metrics", []string{fmt.Sprintf(`a|{"name":"order_failure_rate","value":1,"timestamp":%d}`, time.Now().UnixMilli())})
	eventually(t, "the end of the alert", func() bool { return c.learned() == 6 && c.told.firing("shop/Failing") == 0 })
	assert.Zero(t, c.outcome(watch.PointLate))
}

// TestPoisonAmongRebalance: while partitions move between two copies, what can't be read in the middle of batches becomes a dead letter
// once for each message, as far as no copy dies, and no point is lost or counts twice.
func TestPoisonAmongRebalance(t *testing.T) {
	brokers := cluster(t, 4, "metrics", "dead")
	parts := openStore(t, tempDB(t))
	begin := time.Now().Truncate(time.Second).Add(-30 * time.Minute)
	const names, points, rounds = 8, 20, 4
	first := start(t, testRules, parts, kafkaSource(brokers))
	eventually(t, "it reads", func() bool { return first.in.readers[0].pump(0) != nil })
	second := start(t, testRules, parts, kafkaSource(brokers))
	poison := map[string]bool{}
	for round := range rounds {
		lines := series(names, points, begin.Add(time.Duration(round*points)*time.Second))
		for i := 10; i < len(lines); i += 40 {
			body := fmt.Sprintf("poison %d %d", round, i)
			poison[body] = true
			lines[i] = lines[i] + "\ns" + strconv.Itoa(i%names) + "|" + body
		}
		produce(t, brokers, "metrics", lines)
	}
	eventually(t, "all points", func() bool { return first.learned()+second.learned() >= names*points*rounds })
	got := map[string]int{}
	for _, r := range consume(t, brokers, "dead", len(poison)) {
		got[string(r.Value)]++
	}
	assert.Len(t, got, len(poison))
	for body, n := range got {
		assert.Equal(t, 1, n, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // no more come
	defer cancel()
	<-ctx.Done()
	eventually(t, "all points once, when no partition is on its way", func() bool { return first.learned()+second.learned() == names*points*rounds })
	assert.Equal(t, len(poison), first.messages(messageDeadLettered)+second.messages(messageDeadLettered))
}
