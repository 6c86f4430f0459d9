package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// flakyPublisher fails as often as it is told, in the middle of what it is to send.
type flakyPublisher struct {
	mu     sync.Mutex
	fails  int
	got    []string
	closed bool
}

func (p *flakyPublisher) send(_ context.Context, events []detect.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range events {
		if p.fails > 0 && i == len(events)/2 {
			p.fails--
			return errors.New("no leader")
		}
		p.got = append(p.got, e.ID)
	}
	return nil
}

func (p *flakyPublisher) close() { p.closed = true }

func (p *flakyPublisher) ids() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.got...)
}

// outbox stores n events of a part.
func outbox(t *testing.T, parts storage, part detect.Part, n int) (ids []string) {
	t.Helper()
	c := detect.Commit{Seq: 1, Position: 1}
	for i := range n {
		id := fmt.Sprintf("%d/%03d", part.Number, i)
		c.Events = append(c.Events, detect.Event{ID: id, Body: []byte("{}")})
		ids = append(ids, id)
	}
	require.NoError(t, parts.SavePart(t.Context(), part, c))
	return ids
}

// TestPublish: all events of a part are sent in their order, those that failed again, and are forgotten; those of others are not.
func TestPublish(t *testing.T) {
	parts := openStore(t, tempDB(t))
	e := newPump(t, parts)
	other := detect.Part{Source: "orders", Number: 1}
	outbox(t, parts, other, 2)
	ids := outbox(t, parts, e.part, 250)
	to := &flakyPublisher{fails: 1}
	e.r.publish, e.r.outbox = to, parts
	n, err := e.publishOnce(t.Context())
	require.ErrorContains(t, err, "no leader")
	assert.Zero(t, n)
	n, err = e.publishOnce(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 250, n)
	assert.Equal(t, ids, to.ids()[50:], "after half of the first hundred, which was sent twice")
	left, err := parts.Events(t.Context(), e.part)
	require.NoError(t, err)
	assert.Empty(t, left)
	left, err = parts.Events(t.Context(), other)
	require.NoError(t, err)
	assert.Len(t, left, 2)
}

// TestPublishGoesOn: a publisher that fails is tried again until it does not.
func TestPublishGoesOn(t *testing.T) {
	parts := openStore(t, tempDB(t))
	e := newPump(t, parts)
	to := &flakyPublisher{fails: 1}
	e.r.publish, e.r.outbox = to, parts
	ids := outbox(t, parts, e.part, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.publish(ctx) })
	eventually(t, "all events", func() bool { return len(to.ids()) >= 4 })
	cancel()
	running.Wait()
	assert.Equal(t, append(ids[:1:1], ids...), to.ids())
}

// TestPublishWhileKafkaLacksTheTopic: events wait for their topic, and points do not wait for them.
func TestPublishWhileKafkaLacksTheTopic(t *testing.T) {
	brokers := cluster(t, 1, "metrics", "dead")
	source := kafkaSource(brokers)
	source.Publish = &Publish{Kafka: &PublishKafka{Topic: "anomalies"}}
	parts := openStore(t, tempDB(t))
	c := start(t, testRules, parts, source)
	now := time.Now().Add(-time.Minute)
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf(`a|{"name":"order_failure_rate","value":9,"timestamp":%d}`, now.Add(time.Duration(i)*time.Second).UnixMilli()))
	}
	produce(t, brokers, "metrics", lines)
	eventually(t, "the points", func() bool { return c.learned() == 5 })
	eventually(t, "an event", func() bool {
		waiting, err := parts.Events(t.Context(), detect.Part{Source: "orders"})
		return err == nil && len(waiting) == 1
	})
}
