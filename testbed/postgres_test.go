package testbed_test

import (
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestPostgres: what is committed outlives a stop and a crash, fsync is on, and a paused server does not answer.
func TestPostgres(t *testing.T) {
	p := testbedtest.StartPostgres(t, testbed.PostgresConfig{Settings: map[string]string{"max_connections": "17"}})
	bin, err := testbed.FindPostgres()
	require.NoError(t, err)
	ask := func(sql string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "psql"), "-XAtc", sql, p.URL("postgres")).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	assert.Equal(t, "on\n", ask("SHOW fsync"))
	assert.Equal(t, "17\n", ask("SHOW max_connections"))
	ask("CREATE TABLE kept (n int)")
	require.NoError(t, p.Stop())
	require.NoError(t, p.Start(t.Context()))
	ask("INSERT INTO kept VALUES (4711)")
	require.NoError(t, p.Kill())
	require.NoError(t, p.Start(t.Context()))
	assert.Equal(t, "4711\n", ask("SELECT n FROM kept"))

	u, err := url.Parse(p.URL("postgres"))
	require.NoError(t, err)
	require.NoError(t, p.Pause())
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", u.Host)
	require.NoError(t, err) // the kernel takes it
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) // asks whether it speaks TLS
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err, "nobody answers")
	require.NoError(t, p.Resume())
	assert.Equal(t, "4711\n", ask("SELECT n FROM kept"))
}
