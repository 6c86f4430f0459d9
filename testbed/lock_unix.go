//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package testbed

import (
	"errors"
	"os"
	"syscall"
)

func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errNoLock
	}
	return err
}
