//go:build !linux

package testbed

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// dieWithParent does nothing where the kernel has no such service: a killed parent leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

func terminate(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill() // there is no other signal
	}
	return p.Signal(syscall.SIGTERM)
}
