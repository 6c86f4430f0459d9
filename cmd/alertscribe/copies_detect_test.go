package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// writesByCopy is SQL by which a database remembers who has written detection state: a write that is rolled back leaves nothing here either.
const writesByCopy = `CREATE TABLE writes (seq bigserial, copy text, series text);
	CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO writes (copy, series) VALUES (current_setting('application_name'), coalesce(NEW.series, OLD.series)); RETURN NULL; END $$;
	CREATE TRIGGER written AFTER INSERT OR UPDATE OR DELETE ON detection FOR EACH ROW EXECUTE FUNCTION written()`

// TestDetectionPaused stops the copy that evaluates rules where it is, for longer than its lease, and wakes it. Another copy takes over
// within 30 seconds; an alert that fires goes on at the user's Alertmanager as it is, and is never resolved; one that begins meanwhile begins
// once; and the copy that wakes stores nothing of the state that is not its own anymore.
func TestDetectionPaused(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a lease to run out")
	}
	server := testbedtest.StartPostgres(t, testbed.PostgresConfig{})
	url := server.URL("postgres")
	other := freeAddress(t)
	q, pair := detectionPair(t, "http://"+other+"/alert")
	start := func(name, address string) *process {
		dir := t.TempDir()
		return startProcess(t, dir, address, withZones(t, dir), "PROMETHEUS_URL="+pair.PromURL, "ALERTMANAGER_URL="+pair.AMURL,
			"DATABASE_URL="+url+"&application_name="+name)
	}
	leader := start("leader", freeAddress(t))
	require.Eventually(t, leader.evaluates, time.Minute, 50*time.Millisecond)
	second := start("second", other)
	testbedtest.Query(t, url, writesByCopy)
	seen := followAlerts(t, pair.AMURL)
	q.length.Store(5)
	require.Eventually(t, func() bool { return seen.has("all") }, time.Minute, 20*time.Millisecond)
	const byLeader = `SELECT count(*) FROM writes WHERE copy = 'leader'`
	require.Eventually(t, func() bool { return testbedtest.Count(t, url, byLeader) > 0 }, time.Minute, 50*time.Millisecond, "what is watched is what writes")
	require.False(t, second.evaluates(), "one copy at a time")

	duty := dutyOf(t, url)
	require.NoError(t, leader.cmd.Process.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	require.Eventually(t, func() bool { return dutyOf(t, url) != duty }, time.Minute, 50*time.Millisecond, "nobody takes over")
	t.Logf("another copy has the duty %s after the pause began", time.Since(stopped).Round(100*time.Millisecond))
	assert.Less(t, time.Since(stopped), 30*time.Second)
	require.Eventually(t, second.evaluates, time.Minute, 50*time.Millisecond)
	q.late.Store(5) // so that there is something to store
	require.Eventually(t, func() bool { return seen.has("late") }, time.Minute, 50*time.Millisecond, "what begins meanwhile is told")

	before := testbedtest.Count(t, url, byLeader)
	unlock := holdRenewals(t, url) // or it might know that the duty is lost before it stores anything
	require.NoError(t, leader.cmd.Process.Signal(syscall.SIGCONT))
	const refused, lost = "looking whether the duty detection of shop is ours: lease lost", "Duty lost, another copy has it or may take it"
	require.Eventually(t, func() bool { return len(leader.logLines(refused))+len(leader.logLines(lost)) > 0 }, time.Minute, 10*time.Millisecond)
	unlock()
	require.Eventually(t, func() bool { return len(leader.logLines(lost)) > 0 }, time.Minute, 10*time.Millisecond, "it knows")
	for _, line := range leader.logLines(refused) {
		t.Log(strings.TrimSpace(line))
		assert.Contains(t, line, "Detection state not saved, a restart goes on from what was saved before")
	}
	t.Logf("refused %d times before it knew", len(leader.logLines(refused))) // 0 where its clock told first; the suite of the store refuses always
	evaluations := second.evaluatedAt(t)
	require.Eventually(t, func() bool { return second.evaluatedAt(t) >= evaluations+3 }, time.Minute, 50*time.Millisecond, "the other copy goes on")
	assert.Equal(t, before, testbedtest.Count(t, url, byLeader), "the copy that woke has stored state that is not its own")
	assert.Positive(t, testbedtest.Count(t, url, `SELECT count(*) FROM writes WHERE copy = 'second'`))

	seen.stop()
	seen.assertUnbroken(t, leader)
}

// evaluatedAt returns when this copy has evaluated the rules of the shop last, in seconds.
func (p *process) evaluatedAt(t *testing.T) float64 {
	t.Helper()
	_, text := p.page("/metrics")
	_, rest, found := strings.Cut(text, `alertscribe_detect_last_success_timestamp_seconds{group="shop"} `)
	require.True(t, found)
	value, _, _ := strings.Cut(rest, "\n")
	at, err := strconv.ParseFloat(value, 64)
	require.NoError(t, err)
	return at
}

// dutyOf returns who evaluates the rules of the shop, by the token of the lease.
func dutyOf(t *testing.T, url string) (token string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT lease_token FROM duties WHERE name = 'detection of shop'`).Scan(&token))
	return token
}

// holdRenewals makes whatever renews a lease of a duty wait, and lets transactions that only look at one go on, until unlock.
func holdRenewals(t *testing.T, url string) (unlock func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `BEGIN; LOCK TABLE duties IN SHARE MODE`)
	require.NoError(t, err)
	unlock = sync.OnceFunc(func() { _ = conn.Close(context.WithoutCancel(t.Context())) }) // which ends the transaction
	t.Cleanup(unlock)
	return unlock
}
