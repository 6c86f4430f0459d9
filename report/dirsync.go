package report

import (
	"os"
	"sync"
	"sync/atomic"
)

// dirSyncs shares the fsync of a directory among those that wait for one at the same time: reports of one day lie in one
// directory, and in a storm hundreds are written in a second.
type dirSyncs struct {
	dirs sync.Map // *dirSync by the name of the directory
}

type dirSync struct {
	mu    sync.Mutex    // held while it runs
	begun atomic.Uint64 // how many have begun
	err   error         // of the last
}

// sync returns when an fsync that has begun after the call is done.
func (s *dirSyncs) sync(root *os.Root, dir string) error {
	v, _ := s.dirs.LoadOrStore(dir, &dirSync{})
	d := v.(*dirSync)
	mine := d.begun.Load() + 1
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun.Load() < mine {
		d.begun.Add(1)
		d.err = syncDir(root, dir)
	}
	return d.err
}
