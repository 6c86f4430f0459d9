package ingest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const testRules = `groups:
- name: shop
  interval: 1m
  rules:
  - {alert: Failing, source: orders, expr: order_failure_rate > 5, for: 2s}
  - {alert: Unusual, source: orders, expr: order_rate, anomaly: {method: {sigma: {k: 4, window: 1h}}}}
`

// openStore opens a store that ends with the test.
func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// told keeps the newest alerts of each rule.
type told struct {
	mu     sync.Mutex
	alerts map[string][]watch.Alert
}

func (n *told) Notify(_ context.Context, r *watch.Rule, _ time.Duration, alerts []watch.Alert) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.alerts[r.Key()] = alerts
}

func (n *told) firing(rule string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, a := range n.alerts[rule] {
		if a.Firing() {
			count++
		}
	}
	return count
}

// storage is what a copy needs of the store.
type storage interface {
	watch.Parts
	Outbox
}

// copyOf is a copy of the service, as far as sources are concerned.
type copyOf struct {
	t        testing.TB
	w        *watch.Watcher
	in       *Ingester
	told     *told
	registry *prometheus.Registry
	stop     func()
}

// start runs a copy until the end of the test, or its stop.
func start(t testing.TB, rules string, parts storage, sources ...Source) *copyOf {
	t.Helper()
	groups, err := watch.Parse("rules.yml", []byte(rules))
	require.NoError(t, err)
	c := &copyOf{t: t, told: &told{alerts: map[string][]watch.Alert{}}, registry: prometheus.NewRegistry()}
	c.w, err = watch.New(watch.Options{Groups: groups, Parts: parts, Notifier: c.told, Registerer: c.registry})
	require.NoError(t, err)
	for i := range sources {
		require.Empty(t, sources[i].Validate("sources"))
	}
	c.in, err = New(Options{Sources: sources, Streams: c.w, Outbox: parts, Registerer: c.registry, Logger: testLog(t)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.in.Run(ctx) })
	c.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(c.stop)
	return c
}

// learned returns how many points are known of the series that the copy has now.
func (c *copyOf) learned() (n int) {
	for _, r := range c.w.Status() {
		n += int(r.Points)
	}
	return n
}

// outcome returns how often a point became what.
func (c *copyOf) outcome(what string) int {
	return int(testutil.ToFloat64(c.in.metrics.points.WithLabelValues(c.in.opts.Sources[0].Name, what)))
}

func (c *copyOf) messages(what string) int {
	return int(testutil.ToFloat64(c.in.metrics.messages.WithLabelValues(c.in.opts.Sources[0].Name, what)))
}

const patience = 60 * time.Second

// eventually waits for something, and says what it waits for when it does not come.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, patience, 20*time.Millisecond, what)
}

// cluster runs a kfake cluster.
func cluster(t testing.TB, partitions int32, topics ...string) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func kafkaSource(c *kfake.Cluster) Source {
	return Source{Name: "orders", Kafka: &Kafka{KafkaBrokers: KafkaBrokers{Brokers: c.ListenAddrs()}, Topic: "metrics", DeadLetterTopic: "dead"}}
}

// produce sends messages with their keys by kcat, a client that is not ours.
func produce(t testing.TB, c *kfake.Cluster, topic string, lines []string) {
	t.Helper()
	//nolint:gosec // the path is kcat's
	cmd := exec.CommandContext(t.Context(), testbedtest.Kcat(t), "-P", "-b", c.ListenAddrs()[0], "-t", topic, "-K", "|")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// toldGroup returns how many messages of a topic the group says it has read.
func toldGroup(t testing.TB, c *kfake.Cluster, topic string, partitions int32) (n int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	require.NoError(t, err)
	defer cl.Close()
	asked := kmsg.NewOffsetFetchRequestTopic()
	asked.Topic = topic
	for part := range partitions {
		asked.Partitions = append(asked.Partitions, part)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.Topics = defaultGroup, []kmsg.OffsetFetchRequestTopic{asked}
	answer, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			n += max(p.Offset, 0) // -1: not yet
		}
	}
	return n
}

// consume returns the messages of a topic, by kgo.
func consume(t testing.TB, c *kfake.Cluster, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic))
	require.NoError(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		fetches := cl.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		all = append(all, fetches.Records()...)
	}
	return all
}

// series returns messages of some series, each with points a second apart that begin at a time.
func series(names, points int, begin time.Time) (lines []string) {
	for i := range points {
		at := begin.Add(time.Duration(i) * time.Second).UnixMilli()
		for s := range names {
			lines = append(lines, fmt.Sprintf(`s%d|{"name":"order_failure_rate","value":%d,"timestamp":%d,"labels":{"shop":"s%d"}}`, s, i%3, at, s))
		}
	}
	return lines
}

func tempDB(t testing.TB) string { return filepath.Join(t.TempDir(), "a.db") }

// metricsText returns what the copy serves as metrics, without comments.
func (c *copyOf) metricsText() string {
	families, err := c.registry.Gather()
	require.NoError(c.t, err)
	var b bytes.Buffer
	for _, f := range families {
		for _, m := range f.GetMetric() {
			fmt.Fprintf(&b, "%s %s\n", f.GetName(), m)
		}
	}
	return b.String()
}

func assertQuiet(t testing.TB, c *copyOf) {
	t.Helper()
	now, _ := c.in.readers[0].queued.value()
	assert.Zero(t, now, "nothing is queued")
}
