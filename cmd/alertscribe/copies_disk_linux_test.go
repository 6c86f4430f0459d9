package main

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestPostgresDiskFull fills the disk of the database under load. What finds no room is answered 503 with the reason, the log of each
// copy says it once with the way out, and with the room all goes on by itself: nothing that was accepted is lost.
func TestPostgresDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a disk")
	}
	server, disk := testbedtest.StartPostgresOnDisk(t, "scribe", 192<<20)
	c, _ := startCopies(t, 2, []byte("budget: {calls_per_hour: 0}\n"), "DATABASE_URL="+server.URL("scribe"))
	noise := func() string { // which no compression saves
		b := make([]byte, 48<<10)
		_, _ = rand.Read(b) // never fails
		return base64.StdEncoding.EncodeToString(b)
	}
	load := startSenders(t, c.list, 2, noise)
	load.moreAccepted(20)
	require.NoError(t, disk.Fill())
	const reason = "notification not stored, the disk of the database is full; retry (Alertmanager does)"
	load.moreRefused(20)
	for _, p := range c.list {
		assert.Equal(t, http.StatusOK, p.get("/-/healthy"), "a restart would not help")
		code, _ := p.page("/reports")
		assert.Equal(t, http.StatusOK, code, "what is stored can be read")
	}
	require.NoError(t, disk.Free())
	load.moreAccepted(20)
	load.assertStored(server.URL("scribe"))
	for answered := range load.refused {
		assert.Equal(t, reason, answered)
	}
	for _, p := range c.list {
		told := p.logLines("Notifications are not stored")
		require.Len(t, told, 1, "said once")
		assert.Contains(t, told[0], `reason="the disk of the database is full"`)
		assert.Contains(t, told[0], `remedy="make room on it`)
		assert.Empty(t, p.logLines("path=/alert"), "nothing else is logged of a notification")
	}
	assert.False(t, server.Ended())
}
