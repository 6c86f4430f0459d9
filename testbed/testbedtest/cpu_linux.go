package testbedtest

import (
	"runtime"
	"syscall"
	"time"
)

// rusageThread is Linux's RUSAGE_THREAD: of the calling thread alone.
const rusageThread = 1

// CPU returns how long a processor worked on f, without the goroutines that it starts. Unlike the time on the wall it is no longer
// where the machine is busy with something else, so a test may bound it; the race detector makes it some 10 times as long.
func CPU(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	f()
	return threadTime() - before
}

func threadTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		panic(err) // no kernel that Go runs on lacks it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
