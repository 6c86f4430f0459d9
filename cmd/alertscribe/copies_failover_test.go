package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// failover is how the primary of a pair goes away, and how copies reach the other one.
type failover struct {
	url        func(first, second *testbed.Postgres) string
	away, back func(first, second *testbed.Postgres)
}

// TestFailoverOverHTTP kills the primary of a replicated pair under load, and promotes its standby, which has another address. What a copy
// has answered 2xx at any time is there; what it can't store is answered 503 with the reason, and accepted when it is sent again; readiness
// and pages tell the truth meanwhile; and no process is started again.
func TestFailoverOverHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts two pairs of databases and six processes")
	}
	t.Run("another host", func(t *testing.T) {
		testFailoverOverHTTP(t, failover{
			url: func(first, second *testbed.Postgres) string {
				return first.URLAt("scribe", first.Address(), second.Address()) + "&target_session_attrs=read-write"
			},
			away: func(first, _ *testbed.Postgres) { require.NoError(t, first.Kill()) },
			back: func(_, second *testbed.Postgres) { require.NoError(t, second.Promote(t.Context())) },
		})
	})
	t.Run("the address moves", func(t *testing.T) {
		var relay *testbedtest.Relay
		testFailoverOverHTTP(t, failover{
			url: func(first, _ *testbed.Postgres) string {
				relay = testbedtest.StartRelay(t, first.Address())
				return first.URLAt("scribe", relay.Address())
			},
			away: func(first, _ *testbed.Postgres) {
				relay.Move(freeAddress(t)) // connections that are open are silent
				require.NoError(t, first.Kill())
			},
			back: func(_, second *testbed.Postgres) {
				require.NoError(t, second.Promote(t.Context()))
				relay.Move(second.Address())
			},
		})
	})
}

// reasonsOfFailover are what a copy may answer while there is no primary: which one depends on what its connections were doing.
var reasonsOfFailover = []string{
	"notification not stored, the database can't be reached; retry (Alertmanager does)",
	"notification not stored, the database does not answer in time; retry (Alertmanager does)",
	"notification not stored, the database takes no writes; retry (Alertmanager does)",
	"notification not stored, the standby of the database has not confirmed; retry (Alertmanager does)",
}

func testFailoverOverHTTP(t *testing.T, f failover) {
	first, second := testbedtest.StartReplicated(t, "scribe", true)
	c, _ := startCopies(t, 3, []byte("budget: {calls_per_hour: 0}\n"), "DATABASE_URL="+f.url(first, second))
	load := startSenders(t, c.list, 6, nil)
	load.moreAccepted(100)
	for _, p := range c.list {
		p.assertUp()
	}

	f.away(first, second)
	for _, p := range c.list {
		assert.Equal(t, http.StatusServiceUnavailable, p.get("/-/ready"), "nothing can be stored")
		assert.Equal(t, http.StatusOK, p.get("/-/healthy"), "a restart would not help")
	}
	load.moreRefused(12)
	before, _ := load.counts()
	load.moreRefused(12)
	after, _ := load.counts()
	assert.Equal(t, before, after, "nothing is accepted without a primary")
	for _, p := range c.list {
		p.assertAway()
	}

	f.back(first, second)
	load.moreAccepted(200)
	for _, p := range c.list {
		require.Eventually(t, func() bool { return p.get("/-/ready") == http.StatusOK }, time.Minute, 50*time.Millisecond, "it goes on by itself")
		p.assertUp()
	}
	load.assertStored(second.URL("scribe"))
	for _, p := range c.list {
		told := len(p.logLines("Notifications are not stored"))
		assert.Positive(t, told)
		assert.LessOrEqual(t, told, len(reasonsOfFailover), "each reason is logged once, and not with each notification")
		assert.Empty(t, p.logLines(`path=/alert`), "nothing else is logged of a notification")
	}
	assert.Equal(t, 3, c.starts, "no copy is started again")
	for reason := range load.refused {
		assert.Contains(t, reasonsOfFailover, reason)
	}
}

// assertUp: the list has incidents.
func (p *process) assertUp() {
	p.t.Helper()
	code, page := p.page("/reports")
	assert.Equal(p.t, http.StatusOK, code)
	assert.Contains(p.t, page, "Group1")
}

// assertAway: pages say that the database can't be read, with the frame that all pages have, and the API says it in JSON.
func (p *process) assertAway() {
	p.t.Helper()
	assert.Equal(p.t, http.StatusServiceUnavailable, p.get("/-/ready"))
	for _, path := range []string{"/reports", "/reports/aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		code, page := p.page(path)
		assert.Equal(p.t, http.StatusServiceUnavailable, code, path)
		assert.Contains(p.t, page, "t read the database now; see the alertscribe log.", path)
		assert.Contains(p.t, page, "</html>", path)
		assert.Contains(p.t, page, `href="/reports"`, path)
	}
	code, answer := p.page("/api/v1/incidents")
	assert.Equal(p.t, http.StatusServiceUnavailable, code)
	assert.Contains(p.t, answer, "can't read the database now")
}
