package ingest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAlarm: while RabbitMQ takes no messages for want of memory, what can't be read is dropped after a while and said why, points go on,
// and a stop is not held up. Events wait.
func TestAlarm(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("classic")
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	r.send(source.RabbitMQ.Queue, "poison 1")
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	eventually(t, "that the link is there", func() bool { return c.messages(messageDeadLettered) == 1 })
	r.send(source.RabbitMQ.Queue, "poison 2", string(point("s", now)), "poison 3", string(point("s", now.Add(time.Second))))
	eventually(t, "points", func() bool { return c.learned() == 2 })
	ctl := func(args ...string) { require.NoError(t, rabbitServer.server.Control(t.Context(), args...)) }
	ctl("set_vm_memory_high_watermark", "absolute", "1")
	defer ctl("set_vm_memory_high_watermark", "0.9")
	for i := range 2 {
		begun := time.Now()
		letters := []letter{{message: &message{body: []byte("poison 4")}, reason: "x"}}
		c.in.readers[0].pump(0).broker.putAside(t.Context(), letters)
		assert.False(t, letters[0].sent)
		assert.Less(t, time.Since(begun), deadWithin+patience, i)
	}
	link := newLink(&source.RabbitMQ.RabbitMQServer)
	defer link.close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := link.send(ctx, "", source.RabbitMQ.Queue+"-dead", true, amqp.Publishing{Body: []byte("x")})
	require.ErrorContains(t, err, "the server takes no messages for now: low on memory")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	begun := time.Now()
	c.stop()
	assert.Less(t, time.Since(begun), patience)
}

// TestOccupied: a queue that another program reads is told as that; when it is let go of, it is read.
func TestOccupied(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("classic")
	other, err := r.ch.Consume(source.RabbitMQ.Queue, "other", true, false, false, false, nil)
	require.NoError(t, err)
	require.NotNil(t, other)
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	eventually(t, "that it is told", func() bool {
		return testutil.ToFloat64(c.in.metrics.faults.WithLabelValues("orders", faultOccupied)) > 0
	})
	assert.Zero(t, testutil.ToFloat64(c.in.metrics.faults.WithLabelValues("orders", faultPermission)))
	require.NoError(t, r.ch.Cancel("other", false))
	eventually(t, "that it is read", func() bool { return c.in.readers[0].pump(0) != nil })
}

// TestOddQueues: queues with arguments of their own are read as well.
func TestOddQueues(t *testing.T) {
	r := newRabbit(t)
	for name, args := range map[string]amqp.Table{
		"one consumer, classic": {"x-queue-type": "classic", "x-single-active-consumer": true},
		"one consumer, quorum":  {"x-queue-type": "quorum", "x-single-active-consumer": true},
		"lazy":                  {"x-queue-type": "classic", "x-queue-mode": "lazy"},
		"priorities":            {"x-queue-type": "classic", "x-max-priority": 3},
		"short":                 {"x-queue-type": "quorum", "x-max-length": 1000, "x-delivery-limit": 1},
	} {
		t.Run(name, func(t *testing.T) {
			source := r.queue("classic")
			queue := fmt.Sprint(source.RabbitMQ.Queue, "-odd")
			_, err := r.ch.QueueDeclare(queue, true, false, false, false, args)
			require.NoError(t, err)
			source.RabbitMQ.Queue = queue
			r.send(queue, string(point("s", time.Now())))
			c := start(t, testRules, openStore(t, tempDB(t)), source)
			eventually(t, "a point", func() bool { return c.learned() == 1 })
		})
	}
}

// TestConsumerTimeout: what RabbitMQ says when it ends a channel is told by its kind, one that waited too long with the setting.
func TestConsumerTimeout(t *testing.T) {
	for code, kind := range map[int]string{amqp.PreconditionFailed: faultUnreachable, amqp.ResourceLocked: faultOccupied, amqp.NotFound: faultMissing} {
		assert.Equal(t, kind, explain(fmt.Errorf("x: %w", &amqp.Error{Code: code, Reason: "delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms"})).kind, code)
	}
	f := explain(fmt.Errorf("x: %w", &amqp.Error{Code: amqp.PreconditionFailed, Reason: "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"}))
	assert.Contains(t, f.Error(), "consumer_timeout")
}
