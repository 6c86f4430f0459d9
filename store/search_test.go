package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// opened is a notification that opens a group with alerts of these labels, each as "name=value name=value".
func opened(group string, sets ...string) *incident.Notification {
	n := &incident.Notification{
		Receiver: "alertscribe", GroupKey: group, ReceivedAt: at, Body: []byte("{}"), GroupLabels: map[string]string{},
	}
	for _, set := range sets {
		ls := map[string]string{"alertname": group}
		for pair := range strings.FieldsSeq(set) {
			name, value, _ := strings.Cut(pair, "=")
			ls[name] = value
		}
		n.Alerts = append(n.Alerts, incident.Alert{
			Fingerprint: fingerprint(ls), Status: incident.Firing, Labels: ls, StartsAt: at,
			Annotations: map[string]string{"summary": "Sum of " + group},
		})
	}
	return n
}

func fingerprint(ls map[string]string) string {
	return fmt.Sprintf("%016x", len(fmt.Sprint(ls))*7919+len(ls))
}

// found lists the group keys that a query selects.
func found(t *testing.T, s *Store, q incident.Query) string {
	t.Helper()
	q.Limit = 100
	list, err := s.List(t.Context(), q)
	require.NoError(t, err)
	var out []string
	for _, row := range list.Rows {
		out = append(out, row.GroupKey)
	}
	assert.Equal(t, len(out), list.Total)
	return strings.Join(out, " ")
}

// TestSearchBackfill: incidents of before the search are entered after the start.
func TestSearchBackfill(t *testing.T) {
	s, now := openAt(t)
	for i := range 60 {
		accept(t, s, opened(fmt.Sprint("Old", i), "severity=info"))
	}
	require.NoError(t, s.do(t.Context(), func(ctx context.Context, b *batch) error {
		for _, q := range []string{`DELETE FROM search_incidents`, `UPDATE search_backfill SET below = (SELECT max(seq) + 1 FROM incidents)`} {
			if _, err := b.tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}))
	assert.Empty(t, found(t, s, incident.Query{Text: "Old7"}))
	s = reopen(t, s, func(o *Options) { o.Now = now.Now })
	assert.Eventually(t, func() bool {
		list, err := s.List(t.Context(), incident.Query{Text: "Old", Limit: 1})
		return err == nil && list.Total == 60
	}, time.Minute, 5*time.Millisecond)
}

// TestDeletedIsNotListed: whoever deletes incidents need not know of lists and search.
func TestDeletedIsNotListed(t *testing.T) {
	s, _ := openAt(t)
	accept(t, s, opened("A", "severity=info"))
	accept(t, s, opened("B", "severity=info"))
	require.NoError(t, s.do(t.Context(), func(ctx context.Context, b *batch) error {
		for _, q := range []string{
			`DELETE FROM work`, `DELETE FROM notifications`, `DELETE FROM past`, `DELETE FROM repeat_state`, `DELETE FROM incidents WHERE group_key = 'A'`,
		} {
			if _, err := b.tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		_, err := b.tx.ExecContext(ctx, `INSERT INTO repeat_state (seq, last_heard_at, version, doc) SELECT seq, 0, 0, '{}' FROM incidents`)
		return err
	}))
	list, err := s.List(t.Context(), incident.Query{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, list.Rows, 1)
	assert.Equal(t, "B", found(t, s, incident.Query{}))
	assert.Empty(t, found(t, s, incident.Query{Text: "A"}))
}

// FuzzSearch: no text of a stranger is more than words.
func FuzzSearch(f *testing.F) {
	s := open(f)
	for _, seed := range []string{"a", `"`, `a" OR b`, "NEAR(a b)", "^a", "a*", "{words}: a", "支付", "\x00", "a\xff", "-a", "ÀÀÀ", "١"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, q string) {
		_, err := s.List(t.Context(), incident.Query{Text: q, Limit: 1, Fingerprint: "x"})
		require.NoError(t, err)
	})
}
