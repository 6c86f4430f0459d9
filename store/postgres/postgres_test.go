package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/storetest"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// server is the PostgreSQL of all tests that do nothing to it.
var server struct {
	once sync.Once
	*testbed.Postgres
	err error
}

func TestMain(m *testing.M) {
	if f, ok := children[os.Getenv(child)]; ok {
		if err := f(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if server.Postgres != nil {
		if err := server.Close(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

var databases atomic.Int64

// newDatabase makes a database without incidents and returns its URL.
func newDatabase(tb testing.TB) string {
	tb.Helper()
	server.once.Do(func() {
		var bin string
		if bin, server.err = testbed.FindPostgres(); server.err == nil {
			server.Postgres, server.err = testbed.StartPostgres(context.Background(), bin, testbed.PostgresConfig{})
		}
		if server.err == nil {
			server.err = makeTemplate(server.Postgres)
		}
	})
	if server.err != nil && os.Getenv("CI") == "" {
		tb.Skip(server.err)
	}
	require.NoError(tb, server.err)
	name := fmt.Sprint("copy", databases.Add(1))
	testbedtest.Query(tb, server.URL("postgres"), `CREATE DATABASE `+name+` TEMPLATE `+template)
	return server.URL(name)
}

// template is a database with the schema: copies of it cost less than migrations.
const template = "migrated"

func makeTemplate(p *testbed.Postgres) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+template); err != nil {
		return err
	}
	s, err := Open(ctx, Options{URL: p.URL(template)})
	if err != nil {
		return err
	}
	return s.Close()
}

// createDatabase makes an empty database and returns its URL.
func createDatabase(tb testing.TB, p *testbed.Postgres) string {
	tb.Helper()
	name := fmt.Sprint("test", databases.Add(1))
	testbedtest.Query(tb, p.URL("postgres"), `CREATE DATABASE `+name)
	return p.URL(name)
}

// database is a database of the suite.
type database string

func (d database) Open(o storetest.Options) (storetest.Store, error) {
	return Open(context.Background(), Options{URL: string(d), Policy: o.Policy, Lease: o.Lease, Retention: o.Retention, Now: o.Now})
}

func suite() *storetest.Engine {
	return &storetest.Engine{
		New:    func(tb testing.TB) storetest.Database { return database(newDatabase(tb)) },
		Shared: true,
		Log: func(tb testing.TB, db storetest.Database) []storetest.Logged {
			tb.Helper()
			conn, err := pgx.Connect(context.Background(), string(db.(database)))
			require.NoError(tb, err)
			defer conn.Close(context.Background())
			rows, err := conn.Query(context.Background(), `SELECT outcome, coalesce(incident_id, ''), received_at, body FROM notifications ORDER BY seq`)
			require.NoError(tb, err)
			log, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l storetest.Logged, err error) {
				var received int64
				err = row.Scan(&l.Outcome, &l.Incident, &received, &l.Body)
				l.Received = fromMicros(received)
				return l, err
			})
			require.NoError(tb, err)
			return log
		},
	}
}

// TestConformance runs the suite that all engines have in common.
func TestConformance(t *testing.T) { suite().Run(t) }

// at is when the notifications of tests arrive.
var then = time.Date(2026, 11, 20, 8, 30, 5, 123456000, time.UTC)

// open opens a store and closes it at the end of the test.
func open(tb testing.TB, url string, change ...func(*Options)) *Store {
	tb.Helper()
	o := Options{URL: url}
	for _, f := range change {
		f(&o)
	}
	s, err := Open(context.Background(), o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// firing returns a notification of a group in which one alert fires.
func firing(name string) *incident.Notification {
	return &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf("{}:{alertname=%q}", name), GroupLabels: map[string]string{"alertname": name},
		Alerts: []incident.Alert{{
			Status: incident.Firing, StartsAt: then, Labels: map[string]string{"alertname": name, "severity": "warning"},
		}},
		Body: []byte(`{"version":"4"}`),
	}
}
