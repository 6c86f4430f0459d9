//go:build race

package evidence

// racing says that the race detector is on, which makes statistics over many systems take ten times as long.
const racing = true
