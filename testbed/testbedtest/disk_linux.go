package testbedtest

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/alertscribe/alertscribe/testbed"
)

// StartPostgresOnDisk runs a PostgreSQL with a database on a disk of so many bytes, until the end of the test. Only root may mount one:
// for others the test is skipped.
func StartPostgresOnDisk(tb testing.TB, database string, bytes int64) (*testbed.Postgres, *testbed.Disk) {
	tb.Helper()
	disk, err := testbed.NewDisk(bytes)
	if errors.Is(err, fs.ErrPermission) {
		tb.Skip("only root may mount a disk that is small enough to fill: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { // after the server has ended
		if err := disk.Close(); err != nil {
			tb.Error(err)
		}
	})
	p := StartPostgres(tb, testbed.PostgresConfig{})
	Query(tb, p.URL("postgres"), `CREATE TABLESPACE small LOCATION '`+disk.Dir+`'`)
	Query(tb, p.URL("postgres"), `CREATE DATABASE `+database+` TABLESPACE small`)
	return p, disk
}
