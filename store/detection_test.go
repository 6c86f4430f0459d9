package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDetection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	saved, err := s.LoadDetection(t.Context(), "shop/A")
	require.NoError(t, err)
	assert.Empty(t, saved)
	require.NoError(t, s.SaveDetection(t.Context(), "shop/A", map[string][]byte{"1": []byte("one"), "2": []byte("two"), "3": {0}}))
	require.NoError(t, s.SaveDetection(t.Context(), "shop/B", map[string][]byte{"1": []byte("another rule's")}))
	require.NoError(t, s.SaveDetection(t.Context(), "shop/A", map[string][]byte{"1": []byte("uno"), "2": nil}))
	rules, err := s.DetectionRules(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"shop/A", "shop/B"}, rules)
	require.NoError(t, s.SaveDetection(t.Context(), "shop/B", map[string][]byte{"1": nil}))
	rules, err = s.DetectionRules(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"shop/A"}, rules, "those with rows")
	require.NoError(t, s.Close())

	s, err = Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	defer s.Close()
	saved, err = s.LoadDetection(t.Context(), "shop/A")
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"1": []byte("uno"), "3": {0}}, saved)

	require.NoError(t, s.Close())
	require.ErrorIs(t, s.SaveDetection(t.Context(), "shop/A", map[string][]byte{"1": {1}}), ErrClosed)
}
