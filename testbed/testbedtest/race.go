//go:build race

package testbedtest

// Race says that the race detector is on, which takes some ten times as long and three times as much memory.
const Race = true
