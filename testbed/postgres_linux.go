package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// LimitFileSize lets the server write no file beyond so many bytes, as a disk that is full; 0 takes the limit away. It holds for
// processes that the server starts from then on, too. A server that can't write its log of transactions ends, as on a full disk.
func (p *Postgres) LimitFileSize(bytes uint64) error {
	limit := "--fsize=unlimited:"
	if bytes > 0 {
		limit = fmt.Sprintf("--fsize=%d:", bytes)
	}
	var errs []error
	for _, pid := range append([]int{p.cmd.Process.Pid}, children(p.cmd.Process.Pid)...) {
		cmd := exec.Command("prlimit", fmt.Sprintf("--pid=%d", pid), limit) //nolint:noctx // it ends at once
		unprivileged(cmd)                                                   // without privileges one may limit one's own
		if out, err := cmd.CombinedOutput(); err != nil && syscall.Kill(pid, 0) == nil {
			errs = append(errs, fmt.Errorf("limiting the size of files: %w\n%s", err, out))
		}
	}
	return errors.Join(errs...)
}

// Disk is a file system of its own, in memory, that whoever runs PostgreSQL may write to.
type Disk struct{ Dir string }

// NewDisk mounts a file system of so many bytes. Only root can: for others the error is fs.ErrPermission.
func NewDisk(bytes int64) (*Disk, error) {
	dir, err := os.MkdirTemp("", "alertscribe-disk-")
	if err != nil {
		return nil, fmt.Errorf("mounting a disk: %w", err)
	}
	options := fmt.Sprintf("size=%d,mode=0700", bytes)
	if who := servant(); who != nil {
		options += fmt.Sprintf(",uid=%d,gid=%d", who.Uid, who.Gid)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		return nil, errors.Join(fmt.Errorf("mounting a disk: %w", err), os.Remove(dir))
	}
	return &Disk{dir}, nil
}

func (d *Disk) ballast() string { return filepath.Join(d.Dir, "ballast") }

// Fill writes until there is no more room.
func (d *Disk) Fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return fmt.Errorf("filling a disk: %w", err)
	}
	for size := 1 << 20; size > 0; { // what is smaller than a block fills the last one
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(fmt.Errorf("filling a disk: %w", err), f.Close())
	}
	return f.Close()
}

// Free gives the room back that Fill has taken.
func (d *Disk) Free() error {
	if err := os.Remove(d.ballast()); err != nil {
		return fmt.Errorf("freeing a disk: %w", err)
	}
	return nil
}

// Close unmounts the disk; nobody may use it anymore.
func (d *Disk) Close() error {
	if err := errors.Join(unix.Unmount(d.Dir, 0), os.Remove(d.Dir)); err != nil {
		return fmt.Errorf("unmounting a disk: %w", err)
	}
	return nil
}
