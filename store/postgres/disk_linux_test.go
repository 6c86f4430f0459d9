package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// bulky sends notifications that need room, which no compression saves, and returns those that were acknowledged.
func bulky(s *Store, name string, n int) (acknowledged []string, refused error) {
	for i := range n {
		f := firing(fmt.Sprint(name, i%5))
		body := fmt.Sprint(name, "-", i)
		noise := make([]byte, 64<<10)
		_, _ = rand.Read(noise) // never fails
		f.Body = append([]byte(body+" "), noise...)
		if _, err := s.Accept(context.Background(), f); err != nil {
			refused = errors.Join(refused, err)
		} else {
			acknowledged = append(acknowledged, body)
		}
	}
	return acknowledged, refused
}

// assertStored compares what was acknowledged with what is stored.
func assertStored(t *testing.T, url string, acknowledged []string) {
	t.Helper()
	for _, body := range acknowledged {
		assert.Equal(t, 1, testbedtest.Count(t, url, fmt.Sprintf(`SELECT count(*) FROM notifications WHERE position('%s ' IN encode(substring(body FOR 40), 'escape')) = 1`, body)), body)
	}
	assert.Zero(t, testbedtest.Count(t, url, `SELECT count(*) FROM incidents i JOIN repeat_state r USING (seq)
		WHERE (SELECT count(*) FROM notifications n WHERE n.incident_id = i.id) <> 1 + (r.doc::json ->> 'repeats')::int`), "each counts once")
}

// TestDiskFull fills the disk of the database. What can't be stored is not acknowledged, and with the room the store goes on by itself.
func TestDiskFull(t *testing.T) {
	p, disk := testbedtest.StartPostgresOnDisk(t, "scribe", 64<<20)
	s := open(t, p.URL("scribe"), func(o *Options) { o.Timeout = 5 * time.Second })
	acknowledged, refused := bulky(s, "before", 10)
	require.NoError(t, refused)
	require.NoError(t, disk.Fill())
	some, refused := bulky(s, "full", 40)
	require.ErrorContains(t, refused, "53100")
	acknowledged = append(acknowledged, some...)
	require.NoError(t, disk.Free())
	some, refused = bulky(s, "after", 10)
	require.NoError(t, refused)
	assertStored(t, p.URL("scribe"), append(acknowledged, some...))
	require.NoError(t, s.Close())
}

// TestLogFull: the server can't write its log of transactions, which ends it. Nothing is acknowledged then, and all goes on by itself when
// its operator has made room and started it.
func TestLogFull(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	url := createDatabase(t, p)
	s := open(t, url, func(o *Options) { o.Timeout = 5 * time.Second })
	acknowledged, refused := bulky(s, "before", 10)
	require.NoError(t, refused)
	require.NoError(t, p.LimitFileSize(1))
	some, refused := bulky(s, "full", 5)
	require.Error(t, refused)
	require.Empty(t, some)
	require.NoError(t, p.LimitFileSize(0))
	if err := p.Stop(); err != nil { // it may have ended by itself
		require.NoError(t, p.Kill())
	}
	require.NoError(t, p.Start(t.Context()))
	acceptable(t, s, "again")
	some, refused = bulky(s, "after", 10)
	require.NoError(t, refused)
	assertStored(t, url, append(acknowledged, some...))
}
