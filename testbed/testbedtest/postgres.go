package testbedtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/testbed"
)

// StartReplicated runs a PostgreSQL with an empty database and a standby that follows it, until the end of the test. With synchronous
// replication what is committed is on both.
func StartReplicated(tb testing.TB, database string, synchronous bool) (first, second *testbed.Postgres) {
	tb.Helper()
	first = StartPostgres(tb, testbed.PostgresConfig{})
	Query(tb, first.URL("postgres"), `CREATE DATABASE `+database)
	second = StartReplica(tb, first, testbed.PostgresConfig{})
	if !synchronous {
		return first, second
	}
	Set(tb, first, "synchronous_standby_names", "*")
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for begun := time.Now(); Count(tb, first.URL("postgres"), `SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'`) != 1; <-poll.C {
		if time.Since(begun) > time.Minute {
			tb.Fatal("the standby does not follow")
		}
	}
	return first, second
}

// Set changes a setting of a running PostgreSQL, which takes it a moment later.
func Set(tb testing.TB, p *testbed.Postgres, name, value string) {
	tb.Helper()
	Query(tb, p.URL("postgres"), fmt.Sprintf(`ALTER SYSTEM SET %s = '%s'`, name, value))
	Query(tb, p.URL("postgres"), `SELECT pg_reload_conf()`)
}

// Query runs a statement on a connection of its own.
func Query(tb testing.TB, url, sql string, args ...any) {
	tb.Helper()
	connected(tb, url, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// Count returns the single number that a query answers.
func Count(tb testing.TB, url, sql string) (n int) {
	tb.Helper()
	connected(tb, url, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql).Scan(&n) })
	return n
}

// connected runs a function on a connection of its own, within a minute.
func connected(tb testing.TB, url string, run func(context.Context, *pgx.Conn) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := run(ctx, conn); err != nil {
		tb.Fatal(err)
	}
}
