//go:build unix

package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	kill   = syscall.SIGKILL
	pause  = syscall.SIGSTOP
	resume = syscall.SIGCONT
)

// servant returns who runs PostgreSQL, which refuses to be run by root; nil for ourselves.
func servant() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, groupErr := strconv.ParseUint(u.Gid, 10, 32)
		if err == nil && groupErr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
}

func unprivileged(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = servant()
}

// giveAway makes a file that of who runs PostgreSQL.
func giveAway(path string) error {
	who := servant()
	if who == nil {
		return nil
	}
	return os.Chown(path, int(who.Uid), int(who.Gid))
}

// signal sends a signal to the server and to all of its children, which have groups of their own.
func (p *Postgres) signal(s syscall.Signal) error {
	var errs []error
	for _, pid := range append([]int{p.cmd.Process.Pid}, children(p.cmd.Process.Pid)...) {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("sending a signal to PostgreSQL: %w", err))
		}
	}
	return errors.Join(errs...)
}

// children returns the processes that a process has started, where /proc tells.
func children(parent int) []int {
	var pids []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ProcessorTime returns what the server and its processes that live have used so far, where /proc tells.
func (p *Postgres) ProcessorTime() time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ, the same on all systems that have /proc
	var sum time.Duration
	for _, pid := range append([]int{p.cmd.Process.Pid}, children(p.cmd.Process.Pid)...) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 12 {
			for _, field := range fields[11:13] { // in user and in kernel mode
				n, _ := strconv.ParseInt(field, 10, 64) // a number
				sum += time.Duration(n) * tick
			}
		}
	}
	return sum
}
