package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// How much the faults take. Memory stays far below the 40 % of what is available that a machine in use can spare.
const (
	memoryShare     = .30              // of the available memory
	filesystemBytes = 512 << 20        // size of the file system that root mounts
	filesystemShare = .03              // of the size of a file system that is in use already
	filesystemLeft  = .02              // of the mounted one
	memoryFor       = 45 * time.Second // so long memory fills up
	filesystemFor   = 60 * time.Second
	diskWriters     = 64
)

// A fault is something that happens to a machine.
type fault struct {
	what  string // that is done
	alert string // that it makes fire
	names []name // that the report has to say, or may
	// process is the name that the fault's process runs under; at most 15 bytes, since the kernel cuts the others.
	process string
	args    []string // of runFault
}

// machineFaults returns the faults by their names, and what puts the thresholds into the rules that they cross.
func machineFaults(t *testing.T, disk string) (map[string]fault, *strings.Replacer) {
	t.Helper()
	memory, memoryThreshold := memoryToFill(t)
	fs := filesystemToFill(t, disk)
	faults := map[string]fault{
		"cpu": {
			what: "work on all processors", alert: "NodeCPUHighUsage", process: "thumbnailer", args: []string{"cpu"},
			names: []name{must("groupname", "thumbnailer"), must("mode", "user")},
		},
		"memory": {
			what: "a process that takes memory", alert: "NodeMemoryHighUtilization", process: "session-cache",
			args:  []string{"memory", strconv.FormatUint(memory, 10)},
			names: []name{must("groupname", "session-cache"), may("memtype", "resident")},
		},
		"filesystem": {
			what: "a file system that fills up", alert: "NodeFilesystemAlmostOutOfSpace", process: "log-shipper",
			args:  []string{"filesystem", strconv.FormatUint(fs.fill, 10), fs.dir},
			names: []name{must("mountpoint", fs.mount), may("groupname", "log-shipper")},
		},
		"disk": {
			what: "a process that writes, syncs, and reads", alert: "NodeDiskIOSaturation", process: "report-writer",
			args:  []string{"disk", "0", disk},
			names: []name{must("device", diskDevice(t, disk)), may("groupname", "report-writer")},
		},
	}
	return faults, strings.NewReplacer("@MEMORY@", strconv.Itoa(memoryThreshold), "@FILESYSTEM@", strconv.Itoa(fs.threshold),
		"@DISK@", strconv.Itoa(queueThreshold(t, faults["disk"], diskDevice(t, disk))))
}

// queueThreshold returns a third of the requests that wait for the disk while the fault is there: tried out, since disks differ.
func queueThreshold(t *testing.T, f fault, device string) int {
	t.Helper()
	const span = 6 * time.Second
	waited := func() float64 {
		b, err := os.ReadFile(filepath.Join("/sys/class/block", device, "stat"))
		require.NoError(t, err)
		ms, err := strconv.ParseFloat(strings.Fields(string(b))[10], 64) // Documentation/block/stat.rst: time_in_queue
		require.NoError(t, err)
		return ms / 1000
	}
	stop := f.begin(t, t.TempDir())
	before := waited()
	<-time.After(span)
	queue := (waited() - before) / span.Seconds()
	stop()
	t.Logf("the fault of %s makes %.1f requests wait", device, queue)
	return max(1, int(queue/3))
}

// begin starts the fault's process, which ends with stop, with this test, and after an hour at the latest.
func (f fault) begin(t *testing.T, dir string) (stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), named(t, dir, f.process), f.args...)
	cmd.Env = []string{faultEnv + "=1"}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return func() {
		_ = in.Close()
		assert.NoError(t, cmd.Wait())
	}
}

// memoryToFill returns how many bytes the fault takes, and the use in percent that is passed half-way.
func memoryToFill(t *testing.T) (size uint64, threshold int) {
	t.Helper()
	info := map[string]float64{}
	file, err := os.Open("/proc/meminfo")
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) > 1 {
			info[strings.TrimSuffix(f[0], ":")], _ = strconv.ParseFloat(f[1], 64)
		}
	}
	total, available := info["MemTotal"], info["MemAvailable"]
	require.Positive(t, available)
	return uint64(memoryShare * available * 1024), int(100 - 100*(available-memoryShare/2*available)/total)
}

// A filling is what the file system's fault does.
type filling struct {
	dir, mount string // where it writes, and the mount point that this is on
	fill       uint64 // bytes
	threshold  int    // percent of available space that is passed
}

// filesystemToFill mounts a file system of its own if it may, and else takes some of the one that dir is on.
func filesystemToFill(t *testing.T, dir string) filling {
	t.Helper()
	if os.Geteuid() == 0 {
		return filesystemOfItsOwn(t, dir)
	}
	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &fs))
	f := filling{dir: dir, mount: mountPoint(t, dir), fill: uint64(filesystemShare * float64(fs.Blocks) * float64(fs.Bsize))}
	f.threshold = int(100 * (float64(fs.Bavail)/float64(fs.Blocks) - filesystemShare/2))
	require.Less(t, float64(f.fill), .4*float64(fs.Bavail)*float64(fs.Bsize), "too little space in %s: set -real.dir", dir)
	t.Logf("no root, no mount: the file system of %s loses %d MiB", dir, f.fill>>20)
	return f
}

func filesystemOfItsOwn(t *testing.T, dir string) filling {
	t.Helper()
	image := filepath.Join(dir, "image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, filesystemBytes))
	command := func(name string, args ...string) {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
	}
	require.NoError(t, os.Mkdir(*realMount, 0o755), "set -real.mount")
	t.Cleanup(func() { assert.NoError(t, os.Remove(*realMount)) })
	command("mkfs.ext4", "-q", "-F", image)
	command("mount", "-o", "loop", image, *realMount)
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(*realMount, 0)) })
	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs(*realMount, &fs))
	size := float64(fs.Blocks) * float64(fs.Bsize)
	return filling{
		dir: *realMount, mount: *realMount, threshold: 5,
		fill: uint64(float64(fs.Bavail)*float64(fs.Bsize) - filesystemLeft*size),
	}
}

// mountPoint returns where the file system of a directory is mounted.
func mountPoint(t *testing.T, dir string) string {
	t.Helper()
	device := func(path string) uint64 {
		var s unix.Stat_t
		require.NoError(t, unix.Stat(path, &s))
		return s.Dev
	}
	for dir != "/" && device(filepath.Dir(dir)) == device(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// diskDevice returns the whole disk that a directory is on, as node_exporter calls it.
func diskDevice(t *testing.T, dir string) string {
	t.Helper()
	var s unix.Stat_t
	require.NoError(t, unix.Stat(dir, &s))
	link := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev))
	path, err := filepath.EvalSymlinks(link)
	require.NoError(t, err, "%s is on no disk: set -real.dir", dir)
	if _, err := os.Stat(filepath.Join(path, "partition")); err == nil {
		path = filepath.Dir(path)
	}
	return filepath.Base(path)
}

// What faults keep from the compiler.
var (
	sink atomic.Int64
	kept [][]byte
)

// faultEnv makes the test binary a fault: its arguments are a kind, a number of bytes, and a directory.
const faultEnv = "ALERTSCRIBE_TEST_FAULT"

// A fault has to be there before any test is looked for: it runs under another name, with arguments of its own.
func init() { //nolint:gochecknoinits // see above
	if os.Getenv(faultEnv) == "" {
		return
	}
	if err := runFault(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runFault goes on until its standard input is closed, as it is when the test ends in whatever way.
func runFault(args []string) error {
	args = append(args, "0", "")[:max(3, len(args))]
	size, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	failed := make(chan error, diskWriters)
	switch args[0] {
	case "cpu":
		for range runtime.NumCPU() {
			go burn()
		}
	case "memory":
		debug.SetGCPercent(-1)
		go takeMemory(size)
	case "filesystem":
		go func() { failed <- fillFile(filepath.Join(args[2], "shipped.log"), size) }()
		defer os.Remove(filepath.Join(args[2], "shipped.log"))
	case "disk":
		for i := range diskWriters {
			path := filepath.Join(args[2], fmt.Sprintf("page-%d", i))
			go func() { failed <- rewrite(path) }()
			defer os.Remove(path)
		}
	default:
		return fmt.Errorf("no fault %q", args[0])
	}
	closed := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(closed) }()
	for {
		select {
		case err := <-failed:
			if err != nil {
				return err
			}
		case <-closed:
			return nil
		case <-time.After(time.Hour):
			return errors.New("nobody has ended this fault")
		}
	}
}

func burn() {
	for n := 0; ; n++ {
		sink.Store(int64(n)) // or the loop would be empty
	}
}

// takeMemory takes that many bytes little by little, and keeps them.
func takeMemory(size uint64) {
	const chunk = 16 << 20
	pace := time.NewTicker(memoryFor / time.Duration(size/chunk+1))
	for taken := uint64(0); taken < size; taken += chunk {
		b := make([]byte, chunk)
		for i := 0; i < chunk; i += 4096 {
			b[i] = 1 // memory that nobody has written to is none
		}
		kept = append(kept, b)
		<-pace.C
	}
}

// fillFile writes that many bytes little by little.
func fillFile(path string, size uint64) error {
	const chunk = 1 << 20
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	pace := time.NewTicker(filesystemFor / time.Duration(size/chunk+1))
	line := []byte(strings.Repeat("a line of a log that nobody rotates\n", chunk/36))
	for written := 0; uint64(written) < size; {
		n, err := file.Write(line)
		if err != nil {
			return err
		}
		written += n
		<-pace.C
	}
	return file.Sync()
}

// rewrite writes, syncs, and reads a file again and again, past the page cache.
func rewrite(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for i := int64(0); ; i++ {
		at := i % 16 * int64(len(block))
		if _, err := file.WriteAt(block, at); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return err
		}
		if _, err := file.ReadAt(block, at); err != nil {
			return err
		}
	}
}
