package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecent(t *testing.T) {
	r := newRecent[int, string](10)
	r.put(1, "one", 4)
	r.put(2, "two", 4)
	r.put(1, "uno", 6)
	got, ok := r.get(1)
	assert.True(t, ok)
	assert.Equal(t, "uno", got)
	r.put(3, "three", 4) // 1 and 2 grow old
	_, ok = r.get(2)     // and 2 young again
	assert.True(t, ok)
	r.put(4, "four", 10) // 2 and 3 grow old, 1 is forgotten
	_, ok = r.get(1)
	assert.False(t, ok)
	_, ok = r.get(3)
	assert.True(t, ok)
}
