package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// crowd is a notification of n alerts of a group, numbered from first on.
func crowd(received time.Time, first, n int, status incident.Status) *incident.Notification {
	out := notification("crowd", received)
	for i := first; i < first+n; i++ {
		out.Alerts = append(out.Alerts, alert("crowd", fmt.Sprint(i), "warning", status))
	}
	return out
}

// TestLargeGroup takes a group through all sizes and compares what is stored with what folding alone makes of it.
func TestLargeGroup(t *testing.T) {
	for _, n := range []int{layout.AlertsInDoc + 1, layout.LargeGroup + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s, now := openAt(t)
			policy := incident.DefaultPolicy()
			var want *incident.Incident
			send := func(first, n int, status incident.Status, truncated uint64, change ...func(*incident.Notification)) {
				now.advance(time.Minute)
				build := func() *incident.Notification {
					out := crowd(now.Now(), first, n, status)
					out.Truncated = truncated
					for _, f := range change {
						f(out)
					}
					return out
				}
				alone := build()
				alone.Normalize()
				alone.ReceivedAt = alone.ReceivedAt.UTC()
				want, _ = policy.Fold(want, alone)
				receipt := accept(t, s, build())
				want.ID, want.ReportPath = receipt.IncidentID, ""
				for _, s := range []*Store{s} {
					inc, _ := get(t, s, receipt.IncidentID)
					inc.ReportPath = ""
					for i := range inc.Alerts {
						inc.Alerts[i].Chunk = 0
					}
					require.Equal(t, want, inc)
				}
			}
			send(0, 3, incident.Firing, 0)
			assert.Zero(t, count(t, s, `SELECT count(*) FROM alerts`))
			send(0, n, incident.Firing, 0)
			chunks := count(t, s, `SELECT count(*) FROM alerts`)
			assert.Equal(t, (n+layout.ChunkAlerts-1)/layout.ChunkAlerts, chunks)
			before := chunkDocs(t, s)
			send(5, 1, incident.Resolved, uint64(n))
			assert.Equal(t, 1, differing(before, chunkDocs(t, s)), "the chunk of the one that has changed")
			send(n, 1, incident.Firing, uint64(n))
			send(0, n, incident.Firing, uint64(n), func(n *incident.Notification) { n.Alerts[7].Annotations = map[string]string{"value": "2"} })
			send(0, n+1, incident.Resolved, 0)
			s = reopen(t, s)
			send(0, 2, incident.Firing, 0)
			send(0, 2, incident.Resolved, 0)
			inc, _ := get(t, s, want.ID)
			again := 0
			if n > incident.MaxEnded {
				again = 2 // those that came back were not kept, and count anew
			}
			assert.Equal(t, n+1+again, inc.TotalAlerts())
			finish(t, s, claim(t, s, incident.WorkFile), now.Now())
			finish(t, s, claim(t, s, incident.WorkEvidence), now.Now())
			_, f := get(t, s, want.ID)
			assert.Len(t, f.Evidence, 1)
		})
	}
}

func chunkDocs(t *testing.T, s *Store) []string {
	t.Helper()
	rows, err := s.readDB.QueryContext(t.Context(), `SELECT doc FROM alerts ORDER BY chunk`)
	require.NoError(t, err)
	docs, err := scanAll(rows, func(s *string) []any { return []any{s} })
	require.NoError(t, err)
	return docs
}

func differing(a, b []string) int {
	n := 0
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			n++
		}
	}
	return n
}

// TestChunksGoWhenAGroupShrinks: the alerts of an incident lie in one place.
func TestChunksGoWhenAGroupShrinks(t *testing.T) {
	large, _ := incident.DefaultPolicy().Fold(nil, func() *incident.Notification {
		n := crowd(at, 0, layout.AlertsInDoc+1, incident.Firing)
		n.Normalize()
		return n
	}())
	writes, err := layout.EncodeChunks(nil, large)
	require.NoError(t, err)
	require.Len(t, writes, 1)
	small := large.Clone()
	small.Alerts = slices.Clone(large.Alerts[:3])
	writes, err = layout.EncodeChunks(large, small)
	require.NoError(t, err)
	assert.Equal(t, []layout.ChunkWrite{{Number: 1}}, writes)
}

// TestFoldedTwice: what was folded outside of the writer into a state that has gone is folded again.
func TestFoldedTwice(t *testing.T) {
	s, _ := openAt(t)
	accept(t, s, crowd(at, 0, layout.LargeGroup+1, incident.Firing))
	n := crowd(at, 0, layout.LargeGroup+2, incident.Firing)
	n.Normalize()
	g := groupKey{n.Receiver, n.GroupKey}
	f, err := s.foldOutside(t.Context(), g, n)
	require.NoError(t, err)
	require.Equal(t, incident.OutcomeUpdated, f.outcome)
	id := f.after.ID
	require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
		return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "the disk", At: at}) == nil
	}))
	require.NoError(t, s.do(t.Context(), func(ctx context.Context, b *batch) error {
		_, err := b.fold(ctx, n, f)
		return err
	}))
	inc, _ := get(t, s, id)
	assert.Len(t, inc.Feedback, 1, "not lost")
	assert.Len(t, inc.Alerts, layout.LargeGroup+2)
}
