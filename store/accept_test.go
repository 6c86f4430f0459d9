package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestAcceptNotAcknowledged(t *testing.T) {
	s := open(t)
	t.Run("the caller has left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Accept(ctx, firing("x", at))
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("the queue is full", func(t *testing.T) {
		release := stall(t, s)
		var wg sync.WaitGroup
		var busy, stored int
		var mu sync.Mutex
		for i := range queueSize + 10 {
			wg.Go(func() {
				_, err := s.Accept(context.Background(), firing(fmt.Sprint(i), at))
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, ErrBusy) {
					if busy++; busy == 10 {
						release()
					}
				} else if err == nil {
					stored++
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 10, busy)
		assert.Equal(t, queueSize, stored)
		assert.Equal(t, queueSize, count(t, s, `SELECT count(*) FROM notifications`))
	})
	t.Run("the store is closed", func(t *testing.T) {
		require.NoError(t, s.Close())
		_, err := s.Accept(t.Context(), firing("x", at))
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, s.Ping(t.Context()), ErrClosed)
	})
}

// stall keeps the writer busy until the function that it returns is called, or the test ends.
func stall(t *testing.T, s *Store) (release func()) {
	t.Helper()
	running, held := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.do(context.Background(), func(context.Context, *batch) error {
			close(running)
			<-held
			return nil
		})
	})
	<-running
	t.Cleanup(func() {
		release()
		wg.Wait()
	})
	return release
}

// together runs operations in one batch.
func together(t *testing.T, s *Store, ops ...func()) {
	t.Helper()
	release := stall(t, s)
	var wg sync.WaitGroup
	for i, op := range ops {
		wg.Go(op)
		require.Eventually(t, func() bool { return len(s.accepts)+len(s.results) == i+1 }, time.Minute, 100*time.Microsecond)
	}
	release()
	wg.Wait()
}

func TestBadRowFailsAlone(t *testing.T) {
	s := open(t)
	_, err := s.db.ExecContext(t.Context(), `CREATE TRIGGER poison BEFORE INSERT ON notifications
		WHEN NEW.receiver = 'poison' BEGIN SELECT RAISE(ABORT, 'a bad row'); END`)
	require.NoError(t, err)
	var ops []func()
	errs := make([]error, 20)
	for i := range errs {
		n := firing(fmt.Sprint(i%3), at)
		if i == 7 {
			n.Receiver = "poison"
		}
		ops = append(ops, func() { _, errs[i] = s.Accept(context.Background(), n) })
	}
	together(t, s, ops...)
	for i, err := range errs {
		if i == 7 {
			require.ErrorContains(t, err, "a bad row")
			continue
		}
		require.NoError(t, err, i)
	}
	assert.Equal(t, 19, count(t, s, `SELECT count(*) FROM notifications`))
	assert.Equal(t, 3, count(t, s, `SELECT count(*) FROM incidents`), "the bad one has left nothing")
	assert.Equal(t, incident.OutcomeRepeat, accept(t, s, firing("1", at)).Outcome)
}

// TestMemoryIsDisk runs all kinds of changes at random and compares the incidents that the store keeps in memory with
// those on disk.
func TestMemoryIsDisk(t *testing.T) {
	s, now := openAt(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		now.advance(time.Duration(rnd.IntN(1200)) * time.Second)
		group := fmt.Sprint(rnd.IntN(5))
		switch rnd.IntN(6) {
		case 0:
			accept(t, s, resolved(group, now.Now()))
		case 1:
			n := firing(group, now.Now())
			n.Alerts = append(n.Alerts, alert(group, fmt.Sprint(rnd.IntN(4)), "critical", incident.Firing))
			n.Alerts[0].Annotations = map[string]string{"value": fmt.Sprint(rnd.IntN(2))}
			accept(t, s, n)
		case 2, 3:
			accept(t, s, firing(group, now.Now()))
		case 4:
			storm(t, s, rnd, now.Now())
		default:
			for _, work := range incident.Works() {
				claims, err := s.Claim(t.Context(), work, 2)
				require.NoError(t, err)
				for _, c := range claims {
					finish(t, s, c, now.Now())
				}
			}
		}
	}
	check := func(other *Store) {
		n := 0
		s.recent.records.Each(func(id string, r *record) {
			stored, _ := get(t, other, id)
			want, err := json.Marshal(stored)
			require.NoError(t, err)
			got, err := json.Marshal(r.inc)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got))
			n++
		})
		assert.Greater(t, n, 10)
	}
	assert.Positive(t, count(t, s, `SELECT count(*) FROM incidents WHERE doc ->> 'related' IS NOT NULL`))
	check(s)
	check(reopen(t, s))
}

// storm lets groups of one namespace fire, all at once, and has somebody say something about one of them.
func storm(t *testing.T, s *Store, rnd *rand.Rand, now time.Time) {
	t.Helper()
	var id string
	for range 3 {
		id = accept(t, s, struck(fmt.Sprint(10+rnd.IntN(6)), "shop", "error", now)).IncidentID
	}
	require.NoError(t, s.Update(t.Context(), id, func(inc *incident.Incident) bool {
		return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "the disk", At: now}) == nil
	}))
}

// finish stores what a worker would.
func finish(t testing.TB, s *Store, c incident.Claim, now time.Time) {
	t.Helper()
	require.NoError(t, s.Finish(context.Background(), c, func(inc *incident.Incident, f *incident.Findings) {
		switch c.Work {
		case incident.WorkFile:
			inc.FileWritten(c.Incident)
		case incident.WorkEvidence:
			f.Evidence = []incident.Evidence{{ID: "E1", Summary: fmt.Sprint(inc.Generation)}}
			inc.EvidenceCollected(c.Incident, atOnce(), now)
		case incident.WorkAnalysis:
			f.Verdict = &incident.Verdict{Summary: "a verdict", Generation: c.Incident.Generation}
			inc.Analyzed(c.Incident, incident.Spend{Calls: 1, Cost: .5}, now)
		case incident.WorkRefresh:
			inc.Refreshed(c.Incident, false, atOnce(), now)
		}
	}))
}
