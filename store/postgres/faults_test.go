package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// acceptable waits until a notification is accepted.
func acceptable(t *testing.T, s *Store, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := s.Accept(t.Context(), firing(name))
		return err == nil
	}, time.Minute, 50*time.Millisecond)
}

// TestRestarted: while the server is away nothing is acknowledged; when it is back all goes on by itself, subscribers look for what
// they missed, and what was leased is still leased.
func TestRestarted(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	for name, end := range map[string]func() error{"stopped": p.Stop, "crashed": p.Kill} {
		t.Run(name, func(t *testing.T) {
			s := open(t, createDatabase(t, p), func(o *Options) { o.Timeout = 6 * time.Second })
			changes := s.Subscribe(t.Context())
			acceptable(t, s, "before")
			claims, err := s.Claim(t.Context(), incident.WorkEvidence, 1)
			require.NoError(t, err)
			require.Len(t, claims, 1)
			require.NoError(t, end())
			begun := time.Now()
			_, err = s.Accept(t.Context(), firing("while"))
			require.Error(t, err)
			assert.Less(t, time.Since(begun), soon)
			require.Error(t, s.Ping(t.Context()))
			require.NoError(t, p.Start(t.Context()))
			acceptable(t, s, "after")
			require.NoError(t, s.Renew(t.Context(), claims[0]))
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
			}, time.Minute, 10*time.Millisecond, "subscribers are told to look")
			acceptable(t, s, "heard of again")
			require.Eventually(t, func() bool {
				select {
				case c := <-changes:
					return c.ID != ""
				default:
					return false
				}
			}, time.Minute, 10*time.Millisecond)
		})
	}
}

// TestPaused: a server that does not answer makes methods fail within the timeout, and all goes on when it does.
func TestPaused(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	s := open(t, createDatabase(t, p), func(o *Options) { o.Timeout = 4 * time.Second })
	acceptable(t, s, "before")
	require.NoError(t, p.Pause())
	begun, late := time.Now(), make(chan time.Time)
	time.AfterFunc(500*time.Millisecond, func() { // it waits for the first one
		_, err := s.Accept(context.Background(), firing("late"))
		assert.Error(t, err) //nolint:testifylint // not in the test's own goroutine
		late <- time.Now()
	})
	_, err := s.Accept(t.Context(), firing("while"))
	failed := time.Now()
	require.Error(t, err)
	assert.Less(t, (<-late).Sub(failed), 3*time.Second, "who waits behind does not wait as long again")
	_, _, err = s.Incident(t.Context(), "x")
	require.NotErrorIs(t, err, incident.ErrNotFound)
	assert.Less(t, time.Since(begun), soon)
	require.NoError(t, p.Resume())
	acceptable(t, s, "after")
}

// TestOutOfConnections: where the server takes no more connections nothing is acknowledged, and all goes on when it does.
func TestOutOfConnections(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{Settings: map[string]string{"max_connections": "12"}})
	url := createDatabase(t, p)
	s := open(t, url)
	acceptable(t, s, "before")
	s.pool.Reset() // its connections go
	var taken []*pgx.Conn
	for {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			require.ErrorContains(t, err, "53300")
			break
		}
		taken = append(taken, conn)
	}
	_, err := s.Accept(t.Context(), firing("while"))
	require.ErrorContains(t, err, "53300")
	for _, conn := range taken {
		require.NoError(t, conn.Close(t.Context()))
	}
	acceptable(t, s, "after")
}

// TestTerminated: sessions are ended at random under load. What was acknowledged is stored, every notification that is stored
// counts once, and those that were not acknowledged may be sent again.
func TestTerminated(t *testing.T) {
	url := newDatabase(t)
	s := open(t, url)
	ctx, stop := context.WithCancel(t.Context())
	var chaos, clients sync.WaitGroup
	chaos.Go(func() {
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			assert.Fail(t, "no connection to end the others", err.Error())
			return
		}
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			_, _ = conn.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2`)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	var mu sync.Mutex
	acknowledged, failed := map[string]bool{}, 0
	for c := range 8 {
		clients.Go(func() {
			for i := range 60 {
				n := firing(fmt.Sprint("g", i%10))
				body := fmt.Sprintf("%d-%d", c, i)
				n.Body = []byte(body)
				_, err := s.Accept(context.Background(), n)
				mu.Lock()
				if err == nil {
					acknowledged[body] = true
				} else {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	stop()
	chaos.Wait()
	acceptable(t, s, "after")
	stored := map[string]bool{}
	log := suite().Log(t, database(url))
	for _, l := range log {
		stored[string(l.Body)] = true
	}
	for body := range acknowledged {
		assert.True(t, stored[body], "acknowledged and lost: %s", body)
	}
	assert.Zero(t, testbedtest.Count(t, url, `SELECT count(*) FROM incidents i JOIN repeat_state r USING (seq)
		WHERE (SELECT count(*) FROM notifications n WHERE n.incident_id = i.id) <> 1 + (r.doc::json ->> 'repeats')::int`), "each counts once")
	t.Logf("%d acknowledged, %d failed, %d stored", len(acknowledged), failed, len(log))
	assert.NotEmpty(t, acknowledged)
}

// TestStandsStillInATransaction: a copy that stops between its lock and its commit holds up the group only until the server ends its
// session, and can't write when it wakes.
func TestStandsStillInATransaction(t *testing.T) {
	url := newDatabase(t)
	s := open(t, url)
	acceptable(t, s, "x")
	n := firing("x")
	n.Normalize()
	config := s.listen.Copy()
	assert.Equal(t, "10000", config.RuntimeParams["idle_in_transaction_session_timeout"])
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "700"
	still, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer still.Close(context.Background())
	_, err = still.Exec(t.Context(), `BEGIN`)
	require.NoError(t, err)
	begun := time.Now() // or what is between the lock and Accept would be missing
	_, err = still.Exec(t.Context(), lockGroups, []int64{groupOf(n.Receiver, n.GroupKey).lock})
	require.NoError(t, err)
	_, err = s.Accept(t.Context(), firing("x"))
	require.NoError(t, err)
	assert.Greater(t, time.Since(begun), 690*time.Millisecond, "it had the lock")
	_, err = still.Exec(t.Context(), `COMMIT`)
	require.Error(t, err)
}

// TestDeadlockIsNone: transactions that need the same groups in another order wait for each other in one order.
func TestDeadlockIsNone(t *testing.T) {
	url := newDatabase(t)
	stores := []*Store{open(t, url), open(t, url)}
	var wg sync.WaitGroup
	for c := range 40 {
		wg.Go(func() {
			for i := range 20 {
				group := i % 20
				if c%2 == 0 {
					group = 19 - group
				}
				_, err := stores[c%2].Accept(context.Background(), firing(fmt.Sprint(group)))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Zero(t, testbedtest.Count(t, url, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`))
}

// TestBadRowFailsAlone: what the database refuses takes nothing else with it.
func TestBadRowFailsAlone(t *testing.T) {
	url := newDatabase(t)
	s := open(t, url)
	testbedtest.Query(t, url, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$`)
	testbedtest.Query(t, url, `CREATE TRIGGER poison BEFORE INSERT ON notifications FOR EACH ROW WHEN (NEW.receiver = 'poison') EXECUTE FUNCTION refuse()`)
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		n := firing(fmt.Sprint(i % 3))
		if i == 7 {
			n.Receiver = "poison"
		}
		wg.Go(func() { _, errs[i] = s.Accept(context.Background(), n) })
	}
	wg.Wait()
	for i, err := range errs {
		if i == 7 {
			require.ErrorContains(t, err, "a bad row")
			continue
		}
		require.NoError(t, err, i)
	}
	assert.Equal(t, 19, testbedtest.Count(t, url, `SELECT count(*) FROM notifications`))
	assert.Equal(t, 3, testbedtest.Count(t, url, `SELECT count(*) FROM incidents`), "the bad one has left nothing")
}

// TestGone tells errors apart that say something of a row from those that say that there is no server.
func TestGone(t *testing.T) {
	url := newDatabase(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `SELECT 1 / 0`)
	assert.False(t, gone(err))
	assert.True(t, gone(fmt.Errorf("storing: %w", unreachable{errors.New("connection reset by peer")})))
	assert.False(t, gone(errors.New("a fault of ours")))
	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	assert.True(t, gone(err))
}
