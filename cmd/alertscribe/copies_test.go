package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var (
	copiesNotifications = flag.Int("copies.notifications", 600, "how many notifications TestCopies sends; 10000 is the full size")
	copiesGroups        = flag.Int("copies.groups", 60, "of how many groups; 1000 is the full size")
	copiesSeed          = flag.Uint64("copies.seed", 0, "of what happens to the copies of TestCopies; 0 for any")
	copiesOther         = flag.String("copies.other", "", "an alertscribe of the release before, by which every second start of a copy runs")
)

// copies is a service of several processes on one PostgreSQL, of which some are killed and paused meanwhile.
type copies struct {
	t      *testing.T
	start  func(i int) *process
	chance *rand.Rand // of what happens to them
	mu     sync.Mutex
	list   []*process
	paused map[int]bool
	kills  int
	stops  int // as an update does
	pauses int // longer than a lease
	starts int
}

// startCopies starts processes on one database, with a configuration file and a directory each.
func startCopies(t *testing.T, n int, config []byte, env ...string) (c *copies, dirs []string) {
	t.Helper()
	seed := *copiesSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-copies.seed=%d", seed)
	c = &copies{t: t, paused: map[int]bool{}, chance: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // to be repeated
	var addresses []string
	for range n {
		dirs, addresses = append(dirs, t.TempDir()), append(addresses, freeAddress(t))
	}
	c.start = func(i int) *process {
		file := filepath.Join(dirs[i], "config.yml")
		require.NoError(t, os.WriteFile(file, config, 0o600))
		c.mu.Lock()
		c.starts++
		other := *copiesOther != "" && c.starts%2 == 0
		c.mu.Unlock()
		return startProcess(t, dirs[i], addresses[i], func(cmd *exec.Cmd) {
			if other {
				cmd.Path = *copiesOther
			}
			cmd.Args = append(cmd.Args, "--config.file="+file)
		}, env...)
	}
	for i := range n {
		c.list = append(c.list, c.start(i))
	}
	return c, dirs
}

// restart stops a copy as an update does, and starts another one in its place.
func (c *copies) restart(i int) { c.replace(i, &c.stops, (*process).terminate) }

// kill ends a copy at once and starts another one in its place.
func (c *copies) kill(i int) { c.replace(i, &c.kills, (*process).kill) }

func (c *copies) replace(i int, count *int, end func(*process)) {
	c.mu.Lock()
	if c.paused[i] {
		c.mu.Unlock()
		return
	}
	p := c.list[i]
	*count++
	c.mu.Unlock()
	end(p)
	next := c.start(i)
	c.mu.Lock()
	c.list[i] = next
	c.mu.Unlock()
}

// pick returns the address of any copy, as a load balancer does that does not know how they are.
func (c *copies) pick() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[rand.IntN(len(c.list))].url
}

// pause stops a copy where it is, for a time, and wakes it.
func (c *copies) pause(i int, d time.Duration) {
	c.mu.Lock()
	p := c.list[i]
	if c.paused[i] {
		c.mu.Unlock()
		return
	}
	c.paused[i] = true
	if d > 15*time.Second { // duties are lost
		c.pauses++
	}
	c.mu.Unlock()
	stopped := p.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(d)
	if err := errors.Join(stopped, p.cmd.Process.Signal(syscall.SIGCONT)); err != nil {
		assert.Fail(c.t, "not paused", err.Error())
	}
	c.mu.Lock()
	c.paused[i] = false
	c.mu.Unlock()
}

// send posts a body to any copy until one accepts it, as Alertmanager does.
func (c *copies) send(ctx context.Context, client *http.Client, body []byte) bool {
	for ctx.Err() == nil {
		a, err := post(ctx, client, c.pick()+"/alert", body)
		if err == nil && a.code == http.StatusAccepted {
			return true
		}
		if err == nil && a.code != http.StatusServiceUnavailable {
			assert.Fail(c.t, "neither accepted nor 503", "%d %s", a.code, a.raw)
			return false
		}
	}
	return false
}

// TestCopies sends notifications through three processes on one PostgreSQL while they are killed and paused at random, one of them
// past its leases. Nothing accepted is lost, each group has one incident, an incident is analyzed again only where a copy was killed
// or paused in it, and what is told again has the same id.
func TestCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute by the clock")
	}
	server := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	hook, m := notifytest.Webhook(), newModel(t)
	t.Cleanup(hook.Close)
	url := server.URL("postgres")
	c, dirs := startCopies(t, 3, copiesConfig(hook), "LLM_BASE_URL="+m.URL, "DEEPSEEK_API_KEY=sk-of-the-stand-in", "DATABASE_URL="+url)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	accepted := c.storm(ctx)
	require.Equal(t, int64(*copiesNotifications), accepted)

	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	count := func(sql string) (n int) {
		require.NoError(t, conn.QueryRow(ctx, sql).Scan(&n))
		return n
	}
	require.Eventually(t, func() bool {
		return count(`SELECT count(*) FROM incidents WHERE analysis_state <> 'complete'`) == 0 &&
			count(`SELECT count(*) FROM work WHERE kind = 'file'`) == 0
	}, 5*time.Minute, 500*time.Millisecond, "all is analyzed and on disk in the end")
	c.checkStored(ctx, conn)
	c.checkTold(hook, count(`SELECT count(*) FROM incidents`))
	for _, p := range c.list {
		p.assertHealthy()
	}
	reports := map[string]bool{}
	for _, dir := range dirs {
		for id := range reportsOnDisk(t, filepath.Join(dir, "reports")) {
			reports[id] = true
		}
	}
	assert.Len(t, reports, *copiesGroups, "every incident has its report, where the copy is that wrote it")
}

func copiesConfig(hook *notifytest.Standin) []byte {
	return fmt.Appendf(nil, `budget: {calls_per_hour: 0}
analysis: {settle: 0s, verify: false, refresh: []}
notify: {channels: [{name: hook, events: [opened, analyzed], webhook: {url: %q, secret: %q}}]}
`, hook.URL, notifytest.WebhookSecret)
}

// storm sends all notifications while copies are killed and paused, and returns how many were accepted.
func (c *copies) storm(ctx context.Context) int64 {
	var next, accepted atomic.Int64
	var clients, chaos sync.WaitGroup
	done := make(chan struct{})
	chaos.Go(func() { c.pause(0, 33*time.Second) }) // longer than the lease of work
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for range 12 {
		clients.Go(func() {
			for i := next.Add(1) - 1; i < int64(*copiesNotifications); i = next.Add(1) - 1 {
				body := oneAlert(fmt.Sprint("Group", i%int64(*copiesGroups)), incident.Firing)
				body = []byte(strings.Replace(string(body), `"version":"4"`, fmt.Sprintf(`"version":"4","marker":"m%d."`, i), 1))
				if c.send(ctx, client, body) {
					accepted.Add(1)
				}
			}
		})
	}
	go func() {
		clients.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			chaos.Wait()
			return accepted.Load()
		case <-time.After(time.Duration(500+c.chance.IntN(2500)) * time.Millisecond):
		}
		switch i := 1 + c.chance.IntN(2); c.chance.IntN(3) {
		case 0:
			c.kill(i)
		case 1:
			c.restart(i)
		default:
			c.pause(i, time.Duration(200+c.chance.IntN(3000))*time.Millisecond)
		}
	}
}

// checkStored compares what was accepted with what is stored.
func (c *copies) checkStored(ctx context.Context, conn *pgx.Conn) {
	rows, err := conn.Query(ctx, `SELECT substring(convert_from(body, 'UTF8') FROM '"marker":"m([0-9]+)\."'), count(*) FROM notifications GROUP BY 1`)
	require.NoError(c.t, err)
	stored, again := map[string]int{}, 0
	var marker string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&marker, &n}, func() error {
		stored[marker] = n
		again += n - 1
		return nil
	})
	require.NoError(c.t, err)
	lost := 0
	for i := range *copiesNotifications {
		if stored[fmt.Sprint(i)] == 0 {
			lost++
		}
	}
	assert.Zero(c.t, lost, "accepted and lost")
	var incidents, groups, calls, twice, open int
	require.NoError(c.t, conn.QueryRow(ctx, `SELECT count(*), count(DISTINCT group_hash) FROM incidents`).Scan(&incidents, &groups))
	assert.Equal(c.t, *copiesGroups, incidents)
	assert.Equal(c.t, incidents, groups, "one incident for each group")
	require.NoError(c.t, conn.QueryRow(ctx, `SELECT coalesce(sum(settled), 0), count(*) FILTER (WHERE settled > 1), coalesce(sum(begun), 0) FROM (
		SELECT count(settled_at) AS settled, count(*) FILTER (WHERE settled_at IS NULL) AS begun FROM model_calls GROUP BY incident_id) AS calls`).Scan(&calls, &twice, &open))
	const atOnce = 4 // analyses of a copy
	assert.LessOrEqual(c.t, twice, atOnce*(c.pauses+c.kills), "analyzed again where a copy was held up or killed between the answer and the commit")
	assert.LessOrEqual(c.t, open, atOnce*(c.kills+1), "what killed copies had begun")
	untold := 0
	require.Eventually(c.t, func() bool {
		require.NoError(c.t, conn.QueryRow(ctx, `SELECT count(*) FROM incidents i WHERE NOT EXISTS (SELECT 1 FROM deliveries d
			WHERE d.seq = i.seq AND d.channel = 'hook' AND d.doc::jsonb #>> '{told,analyzed}' <> '')`).Scan(&untold))
		return untold == 0
	}, 5*time.Minute, 500*time.Millisecond, "that a channel was told is stored of every incident")
	c.t.Logf("%d notifications of %d groups, %d kills, %d restarts, %d pauses past the leases: lost %d, sent again by the sender %d, incidents %d, settled calls %d, "+
		"of incidents analyzed twice %d, calls that killed copies had begun %d", *copiesNotifications, *copiesGroups, c.kills, c.stops, c.pauses, lost, again, incidents, calls, twice, open)
}

// checkTold compares what a channel was told with what it should have been.
func (c *copies) checkTold(hook *notifytest.Standin, incidents int) {
	told := func() map[string]map[string]bool {
		ids := map[string]map[string]bool{}
		for _, m := range hook.Accepted() {
			o := payloadOf(c.t, m)
			key := o.Incident + " " + o.Event
			if ids[key] == nil {
				ids[key] = map[string]bool{}
			}
			ids[key][m.ID] = true
		}
		return ids
	}
	require.Eventually(c.t, func() bool {
		n := 0
		for key := range told() {
			if strings.HasSuffix(key, " analyzed") {
				n++
			}
		}
		return n == incidents
	}, 3*time.Minute, 200*time.Millisecond, "every incident is told of")
	for key, of := range told() {
		assert.Len(c.t, of, 1, "%s is told under several ids", key)
	}
	again := 0
	for _, m := range hook.Accepted() {
		if m.Edits != "" {
			again++
		}
	}
	assert.LessOrEqual(c.t, again, 2*(c.kills+c.pauses+1), "told again where a copy died or stood still between the answer and the commit")
	c.t.Logf("%d messages, of which %d were sent again, each with its id", len(hook.Accepted()), again)
}

// TestPostgresAway: while PostgreSQL is away notifications are answered 503, and accepted when it is back, with nothing restarted.
func TestPostgresAway(t *testing.T) {
	server := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	s := startService(t, func(c *config) { c.Storage.DatabaseURL = redact.Secret(server.URL("postgres")) })
	id := s.open("Before")
	s.await(id, time.Minute, "a report", onDisk)
	require.NoError(t, server.Stop())
	assert.Equal(t, http.StatusServiceUnavailable, s.post("/alert", oneAlert("While", incident.Firing)).code)
	require.NoError(t, server.Start(t.Context()))
	var after accepted
	require.Eventually(t, func() bool {
		after = s.post("/alert", oneAlert("After", incident.Firing))
		return after.code == http.StatusAccepted
	}, time.Minute, 100*time.Millisecond)
	s.await(*after.Incident, time.Minute, "a report", onDisk)
	require.NoError(t, s.stop())
	assert.NotContains(t, s.logs.String(), server.URL("postgres"), "the password is in no log")
}
