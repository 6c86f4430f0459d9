package ingest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func readSource(t *testing.T, text string) Source {
	t.Helper()
	var s Source
	require.NoError(t, yaml.Unmarshal([]byte(text), &s))
	return s
}

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"password": "hunter2\n", "empty": " \n", "amqp.url": "amqp://u:hunter2@rabbit/\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const kafka = "name: orders\nkafka: {brokers: ['k:9092'], topic: m"
	const rabbit = "name: orders\nrabbitmq: {url: 'amqp://u:hunter2@rabbit', queue: m"
	for name, c := range map[string]struct {
		text  string
		wrong []string
	}{
		"kafka":          {kafka + "}", nil},
		"kafka, all":     {kafka + ", group: g, dead_letter_topic: d, tls_config: {}, sasl: {mechanism: SCRAM-SHA-512, username: u, password_file: password}}\npublish: {kafka: {topic: e}}", nil},
		"rabbitmq":       {rabbit + ", prefetch: 10, dead_letter_exchange: d}\npublish: {rabbitmq: {exchange: e, routing_key: k}}", nil},
		"file":           {"name: orders\nrabbitmq: {url_file: amqp.url, queue: m}\npublish: {kafka: {brokers: ['k:9092'], topic: e}}", nil},
		"nothing":        {"{}", []string{"s.name: \"\" is no name", "s.kafka: is missing; set kafka or rabbitmq"}},
		"both":           {kafka + "}\nrabbitmq: {url: 'amqp://r', queue: m}", []string{"s.rabbitmq: a source is one of"}},
		"kafka, none":    {"name: orders\nkafka: {}", []string{"s.kafka.brokers: is missing", "s.kafka.topic: is missing"}},
		"brokers":        {"name: orders\nkafka: {brokers: [k, ':9'], topic: m}", []string{`s.kafka.brokers[0]: "k" is not HOST:PORT`, `s.kafka.brokers[1]: ":9" is not`}},
		"own topic":      {kafka + ", dead_letter_topic: m}\npublish: {kafka: {topic: m}}", []string{"s.kafka.dead_letter_topic: is the topic itself", "s.publish.kafka.topic: is the topic that metrics"}},
		"sasl":           {kafka + ", sasl: {mechanism: plain}}", []string{`s.kafka.sasl.mechanism: "plain" is none of PLAIN`, "s.kafka.sasl.username: is missing", "s.kafka.sasl.password: is missing"}},
		"sasl, files":    {kafka + ", sasl: {mechanism: PLAIN, username: u, password_file: none}}", []string{"s.kafka.sasl.password_file: open"}},
		"sasl, empty":    {kafka + ", sasl: {mechanism: PLAIN, username: u, password_file: empty}}", []string{"s.kafka.sasl.password_file: " + dir + "/empty is empty"}},
		"sasl, two":      {kafka + ", sasl: {mechanism: PLAIN, username: u, password: x, password_file: password}}", []string{"s.kafka.sasl.password: and password_file are both set"}},
		"tls":            {kafka + ", tls_config: {ca_file: none}}", []string{"s.kafka.tls_config: "}},
		"rabbitmq, none": {"name: a b\nrabbitmq: {}", []string{`s.name: "a b" is no name`, "s.rabbitmq.url: is missing", "s.rabbitmq.queue: is missing"}},
		"url":            {"name: orders\nrabbitmq: {url: 'http://u:hunter2@r', queue: m}", []string{"s.rabbitmq.url: is no amqp:// or amqps:// URL"}},
		"url, odd":       {"name: orders\nrabbitmq: {url: 'amqp://u:hunter2@r:x y', queue: m}", []string{"s.rabbitmq.url: is no amqp://"}},
		"tls on amqp":    {rabbit + ", tls_config: {}}", []string{"s.rabbitmq.tls_config: has no effect"}},
		"prefetch":       {rabbit + ", prefetch: -1}", []string{"s.rabbitmq.prefetch: -1 is not between 1"}},
		"publish none":   {kafka + "}\npublish: {}", []string{"s.publish: set one of"}},
		"publish both":   {kafka + "}\npublish: {kafka: {topic: e}, rabbitmq: {url: 'amqp://r', exchange: e}}", []string{"s.publish: set one of"}},
		"publish other":  {kafka + "}\npublish: {rabbitmq: {}}", []string{"s.publish.rabbitmq.url: is missing", "s.publish.rabbitmq.exchange: is missing"}},
		"publish kafka":  {rabbit + "}\npublish: {kafka: {}}", []string{"s.publish.kafka.brokers: is missing", "s.publish.kafka.topic: is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := readSource(t, c.text)
			s.SetDirectory(dir)
			errs := s.Validate("s")
			require.Len(t, errs, len(c.wrong), "%v", errs)
			for i, err := range errs {
				assert.Contains(t, err.Error(), c.wrong[i])
				assert.NotContains(t, err.Error(), "hunter2")
			}
			if len(errs) == 0 {
				assert.Empty(t, s.Validate("s"), "again")
				assert.NotContains(t, fmt.Sprintf("%+v %v", s, errors.Join(errs...)), "hunter2")
			}
		})
	}
}

// TestSecured: brokers are reached by TLS and by each mechanism of SASL.
func TestSecured(t *testing.T) {
	c, a, _, _ := securedCluster(t, nil)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			source := securedSource(c, a.file, mechanism, "")
			require.Empty(t, source.Validate("s"))
			require.NoError(t, Check(t.Context(), &source))
			reader := start(t, testRules, openStore(t, tempDB(t)), source)
			eventually(t, "that it is read", func() bool { return reader.in.readers[0].pump(0) != nil })
			reader.stop()
		})
	}
}

func TestCheckKafka(t *testing.T) {
	source := kafkaSource(cluster(t, 1, "metrics"))
	require.ErrorContains(t, Check(t.Context(), &source), "topic dead: UNKNOWN_TOPIC")
	source.Kafka.DeadLetterTopic = ""
	require.NoError(t, Check(t.Context(), &source))
}
