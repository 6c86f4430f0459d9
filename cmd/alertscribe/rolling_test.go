package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// openDatabase opens the database of a service that runs, for reading: that of a URL, or else the one below a directory.
func openDatabase(tb testing.TB, url, dir string) *sql.DB {
	tb.Helper()
	driver := "pgx"
	if url == "" {
		driver, url = "sqlite", "file:"+filepath.Join(dir, "data", "alertscribe.db")+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, url)
	require.NoError(tb, err)
	tb.Cleanup(func() { db.Close() })
	return db
}

// TestRollingRestarts ends one copy after the other by SIGTERM under load, as an update does, and starts it again. Nothing is lost,
// nothing is analyzed twice, and nothing is told twice.
func TestRollingRestarts(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts seven processes")
	}
	t.Run("sqlite", func(t *testing.T) { testRollingRestarts(t, 1, "") })
	t.Run("postgres", func(t *testing.T) {
		testRollingRestarts(t, 3, testbedtest.StartPostgres(t, testbed.PostgresConfig{}).URL("postgres"))
	})
}

func testRollingRestarts(t *testing.T, n int, url string) {
	hook, m := notifytest.Webhook(), newModel(t)
	t.Cleanup(hook.Close)
	env := []string{"LLM_BASE_URL=" + m.URL, "DEEPSEEK_API_KEY=sk-of-the-stand-in"}
	if url != "" {
		env = append(env, "DATABASE_URL="+url)
	}
	c, dirs := startCopies(t, n, copiesConfig(hook), env...)
	const groups = 60
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var next, accepted atomic.Int64
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for range 6 {
		clients.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1)
				body := strings.Replace(string(oneAlert(fmt.Sprint("Group", i%groups), incident.Firing)), `"version":"4"`,
					fmt.Sprintf(`"version":"4","marker":"m%d."`, i), 1)
				if c.send(context.Background(), client, []byte(body)) {
					accepted.Add(1)
				}
			}
		})
	}
	more := func() {
		before := accepted.Load()
		require.Eventually(t, func() bool { return accepted.Load() >= before+100 }, time.Minute, 5*time.Millisecond)
	}
	for i := range n {
		more()
		c.restart(i)
	}
	more()
	cancel()
	clients.Wait()

	db := openDatabase(t, url, dirs[0])
	require.Eventually(t, func() bool {
		return ask(t, db, `SELECT count(*) FROM incidents WHERE analysis_state <> 'complete'`)+ask(t, db, `SELECT count(*) FROM work`) == 0
	}, 2*time.Minute, 100*time.Millisecond, "all is done in the end")
	stored := ask(t, db, countNotifications)
	assert.GreaterOrEqual(t, stored, int(accepted.Load()), "accepted and lost")
	assert.Equal(t, groups, ask(t, db, `SELECT count(*) FROM incidents`))
	assert.Len(t, m.Requests(), groups, "each incident is analyzed once")
	c.checkTold(hook, groups)
	for _, m := range hook.Accepted() {
		assert.Empty(t, m.Edits, "%s is told again", m.ID)
	}
	t.Logf("%d copies, %d accepted, %d stored", n, accepted.Load(), stored)
}
