//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/alertscribe/alertscribe/incident"
)

// failSyncEnv says, to a process that tests run, for which files fsync fails once SIGUSR1 has arrived.
const (
	failSyncEnv    = "ALERTSCRIBE_TEST_FAIL_SYNC"
	failOfDatabase = "database"
	failOfOthers   = "others"
)

func init() {
	what := os.Getenv(failSyncEnv)
	if what == "" {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	go func() {
		<-told
		if err := forbidFsync(what == failOfDatabase); err != nil {
			fmt.Println("not forbidden:", err)
			return
		}
		fmt.Println("forbidden")
	}()
}

// forbidFsync lets fsync fail in all threads of this process, for the files of the database or for all others: it does
// nothing and says EIO, as a dying disk does.
func forbidFsync(ofDatabase bool) error {
	known, other := uint32(unix.SECCOMP_RET_ALLOW), unix.SECCOMP_RET_ERRNO|uint32(unix.EIO)
	if ofDatabase {
		known, other = other, known
	}
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	filter := []unix.SockFilter{
		load(0), // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		load(16), // its first argument
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		file, err := os.Readlink("/proc/self/fd/" + entry.Name())
		fd, atoi := strconv.ParseUint(entry.Name(), 10, 32)
		if err == nil && atoi == nil && strings.Contains(filepath.Base(file), "alertscribe.db") {
			filter = append(filter,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(fd), Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: known})
		}
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: other})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// startUnsynced starts a service; the function that it returns makes fsync fail from then on.
func startUnsynced(t *testing.T, what string) (*process, func()) {
	t.Helper()
	dir := t.TempDir()
	p := startProcess(t, dir, freeAddress(t), nil, failSyncEnv+"="+what)
	return p, func() {
		t.Helper()
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGUSR1))
		log := ""
		require.Eventually(t, func() bool {
			b, err := os.ReadFile(filepath.Join(dir, "service.log"))
			log = string(b)
			return err == nil && strings.Contains(log, "forbidden")
		}, soon, 5*time.Millisecond)
		if strings.Contains(log, "not forbidden") {
			t.Skip("this machine lets no process filter its system calls")
		}
	}
}

// TestNothingIsAcknowledgedUnsynced: kill -9 can't tell whether an answer waits for the disk, since what a process has
// written outlives it. A sync that fails can: then there is no 202.
func TestNothingIsAcknowledgedUnsynced(t *testing.T) {
	p, fail := startUnsynced(t, failOfDatabase)
	send := func(name string) int {
		a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert(name, incident.Firing))
		require.NoError(t, err)
		return a.code
	}
	require.Equal(t, http.StatusAccepted, send("Synced"))
	fail()
	for i := range 5 {
		assert.Equal(t, http.StatusServiceUnavailable, send(fmt.Sprintf("Unsynced%d", i)))
	}
	assert.Equal(t, http.StatusServiceUnavailable, p.get("/health"))
}

// TestReportIsSynced: a report that may not survive a power cut is none yet: nothing stands in its place, the incident
// is told, and the file stays due.
func TestReportIsSynced(t *testing.T) {
	p, fail := startUnsynced(t, failOfOthers)
	fail()
	a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert("Unsynced", incident.Firing))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, a.code, "the database can be synced")
	var detail string
	require.Eventually(t, func() bool {
		_, detail = get(t, p.url+"/api/v1/incidents/"+*a.Incident)
		return strings.Contains(detail, "input/output error")
	}, soon, 20*time.Millisecond)
	assert.NotRegexp(t, `"file_revision": ?[1-9]`, detail)
	assert.Empty(t, reportsOnDisk(t, filepath.Join(p.dir, "reports")))
	assert.Equal(t, http.StatusServiceUnavailable, p.get("/health"))
}
