package layout

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecent(t *testing.T) {
	r := NewRecent[int, string](10)
	r.Put(1, "one", 4)
	r.Put(2, "two", 4)
	r.Put(1, "uno", 6)
	got, ok := r.Get(1)
	assert.True(t, ok)
	assert.Equal(t, "uno", got)
	r.Put(3, "three", 4) // 1 and 2 grow old
	_, ok = r.Get(2)     // and 2 young again
	assert.True(t, ok)
	r.Put(4, "four", 10) // 2 and 3 grow old, 1 is forgotten
	_, ok = r.Get(1)
	assert.False(t, ok)
	_, ok = r.Get(3)
	assert.True(t, ok)
}
