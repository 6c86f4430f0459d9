package testbed_test

import (
	"net"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestRabbitMQ: it takes and gives messages, listens on loopback alone, and nothing of it is left.
func TestRabbitMQ(t *testing.T) {
	r := testbedtest.StartRabbitMQ(t)
	conn, err := amqp.Dial(r.URL)
	require.NoError(t, err)
	ch, err := conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	require.NoError(t, err)
	require.NoError(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{Body: []byte("hello")}))
	messages, err := ch.Consume("q", "", true, false, false, false, nil)
	require.NoError(t, err)
	assert.Equal(t, "hello", string((<-messages).Body))
	require.NoError(t, conn.Close())
	host, _, err := net.SplitHostPort(r.Addr)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host)
	require.NoError(t, r.Kill())
	_, err = testbed.StartRabbitMQ(t.Context(), "/dev/null/nowhere", "")
	require.Error(t, err)
}
