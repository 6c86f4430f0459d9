package feed

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestSlowSubscriber: nobody waits for it, it learns that it has missed something once, and goes on.
func TestSlowSubscriber(t *testing.T) {
	f := New()
	slow, quick := f.Subscribe(t.Context()), f.Subscribe(t.Context())
	for i := range int64(3 * Buffer) {
		f.Publish([]incident.Change{{ID: "x", Revision: i}})
		if i%2 == 1 {
			<-quick
			<-quick
		}
	}
	for i := range Buffer - 1 {
		assert.Equal(t, int64(i), (<-slow).Revision)
	}
	assert.Equal(t, incident.Change{Missed: true}, <-slow)
	assert.Empty(t, slow)
	assert.Empty(t, quick)
	f.Publish([]incident.Change{{Revision: 4711}})
	assert.Equal(t, int64(4711), (<-slow).Revision)
}

func TestLeave(t *testing.T) {
	f := New()
	ctx, cancel := context.WithCancel(t.Context())
	changes := f.Subscribe(ctx)
	cancel()
	_, open := <-changes
	require.False(t, open)
	f.Publish([]incident.Change{{ID: "x"}}) // to nobody
	other := f.Subscribe(t.Context())
	f.Close()
	_, open = <-other
	require.False(t, open)
	_, open = <-f.Subscribe(t.Context())
	require.False(t, open, "after the end")
}
