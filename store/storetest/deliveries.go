package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func testDeliveries(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	first := accept(t, s, firing("x", at)).IncidentID
	second := accept(t, s, firing("y", at)).IncidentID
	d := incident.Delivery{
		Incident: first, Channel: "oncall", Open: true, Kept: true, Revision: 3, ID: "x-analyzed-1", At: now.Now(), Generation: 2,
		Told: map[string]string{"analyzed": "1"}, Thread: `{"ts":"1.20"}`,
	}
	other := incident.Delivery{Incident: second, Channel: "oncall", Open: true, Trying: "y-opened-0", Attempts: 2, Failing: now.Now(), Error: "overloaded"}
	require.NoError(t, s.SaveDeliveries(t.Context(), d, other))
	require.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: "unknown", Channel: "oncall"}), "of an incident that is gone")

	list, err := s.Deliveries(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, []incident.Delivery{d}, list)
	kept, err := s.KeptDeliveries(t.Context(), "oncall")
	require.NoError(t, err)
	assert.Equal(t, []incident.Delivery{d}, kept)

	d.Kept, d.Open, d.Thread = false, false, ""
	require.NoError(t, s.SaveDeliveries(t.Context(), d))
	kept, err = s.KeptDeliveries(t.Context(), "oncall")
	require.NoError(t, err)
	assert.Empty(t, kept)
	list, err = s.Deliveries(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, []incident.Delivery{d}, list)
	list, err = s.Deliveries(t.Context(), second)
	require.NoError(t, err)
	assert.Equal(t, []incident.Delivery{other}, list)
}

// testToTell lists what fires, what is new, and what is open; nothing that is old and closed.
func testToTell(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	ended := func(group string) string {
		id := accept(t, s, firing(group, now.Now())).IncidentID
		now.advance(time.Second)
		accept(t, s, resolved(group, now.Now()))
		return id
	}
	old, open := ended("old"), ended("open")
	fires := accept(t, s, firing("fires", now.Now())).IncidentID
	require.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: open, Channel: "a", Open: true}, incident.Delivery{Incident: old, Channel: "a"}))
	now.advance(48 * time.Hour)
	recent := ended("recent")
	ids, err := s.ToTell(t.Context(), now.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []string{open, fires, recent}, ids)
}

func testChannelsAreKnownSinceTheirFirstStart(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	since, err := s.EnterChannels(t.Context(), []string{"a"})
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"a": at.Truncate(time.Microsecond)}, since)
	now.advance(time.Hour)
	since, err = s.EnterChannels(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"a": at.Truncate(time.Microsecond), "b": at.Add(time.Hour).Truncate(time.Microsecond)}, since)
}

func testPeek(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	inc, err := s.Peek(t.Context(), id)
	require.NoError(t, err)
	want, _ := get(t, s, id)
	assert.Equal(t, want, inc)
	_, err = s.Peek(t.Context(), incident.NewID())
	require.ErrorIs(t, err, incident.ErrNotFound)
}
