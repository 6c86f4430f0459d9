package ingest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	commonconfig "github.com/prometheus/common/config"

	"github.com/alertscribe/alertscribe/redact"
)

// Source is a queue that metrics come from, as settings have it: one of Kafka and RabbitMQ.
type Source struct {
	Name     string    `yaml:"name"`
	Kafka    *Kafka    `yaml:"kafka"`
	RabbitMQ *RabbitMQ `yaml:"rabbitmq"`
	Publish  *Publish  `yaml:"publish"` // where anomalies are published; nil for nowhere
}

// Kafka is a topic that is read as a member of a group.
type Kafka struct {
	KafkaBrokers `yaml:",inline"`

	Topic           string `yaml:"topic"`
	Group           string `yaml:"group"`             // default alertscribe
	DeadLetterTopic string `yaml:"dead_letter_topic"` // where messages go that can't be read; default: they are dropped
}

// KafkaBrokers says how brokers are reached.
type KafkaBrokers struct {
	Brokers []string                `yaml:"brokers"` // HOST:PORT
	TLS     *commonconfig.TLSConfig `yaml:"tls_config"`
	SASL    *SASL                   `yaml:"sasl"`
}

// SASL says who we are.
type SASL struct {
	Mechanism    string        `yaml:"mechanism"` // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	Username     string        `yaml:"username"`
	Password     redact.Secret `yaml:"password"`
	PasswordFile string        `yaml:"password_file"`
}

// RabbitMQ is a queue that is read.
type RabbitMQ struct {
	RabbitMQServer `yaml:",inline"`

	Queue              string `yaml:"queue"`                // must exist
	Prefetch           int    `yaml:"prefetch"`             // messages that are sent ahead; default 200
	DeadLetterExchange string `yaml:"dead_letter_exchange"` // where messages go that can't be read; default: they are dropped
}

// RabbitMQServer says how the server is reached.
type RabbitMQServer struct {
	URL     redact.Secret           `yaml:"url"` // amqp:// or amqps://, with user and password
	URLFile string                  `yaml:"url_file"`
	TLS     *commonconfig.TLSConfig `yaml:"tls_config"`
}

// Publish says where anomalies are published. Brokers and servers that are not set are those of the source.
type Publish struct {
	Kafka    *PublishKafka    `yaml:"kafka"`
	RabbitMQ *PublishRabbitMQ `yaml:"rabbitmq"`
}

// PublishKafka is a topic that anomalies are published to.
type PublishKafka struct {
	KafkaBrokers `yaml:",inline"`

	Topic string `yaml:"topic"`
}

// PublishRabbitMQ is an exchange that anomalies are published to.
type PublishRabbitMQ struct {
	RabbitMQServer `yaml:",inline"`

	Exchange   string `yaml:"exchange"`
	RoutingKey string `yaml:"routing_key"`
}

const (
	defaultGroup    = "alertscribe"
	defaultPrefetch = 200
	maxPrefetch     = 10_000
)

var sourceName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,100}$`)

// SetDirectory makes the files that the settings name relative to a directory.
func (s *Source) SetDirectory(dir string) {
	join := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	brokers := func(b *KafkaBrokers) {
		b.TLS.SetDirectory(dir)
		if b.SASL != nil {
			join(&b.SASL.PasswordFile)
		}
	}
	server := func(b *RabbitMQServer) {
		b.TLS.SetDirectory(dir)
		join(&b.URLFile)
	}
	if s.Kafka != nil {
		brokers(&s.Kafka.KafkaBrokers)
	}
	if s.RabbitMQ != nil {
		server(&s.RabbitMQ.RabbitMQServer)
	}
	if p := s.Publish; p != nil && p.Kafka != nil {
		brokers(&p.Kafka.KafkaBrokers)
	}
	if p := s.Publish; p != nil && p.RabbitMQ != nil {
		server(&p.RabbitMQ.RabbitMQServer)
	}
}

// faults collects what is wrong below a key.
type faults struct {
	key  string
	list []error
}

func (f *faults) add(key, format string, args ...any) {
	f.list = append(f.list, fmt.Errorf("%s: %s", strings.Trim(f.key+"."+key, "."), fmt.Sprintf(format, args...)))
}

// Validate returns all that is wrong with the settings, each with its key below the given one. It reads the files of secrets, and
// fills in defaults.
func (s *Source) Validate(key string) []error {
	f := &faults{key: key}
	if !sourceName.MatchString(s.Name) {
		f.add("name", "%q is no name of letters, digits, and any of . _ -", s.Name)
	}
	switch {
	case s.Kafka != nil && s.RabbitMQ != nil:
		f.add("rabbitmq", "a source is one of kafka and rabbitmq; make two sources of them")
	case s.Kafka == nil && s.RabbitMQ == nil:
		f.add("kafka", "is missing; set kafka or rabbitmq")
	}
	if k := s.Kafka; k != nil {
		k.Group = cmp.Or(k.Group, defaultGroup)
		k.validate(f, "kafka", true)
		switch k.Topic {
		case "":
			f.add("kafka.topic", "is missing")
		case k.DeadLetterTopic:
			f.add("kafka.dead_letter_topic", "is the topic itself, which would be read again and again")
		}
	}
	if r := s.RabbitMQ; r != nil {
		r.Prefetch = cmp.Or(r.Prefetch, defaultPrefetch)
		r.validate(f, "rabbitmq", true)
		if r.Queue == "" {
			f.add("rabbitmq.queue", "is missing")
		}
		if r.Prefetch < 1 || r.Prefetch > maxPrefetch {
			f.add("rabbitmq.prefetch", "%d is not between 1 and %d", r.Prefetch, maxPrefetch)
		}
	}
	s.validatePublish(f)
	return f.list
}

// validatePublish makes brokers and servers those of the source where they are not set.
func (s *Source) validatePublish(f *faults) {
	p := s.Publish
	switch {
	case p == nil:
		return
	case (p.Kafka == nil) == (p.RabbitMQ == nil):
		f.add("publish", "set one of kafka and rabbitmq")
		return
	}
	if k := p.Kafka; k != nil {
		if len(k.Brokers) == 0 && s.Kafka != nil {
			k.KafkaBrokers = s.Kafka.KafkaBrokers
		}
		k.validate(f, "publish.kafka", s.Kafka == nil)
		switch {
		case k.Topic == "":
			f.add("publish.kafka.topic", "is missing")
		case s.Kafka != nil && k.Topic == s.Kafka.Topic:
			f.add("publish.kafka.topic", "is the topic that metrics come from; events are no metrics")
		}
		return
	}
	r := p.RabbitMQ
	if r.URL == "" && r.URLFile == "" && s.RabbitMQ != nil {
		r.RabbitMQServer = s.RabbitMQ.RabbitMQServer
	}
	r.validate(f, "publish.rabbitmq", s.RabbitMQ == nil)
	if r.Exchange == "" && r.RoutingKey == "" {
		f.add("publish.rabbitmq.exchange", "is missing; the default exchange needs a routing_key, which is the name of a queue")
	}
}

func (b *KafkaBrokers) validate(f *faults, key string, required bool) {
	if len(b.Brokers) == 0 && required {
		f.add(key+".brokers", "is missing; list HOST:PORT of some brokers")
	}
	for i, broker := range b.Brokers {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			f.add(fmt.Sprintf("%s.brokers[%d]", key, i), "%q is not HOST:PORT", broker)
		}
	}
	validateTLS(f, key, b.TLS)
	a := b.SASL
	if a == nil {
		return
	}
	if mechanism(a) == nil {
		f.add(key+".sasl.mechanism", "%q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", a.Mechanism)
	}
	if a.Username == "" {
		f.add(key+".sasl.username", "is missing")
	}
	readSecret(f, key+".sasl.password", &a.Password, a.PasswordFile)
	if a.Password == "" && a.PasswordFile == "" {
		f.add(key+".sasl.password", "is missing; set password_file")
	}
}

func (b *RabbitMQServer) validate(f *faults, key string, required bool) {
	readSecret(f, key+".url", &b.URL, b.URLFile)
	validateTLS(f, key, b.TLS)
	if b.URL == "" {
		if required && b.URLFile == "" {
			f.add(key+".url", "is missing; set url, or url_file since it has a password")
		}
		return
	}
	u, err := url.Parse(b.URL.Reveal())
	switch {
	case err != nil || u.Host == "" || u.Scheme != "amqp" && u.Scheme != "amqps":
		f.add(key+".url", "is no amqp:// or amqps:// URL with a host") // the error would show the password
	case u.Scheme == "amqp" && b.TLS != nil:
		f.add(key+".tls_config", "has no effect on an amqp:// URL; write amqps://")
	}
}

// readSecret reads a secret from its file. A file that was read once is not read again.
func readSecret(f *faults, key string, secret *redact.Secret, file string) {
	if file == "" {
		return
	}
	b, err := os.ReadFile(file)
	read := redact.Secret(strings.TrimSpace(string(b)))
	switch {
	case err != nil:
		f.add(key+"_file", "%v", err)
	case read == "":
		f.add(key+"_file", "%s is empty", file)
	case *secret != "" && *secret != read:
		f.add(key, "and %s_file are both set; leave one of them out", key[strings.LastIndexByte(key, '.')+1:])
	default:
		*secret = read
	}
}

func validateTLS(f *faults, key string, c *commonconfig.TLSConfig) {
	if _, err := tlsConfig(c); err != nil {
		f.add(key+".tls_config", "%v", err)
	}
}

// tlsConfig returns nil for none.
func tlsConfig(c *commonconfig.TLSConfig) (*tls.Config, error) {
	if c == nil {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return commonconfig.NewTLSConfig(c)
}

// Check asks the brokers of a source, and where its anomalies are published, whether they are there and let us in.
func Check(ctx context.Context, s *Source) error {
	var errs []error
	if s.Kafka != nil {
		errs = append(errs, checkKafka(ctx, &s.Kafka.KafkaBrokers, s.Kafka.Group, s.Kafka.Topic, s.Kafka.DeadLetterTopic))
	}
	if s.RabbitMQ != nil {
		errs = append(errs, checkRabbitMQ(ctx, &s.RabbitMQ.RabbitMQServer, s.RabbitMQ.Queue, s.RabbitMQ.DeadLetterExchange))
	}
	if p := s.Publish; p != nil && p.Kafka != nil {
		errs = append(errs, checkKafka(ctx, &p.Kafka.KafkaBrokers, "", p.Kafka.Topic))
	}
	if p := s.Publish; p != nil && p.RabbitMQ != nil {
		errs = append(errs, checkRabbitMQ(ctx, &p.RabbitMQ.RabbitMQServer, "", p.RabbitMQ.Exchange))
	}
	for i, err := range errs {
		if err != nil {
			errs[i] = explain(err)
		}
	}
	return errors.Join(errs...)
}
