package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// The past that the tests' Prometheus knows: six days of three queues, and what happened in the end.
var (
	pastEnds = time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC) // of one hour, whenever the tests run: the noise falls as it fell
	pastDays = 6
	drops    = pastEnds.Add(-3 * time.Hour) // queue "a" drops to a fifth, for an hour
	vanishes = pastEnds.Add(-2 * time.Hour) // queue "b" has no samples any more
)

// past writes the samples of the queues.
func past() *bytes.Buffer {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Fprintln(&b, "# TYPE queue gauge")
	for _, name := range []string{"a", "b", "c"} {
		for t := pastEnds.Add(-time.Duration(pastDays) * 24 * time.Hour); t.Before(pastEnds); {
			v := 100 + 30*math.Sin(2*math.Pi*float64(t.Unix())/86400) + 3*r.NormFloat64()
			if name == "a" && !t.Before(drops) && t.Before(drops.Add(time.Hour)) {
				v /= 5
			}
			if name != "b" || t.Before(vanishes) {
				fmt.Fprintf(&b, "queue{queue=%q,site=\"x\"} %g %d\n", name, v, t.Unix())
			}
			step := time.Minute
			if pastEnds.Sub(t) > 6*time.Hour { // more is not read of it
				step = 5 * time.Minute
			}
			t = t.Add(step)
		}
	}
	fmt.Fprintln(&b, "# EOF")
	return &b
}

var pastServer struct {
	sync.Once
	url string
	end func()
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if pastServer.end != nil {
		pastServer.end()
	}
	os.Exit(code)
}

// client returns one of a real Prometheus that knows the past; all tests share it.
func client(t testing.TB) *promapi.Client {
	t.Helper()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	pastServer.Do(func() {
		dir, err := os.MkdirTemp("", "detect-watch-") //nolint:usetesting // it outlives the test
		if err != nil {
			pastServer.err = err
			return
		}
		ctx := context.Background()
		if pastServer.err = testbed.Backfill(ctx, bins, past(), dir+"/tsdb"); pastServer.err != nil {
			return
		}
		s, err := testbed.StartPrometheus(ctx, bins, dir, testbed.PrometheusConfig{})
		if pastServer.err = err; err != nil {
			return
		}
		pastServer.url = s.URL
		pastServer.end = func() {
			_ = s.Stop()
			_ = os.RemoveAll(dir)
		}
	})
	require.NoError(t, pastServer.err)
	return connect(t, pastServer.url)
}

func connect(t testing.TB, root string) *promapi.Client {
	t.Helper()
	u, err := url.Parse(root)
	require.NoError(t, err)
	c, err := promapi.Connect(promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}, "prometheus")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// told keeps the newest alerts of each rule.
type told struct {
	mu     sync.Mutex
	alerts map[string][]Alert
}

func (n *told) Notify(_ context.Context, r *Rule, _ time.Duration, alerts []Alert) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.alerts == nil {
		n.alerts = map[string][]Alert{}
	}
	n.alerts[r.Key()] = alerts
}

func (n *told) of(rule string) []Alert {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.alerts[rule]
}

// memory is a State.
type memory struct {
	mu   sync.Mutex
	rows map[string]map[string][]byte
	n    int // rows written
	fail error
}

func (m *memory) LoadDetection(_ context.Context, rule string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	maps.Copy(out, m.rows[rule])
	return out, m.fail
}

func (m *memory) DetectionRules(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.rows)), m.fail
}

func (m *memory) SaveDetection(_ context.Context, rule string, rows map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.rows == nil {
		m.rows = map[string]map[string][]byte{}
	}
	if m.rows[rule] == nil {
		m.rows[rule] = map[string][]byte{}
	}
	m.n += len(rows)
	for k, v := range rows {
		if v == nil {
			if delete(m.rows[rule], k); len(m.rows[rule]) == 0 {
				delete(m.rows, rule)
			}
			continue
		}
		m.rows[rule][k] = bytes.Clone(v)
	}
	return nil
}

// running is a Watcher of one group that a test drives.
type running struct {
	*Watcher
	t     testing.TB
	told  *told
	state *memory
	reg   *prometheus.Registry
	at    time.Time // the newest evaluation
}

func ruleFile(rules string) string {
	return "groups:\n- name: g\n  rules:\n" + rules
}

// start returns a Watcher of a rule file that has evaluated nothing yet.
func start(t testing.TB, c *promapi.Client, text string, state *memory) *running {
	t.Helper()
	groups, err := Parse("rules.yml", []byte(text))
	require.NoError(t, err)
	return startGroups(t, c, groups, state)
}

func startGroups(t testing.TB, c *promapi.Client, groups []*Group, state *memory) *running {
	t.Helper()
	r := &running{t: t, told: &told{}, state: state, reg: prometheus.NewRegistry()}
	o := Options{
		Groups: groups, Prometheus: c, Notifier: r.told, Registerer: r.reg, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return r.at },
	}
	if state != nil {
		o.State = state
	}
	var err error
	r.Watcher, err = New(o)
	require.NoError(t, err)
	return r
}

// resumeAt is the start of a Watcher at a time: it takes what was saved.
func (r *running) resumeAt(at time.Time) {
	r.at = at
	for _, g := range r.groups {
		r.resume(r.t.Context(), g)
	}
}

// evaluateTo evaluates each slot up to a time; the first one is that of from.
func (r *running) evaluateTo(from, to time.Time) {
	r.t.Helper()
	g := r.groups[0]
	for at := g.slot(from); !at.After(to); at = at.Add(g.Interval) {
		r.at = at
		r.evaluateGroup(r.t.Context(), g, at)
	}
}
