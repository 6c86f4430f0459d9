package postgres

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// senders send notifications to copies all the time, as Alertmanager does, and remember what was acknowledged.
type senders struct {
	t      *testing.T
	mu     sync.Mutex
	acked  map[string]bool
	failed int
	end    func()
}

func send(t *testing.T, stores ...*Store) *senders {
	t.Helper()
	s := &senders{t: t, acked: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				n := firing(fmt.Sprint("g", i%20))
				body := fmt.Sprintf("%p-%d-%d", s, c, i)
				n.Body = []byte(body)
				_, err := stores[c%len(stores)].Accept(context.Background(), n)
				s.mu.Lock()
				if err == nil {
					s.acked[body] = true
				} else {
					s.failed++
				}
				s.mu.Unlock()
				if err != nil {
					time.Sleep(10 * time.Millisecond) // Alertmanager would wait longer
				}
			}
		})
	}
	s.end = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(s.end)
	return s
}

func (s *senders) counts() (acked, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked), s.failed
}

// more waits until so many more were acknowledged.
func (s *senders) more(n int) {
	s.t.Helper()
	before, _ := s.counts()
	require.Eventually(s.t, func() bool {
		now, _ := s.counts()
		return now >= before+n
	}, 2*soon, 10*time.Millisecond, "accepted again by itself")
}

// lost ends the senders and returns how much was acknowledged and is not stored.
func (s *senders) lost(url string) (lost int) {
	s.t.Helper()
	s.end()
	stored := map[string]bool{}
	for _, l := range suite().Log(s.t, database(url)) {
		stored[string(l.Body)] = true
	}
	for body := range s.acked {
		if !stored[body] {
			lost++
		}
	}
	return lost
}

// missed waits until a subscriber is told to look, and then until it is told of what is committed.
func missed(t *testing.T, changes <-chan incident.Change, accepts *Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		for {
			select {
			case c := <-changes:
				if c.Missed {
					return true
				}
			default:
				return false
			}
		}
	}, soon, 10*time.Millisecond, "subscribers are told to look")
	var id string
	require.Eventually(t, func() bool {
		receipt, err := accepts.Accept(t.Context(), firing(incident.NewID()))
		id = receipt.IncidentID
		return err == nil
	}, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		select {
		case c := <-changes:
			return c.ID == id
		default:
			return false
		}
	}, soon, time.Millisecond, "the other copy is heard of")
}

// soon bounds the wait for what takes milliseconds on a quiet machine.
const soon = time.Minute

// quick is as short as a busy machine allows: a connection has to be made within a third of it.
func quick(o *Options) { o.Timeout, o.Lease = 6*time.Second, 3*time.Second }

// TestFailedOver kills the primary under load and promotes its standby, at another address. What was acknowledged is there, all copies
// go on by themselves, the feed is heard of again, and leases of the dead pass on. The former primary comes back then, and takes writes:
// none goes there.
func TestFailedOver(t *testing.T) {
	first, second := testbedtest.StartReplicated(t, "scribe", true)
	url := first.URLAt("scribe", first.Address(), second.Address()) + "&target_session_attrs=read-write"
	stores := []*Store{open(t, url, quick), open(t, url, quick)}
	changes := stores[1].Subscribe(t.Context())
	acceptable(t, stores[0], "before")
	claims, err := stores[0].Claim(t.Context(), incident.WorkEvidence, 1)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	load := send(t, stores...)
	load.more(100)
	require.NoError(t, first.Kill())
	_, before := load.counts()
	require.Eventually(t, func() bool { _, failed := load.counts(); return failed > before }, soon, time.Millisecond, "nothing is acknowledged")
	require.NoError(t, second.Promote(t.Context()))
	load.more(200)
	assert.Zero(t, load.lost(second.URL("scribe")), "acknowledged and lost")
	missed(t, changes, stores[0])
	var taken []incident.Claim
	require.Eventually(t, func() bool {
		claims, _ := stores[1].Claim(t.Context(), incident.WorkEvidence, 100)
		taken = append(taken, claims...)
		for _, c := range taken {
			if c.Incident.ID == claims[0].Incident.ID {
				return true
			}
		}
		return false
	}, soon, 50*time.Millisecond, "what a dead copy had leased is claimed")

	require.NoError(t, first.Start(t.Context()))
	testbedtest.Set(t, first, "synchronous_standby_names", "")
	there := testbedtest.Count(t, first.URL("scribe"), `SELECT count(*) FROM notifications`)
	for _, s := range stores {
		s.pool.Reset() // as connections end in time
	}
	load = send(t, stores...)
	load.more(100)
	assert.Zero(t, load.lost(second.URL("scribe")), "acknowledged by the former primary")
	assert.Equal(t, there, testbedtest.Count(t, first.URL("scribe"), `SELECT count(*) FROM notifications`))
	_, err = pgx.ConnectConfig(t.Context(), only(t, stores[0], first))
	require.ErrorContains(t, err, "it is a former primary, of timeline 1: timeline 2 has begun")
}

// only returns how a copy connects to one server alone.
func only(t *testing.T, s *Store, p *testbed.Postgres) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(p.URL("scribe"))
	require.NoError(t, err)
	config.ValidateConnect = s.listen.ValidateConnect
	return config
}

// TestAddressMoves: the address stays, and leads to the promoted standby after a failover. The connections that were open are silent for
// good; all of them are given up with the first one.
func TestAddressMoves(t *testing.T) {
	first, second := testbedtest.StartReplicated(t, "scribe", true)
	relay := testbedtest.StartRelay(t, first.Address())
	url := first.URLAt("scribe", relay.Address())
	stores := []*Store{open(t, url, quick), open(t, url, quick)}
	changes := stores[1].Subscribe(t.Context())
	load := send(t, stores...)
	load.more(100)
	load.end()
	require.NoError(t, second.Promote(t.Context()))
	for _, s := range stores { // all connections are open, and idle
		var open []*pgxpool.Conn
		for range connections {
			conn, err := s.pool.Acquire(t.Context())
			require.NoError(t, err)
			open = append(open, conn)
		}
		for _, conn := range open {
			conn.Release()
		}
		require.EqualValues(t, connections, s.pool.Stat().TotalConns())
	}
	relay.Move(second.Address())
	require.NoError(t, first.Kill())
	for _, s := range stores {
		failed := 0
		for failed < connections {
			if _, err := s.Accept(t.Context(), firing("silence")); err == nil {
				break
			}
			failed++
		}
		assert.Positive(t, failed, "the connections were silent")
		assert.Less(t, failed, connections/3, "one timeout, or so where the machine is slow, not one for each connection")
	}
	later := send(t, stores...)
	later.more(100)
	assert.Zero(t, load.lost(second.URL("scribe")), "acknowledged and lost")
	assert.Zero(t, later.lost(second.URL("scribe")), "acknowledged and lost")
	missed(t, changes, stores[0])
}

// TestSwitchedToReadOnly: a primary is handed over by making it read-only, with its connections left open. Copies leave it, their feeds
// too.
func TestSwitchedToReadOnly(t *testing.T) {
	first, second := testbedtest.StartReplicated(t, "scribe", false)
	url := first.URLAt("scribe", first.Address(), second.Address())
	stores := []*Store{open(t, url, quick), open(t, url, quick)}
	changes := stores[1].Subscribe(t.Context())
	acceptable(t, stores[0], "before")
	require.NoError(t, second.Promote(t.Context()))
	testbedtest.Set(t, first, "default_transaction_read_only", "on")
	require.Eventually(t, func() bool {
		return testbedtest.Count(t, first.URL("postgres"), `SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'`) == 1
	}, soon, 10*time.Millisecond, "what is committed before goes to the former primary")
	for _, s := range stores {
		acceptable(t, s, "after")
	}
	assert.Equal(t, 1, testbedtest.Count(t, second.URL("scribe"), `SELECT count(*) FROM incidents WHERE alertname = 'after'`))
	missed(t, changes, stores[0])
	_, err := Open(t.Context(), Options{URL: first.URL("scribe")})
	require.ErrorContains(t, err, "it takes no writes")
}

// TestUnreplicatedIsNotAcknowledged: PostgreSQL commits without its standby when the wait for it is canceled, and says so in a warning.
func TestUnreplicatedIsNotAcknowledged(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	url := createDatabase(t, p)
	// Whatever the server's own settings are.
	testbedtest.Query(t, url, `ALTER ROLE alertscribe SET client_min_messages = 'error'`)
	s := open(t, url)
	testbedtest.Set(t, p, "synchronous_standby_names", "nobody")
	waits := func(what string) func() bool { // for the standby that is not there
		return func() bool {
			return testbedtest.Count(t, p.URL("postgres"), `SELECT count(`+what+`) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`) > 0
		}
	}
	pinging, cancel := context.WithCancel(t.Context())
	var pings sync.WaitGroup
	pings.Go(func() {
		for pinging.Err() == nil {
			_ = s.Ping(pinging)
		}
	})
	require.Eventually(t, waits("*"), soon, time.Millisecond, "commits wait")
	cancel()
	pings.Wait()
	require.Eventually(t, func() bool { return !waits("pg_cancel_backend(pid)")() }, soon, 10*time.Millisecond, "none of ours is left")
	for name, write := range map[string]func() error{
		"Accept": func() error { _, err := s.Accept(context.Background(), firing("x")); return err },
		"Ping":   func() error { return s.Ping(context.Background()) },
		"SaveDetection": func() error {
			return s.SaveDetection(context.Background(), "rule", map[string][]byte{"series": {1}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() { done <- write() }()
			require.Eventually(t, waits("pg_cancel_backend(pid)"), soon, 10*time.Millisecond)
			require.ErrorContains(t, <-done, "perhaps not on the standby")
		})
	}
	testbedtest.Set(t, p, "synchronous_standby_names", "")
	acceptable(t, s, "x")
}

// TestHostsThatDoNotAnswer: of three hosts two take connections and never answer. The third is found in time.
func TestHostsThatDoNotAnswer(t *testing.T) {
	url := newDatabase(t)
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	var hosts []string
	for range 2 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		hosts = append(hosts, l.Addr().String())
	}
	hosts = append(hosts, server.Address())
	s := open(t, server.URLAt(config.Database, hosts...), func(o *Options) { o.Timeout = 8 * time.Second })
	acceptable(t, s, "x")
}

// TestCommitsThatAreLost: a failover without synchronous replication takes commits back that a copy remembers. It notices, whatever
// was committed since.
func TestCommitsThatAreLost(t *testing.T) {
	url := newDatabase(t)
	stores := []*Store{open(t, url), open(t, url)}
	joins := func(s *Store, name string) {
		t.Helper()
		n := firing("x")
		n.Alerts = append(n.Alerts, n.Alerts[0])
		n.Alerts[1].Labels = map[string]string{"alertname": "x", "instance": name}
		n.Truncated = 1 // there are others
		_, err := s.Accept(t.Context(), n)
		require.NoError(t, err)
	}
	joins(stores[0], "first")
	testbedtest.Query(t, url, `CREATE TABLE replica AS SELECT i.seq, i.doc, r.version, r.doc AS state FROM incidents i JOIN repeat_state r USING (seq)`)
	joins(stores[0], "lost")
	testbedtest.Query(t, url, `UPDATE incidents i SET doc = s.doc FROM replica s WHERE s.seq = i.seq`)
	testbedtest.Query(t, url, `UPDATE repeat_state r SET doc = s.state, version = s.version FROM replica s WHERE s.seq = r.seq`)
	joins(stores[1], "second")
	joins(stores[0], "third")
	list, _, err := stores[0].Incidents(t.Context(), incident.Query{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1)
	var names []string
	for _, a := range list[0].Alerts {
		names = append(names, a.Labels["instance"])
	}
	assert.ElementsMatch(t, []string{"", "first", "second", "third"}, names)
}
