package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/store"
)

// TestKafka: points become alerts and events, what can't be read becomes dead letters, and a restart goes on.
func TestKafka(t *testing.T) {
	brokers := cluster(t, 4, "metrics", "dead", "anomalies")
	source := kafkaSource(brokers)
	source.Publish = &Publish{Kafka: &PublishKafka{Topic: "anomalies"}}
	parts := openStore(t, tempDB(t))
	first := start(t, testRules, parts, source)
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	produce(t, brokers, "metrics", series(5, 20, now))
	eventually(t, "all points", func() bool { return first.learned() == 100 })
	huge := "x|" + strings.Repeat("y", 950<<10)
	produce(t, brokers, "metrics", []string{huge})
	poison := []string{`x|not JSON`, `x|{"name":"a","value":"NaN","timestamp":1700000000}`, `x|[]`}
	produce(t, brokers, "metrics", append(poison,
		fmt.Sprintf(`s1|{"metrics":[{"name":"order_failure_rate","value":7,"timestamp":%d,"labels":{"shop":"s1"}},{"name":"b"}]}`, now.Unix()+20),
		fmt.Sprintf(`s1|{"name":"order_failure_rate","value":8,"timestamp":"%s","labels":{"shop":"s1"}}`, now.Add(22*time.Second).Format(time.RFC3339)),
	))
	eventually(t, "an alert", func() bool { return first.told.firing("shop/Failing") == 1 })
	assert.Equal(t, 102, first.learned(), "the point of the message that can't be read whole is one of them")
	reasons := map[string]string{}
	for _, r := range consume(t, brokers, "dead", 5) {
		assert.LessOrEqual(t, len(r.Value), deadBytes)
		for _, h := range r.Headers {
			if h.Key == headerReason {
				reasons[string(r.Value)] = string(h.Value)
			}
		}
	}
	assert.Len(t, reasons, 5)
	assert.Contains(t, reasons["not JSON"], "not JSON")
	assert.Contains(t, reasons[poison[1][2:]], `value "NaN" is no finite number`)
	first.stop()

	produce(t, brokers, "metrics", []string{fmt.Sprintf(`s1|{"name":"order_failure_rate","value":1,"timestamp":%d,"labels":{"shop":"s1"}}`, now.Unix()+23)})
	second := start(t, testRules, parts, source)
	eventually(t, "the end of the alert", func() bool { return second.learned() == 103 && second.told.firing("shop/Failing") == 0 })
	assert.Zero(t, second.outcome(watch.PointLate), "reading goes on where it was")
	events := consume(t, brokers, "anomalies", 2)
	var kinds []string
	for _, r := range events {
		var e watch.Event
		require.NoError(t, json.Unmarshal(r.Value, &e))
		kinds = append(kinds, e.Event)
		assert.Equal(t, e.Anomaly, string(r.Key))
		assert.True(t, strings.HasPrefix(e.ID, e.Anomaly+"-"+e.Event))
	}
	assert.ElementsMatch(t, []string{watch.EventOpened, watch.EventResolved}, kinds)
	eventually(t, "no lag", func() bool { return second.in.readers[0].lag() == 0 })
	assert.Contains(t, second.metricsText(), "alertscribe_detect_source_lag")
	assertQuiet(t, second)
}

// TestRebalance: partitions move between copies that share a store, while points come; nothing is lost, and nothing counts twice.
func TestRebalance(t *testing.T) {
	brokers := cluster(t, 6, "metrics", "dead")
	parts := openStore(t, tempDB(t))
	const names, points = 30, 60
	begin := time.Now().Truncate(time.Second).Add(-30 * time.Minute)
	sent := 0
	send := func() {
		produce(t, brokers, "metrics", series(names, points, begin.Add(time.Duration(sent*points)*time.Second)))
		sent++
	}
	var copies []*copyOf
	add := func() { copies = append(copies, start(t, testRules, parts, kafkaSource(brokers))) }
	total := func() (n int) {
		for _, c := range copies {
			n += c.learned()
		}
		return n
	}
	add()
	send()
	add()
	send()
	eventually(t, "both have partitions", func() bool { return copies[1].learned() > 0 })
	send()
	copies[0].stop()
	copies = copies[1:]
	send()
	add()
	send()
	eventually(t, "all points", func() bool { return total() >= sent*names*points })
	time.Sleep(time.Second) // what would count twice
	eventually(t, "all points once, when no partition is on its way", func() bool { return total() == sent*names*points })
	perShop := map[string]int{}
	for _, c := range copies {
		c.stop()
	}
	last := start(t, testRules, parts, kafkaSource(brokers))
	eventually(t, "one has all", func() bool { return last.learned() == sent*names*points })
	assert.Empty(t, perShop)
	assert.Zero(t, last.outcome(watch.PointSplit))
}

// stalled is a store that takes no points while it is told to.
type stalled struct {
	*store.Store

	on atomic.Bool
}

func (s *stalled) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	if s.on.Load() {
		return errors.New("disk full")
	}
	return s.Store.SavePart(ctx, p, c)
}

// TestStoreStalls: memory is bounded while the store takes nothing, nothing becomes a dead letter, and the lag goes when it does again.
func TestStoreStalls(t *testing.T) {
	brokers := cluster(t, 4, "metrics", "dead")
	parts := &stalled{Store: openStore(t, tempDB(t))}
	parts.on.Store(true)
	source := kafkaSource(brokers)
	c := start(t, testRules, parts, source)
	c.in.readers[0].queued.limit = 1 << 20 // as with 64 times as many messages
	begin := time.Now().Add(-20 * time.Minute)
	var lines []string
	r := rand.New(rand.NewPCG(1, 1))
	const messages = 1_000
	for i := range messages { // 10 KB each, 10 MB in all
		var b strings.Builder
		for k := range 100 {
			fmt.Fprintf(&b, `,{"name":"order_failure_rate","value":%g,"timestamp":%d,"labels":{"shop":"s%d","pad":"%040d"}}`,
				r.Float64(), begin.Add(time.Duration(i)*time.Second).UnixMilli(), k, i/messages)
		}
		lines = append(lines, fmt.Sprintf(`k%d|{"metrics":[%s]}`, 1, b.String()[1:]))
	}
	produce(t, brokers, "metrics", lines)
	eventually(t, "reading waits", func() bool { now, _ := c.in.readers[0].queued.value(); return now >= 1<<20 })
	time.Sleep(3 * time.Second) // more would come
	_, most := c.in.readers[0].queued.value()
	assert.Less(t, most, int64(1<<20+fetchBytes), "the bound, and one answer of the broker")
	assert.Positive(t, c.in.readers[0].lag())
	parts.on.Store(false)
	eventually(t, "all points", func() bool { return c.learned() == 100*messages })
	eventually(t, "no lag", func() bool { return c.in.readers[0].lag() == 0 })
	assert.Zero(t, c.messages(messageDeadLettered))
	assertQuiet(t, c)
}

// TestNoDeadLetterTopic: poison is counted and dropped, whether no topic is set or it does not exist, and holds up nothing.
func TestNoDeadLetterTopic(t *testing.T) {
	for _, topic := range []string{"", "there-is-none"} {
		t.Run("topic "+topic, func(t *testing.T) {
			brokers := cluster(t, 1, "metrics")
			source := kafkaSource(brokers)
			source.Kafka.DeadLetterTopic = topic
			c := start(t, testRules, openStore(t, tempDB(t)), source)
			lines := []string{"x|poison"}
			produce(t, brokers, "metrics", append(lines, series(1, 5, time.Now().Add(-time.Minute))...))
			eventually(t, "what is behind", func() bool { return c.learned() == 5 })
			assert.Equal(t, 1, c.messages(messageDropped))
		})
	}
}

// TestCaughtUp: the clock decides only while nothing is known to wait; what is not known is no reason to believe so.
func TestCaughtUp(t *testing.T) {
	long, now := time.Now().Add(-2*quiet), time.Now()
	for name, c := range map[string]struct {
		session  *kafkaSession
		position int64
		want     bool
	}{
		"at the end":         {&kafkaSession{ends: map[int32]int64{1: 7}, came: map[int32]time.Time{1: now}}, 7, true},
		"empty":              {&kafkaSession{ends: map[int32]int64{1: 0}, came: map[int32]time.Time{1: now}}, -1, true},
		"behind":             {&kafkaSession{ends: map[int32]int64{1: 8}, came: map[int32]time.Time{1: now}}, 7, false},
		"end not known":      {&kafkaSession{ends: map[int32]int64{2: 8}, came: map[int32]time.Time{1: long}}, 7, false},
		"markers at the end": {&kafkaSession{ends: map[int32]int64{1: 8}, came: map[int32]time.Time{1: long}}, 7, true},
		"not read yet":       {&kafkaSession{ends: map[int32]int64{1: 8}, came: map[int32]time.Time{}}, -1, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, c.session.caughtUp(1, c.position)) })
	}
	assert.True(t, (&rabbitSession{known: true}).caughtUp(0, 0))
	assert.False(t, (&rabbitSession{known: true, waiting: 1}).caughtUp(0, 0))
	assert.False(t, (&rabbitSession{}).caughtUp(0, 0))
}

// TestGauge: who waits goes on as soon as there is less than the limit, and not before.
func TestGauge(t *testing.T) {
	g := newGauge(10)
	require.NoError(t, g.wait(t.Context()))
	g.add(12)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, g.wait(ctx), context.DeadlineExceeded)
	done := make(chan error, 1)
	go func() { done <- g.wait(t.Context()) }()
	g.add(-2)
	select {
	case err := <-done:
		t.Fatal("at the limit", err)
	case <-time.After(20 * time.Millisecond):
	}
	g.add(-1)
	require.NoError(t, <-done)
	now, most := g.value()
	assert.EqualValues(t, 9, now)
	assert.EqualValues(t, 12, most)
}

// TestStoredOffsetCounts: reading goes on where the store is, as after it was restored from a backup, wherever the group is.
func TestStoredOffsetCounts(t *testing.T) {
	brokers := cluster(t, 2, "metrics", "dead")
	begin := time.Now().Truncate(time.Second).Add(-10 * time.Minute)
	parts := openStore(t, tempDB(t))
	first := start(t, testRules, parts, kafkaSource(brokers))
	produce(t, brokers, "metrics", series(4, 25, begin))
	eventually(t, "all points", func() bool { return first.learned() == 100 })
	eventually(t, "the group is told, which is later", func() bool { return toldGroup(t, brokers, "metrics", 2) == 100 })
	first.stop()
	produce(t, brokers, "metrics", series(4, 10, begin.Add(time.Minute)))
	ahead := start(t, testRules, openStore(t, tempDB(t)), kafkaSource(brokers))
	eventually(t, "what is new", func() bool { return ahead.learned() == 40 })
	ahead.stop()
	again := start(t, testRules, parts, kafkaSource(brokers))
	eventually(t, "what the store does not have", func() bool { return again.learned() == 140 })
	assert.Zero(t, again.outcome(watch.PointLate))
}
