package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func mechanism(a *SASL) sasl.Mechanism {
	switch a.Mechanism {
	case "PLAIN":
		return plain.Auth{User: a.Username, Pass: a.Password.Reveal()}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: a.Username, Pass: a.Password.Reveal()}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: a.Username, Pass: a.Password.Reveal()}.AsSha512Mechanism()
	}
	return nil
}

// kafkaClient is a client that can tell a broker that lets nobody in from one that is not there.
type kafkaClient struct {
	*kgo.Client

	knocks *atomic.Bool // it has told a broker who it is, and got no answer
	asked  *atomic.Bool // a broker has asked for a certificate
}

// whyNot is why for the first request.
func (c *kafkaClient) whyNot(err error) error {
	if ended(err) && c.asked.Load() && !c.knocks.Load() {
		return fmt.Errorf("%w: %w", errCertificate, err)
	}
	return c.why(err)
}

// why adds to the error of a request what the client knows of it.
func (c *kafkaClient) why(err error) error {
	if ended(err) && c.knocks.Swap(false) {
		return fmt.Errorf("%w: %w", errNotIn, err)
	}
	return err
}

// client returns a client of the brokers.
func (b *KafkaBrokers) client(o ...kgo.Opt) (*kafkaClient, error) {
	o = append(o, kgo.SeedBrokers(b.Brokers...), kgo.ClientID("alertscribe"))
	config, err := tlsConfig(b.TLS)
	if err != nil {
		return nil, err
	}
	asked := noteCertificate(config)
	if config != nil {
		o = append(o, kgo.DialTLSConfig(config))
	}
	var knocks atomic.Bool
	if b.SASL != nil {
		o = append(o, kgo.SASL(&knocking{mechanism(b.SASL), &knocks}))
	}
	client, err := kgo.NewClient(o...)
	if err != nil {
		return nil, err
	}
	return &kafkaClient{client, &knocks, asked}, nil
}

// topics asks whether topics are there, and may be seen, and returns what is known of them by name.
func (c *kafkaClient) topics(ctx context.Context, names ...string) (map[string]kmsg.MetadataResponseTopic, error) {
	ctx, cancel := context.WithTimeout(ctx, produceWithin)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		if name != "" {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = new(name)
			req.Topics = append(req.Topics, t)
		}
	}
	answer, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return nil, fmt.Errorf("asking Kafka: %w", c.whyNot(err))
	}
	var errs []error
	found := map[string]kmsg.MetadataResponseTopic{}
	for _, t := range answer.Topics {
		if t.Topic == nil {
			continue
		}
		found[*t.Topic] = t
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			errs = append(errs, explain(fmt.Errorf("topic %s: %w", *t.Topic, err)))
		}
	}
	return found, errors.Join(errs...)
}

// group asks whether we may know of a group, which takes less than to join it.
func (c *kafkaClient) group(ctx context.Context, name string) error {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = name
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = name
	req.Groups = append(req.Groups, g)
	answer, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return fmt.Errorf("asking for group %s: %w", name, c.whyNot(err))
	}
	codes := []int16{answer.ErrorCode}
	for _, g := range answer.Groups {
		codes = append(codes, g.ErrorCode)
	}
	for _, code := range codes {
		if err := kerr.ErrorForCode(code); errors.Is(err, kerr.GroupAuthorizationFailed) { // that there is none yet is no fault
			return explain(fmt.Errorf("group %s: %w", name, err))
		}
	}
	return nil
}

// checkKafka asks brokers for topics and, where it is named, a group.
func checkKafka(ctx context.Context, b *KafkaBrokers, group string, topics ...string) error {
	client, err := b.client(kgo.RequestRetries(1), kgo.RetryTimeout(checkWithin))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	if _, err := client.topics(ctx, topics...); err != nil || group == "" {
		return err
	}
	return client.group(ctx, group)
}
