package ingest

import (
	"context"
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/alertscribe/alertscribe/detect"
)

const (
	publishEvery                 = 500 * time.Millisecond // how often there is a look at what is to be published
	publishWithin                = 10 * time.Second
	firstPublishRetry, maxRepeat = time.Second, 30 * time.Second
)

// headerEvent holds the ID of an event, which stays the same when it is sent again.
const headerEvent = "alertscribe-event-id"

// publisher sends events. It is safe for concurrent use.
type publisher interface {
	send(ctx context.Context, events []detect.Event) error
	close()
}

// newPublisher returns nil where nothing is to be published.
func newPublisher(s *Source) (publisher, error) {
	switch p := s.Publish; {
	case p == nil:
		return nil, nil
	case p.Kafka != nil:
		client, err := p.Kafka.client(kgo.DefaultProduceTopic(p.Kafka.Topic), kgo.RecordDeliveryTimeout(publishWithin), kgo.UnknownTopicRetries(1))
		if err != nil {
			return nil, err
		}
		return &kafkaPublisher{client}, nil
	default:
		return &rabbitPublisher{link: newLink(&p.RabbitMQ.RabbitMQServer), to: p.RabbitMQ}, nil
	}
}

type kafkaPublisher struct{ client *kafkaClient }

func (p *kafkaPublisher) send(ctx context.Context, events []detect.Event) error {
	records := make([]*kgo.Record, len(events))
	for i, e := range events {
		anomaly, _, _ := strings.Cut(e.ID, "-") // its events stay in their order
		records[i] = &kgo.Record{Key: []byte(anomaly), Value: e.Body, Headers: []kgo.RecordHeader{{Key: headerEvent, Value: []byte(e.ID)}}}
	}
	return p.client.why(p.client.ProduceSync(ctx, records...).FirstErr())
}

func (p *kafkaPublisher) close() { p.client.Close() }

type rabbitPublisher struct {
	link *link
	to   *PublishRabbitMQ
}

func (p *rabbitPublisher) send(ctx context.Context, events []detect.Event) error {
	for _, e := range events {
		err := p.link.send(ctx, p.to.Exchange, p.to.RoutingKey, amqp.Publishing{
			ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: e.ID, Body: e.Body, Headers: amqp.Table{headerEvent: e.ID},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *rabbitPublisher) close() { p.link.close() }

// publish sends the events of the part until ctx ends. What was sent is forgotten; a crash between the two sends it again.
func (p *pump) publish(ctx context.Context) {
	m := p.r.metrics.of(p.part.Source)
	failing := false
	for wait := publishEvery; sleep(ctx, wait); {
		n, err := p.publishOnce(ctx)
		m.published.Add(float64(n))
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing, wait = false, publishEvery
			continue
		case !failing:
			p.r.log.Warn("Events not published, they are sent again", "err", err)
			wait = firstPublishRetry
		}
		failing = true
		m.failed.Inc()
		wait = min(2*wait, maxRepeat)
	}
}

func (p *pump) publishOnce(ctx context.Context) (int, error) {
	n := 0
	for {
		events, err := p.r.outbox.Events(ctx, p.part)
		if err != nil || len(events) == 0 {
			return n, err
		}
		within, cancel := context.WithTimeout(ctx, publishWithin)
		err = p.r.publish.send(within, events)
		cancel()
		if err != nil {
			return n, explain(fmt.Errorf("publishing: %w", err))
		}
		n += len(events)
		if err := p.r.outbox.DeleteEvents(ctx, p.part, events[len(events)-1].Seq); err != nil {
			return n, err
		}
	}
}
