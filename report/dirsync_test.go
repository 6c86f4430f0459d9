package report

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDirSync(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "day"), 0o700))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	var s dirSyncs
	require.NoError(t, s.sync(root, "day"))
	v, _ := s.dirs.Load("day")
	d := v.(*dirSync)
	assert.EqualValues(t, 1, d.begun.Load())

	d.mu.Lock() // as if one ran, which none of those that come now may count for them
	var wg sync.WaitGroup
	waiting := make(chan struct{}, 10)
	for range 10 {
		wg.Go(func() {
			waiting <- struct{}{}
			assert.NoError(t, s.sync(root, "day"))
		})
	}
	for range 10 {
		<-waiting
	}
	d.mu.Unlock()
	wg.Wait()
	assert.GreaterOrEqual(t, d.begun.Load(), uint64(2))
	assert.LessOrEqual(t, d.begun.Load(), uint64(11))
	require.Error(t, s.sync(root, "none"), "errors are told")
	require.Error(t, s.sync(root, "none"), "and asked for anew")
}
