package storetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testDetection(t *testing.T, e *Engine) {
	s := open(t, e)
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
	s = reopen(t, s)
	saved, err = s.LoadDetection(t.Context(), "shop/A")
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"1": []byte("uno"), "3": {0}}, saved)

	require.NoError(t, s.Close())
	require.Error(t, s.SaveDetection(t.Context(), "shop/A", map[string][]byte{"1": {1}}))
}
