//go:build !unix

package testbed

import (
	"errors"
	"os/exec"
	"time"
)

type signalName string

const (
	kill   signalName = "kill"
	pause  signalName = "pause"
	resume signalName = "resume"
)

func unprivileged(*exec.Cmd) {}

func giveAway(string) error { return nil }

func (p *Postgres) signal(s signalName) error {
	if s == kill {
		return p.cmd.Process.Kill()
	}
	return errors.New("processes can't be paused on this system")
}

// ProcessorTime is not known on this system.
func (p *Postgres) ProcessorTime() time.Duration { return 0 }
