package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var killRounds = flag.Int("kill.rounds", 10, "how often TestKillNine kills the service")

// process is an alertscribe in a process of its own.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	dir string
	url string
	log *os.File
}

// startProcess runs the test binary as alertscribe, with its files in dir, and waits until it is ready.
func startProcess(t testing.TB, dir, address string, prepare func(*exec.Cmd), env ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	log, err := os.OpenFile(filepath.Join(dir, "service.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append([]string{runMainEnv + "=1", "LISTEN_ADDRESS=" + address, "PATH=" + os.Getenv("PATH")}, env...)
	if prepare != nil {
		prepare(cmd)
	}
	require.NoError(t, cmd.Start())
	p := &process{t: t, cmd: cmd, dir: dir, url: "http://" + address, log: log}
	t.Cleanup(func() { p.kill() })
	require.Eventually(t, func() bool { return p.get("/-/ready") == http.StatusOK }, soon, 5*time.Millisecond, "not ready")
	return p
}

// kill ends the process as the kernel does when memory is short: at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.log.Close()
}

// terminate ends the process as systemd and Kubernetes do, and waits until it has ended by itself, for as long as Kubernetes does.
func (p *process) terminate() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	err := p.cmd.Wait()
	assert.True(p.t, late.Stop(), "it did not end in time")
	_ = p.log.Close()
	require.NoError(p.t, err, "it ends well")
}

// get returns the status of a page, 0 when there is no answer.
func (p *process) get(path string) int {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, http.NoBody)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// assertHealthy waits until all is well: a check gives up on a disk that takes two seconds to sync, as a busy one may.
func (p *process) assertHealthy() {
	p.t.Helper()
	assert.Eventually(p.t, func() bool { return p.get("/health") == http.StatusOK }, soon, 50*time.Millisecond, "not healthy")
}

// freeAddress returns an address that was free a moment ago and is nobody else's meanwhile: the service must come back where it was.
func freeAddress(t testing.TB) string {
	t.Helper()
	return testbedtest.FreeAddress(t)
}

// TestKillNine kills the service at random instants under load. Whatever was accepted has one report in the end, and
// work that was cut off goes on within ten seconds of the start.
func TestKillNine(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	m := newModel(t)
	env := []string{"LLM_BASE_URL=" + m.URL, "DEEPSEEK_API_KEY=sk-of-the-stand-in"}
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("budget: {calls_per_hour: 0}\n"), 0o600))
	withConfig := func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) }

	ids := map[string]string{} // by alert name, of all that was accepted
	for round := range *killRounds {
		p := startProcess(t, dir, address, withConfig, env...)
		got := load(t, p.url, round, time.Duration(50+rand.IntN(450))*time.Millisecond, p.kill)
		for name, id := range got {
			require.True(t, ids[name] == "" || ids[name] == id, "%s has two incidents", name)
			ids[name] = id
		}
	}
	p := startProcess(t, dir, address, withConfig, env...)
	t.Logf("%d rounds, %d incidents accepted", *killRounds, len(ids))
	require.NotEmpty(t, ids)

	var reports map[string][]string
	missing := func() int {
		reports = reportsOnDisk(t, filepath.Join(dir, "reports"))
		n := 0
		for _, id := range ids {
			if len(reports[id]) == 0 {
				n++
			}
		}
		return n
	}
	before := missing()
	begun := time.Now()
	if before > 0 {
		assert.Eventually(t, func() bool { return missing() < before }, beforeLease, 100*time.Millisecond,
			"work that was cut off does not go on, but waits for its lease")
	}
	assert.Eventually(t, func() bool { return missing() == 0 }, 5*time.Minute, 500*time.Millisecond)
	t.Logf("%d reports were missing at the last start; %v later accepted minus reported = %d", before,
		time.Since(begun).Round(100*time.Millisecond), missing())
	for id, paths := range reports {
		assert.Len(t, paths, 1, "incident %s has several reports", id)
	}
	assert.Eventually(t, func() bool { // what is left is being written
		temps, err := filepath.Glob(filepath.Join(dir, "reports", "*", ".*.tmp-*"))
		return err == nil && len(temps) == 0
	}, soon, 100*time.Millisecond, "temporary files are swept")
	p.assertHealthy()
}

// load posts from eight clients until the service is killed, after d, and returns the incident of each accepted name.
// Every third notification is of a name that was sent before.
func load(t *testing.T, url string, round int, d time.Duration, kill func()) map[string]string {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	ids := map[string]string{}
	var wg sync.WaitGroup
	for client := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("Round%dClient%dAlert%d", round, client, i-i%3/2)
				a, err := post(ctx, http.DefaultClient, url+"/alert", oneAlert(name, incident.Firing))
				if err != nil {
					return // killed; what was not answered is not accepted
				}
				if assert.Equal(t, http.StatusAccepted, a.code, a.raw) && assert.NotNil(t, a.Incident) {
					mu.Lock()
					ids[name] = *a.Incident
					mu.Unlock()
				}
			}
		})
	}
	killed := make(chan struct{})
	time.AfterFunc(d, func() {
		defer close(killed)
		kill()
		cancel()
	})
	wg.Wait()
	<-killed
	return ids
}
