package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	dialWithin    = 10 * time.Second
	heartbeat     = 10 * time.Second
	askQueueEvery = 2 * time.Second
	deadWithin    = 10 * time.Second
	hangUpWithin  = 2 * time.Second
	// occupiedWait is how long a copy waits before it asks again for a queue that another one reads.
	occupiedWait = 5 * time.Second
	// lockPrefix begins the name of the queue whose owner reads.
	lockPrefix = "alertscribe.reads."
)

// dial connects to the server.
func (b *RabbitMQServer) dial() (*amqp.Connection, error) {
	config, err := tlsConfig(b.TLS)
	if err != nil {
		return nil, err
	}
	asked := noteCertificate(config)
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName("alertscribe")
	conn, err := amqp.DialConfig(b.URL.Reveal(), amqp.Config{
		TLSClientConfig: config, Heartbeat: heartbeat, Properties: properties,
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{Timeout: dialWithin}).DialContext(context.Background(), network, addr)
			if err == nil {
				err = c.SetDeadline(time.Now().Add(dialWithin)) // the library ends it when the connection is open
			}
			return c, err
		},
	})
	if err == nil {
		return conn, nil
	}
	err = fmt.Errorf("connecting to RabbitMQ: %w", err)
	e, said := errors.AsType[*amqp.Error](err)
	switch {
	case asked.Load() && (ended(err) || errors.Is(err, amqp.ErrClosed)):
		return nil, fmt.Errorf("%w: %w", err, errCertificate)
	case said && e.Code == amqp.FrameError && !strings.HasPrefix(b.URL.Reveal(), "amqps:"): // an alert of TLS, taken for a frame
		return nil, &fault{faultTLS, "where the port speaks TLS, write amqps://", err}
	}
	return nil, err
}

// errOccupied says that another copy reads the queue.
var errOccupied = errors.New("the queue is read by another copy")

// rabbitSession is the reading of a queue.
type rabbitSession struct {
	r    *reader
	ch   *amqp.Channel
	link *link // for dead letters

	mu      sync.Mutex
	waiting int64 // messages in the queue, when it was last asked
	known   bool
}

// rabbitMQ reads the queue until ctx ends or the session must begin anew. One copy reads a queue at a time, as one partition: what is
// known of its series is in one place.
func (r *reader) rabbitMQ(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	q := r.source.RabbitMQ
	conn, err := q.dial()
	if err != nil {
		return err
	}
	defer hangUp(conn)
	ch, closed, err := q.channel(conn)
	if err != nil {
		return err
	}
	// A queue that belongs to this connection is the lock: quorum queues know no exclusive consumers.
	_, err = ch.QueueDeclare(lockPrefix+q.Queue, false, true, true, false, nil)
	if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.ResourceLocked {
		sleep(ctx, occupiedWait)
		return errOccupied
	}
	if err != nil {
		return fmt.Errorf("declaring %s%s, which keeps other copies from reading: %w", lockPrefix, q.Queue, err)
	}
	deliveries, err := ch.Consume(q.Queue, "alertscribe", false, true, false, false, nil)
	if err != nil && q.isFree(conn) { // one of a single active consumer takes none that is exclusive
		if ch, closed, err = q.channel(conn); err != nil {
			return err
		}
		deliveries, err = ch.Consume(q.Queue, "alertscribe", false, false, false, false, nil)
	}
	if err != nil {
		return fmt.Errorf("reading queue %s: %w", q.Queue, err)
	}
	s := &rabbitSession{r: r, ch: ch, link: newLink(&q.RabbitMQServer)}
	defer s.link.close()
	p, err := r.open(ctx, ctx, 0, s, false, func(err error) { fail(err) })
	if err != nil {
		return err
	}
	defer r.closePumps()
	r.metrics.connected.WithLabelValues(r.source.Name).Set(1)
	var asking sync.WaitGroup
	asking.Go(func() { s.askQueue(ctx, conn) })
	defer asking.Wait()
	defer fail(nil)
	return s.read(ctx, p, deliveries, closed)
}

// channel opens a channel to read by.
func (q *RabbitMQ) channel(conn *amqp.Connection) (*amqp.Channel, <-chan *amqp.Error, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, fmt.Errorf("opening a channel: %w", err)
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Qos(q.Prefetch, 0, false); err != nil {
		return nil, nil, fmt.Errorf("setting the prefetch: %w", err)
	}
	return ch, closed, nil
}

// isFree tells whether the queue is there and nobody reads it.
func (q *RabbitMQ) isFree(conn *amqp.Connection) bool {
	ch, err := conn.Channel()
	if err != nil {
		return false
	}
	defer func() { _ = ch.Close() }()
	state, err := ch.QueueDeclarePassive(q.Queue, false, false, false, false, nil)
	return err == nil && state.Consumers == 0
}

func (s *rabbitSession) read(ctx context.Context, p *pump, deliveries <-chan amqp.Delivery, closed <-chan *amqp.Error) error {
	for {
		if err := s.r.queued.wait(ctx); err != nil {
			return context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case d, open := <-deliveries:
			if !open {
				select {
				case err := <-closed:
					if err != nil {
						return fmt.Errorf("connection to RabbitMQ ended: %w", err)
					}
				case <-time.After(time.Second):
				}
				return &fault{kind: faultMissing, way: "create it", err: fmt.Errorf("queue %s was deleted", s.r.source.RabbitMQ.Queue)}
			}
			p.add([]message{{position: int64(d.DeliveryTag), body: d.Body, route: d.RoutingKey}})
		}
	}
}

// askQueue asks how many messages wait, until ctx ends.
func (s *rabbitSession) askQueue(ctx context.Context, conn *amqp.Connection) {
	ch, err := conn.Channel()
	for ticker := time.NewTicker(askQueueEvery); ; {
		if err == nil {
			var q amqp.Queue
			q, err = ch.QueueDeclarePassive(s.r.source.RabbitMQ.Queue, false, false, false, false, nil)
			s.mu.Lock()
			s.waiting, s.known = int64(q.Messages), err == nil
			s.mu.Unlock()
		}
		if err != nil {
			ch, err = conn.Channel()
		}
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
	}
}

// done implements broker. The acknowledgment is for all up to the message.
func (s *rabbitSession) done(_ int32, last *message) {
	_ = s.ch.Ack(uint64(last.position), true) // if it fails, the connection does: they come again, and count as late
}

// caughtUp implements broker.
func (s *rabbitSession) caughtUp(int32, int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known && s.waiting == 0
}

// lag tells how many messages wait in the queue.
func (s *rabbitSession) lag(int32, int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// putAside implements broker.
func (s *rabbitSession) putAside(ctx context.Context, letters []letter) {
	to := s.r.source.RabbitMQ.DeadLetterExchange
	if to == "" {
		return
	}
	within, cancel := context.WithTimeout(ctx, deadWithin)
	defer cancel()
	var failed error
	for i, l := range letters {
		err := s.link.send(within, to, l.route, true, amqp.Publishing{
			DeliveryMode: amqp.Persistent, Body: l.body, Headers: amqp.Table{headerReason: l.reason, headerSource: s.r.source.Name},
		})
		if letters[i].sent = err == nil; err != nil {
			failed = err
		}
		if err != nil && isFinal(err) {
			break // each of the others would take a connection to learn the same
		}
	}
	s.r.notPutAside(ctx, "exchange", to, failed)
}

// hangUp closes a connection. A server that takes no messages for now, for want of memory or space, does not read that it is closed
// either: the rest goes on by itself.
func hangUp(conn *amqp.Connection) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = conn.CloseDeadline(time.Now().Add(hangUpWithin))
	}()
	select {
	case <-closed:
	case <-time.After(hangUpWithin):
	}
}

// link is a connection to publish by, made when it is needed. It is safe for concurrent use.
type link struct {
	server *RabbitMQServer

	mu     sync.Mutex
	conn   *amqp.Connection
	ch     *amqp.Channel
	closed chan *amqp.Error   // says why ch is
	back   chan amqp.Return   // what no queue took
	hold   chan amqp.Blocking // says why the server takes nothing for now
}

func newLink(server *RabbitMQServer) *link { return &link{server: server} }

// isFinal tells whether what follows would fail alike.
func isFinal(err error) bool {
	kind := explain(err).kind
	return kind == faultMissing || kind == faultPermission
}

// errNoQueue says that a message was taken by no queue.
var errNoQueue = errors.New("no queue takes it; bind one, or correct the names")

// send publishes a message and returns when the server has it, or a queue, where one must. One that was refused because the connection
// was old is sent again.
func (l *link) send(ctx context.Context, exchange, key string, queued bool, m amqp.Publishing) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.ch == nil
	err := l.sendOnce(ctx, exchange, key, queued, m)
	if err != nil && !fresh && l.ch == nil && ctx.Err() == nil {
		err = l.sendOnce(ctx, exchange, key, queued, m)
	}
	return err
}

// sendOnce publishes a message. The lock is held.
func (l *link) sendOnce(ctx context.Context, exchange, key string, queued bool, m amqp.Publishing) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, errNoQueue) {
			l.drop()
		}
	}()
	if l.ch == nil {
		if l.conn, err = l.server.dial(); err != nil {
			return err
		}
		if l.ch, err = l.conn.Channel(); err == nil {
			err = l.ch.Confirm(false)
		}
		if err != nil {
			return fmt.Errorf("opening a channel: %w", err)
		}
		l.closed, l.back = l.ch.NotifyClose(make(chan *amqp.Error, 1)), l.ch.NotifyReturn(make(chan amqp.Return, 1))
		l.hold = l.conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	}
	sent, err := l.ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, queued, false, m)
	if err != nil {
		return fmt.Errorf("publishing to exchange %q: %w", exchange, err)
	}
	select {
	case <-sent.Done():
		if !sent.Acked() {
			select {
			case why := <-l.closed: // an exchange that does not exist closes the channel
				return fmt.Errorf("publishing to exchange %q: %w", exchange, why)
			default:
				return fmt.Errorf("publishing to exchange %q: the server refused it", exchange)
			}
		}
		select {
		case <-l.back: // it comes before the confirmation
			return fmt.Errorf("publishing to exchange %q with routing key %q: %w", exchange, key, errNoQueue)
		default:
			return nil
		}
	case why := <-l.closed:
		return fmt.Errorf("publishing to exchange %q: %w", exchange, why)
	case <-ctx.Done():
		return l.late(exchange, ctx.Err())
	}
}

// late says why a message was not taken in time, as far as the server has told.
func (l *link) late(exchange string, err error) error {
	why := ""
	for {
		select {
		case b, open := <-l.hold:
			if open {
				if why = ""; b.Active {
					why = "the server takes no messages for now: " + b.Reason + ": "
				}
				continue
			}
		default:
		}
		return fmt.Errorf("publishing to exchange %q: %s%w", exchange, why, err)
	}
}

// drop closes the connection. The lock is held.
func (l *link) drop() {
	if l.conn != nil {
		hangUp(l.conn)
	}
	l.conn, l.ch = nil, nil
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

// checkRabbitMQ asks a server for a queue and an exchange.
func checkRabbitMQ(_ context.Context, b *RabbitMQServer, queue, exchange string) error {
	conn, err := b.dial()
	if err != nil {
		return err
	}
	defer hangUp(conn)
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("opening a channel: %w", err)
	}
	if queue != "" {
		if _, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil); err != nil {
			return fmt.Errorf("queue %s: %w", queue, err)
		}
	}
	if exchange != "" {
		if err := ch.ExchangeDeclarePassive(exchange, amqp.ExchangeDirect, false, false, false, false, nil); err != nil {
			return fmt.Errorf("exchange %s: %w", exchange, err)
		}
	}
	return nil
}
