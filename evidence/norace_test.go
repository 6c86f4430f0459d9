//go:build !race

package evidence

// racing says that the race detector is on.
const racing = false
