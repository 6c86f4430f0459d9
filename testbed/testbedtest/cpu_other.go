//go:build !linux

package testbedtest

import "time"

// CPU returns how long f took, by the wall: the time of one thread is known on Linux alone.
func CPU(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}
