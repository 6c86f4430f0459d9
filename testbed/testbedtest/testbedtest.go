// Package testbedtest gives tests the servers of package testbed, with a test's manners: what is missing fails the
// test and never skips it, what was started ends with the test, and a test that fails shows the servers' logs.
package testbedtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/alertscribe/alertscribe/testbed"
)

// logTail is how many lines of each server's log a failed test shows.
const logTail = 40

// Require returns the tools, by default Prometheus and Alertmanager, building what isn't on PATH. It fails the test if
// one can't be had.
func Require(tb testing.TB, tools ...testbed.Tool) testbed.Binaries {
	tb.Helper()
	bins, err := testbed.Find(tb.Context(), os.Stderr, tools...)
	if err != nil {
		tb.Fatalf("this test needs real servers: %v", err)
	}
	return bins
}

// Start runs both servers until the end of the test. Options.Dir defaults to a directory of the test's own.
func Start(tb testing.TB, o testbed.Options) *testbed.Pair {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	pair, err := testbed.Start(tb.Context(), Require(tb), o)
	if err != nil {
		tb.Fatal(err)
	}
	end(tb, pair.Prometheus, pair.Alertmanager)
	return pair
}

// StartPrometheus runs a Prometheus alone, until the end of the test.
func StartPrometheus(tb testing.TB, c testbed.PrometheusConfig) *testbed.Server {
	tb.Helper()
	s, err := testbed.StartPrometheus(tb.Context(), Require(tb, testbed.Prometheus), tb.TempDir(), c)
	if err != nil {
		tb.Fatal(err)
	}
	end(tb, s)
	return s
}

// StartAlertmanager runs an Alertmanager alone, until the end of the test.
func StartAlertmanager(tb testing.TB, c testbed.AlertmanagerConfig) *testbed.Server {
	tb.Helper()
	s, err := testbed.StartAlertmanager(tb.Context(), Require(tb, testbed.Alertmanager), tb.TempDir(), c)
	if err != nil {
		tb.Fatal(err)
	}
	end(tb, s)
	return s
}

// StartRabbitMQ runs a RabbitMQ until the end of the test. Where none is installed the test is skipped, but under CI, where it fails.
func StartRabbitMQ(tb testing.TB) *testbed.RabbitMQ {
	tb.Helper()
	r, err := testbed.StartRabbitMQ(tb.Context(), tb.TempDir(), "")
	missing(tb, err, testbed.ErrNoRabbitMQ)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("log of RabbitMQ:\n%s", r.Tail(logTail))
		}
	})
	return r
}

// SharedRabbitMQ runs a RabbitMQ that several tests use, until the caller ends it. Its error is for SkipWithoutRabbitMQ.
func SharedRabbitMQ(tb testing.TB, dir string) (*testbed.RabbitMQ, error) {
	tb.Helper()
	return testbed.StartRabbitMQ(context.WithoutCancel(tb.Context()), dir, "")
}

// SkipWithoutRabbitMQ skips the test where an error says that RabbitMQ is not installed, but under CI, where it fails.
func SkipWithoutRabbitMQ(tb testing.TB, err error) {
	tb.Helper()
	missing(tb, err, testbed.ErrNoRabbitMQ)
}

// Kcat returns the path of kcat, a client of Kafka that is not ours. Where it is not installed the test is skipped, but under CI, where
// it fails.
func Kcat(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("kcat")
	if err != nil {
		err = errNoKcat
	}
	missing(tb, err, errNoKcat)
	return path
}

var errNoKcat = errors.New("kcat is not installed; apt-get install kcat")

// FreeAddress returns an address of 127.0.0.1 that is free and that no other test of this process gets; see testbed.FreeAddress.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	addr, err := testbed.FreeAddress(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return addr
}

func missing(tb testing.TB, err, what error) {
	tb.Helper()
	if !errors.Is(err, what) {
		return
	}
	if os.Getenv("CI") != "" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}

func end(tb testing.TB, servers ...*testbed.Server) {
	tb.Cleanup(func() {
		for _, s := range servers {
			if err := s.Stop(); err != nil {
				tb.Error(err)
			}
			if tb.Failed() {
				tb.Logf("log of the server at %s:\n%s", s.URL, s.Tail(logTail))
			}
		}
	})
}

// StartPostgres runs a PostgreSQL until the end of the test. Where there is none the test is skipped with how to get it, and fails
// under CI: nothing can build it.
func StartPostgres(tb testing.TB, c testbed.PostgresConfig) *testbed.Postgres {
	tb.Helper()
	bin, err := testbed.FindPostgres()
	if err != nil && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	p, err := testbed.StartPostgres(tb.Context(), bin, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("log of PostgreSQL:\n%s", p.Tail(logTail))
		}
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// StartReplica runs a standby that follows a PostgreSQL, until the end of the test.
func StartReplica(tb testing.TB, p *testbed.Postgres, c testbed.PostgresConfig) *testbed.Postgres {
	tb.Helper()
	r, err := p.StartReplica(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("log of the replica:\n%s", r.Tail(logTail))
		}
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}
