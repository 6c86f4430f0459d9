//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/alertscribe/alertscribe/incident"
)

// limitFileSize lets no file of the process grow beyond n bytes, as a full disk would; 0 takes the limit away.
func (p *process) limitFileSize(n uint64) {
	limit := unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}
	if n == 0 {
		limit.Cur = unix.RLIM_INFINITY
	}
	require.NoError(p.t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
}

// TestDiskFull takes the room away under load and gives it back. Nothing that was accepted is lost, what can't be
// stored is answered 503, and the service recovers by itself.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, freeAddress(t), nil)
	accepted, refused := map[string]bool{}, 0
	send := func(n int, stage string) {
		for i := range n {
			a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert(fmt.Sprintf("%s%d", stage, i), incident.Firing))
			require.NoError(t, err)
			switch a.code {
			case http.StatusAccepted:
				accepted[*a.Incident] = true
			case http.StatusServiceUnavailable:
				refused++
				assert.NotEmpty(t, a.Reason)
			default:
				t.Fatalf("answered %d: %s", a.code, a.raw)
			}
		}
	}
	send(20, "Before")
	require.Len(t, accepted, 20)
	p.limitFileSize(1)
	send(20, "Full")
	assert.Positive(t, refused, "a full disk is answered 503")
	assert.Equal(t, http.StatusServiceUnavailable, p.get("/health"))
	assert.Equal(t, http.StatusOK, p.get("/-/healthy"), "a restart would not help")
	p.limitFileSize(0)
	send(20, "After")
	require.GreaterOrEqual(t, len(accepted), 40)
	p.reportsAll(accepted)
	p.assertHealthy()
}

// reportsAll waits until every incident has its one report.
func (p *process) reportsAll(ids map[string]bool) {
	p.t.Helper()
	var reports map[string][]string
	assert.Eventually(p.t, func() bool {
		reports = reportsOnDisk(p.t, filepath.Join(p.dir, "reports"))
		for id := range ids {
			if len(reports[id]) != 1 {
				return false
			}
		}
		return true
	}, soon, 100*time.Millisecond, "accepted and not reported once")
}

// TestReadOnlyReports makes the report directory unwritable: notifications are still accepted, health says so, and the
// reports are written once it can be written again.
func TestReadOnlyReports(t *testing.T) {
	dir := t.TempDir()
	reports := filepath.Join(dir, "reports")
	require.NoError(t, os.Mkdir(reports, 0o700))
	p := startProcess(t, dir, freeAddress(t), asNobody(t, dir))
	id := func(name string) string {
		a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert(name, incident.Firing))
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, a.code, a.raw)
		return *a.Incident
	}
	require.NoError(t, os.Chmod(reports, 0o500))
	ids := map[string]bool{id("ReadOnly"): true}
	assert.Eventually(t, func() bool { return p.get("/health") == http.StatusServiceUnavailable }, soon, 50*time.Millisecond)
	time.Sleep(time.Second) // a few attempts
	require.Empty(t, reportsOnDisk(t, reports))
	require.NoError(t, os.Chmod(reports, 0o700))
	ids[id("Writable")] = true
	p.reportsAll(ids)
	p.assertHealthy()
}

// asNobody runs a process as a user whom file modes bind, when the tests run as root, whom they do not.
func asNobody(t *testing.T, dir string) func(*exec.Cmd) {
	const nobody = 65534
	if os.Getuid() != 0 {
		return nil
	}
	return func(cmd *exec.Cmd) {
		exe := filepath.Join(dir, "alertscribe.test")
		b, err := os.ReadFile(cmd.Path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(exe, b, 0o755))                                 //nolint:gosec // somebody else must run it
		for d := dir; len(d) > len(filepath.Clean(os.TempDir())); d = filepath.Dir(d) { //nolint:usetesting // the root of them all
			require.NoError(t, os.Chmod(d, 0o755)) //nolint:gosec // and get there
		}
		require.NoError(t, filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, nobody, nobody)
		}))
		cmd.Path = exe
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}
