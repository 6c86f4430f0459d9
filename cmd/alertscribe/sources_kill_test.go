package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const sourceRules = `groups:
- name: shop
  interval: 1m
  rules:
  - {alert: Failing, source: orders, expr: order_failure_rate > 5, for: 10s}
  - {alert: Unusual, source: orders, expr: order_failure_rate, anomaly: {method: {sigma: {k: 4, window: 1h}}}}
`

// broker is what the test of a kind of queue needs of it.
type broker struct {
	settings string                            // of the source, in YAML
	send     func(lines []string)              // KEY|BODY
	events   func(more func(body []byte) bool) // what was published so far, until more says that it is all
	pause    func() time.Duration              // between a start and the next kill
	round    time.Duration                     // how long that is on average, with the start
}

// kfakeBroker runs kfake, which lives in the test's process and not in that of the service; kcat produces.
func kfakeBroker(t *testing.T) *broker {
	t.Helper()
	kcat := testbedtest.Kcat(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "metrics", "dead", "anomalies"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	addr := cluster.ListenAddrs()[0]
	dropSilentMembers(t, cluster)
	return &broker{
		settings: fmt.Sprintf("kafka: {brokers: [%q], topic: metrics, dead_letter_topic: dead}, publish: {kafka: {topic: anomalies}}", addr),
		send: func(lines []string) {
			cmd := exec.CommandContext(t.Context(), kcat, "-P", "-b", addr, "-t", "metrics", "-K", "|")
			cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
		},
		events: func(more func([]byte) bool) {
			client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("anomalies"))
			require.NoError(t, err)
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for all := false; !all && ctx.Err() == nil; {
				client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { all = !more(r.Value) || all })
			}
		},
		// A member of the group that was killed keeps its partitions for ten seconds.
		pause: func() time.Duration { return time.Duration(rand.IntN(14_000)) * time.Millisecond },
		round: 8 * time.Second,
	}
}

// dropSilentMembers lets members leave of which nothing was heard for longer than a join and a session last. Kafka does so by itself.
// kfake starts no session for a member that was killed while it waited for the answer to its join, which then keeps its partitions
// forever.
func dropSilentMembers(t *testing.T, cluster *kfake.Cluster) {
	t.Helper()
	const silence = 30 * time.Second // a join takes up to 20 s here, a session lasts 10 s
	type member struct{ group, id string }
	var mu sync.Mutex
	heard := map[member]time.Time{}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		cluster.ControlKey(key.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			var m member
			switch req := req.(type) {
			case *kmsg.JoinGroupRequest:
				m = member{req.Group, req.MemberID}
			case *kmsg.SyncGroupRequest:
				m = member{req.Group, req.MemberID}
			case *kmsg.HeartbeatRequest:
				m = member{req.Group, req.MemberID}
			}
			mu.Lock()
			heard[m] = time.Now()
			mu.Unlock()
			return nil, nil, false
		})
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait(); client.Close() })
	running.Go(func() {
		for ticker := time.NewTicker(time.Second); ; {
			select {
			case <-ctx.Done():
				ticker.Stop()
				return
			case <-ticker.C:
			}
			mu.Lock()
			var silent []member
			for m, at := range heard {
				if time.Since(at) > silence {
					silent = append(silent, m)
					delete(heard, m)
				}
			}
			mu.Unlock()
			for _, m := range silent {
				leave := kmsg.NewPtrLeaveGroupRequest()
				leave.Group, leave.Members = m.group, []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}
				if _, err := leave.RequestWith(ctx, client); ctx.Err() == nil { // most have left long since
					assert.NoError(t, err)
				}
			}
		}
	})
}

func rabbitBroker(t *testing.T) *broker {
	t.Helper()
	server := testbedtest.StartRabbitMQ(t)
	conn, err := amqp.Dial(server.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	for _, q := range []string{"metrics", "dead", "anomalies"} {
		_, err := ch.QueueDeclare(q, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
		require.NoError(t, err)
	}
	require.NoError(t, ch.ExchangeDeclare("dlx", "fanout", true, false, false, false, nil))
	require.NoError(t, ch.QueueBind("dead", "", "dlx", false, nil))
	return &broker{
		settings: fmt.Sprintf("rabbitmq: {url: %q, queue: metrics, dead_letter_exchange: dlx}, publish: {rabbitmq: {routing_key: anomalies}}", server.URL),
		send: func(lines []string) {
			var last *amqp.DeferredConfirmation
			for _, line := range lines {
				_, body, _ := strings.Cut(line, "|")
				var err error
				last, err = ch.PublishWithDeferredConfirmWithContext(t.Context(), "", "metrics", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)})
				require.NoError(t, err)
			}
			last.Wait()
		},
		events: func(more func([]byte) bool) {
			assert.Eventually(t, func() bool {
				m, ok, err := ch.Get("anomalies", true)
				return err == nil && ok && !more(m.Body)
			}, soon, time.Millisecond)
		},
		pause: func() time.Duration { return time.Duration(rand.IntN(3_000)) * time.Millisecond },
		round: 2500 * time.Millisecond,
	}
}

// shopSender sends a point of each shop for each second of a time that is past. Each hundred seconds all fail for twenty.
type shopSender struct {
	b       *broker
	begin   time.Time
	every   time.Duration
	seconds int
	stop    chan struct{}
	running sync.WaitGroup
}

const (
	shops      = 10
	mostSent   = 2_900 // a later point would be ahead of the clock
	sendAtOnce = 20    // seconds
)

func (s *shopSender) run() {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for s.seconds < mostSent {
		var lines []string
		for range sendAtOnce {
			at := s.begin.Add(time.Duration(s.seconds) * time.Second).UnixMilli()
			v := rand.Float64()
			if s.seconds%100 >= 80 {
				v += 9
			}
			for shop := range shops {
				lines = append(lines, fmt.Sprintf(`s%d|{"name":"order_failure_rate","value":%g,"timestamp":%d,"labels":{"shop":"s%d"}}`, shop, v, at, shop))
			}
			s.seconds++
		}
		s.b.send(lines)
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
	}
}

// TestSourcesKilled kills the service at random instants while points come. Each point counts once, each alert fires once, and each
// change of it is published.
func TestSourcesKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute by the clock")
	}
	for name, start := range map[string]func(*testing.T) *broker{"Kafka": kfakeBroker, "RabbitMQ": rabbitBroker} {
		t.Run(name, func(t *testing.T) { killSource(t, start(t)) })
	}
}

func killSource(t *testing.T, b *broker) {
	dir, address := t.TempDir(), freeAddress(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(sourceRules), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml], sources: [{name: orders, "+b.settings+"}]}\n"), 0o600))
	withConfig := func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) }
	p := startProcess(t, dir, address, withConfig)

	sender := &shopSender{
		b: b, begin: time.Now().Add(-50 * time.Minute), stop: make(chan struct{}),
		every: max(100*time.Millisecond, time.Duration(*detectKillRounds)*b.round/(mostSent/sendAtOnce)), // until the last kill, or so
	}
	sender.running.Go(sender.run)
	for range *detectKillRounds {
		time.Sleep(b.pause()) // the instant is the point
		p.kill()
		p = startProcess(t, dir, address, withConfig)
	}
	close(sender.stop)
	sender.running.Wait()
	sent := sender.seconds
	waited := time.Now()
	if !assert.Eventually(t, func() bool { n, _ := pointsOf(t, p); return n >= sent*shops }, 5*time.Minute, 100*time.Millisecond, "points were lost") {
		n, _ := pointsOf(t, p)
		t.Fatalf("%d of %d; %s", n, sent*shops, sourceState(t, p))
	}
	t.Logf("caught up after %s", time.Since(waited).Round(time.Second))
	time.Sleep(2 * time.Second) // what would count twice
	failing, unusual := 0, 0
	assert.Eventually(t, func() bool { // a member that is dropped makes the partitions of the other one move, which then has none for a moment
		failing, unusual = pointsOf(t, p)
		return failing == sent*shops && unusual == sent*shops
	}, soon, 50*time.Millisecond, "each point counts once: %d", sent*shops)
	opened := sent / 100 * shops
	if sent%100 > 90 {
		opened += shops
	}
	seen, again := openedAlerts(t, b, opened)
	assert.Equal(t, opened, seen, "alerts, each opened once")
	t.Logf("%d kills, %d points counted of %d, %d alerts opened of %d, %d events sent again", *detectKillRounds, failing, sent*shops, seen, opened, again)
}

// pointsOf returns the points that the service has taken for each of the two rules.
func pointsOf(t *testing.T, p *process) (failing, unusual int) {
	var answer struct{ Rules []watch.RuleStatus }
	_, text := get(t, p.url+"/api/v1/detection")
	if json.Unmarshal([]byte(text), &answer) != nil || len(answer.Rules) != 2 {
		return 0, 0
	}
	return int(answer.Rules[0].Points), int(answer.Rules[1].Points)
}

// openedAlerts returns how many alerts were published as opened, and how often one was again.
func openedAlerts(t *testing.T, b *broker, want int) (n, again int) {
	seen := map[string]bool{}
	b.events(func(body []byte) bool {
		var e watch.Event
		require.NoError(t, json.Unmarshal(body, &e))
		if e.Rule == "shop/Failing" && e.Event == watch.EventOpened {
			if seen[e.ID] {
				again++
			}
			seen[e.ID] = true
		}
		return len(seen) < want
	})
	return len(seen), again
}

// sourceState returns what tells why a source is not read.
func sourceState(t *testing.T, p *process) string {
	_, text := get(t, p.url+"/metrics")
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "alertscribe_detect_") && !strings.Contains(line, "_bucket") {
			b.WriteString(line)
		}
	}
	log, _ := os.ReadFile(filepath.Join(p.dir, "service.log"))
	b.Write(log[max(0, len(log)-3000):])
	return b.String()
}
