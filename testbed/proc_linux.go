package testbed

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the child when the thread that starts it ends, hence with this process.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
