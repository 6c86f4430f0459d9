package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// hands is a clock that tests set.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) set(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// TestClockOfTheDatabaseIsSetBack: a lease from before the clock was set back by hours is not kept for hours; one whose end is only a
// little ahead stands.
func TestClockOfTheDatabaseIsSetBack(t *testing.T) {
	url := newDatabase(t)
	h := &hands{now: then}
	stores := []*Store{open(t, url, func(o *Options) { o.Now = h.Now }), open(t, url, func(o *Options) { o.Now = h.Now })}
	acceptable(t, stores[0], "x")
	h.set(then.Add(3 * time.Hour))
	claims, err := stores[0].Claim(t.Context(), incident.WorkEvidence, 1)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	token := 0
	duty := func(i int) (lost func() bool) { // without what would renew it
		token++
		l := lead{"duty", fmt.Sprint(token)}
		taken, err := stores[i].take(t.Context(), l)
		require.NoError(t, err)
		require.True(t, taken, "the duty is not free")
		return func() bool {
			return stores[i].SaveDetection(context.WithValue(t.Context(), leadKey{}, l), "rule", map[string][]byte{"s": {1}}) != nil
		}
	}
	lost := duty(0)

	h.set(then.Add(3*time.Hour - 20*time.Second))
	others, err := stores[1].Claim(t.Context(), incident.WorkEvidence, 1)
	require.NoError(t, err)
	assert.Empty(t, others, "a little")
	h.set(then.Add(time.Hour))
	others, err = stores[1].Claim(t.Context(), incident.WorkEvidence, 1)
	require.NoError(t, err)
	assert.Len(t, others, 1, "by hours")
	require.ErrorIs(t, stores[0].Renew(t.Context(), claims[0]), incident.ErrLeaseLost, "and is one copy's alone")
	assert.False(t, lost())
	duty(1)
	assert.True(t, lost())
}

// TestClockOfACopyIsAhead: what a copy makes due at once is due at once, by whatever its clock differs from that of the database.
func TestClockOfACopyIsAhead(t *testing.T) {
	s := open(t, newDatabase(t))
	for name, ahead := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			n := firing(name)
			here := time.Now().Add(ahead)
			n.ReceivedAt = here
			receipt, err := s.Accept(t.Context(), n)
			require.NoError(t, err)
			due := func() (ids []string) {
				next, err := s.NextDue(t.Context(), incident.WorkFile)
				require.NoError(t, err)
				claims, err := s.Claim(t.Context(), incident.WorkFile, 10)
				require.NoError(t, err)
				for _, c := range claims {
					ids = append(ids, c.Incident.ID)
				}
				if len(ids) > 0 {
					assert.WithinDuration(t, time.Now(), next, 10*time.Minute)
				}
				return ids
			}
			if ahead > 0 {
				require.Empty(t, due(), "stored by a copy whose clock is right, it is due in an hour")
			}
			// As the copy would store it that has this clock.
			var seq int64
			require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT seq FROM incidents WHERE id = $1`, receipt.IncidentID).Scan(&seq))
			w := workRows{
				seqs: []int64{seq}, kinds: []string{string(incident.WorkFile)}, opened: []int64{micros(here)}, ranks: []int32{1}, due: []int64{micros(here)},
			}
			b := &pgx.Batch{}
			w.queue(b, nil, here)
			require.NoError(t, s.pool.SendBatch(t.Context(), b).Close())
			assert.Equal(t, []string{receipt.IncidentID}, due())
		})
	}
}
