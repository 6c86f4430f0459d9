package ingest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kfakeEnv makes the test binary a kfake, in a process of its own, so that a benchmark measures us alone.
const kfakeEnv = "INGEST_TEST_KFAKE"

func serveKfake() {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "metrics", "dead"))
	if err != nil {
		panic(err)
	}
	fmt.Println(c.ListenAddrs()[0])
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the parent has ended
}

func kfakeProcess(b *testing.B) string {
	b.Helper()
	exe, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), exe)
	cmd.Env = append(os.Environ(), kfakeEnv+"=1", "GOMAXPROCS=1")
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(line)
}

// benchRules judge each point by all methods at once, at their defaults.
const benchRules = `groups:
- name: shop
  rules:
  - {alert: Failing, source: orders, expr: order_failure_rate > 50000, for: 1m}
  - {alert: Unusual, source: orders, expr: order_failure_rate, anomaly: {max_series: 10000}}
`

const (
	benchSeries = 1_000
	benchPer    = 100 // points of a message
)

// benchMessages returns messages with b.N points: of a thousand series, a point every second.
func benchMessages(n int) (keys, messages []string, points int) {
	begin := time.Now().Add(-time.Duration(n/benchSeries+1) * time.Second).Truncate(time.Second)
	for second := 0; points < n; second++ {
		at := begin.Add(time.Duration(second) * time.Second).UnixMilli()
		for first := 0; first < benchSeries; first += benchPer {
			var text strings.Builder
			for s := range benchPer {
				fmt.Fprintf(&text, `,{"name":"order_failure_rate","value":%d,"timestamp":%d,"labels":{"shop":"s%d","region":"eu"}}`, 100+(second*7+s*13)%10, at, first+s)
			}
			keys = append(keys, fmt.Sprintf("k%d", first))
			messages = append(messages, `{"metrics":[`+text.String()[1:]+`]}`)
			points += benchPer
		}
	}
	return keys, messages, points
}

// measure reads what was sent, and reports the points of a second, and what of a core that took.
func measure(b *testing.B, source Source, points int) {
	b.Helper()
	parts := openStore(b, tempDB(b))
	b.ResetTimer()
	before, begun := cpuTime(), time.Now()
	c := start(b, benchRules, parts, source)
	for c.outcome("learned") < points {
		time.Sleep(5 * time.Millisecond)
	}
	took, used := time.Since(begun), cpuTime()-before
	b.StopTimer()
	b.ReportMetric(float64(points)/took.Seconds(), "points/s")
	b.ReportMetric(float64(points)/used.Seconds(), "points/cpu-s")
	b.ReportMetric(float64(used.Nanoseconds())/float64(points), "cpu-ns/point")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "procs")
	c.stop()
}

// BenchmarkKafka is end to end, from a kfake in a process of its own to the store:
//
//	GOMAXPROCS=1 go test ./detect/ingest -run '^$' -bench 'Kafka|RabbitMQ' -benchtime 500000x
func BenchmarkKafka(b *testing.B) {
	addr := kfakeProcess(b)
	keys, messages, points := benchMessages(b.N)
	producer, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic("metrics"))
	require.NoError(b, err)
	for i, m := range messages {
		producer.Produce(context.Background(), &kgo.Record{Key: []byte(keys[i]), Value: []byte(m)}, func(_ *kgo.Record, err error) {
			if err != nil {
				panic(err)
			}
		})
	}
	require.NoError(b, producer.Flush(b.Context()))
	producer.Close()
	measure(b, Source{Name: "orders", Kafka: &Kafka{KafkaBrokers: KafkaBrokers{Brokers: []string{addr}}, Topic: "metrics", DeadLetterTopic: "dead"}}, points)
}

// BenchmarkRabbitMQ is BenchmarkKafka for a classic queue of RabbitMQ.
func BenchmarkRabbitMQ(b *testing.B) {
	r := newRabbit(b)
	source := r.queue("classic")
	source.Publish = nil
	_, messages, points := benchMessages(b.N)
	for begin := 0; begin < len(messages); begin += 500 {
		r.send(source.RabbitMQ.Queue, messages[begin:min(begin+500, len(messages))]...)
	}
	measure(b, source, points)
}

// cpuTime returns what the process has used of processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
