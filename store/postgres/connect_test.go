package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

func TestName(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://us:hunter2@db/scribe":                   "postgres://db:5432/scribe",
		"postgresql://db:6432/scribe?sslmode=disable":       "postgres://db:6432/scribe",
		"postgres:///scribe?host=/run/postgresql":           "postgres:///run/postgresql/scribe",
		"postgres://us:hunter2@db:high/scribe":              "postgres://",
		"postgres://us:hunter2@db/scribe?sslmode=whatever":  "postgres://",
		"postgres://us:hunter2@db/scribe?connect_timeout=x": "postgres://",
	} {
		got := Name(url)
		assert.NotContains(t, got, "hunter2")
		if !strings.Contains(url, "host=/") {
			assert.Equal(t, want, got, url)
		}
		if want == "postgres://" {
			require.ErrorContains(t, Check(url), "it looks like postgres://user@host:5432/database")
			assert.NotContains(t, Check(url).Error(), "hunter2")
		} else {
			require.NoError(t, Check(url))
		}
	}
}

// TestOpenFails: what the user can do something about says what, and no error has the password.
func TestOpenFails(t *testing.T) {
	good := newDatabase(t)
	for name, tc := range map[string]struct{ url, want string }{
		"password": {strings.Replace(good, "alertscribe:", "alertscribe:hunter2", 1), "check the user and the password"},
		"database": {server.URL("nothing"), "create it: CREATE DATABASE"},
		"nobody":   {"postgres://us:hunter2@127.0.0.1:1/x", "connection refused"},
		"encoding": {latin(t), "ENCODING 'UTF8'"},
		"unsynced": {good + "&synchronous_commit=off", "leave it out of the URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Options{URL: tc.url, Timeout: 20 * time.Second})
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "opening the database postgres://127.0.0.1:")
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	_, err := Open(t.Context(), Options{})
	require.EqualError(t, err, "store/postgres: Options.URL is required")
}

// latin makes a database of another encoding.
func latin(t *testing.T) string {
	t.Helper()
	testbedtest.Query(t, server.URL("postgres"), `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
	return server.URL("latin")
}

// TestNothingIsAcknowledgedUnsynced: a server that does not sync is refused.
func TestNothingIsAcknowledgedUnsynced(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{Settings: map[string]string{"fsync": "off"}})
	_, err := Open(t.Context(), Options{URL: createDatabase(t, p)})
	require.ErrorContains(t, err, "fsync is off, want on")
}

// TestSyncedWhateverTheServerSays: sessions commit synchronously where the server's default is another one.
func TestSyncedWhateverTheServerSays(t *testing.T) {
	url := newDatabase(t)
	testbedtest.Query(t, url, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	s := open(t, url)
	var got string
	require.NoError(t, s.pool.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&got))
	assert.Equal(t, "on", got)
}

// TestMigratedAtOnce: many copies that start on an empty database migrate it once.
func TestMigratedAtOnce(t *testing.T) {
	newDatabase(t) // for the server
	url := createDatabase(t, server.Postgres)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(context.Background(), Options{URL: url})
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, testbedtest.Count(t, url, `SELECT count(*) FROM goose_db_version WHERE version_id = 1`))
}

func TestMigrationsGoBack(t *testing.T) {
	url := newDatabase(t)
	config, err := parse(url)
	require.NoError(t, err)
	p, err := provider(config.ConnConfig)
	require.NoError(t, err)
	defer p.Close()
	_, err = p.DownTo(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, 1, testbedtest.Count(t, url, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`), "goose's own")
	open(t, url)
}

func TestPrune(t *testing.T) {
	url := newDatabase(t)
	now := then
	s := open(t, url, func(o *Options) {
		o.Retention = 24 * time.Hour
		o.Now = func() time.Time { return now }
	})
	var wg sync.WaitGroup
	const old = 2*pruneSize + 7
	for c := range 50 {
		wg.Go(func() {
			for i := c; i < old; i += 50 {
				_, err := s.Accept(context.Background(), firing(fmt.Sprint(i%10)))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	_, err := s.ReserveCall(t.Context(), "x", 0, incident.Limits{})
	require.NoError(t, err)
	now = then.Add(24 * time.Hour)
	_, err = s.Accept(t.Context(), firing("1"))
	require.NoError(t, err)
	require.NoError(t, s.prune(t.Context()))
	assert.Equal(t, old+1, testbedtest.Count(t, url, `SELECT count(*) FROM notifications`), "not older than a day")
	now = now.Add(time.Second)
	require.NoError(t, s.prune(t.Context()))
	assert.Equal(t, 1, testbedtest.Count(t, url, `SELECT count(*) FROM notifications`))
	assert.Equal(t, 10, testbedtest.Count(t, url, `SELECT count(*) FROM incidents`), "incidents stay")
	assert.Equal(t, 1, testbedtest.Count(t, url, `SELECT count(*) FROM model_calls`))
	now = now.Add(callsKept)
	require.NoError(t, s.prune(t.Context()))
	assert.Zero(t, testbedtest.Count(t, url, `SELECT count(*) FROM model_calls`))
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := open(t, newDatabase(t), func(o *Options) { o.Registerer = reg })
	_, err := s.Accept(t.Context(), firing("x"))
	require.NoError(t, err)
	n, err := testutil.GatherAndCount(reg, "alertscribe_store_commit_duration_seconds", "alertscribe_store_batch_operations", "alertscribe_store_failed_batches_total")
	require.NoError(t, err)
	assert.Equal(t, 3, n)
}
