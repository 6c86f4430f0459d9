package ingest

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// rabbit is a RabbitMQ with a channel for the test; all tests share the server, since it takes half a minute to start.
type rabbit struct {
	t   testing.TB
	ch  *amqp.Channel
	url string
}

var rabbitServer struct {
	sync.Once
	server *testbed.RabbitMQ
	tls    *tlsServer
	dir    string
	err    error
}

func TestMain(m *testing.M) {
	if os.Getenv(kfakeEnv) != "" {
		serveKfake()
		return
	}
	code := m.Run()
	if rabbitServer.server != nil {
		_ = rabbitServer.server.Kill()
		_ = os.RemoveAll(rabbitServer.dir)
	}
	os.Exit(code)
}

func newRabbit(t testing.TB) *rabbit {
	t.Helper()
	rabbitServer.Do(func() {
		rabbitServer.dir, rabbitServer.err = os.MkdirTemp("", "ingest-rabbitmq-") //nolint:usetesting // it outlives the test
		if rabbitServer.err == nil {
			rabbitServer.tls = newTLSServer(t, rabbitServer.dir, false)
			rabbitServer.server, rabbitServer.err = testbedtest.SharedRabbitMQ(t, rabbitServer.dir)
		}
	})
	testbedtest.SkipWithoutRabbitMQ(t, rabbitServer.err)
	require.NoError(t, rabbitServer.err)
	return connect(t, rabbitServer.server.URL)
}

func connect(t testing.TB, url string) *rabbit {
	t.Helper()
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	return &rabbit{t, ch, url}
}

// queue makes a queue of a kind, and the exchange and queue of its dead letters.
func (r *rabbit) queue(kind string) (source Source) {
	r.t.Helper()
	name := fmt.Sprintf("%s-%d", kind, time.Now().UnixNano())
	for _, q := range []string{name, name + "-dead", name + "-events"} {
		_, err := r.ch.QueueDeclare(q, true, false, false, false, amqp.Table{"x-queue-type": kind})
		require.NoError(r.t, err)
	}
	require.NoError(r.t, r.ch.ExchangeDeclare(name+"-dlx", "fanout", true, false, false, false, nil))
	require.NoError(r.t, r.ch.QueueBind(name+"-dead", "", name+"-dlx", false, nil))
	return Source{
		Name:     "orders",
		RabbitMQ: &RabbitMQ{RabbitMQServer: RabbitMQServer{URL: redact.Secret(r.url)}, Queue: name, DeadLetterExchange: name + "-dlx"},
		Publish:  &Publish{RabbitMQ: &PublishRabbitMQ{RoutingKey: name + "-events"}},
	}
}

func (r *rabbit) send(queue string, bodies ...string) {
	r.t.Helper()
	var last *amqp.DeferredConfirmation
	for _, body := range bodies {
		var err error
		last, err = r.ch.PublishWithDeferredConfirmWithContext(r.t.Context(), "", queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)})
		require.NoError(r.t, err)
	}
	last.Wait()
}

// get returns messages of a queue.
func (r *rabbit) get(queue string, n int) (all []amqp.Delivery) {
	r.t.Helper()
	eventually(r.t, "messages of "+queue, func() bool {
		for {
			m, ok, err := r.ch.Get(queue, true)
			require.NoError(r.t, err)
			if !ok {
				return len(all) >= n
			}
			all = append(all, m)
		}
	})
	return all
}

func bodies(lines []string) (out []string) {
	for _, l := range lines {
		out = append(out, l[len("s0|"):])
	}
	return out
}

// TestRabbitMQ is TestKafka for both kinds of queues.
func TestRabbitMQ(t *testing.T) {
	r := newRabbit(t)
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			source := r.queue(kind)
			parts := openStore(t, tempDB(t))
			first := start(t, testRules, parts, source)
			now := time.Now().Truncate(time.Second).Add(-time.Minute)
			r.send(source.RabbitMQ.Queue, bodies(series(5, 20, now))...)
			r.send(source.RabbitMQ.Queue, "poison", `{"name":"a"}`)
			for i := range 3 {
				r.send(source.RabbitMQ.Queue, fmt.Sprintf(`{"name":"order_failure_rate","value":9,"timestamp":%d,"labels":{"shop":"s1"}}`, now.Unix()+20+int64(i)))
			}
			eventually(t, "an alert", func() bool { return first.told.firing("shop/Failing") == 1 })
			assert.Equal(t, 103, first.learned())
			dead := r.get(source.RabbitMQ.Queue+"-dead", 2)
			require.Len(t, dead, 2)
			assert.Equal(t, "poison", string(dead[0].Body))
			assert.Contains(t, dead[0].Headers[headerReason], "not JSON")
			assert.Contains(t, dead[1].Headers[headerReason], "value is missing")
			eventually(t, "no lag", func() bool { return first.in.readers[0].lag() == 0 })

			second := start(t, testRules, parts, source)
			time.Sleep(time.Second)
			assert.Nil(t, second.in.readers[0].pump(0), "a copy waits while another one reads")
			first.stop()
			r.send(source.RabbitMQ.Queue, fmt.Sprintf(`{"name":"order_failure_rate","value":1,"timestamp":%d,"labels":{"shop":"s1"}}`, now.Unix()+30))
			eventually(t, "the end of the alert", func() bool { return second.learned() == 104 && second.told.firing("shop/Failing") == 0 })
			assert.Zero(t, second.outcome(watch.PointLate))
			events := r.get(source.RabbitMQ.Queue+"-events", 2)
			require.Len(t, events, 2)
			for i, kind := range []string{watch.EventOpened, watch.EventResolved} {
				var e watch.Event
				require.NoError(t, json.Unmarshal(events[i].Body, &e))
				assert.Equal(t, kind, e.Event)
				assert.Equal(t, e.ID, events[i].MessageId)
			}
		})
	}
}

// TestRedelivery: what was stored and not acknowledged comes again, and counts once.
func TestRedelivery(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("quorum")
	lines := bodies(series(3, 10, time.Now().Add(-time.Minute)))
	parts := openStore(t, tempDB(t))
	r.send(source.RabbitMQ.Queue, lines...)
	first := start(t, testRules, parts, source)
	eventually(t, "all points", func() bool { return first.learned() == 30 })
	first.stop()
	r.send(source.RabbitMQ.Queue, lines...) // as after a crash before the acknowledgment
	r.send(source.RabbitMQ.Queue, bodies(series(3, 1, time.Now().Add(-time.Second)))...)
	second := start(t, testRules, parts, source)
	eventually(t, "the newest points", func() bool { return second.learned() == 33 })
	// More, if the first was stopped before its last acknowledgment.
	eventually(t, "that the others were late", func() bool { return second.outcome(watch.PointLate) >= 30 })
	assert.Equal(t, 33, second.learned())
}

// TestNobodyTakesIt: a dead letter that no queue takes is dropped, and counted so; an event waits for its queue. Points go on.
func TestNobodyTakesIt(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("classic")
	for _, q := range []string{"-dead", "-events"} {
		_, err := r.ch.QueueDelete(source.RabbitMQ.Queue+q, false, false, false)
		require.NoError(t, err)
	}
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	r.send(source.RabbitMQ.Queue, "poison")
	for i := range 5 {
		r.send(source.RabbitMQ.Queue, fmt.Sprintf(`{"name":"order_failure_rate","value":9,"timestamp":%d}`, now.Unix()+int64(i)))
	}
	eventually(t, "the points", func() bool { return c.learned() == 5 })
	assert.Equal(t, 1, c.messages(messageDropped))
	assert.Zero(t, c.messages(messageDeadLettered))
	events := c.in.metrics.of("orders")
	eventually(t, "that the event is not taken", func() bool { return testutil.ToFloat64(events.failed) > 0 })
	_, err := r.ch.QueueDeclare(source.RabbitMQ.Queue+"-events", true, false, false, false, nil)
	require.NoError(t, err)
	assert.Len(t, r.get(source.RabbitMQ.Queue+"-events", 1), 1)
	eventually(t, "that it is counted", func() bool { return testutil.ToFloat64(events.published) == 1 })
}

// TestMuchPoison: a flood of what can't be read, with no place for it, holds points up no longer than a moment.
func TestMuchPoison(t *testing.T) {
	r := newRabbit(t)
	for name, change := range map[string]func(*Source){
		"no queue":    func(s *Source) { _, _ = r.ch.QueueDelete(s.RabbitMQ.Queue+"-dead", false, false, false) },
		"no exchange": func(s *Source) { s.RabbitMQ.DeadLetterExchange = "none" },
	} {
		t.Run(name, func(t *testing.T) {
			source := r.queue("classic")
			change(&source)
			var lines []string
			for i := range 2_000 {
				lines = append(lines, fmt.Sprint("poison ", i))
			}
			r.send(source.RabbitMQ.Queue, append(lines, fmt.Sprintf(`{"name":"order_failure_rate","value":9,"timestamp":%d}`, time.Now().UnixMilli()))...)
			c := start(t, testRules, openStore(t, tempDB(t)), source)
			eventually(t, "the point behind", func() bool { return c.learned() == 1 }) // each by itself would take hours
			assert.Equal(t, 2_000, c.messages(messageDropped))
		})
	}
}

// TestServerGoesAway: a connection that ends is made again.
func TestServerGoesAway(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("classic")
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	r.send(source.RabbitMQ.Queue, bodies(series(1, 1, time.Now().Add(-time.Minute)))...)
	eventually(t, "a point", func() bool { return c.learned() == 1 })
	_, err := r.ch.QueueDelete(source.RabbitMQ.Queue, false, false, false)
	require.NoError(t, err)
	eventually(t, "that it is seen", func() bool { return c.in.readers[0].pump(0) == nil })
	_, err = r.ch.QueueDeclare(source.RabbitMQ.Queue, true, false, false, false, nil)
	require.NoError(t, err)
	r.send(source.RabbitMQ.Queue, bodies(series(1, 1, time.Now().Add(-time.Second)))...)
	eventually(t, "it is read again", func() bool { return c.learned() == 2 })
}

func TestCheckRabbitMQ(t *testing.T) {
	r := newRabbit(t)
	source := r.queue("classic")
	require.Empty(t, source.Validate("s"))
	require.NoError(t, Check(t.Context(), &source))
	missing := source
	missing.RabbitMQ = &RabbitMQ{RabbitMQServer: source.RabbitMQ.RabbitMQServer, Queue: "none"}
	require.ErrorContains(t, Check(t.Context(), &missing), "queue none")
	missing.RabbitMQ = &RabbitMQ{RabbitMQServer: source.RabbitMQ.RabbitMQServer, Queue: source.RabbitMQ.Queue, DeadLetterExchange: "none"}
	require.ErrorContains(t, Check(t.Context(), &missing), "exchange none")
	missing.RabbitMQ = &RabbitMQ{RabbitMQServer: RabbitMQServer{URL: "amqp://guest:planted@127.0.0.1:1/"}, Queue: "x"}
	err := Check(t.Context(), &missing)
	require.ErrorContains(t, err, "connecting to RabbitMQ")
	assert.NotContains(t, err.Error(), "planted")
}
