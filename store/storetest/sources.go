package storetest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

type partContents struct {
	seq, position int64
	series        map[string]string
	entries       map[int64]string
	events        []string
}

func contents(t *testing.T, s *opened, p detect.Part) partContents {
	t.Helper()
	c := partContents{series: map[string]string{}, entries: map[int64]string{}}
	var err error
	c.seq, c.position, err = s.LoadPart(t.Context(), p)
	require.NoError(t, err)
	require.NoError(t, s.EachSeries(t.Context(), p, func(x detect.SavedSeries) error {
		c.series[x.Rule+"/"+x.Series] = string(x.State)
		return nil
	}))
	last := int64(0)
	require.NoError(t, s.EachEntry(t.Context(), p, func(seq int64, entry []byte) error {
		assert.Greater(t, seq, last, "in order")
		last, c.entries[seq] = seq, string(entry)
		return nil
	}))
	events, err := s.Events(t.Context(), p)
	require.NoError(t, err)
	for _, e := range events {
		c.events = append(c.events, e.ID+"="+string(e.Body))
	}
	return c
}

// testSavePart: what is committed of a part is there after a restart, all of it, and parts know nothing of each other.
func testSavePart(t *testing.T, e *Engine) {
	s := open(t, e)
	p, other := detect.Part{Source: "orders", Number: 0}, detect.Part{Source: "orders", Number: 1}
	assert.Equal(t, partContents{series: map[string]string{}, entries: map[int64]string{}}, contents(t, s, p))
	for _, c := range []detect.Commit{
		{Seq: 1, Position: 10, Entry: []byte("one"), Series: []detect.SavedSeries{{Rule: "g/A", Series: "x", State: []byte("x1")}, {Rule: "g/A", Series: "y", State: []byte("y1")}}},
		{Seq: 2, Position: 20, Entry: []byte("two"), Events: []detect.Event{{ID: "a", Body: []byte("opened")}, {ID: "b", Body: []byte("changed")}}},
		{Seq: 3, Position: 30},
		{Seq: 4, Position: 31, Entry: []byte("four"), Keep: 2, Series: []detect.SavedSeries{{Rule: "g/A", Series: "x", State: []byte("x4")}, {Rule: "g/A", Series: "y"}}},
	} {
		require.NoError(t, s.SavePart(t.Context(), p, c))
	}
	require.NoError(t, s.SavePart(t.Context(), other, detect.Commit{Seq: 1, Position: 5, Entry: []byte("other"), Events: []detect.Event{{ID: "c", Body: []byte("")}}}))
	events, err := s.Events(t.Context(), p)
	require.NoError(t, err)
	require.NoError(t, s.DeleteEvents(t.Context(), p, events[0].Seq))
	s = reopen(t, s)
	assert.Equal(t, partContents{
		seq: 4, position: 31, series: map[string]string{"g/A/x": "x4"}, entries: map[int64]string{2: "two", 4: "four"}, events: []string{"b=changed"},
	}, contents(t, s, p))
	assert.Equal(t, partContents{
		seq: 1, position: 5, series: map[string]string{}, entries: map[int64]string{1: "other"}, events: []string{"c="},
	}, contents(t, s, other))
}

// testSavePartMoved: a commit that does not follow what is stored is refused whole, whoever was first.
func testSavePartMoved(t *testing.T, e *Engine) {
	s := open(t, e)
	p := detect.Part{Source: "orders", Number: 7}
	require.NoError(t, s.SavePart(t.Context(), p, detect.Commit{Seq: 1, Position: 1, Entry: []byte("one")}))
	require.NoError(t, s.SavePart(t.Context(), p, detect.Commit{Seq: 2, Position: 2, Entry: []byte("two")}))
	before := contents(t, s, p)
	for _, seq := range []int64{1, 2, 4} {
		err := s.SavePart(t.Context(), p, detect.Commit{
			Seq: seq, Position: 100, Entry: []byte("late"), Series: []detect.SavedSeries{{Rule: "r", Series: "s", State: []byte{1}}}, Events: []detect.Event{{ID: "x"}},
		})
		require.ErrorIs(t, err, detect.ErrMoved, seq)
	}
	assert.Equal(t, before, contents(t, s, p))
	broken := errors.New("broken")
	require.ErrorIs(t, s.EachEntry(t.Context(), p, func(int64, []byte) error { return broken }), broken)
}
