package ingest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/alertscribe/alertscribe/detect/watch"
)

// point is a message of one point.
func point(shop string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"name":"order_failure_rate","value":1,"timestamp":%d,"labels":{"shop":"%s"}}`, at.UnixMilli(), shop)
}

// TestAbortedNeverWas: points of a transaction that was aborted are not learned, and what ends a transaction is no message that waits.
func TestAbortedNeverWas(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	c := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.TransactionalID("shop"), kgo.DefaultProduceTopic("metrics"))
	require.NoError(t, err)
	defer client.Close()
	begin := time.Now().Add(-time.Minute)
	for i, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		require.NoError(t, client.BeginTransaction())
		for k := range 5 {
			r := &kgo.Record{Value: point("s", begin.Add(time.Duration(5*i+k)*time.Second))}
			require.NoError(t, client.ProduceSync(t.Context(), r, &kgo.Record{Value: fmt.Appendf(nil, "poison %d", i)}).FirstErr())
		}
		require.NoError(t, client.EndTransaction(t.Context(), end))
	}
	eventually(t, "the points of what was committed, and no lag", func() bool {
		position := int64(0)
		if p := c.in.readers[0].pump(0); p != nil {
			position, _ = p.stored()
		}
		return position == 33 && c.in.readers[0].lag() == 0
	})
	assert.Equal(t, 5, c.learned())
	assert.Equal(t, 5, c.messages(messageTaken))
	assert.Equal(t, 5, c.messages(messageDeadLettered))
}

// TestTopicIsMadeAnewAtOnce: a topic that is deleted and made anew while it is read, within a moment, is read from its begin, though it
// has more messages than were read of the former one.
func TestTopicIsMadeAnewAtOnce(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	c := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	now := time.Now().Truncate(time.Second).Add(-2 * time.Minute)
	produce(t, brokers, "metrics", series(2, 10, now))
	eventually(t, "all points", func() bool { return c.learned() == 20 })
	require.NoError(t, brokers.DeleteTopic("metrics"))
	require.NoError(t, brokers.CreateTopic("metrics", 1, nil))
	produce(t, brokers, "metrics", series(2, 30, now.Add(time.Minute)))
	eventually(t, "all points of the new one", func() bool { return c.learned() == 80 })
	assert.Zero(t, c.outcome(watch.PointLate))
	eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
}

// TestPartitionsAreAdded: those of a topic that come later are read within seconds, not when the client next asks by itself.
func TestPartitionsAreAdded(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	c := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	eventually(t, "it reads", func() bool { return c.in.readers[0].pump(0) != nil })
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	req := kmsg.NewPtrCreatePartitionsRequest()
	x := kmsg.NewCreatePartitionsRequestTopic()
	x.Topic, x.Count = "metrics", 3
	req.Topics = append(req.Topics, x)
	_, err = req.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "metrics", Partition: 2, Value: point("s", time.Now())}).FirstErr())
	eventually(t, "the point of a new one", func() bool { return c.learned() == 1 })
}

// TestDeletedUnread: messages that retention deletes before they are read are missed aloud, and reading goes on behind them.
func TestDeletedUnread(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	parts := openStore(t, tempDB(t))
	now := time.Now().Truncate(time.Second).Add(-2 * time.Minute)
	first := start(t, testRules, parts, kafkaSource(brokers))
	produce(t, brokers, "metrics", series(1, 10, now))
	eventually(t, "all points", func() bool { return first.learned() == 10 })
	first.stop()
	produce(t, brokers, "metrics", series(1, 30, now.Add(10*time.Second)))
	require.NoError(t, brokers.DeleteRecords("metrics", 0, 25))
	c := start(t, testRules, parts, kafkaSource(brokers))
	eventually(t, "the rest", func() bool { return c.learned() == 25 })
	assert.Equal(t, 15, c.messages(messageMissed))
	eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
}

// rawBatch produces a batch of some messages as its bytes are: compressed, it says, and no client can unpack it.
func rawBatch(t *testing.T, c *kfake.Cluster, part int32, messages int32, records []byte) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	require.NoError(t, err)
	defer cl.Close()
	b := kmsg.RecordBatch{
		Magic: 2, Attributes: 4, LastOffsetDelta: messages - 1, NumRecords: messages, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		Length: int32(49 + len(records)), PartitionLeaderEpoch: -1, Records: records,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 5000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = "metrics", c.TopicInfo("metrics").TopicID
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = part, raw
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	answer, err := cl.Broker(int(c.LeaderFor("metrics", part))).Request(t.Context(), req)
	require.NoError(t, err)
	require.Zero(t, answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

// TestBatchThatNobodyCanRead: messages that their producer packed in a way that can't be unpacked are as they were written, so that they
// become one dead letter, and what is behind them is read.
func TestBatchThatNobodyCanRead(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	now := time.Now().Truncate(time.Second).Add(-2 * time.Minute)
	produce(t, brokers, "metrics", series(1, 5, now))
	rawBatch(t, brokers, 0, 3, []byte("no zstd"))
	produce(t, brokers, "metrics", series(1, 5, now.Add(10*time.Second)))
	rawBatch(t, brokers, 0, 1, nil)
	produce(t, brokers, "metrics", series(1, 5, now.Add(20*time.Second)))
	c := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	eventually(t, "what is behind", func() bool { return c.learned() == 15 })
	var reasons []string
	for _, r := range consume(t, brokers, "dead", 2) {
		for _, h := range r.Headers {
			if h.Key == headerReason || h.Key == headerPosition {
				reasons = append(reasons, string(h.Value))
			}
		}
	}
	require.Len(t, reasons, 4)
	assert.Contains(t, reasons[0], "messages 5 to 7 can't be unpacked")
	assert.Equal(t, "metrics/0/7", reasons[1])
	assert.Contains(t, reasons[2], "messages 13 to 13 can't be unpacked")
	eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
}

// TestDamagedInTheBroker: a batch that is not as it was written is told of, holds up no other partition, and is read when it is well again.
func TestDamagedInTheBroker(t *testing.T) {
	brokers := cluster(t, 2, "metrics", "dead")
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for part := range int32(2) {
		r := &kgo.Record{Topic: "metrics", Partition: part, Value: point(fmt.Sprint("s", part), time.Now())}
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	var well atomic.Bool
	damaged := kmsg.RecordBatch{Magic: 2, NumRecords: 1, CRC: 5, ProducerID: -1, Length: 49 + 20, Records: make([]byte, 20)}
	brokers.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		brokers.KeepControl()
		asked := req.(*kmsg.FetchRequest)
		if well.Load() || len(asked.Topics) == 0 || !slices.ContainsFunc(asked.Topics[0].Partitions, func(p kmsg.FetchRequestTopicPartition) bool { return p.Partition == 0 }) {
			return nil, nil, false
		}
		answer := req.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = asked.Topics[0].Topic, asked.Topics[0].TopicID
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.RecordBatches = 1, 1, damaged.AppendTo(nil)
		topic.Partitions = append(topic.Partitions, p)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	c := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	faults := func() float64 { return testutil.ToFloat64(c.in.metrics.faults.WithLabelValues("orders", faultDamaged)) }
	eventually(t, "the other partition, and the fault", func() bool { return c.learned() == 1 && faults() > 0 })
	s, ok := c.in.readers[0].pump(0).broker.(*kafkaSession)
	require.True(t, ok)
	s.mu.Lock()
	s.came[0] = time.Now().Add(-time.Hour)
	s.mu.Unlock()
	assert.False(t, s.caughtUp(0, -1), "what is not read is not taken for read")
	assert.Zero(t, c.messages(messageDeadLettered))
	assert.InDelta(t, 1, testutil.ToFloat64(c.in.metrics.connected.WithLabelValues("orders")), 0, "the session goes on")
	well.Store(true)
	eventually(t, "that it is read", func() bool { return c.learned() == 2 })
	assert.Equal(t, 0, c.messages(messageDeadLettered))
}

// TestFrameOf: the place of a batch is known if its bytes are those that were written, and it is the one that comes next.
func TestFrameOf(t *testing.T) {
	batch := func(change func(b *kmsg.RecordBatch)) []byte {
		b := kmsg.RecordBatch{FirstOffset: 7, Magic: 2, LastOffsetDelta: 2, Length: 49 + 4, PartitionLeaderEpoch: 3, Records: []byte("some")}
		change(&b)
		raw := b.AppendTo(nil)
		binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
		return raw
	}
	whole := batch(func(*kmsg.RecordBatch) {})
	got, err := frameOf(append(slices.Clone(whole), "more"...), 8)
	require.NoError(t, err)
	assert.Equal(t, batchFrame{7, 10, 3}, got)
	for name, tc := range map[string]struct {
		raw []byte
		at  int64
	}{
		"empty": {nil, 7}, "cut": {whole[:64], 7}, "before": {whole, 6}, "behind": {whole, 10},
		"an old form": {batch(func(b *kmsg.RecordBatch) { b.Magic = 1 }), 7},
		"too long":    {batch(func(b *kmsg.RecordBatch) { b.Length = 500 }), 7},
		"negative":    {batch(func(b *kmsg.RecordBatch) { b.Length = -1 }), 7},
		"backward":    {batch(func(b *kmsg.RecordBatch) { b.LastOffsetDelta = -5 }), 7},
		"a bit":       {append(slices.Clone(whole[:30]), append([]byte{whole[30] ^ 1}, whole[31:]...)...), 7},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := frameOf(tc.raw, tc.at)
			assert.Error(t, err)
		})
	}
}

// TestLettersThatAreTooLarge: where the topic of dead letters takes little, and where a key is large, each letter arrives, cut.
func TestLettersThatAreTooLarge(t *testing.T) {
	brokers := cluster(t, 1, "metrics")
	require.NoError(t, brokers.CreateTopic("dead", 1, map[string]string{"max.message.bytes": "20000"}))
	require.NoError(t, brokers.CreateTopic("roomy", 1, nil))
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...), kgo.DefaultProduceTopic("metrics"), kgo.ProducerBatchMaxBytes(8<<20))
	require.NoError(t, err)
	defer client.Close()
	noise := make([]byte, 950<<10) // that can't be compressed
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, r := range []*kgo.Record{{Key: noise[:900<<10], Value: []byte("poison 1")}, {Value: noise[:30<<10]}, {Value: noise[:15<<10]}, {Value: noise[:15<<10]}, {Value: []byte("poison 2")}} {
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	for _, dead := range []string{"dead", "roomy"} {
		source := kafkaSource(brokers)
		source.Name, source.Kafka.DeadLetterTopic, source.Kafka.Group = dead, dead, dead
		c := start(t, testRules, openStore(t, tempDB(t)), source)
		eventually(t, "all letters", func() bool { return c.messages(messageDeadLettered)+c.messages(messageDropped) == 5 })
		assert.Zero(t, c.messages(messageDropped), dead)
		assert.Len(t, consume(t, brokers, dead, 5), 5)
		c.stop()
	}
}
