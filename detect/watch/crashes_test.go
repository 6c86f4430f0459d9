package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/store"
)

const learnedRules = `groups:
- name: shop
  interval: 1m
  rules:
  - {alert: Rate, source: orders, expr: rate, for: 2m, anomaly: {method: tail, missing: alert}}
  - {alert: Sigma, source: orders, expr: 'rate{site=~"[0-4]"}', anomaly: {method: {sigma: {k: 3, window: 1h}}, shadow: {method: level}}}
  - {alert: High, source: orders, expr: rate > 130, for: 1m}
`

// fingerprint returns all that decides about the series of a watcher.
func stateOf(t testing.TB, w *Watcher) map[string]string {
	t.Helper()
	out := map[string]string{}
	for key, r := range w.rules {
		for _, s := range r.series {
			detector, err := s.detector.MarshalBinary()
			require.NoError(t, err)
			alert, err := json.Marshal(s.alert)
			require.NoError(t, err)
			out[key+s.labels.String()] = fmt.Sprintf("%x %s %d %v %v", detector, alert, s.origin.points, s.seen, s.stepped)
		}
	}
	return out
}

// TestCrashes: whatever is lost of the memory at any instant, and whatever is delivered twice, what is known of series comes to the
// same as without, to the byte.
func TestCrashes(t *testing.T) {
	for _, journal := range []int{1, 2_000, 50_000, leastJournal} {
		t.Run(fmt.Sprint(journal), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(journal)))
			calm := newPointsEnv(t, openParts(t, filepath.Join(t.TempDir(), "a.db")), learnedRules)
			calmStream := calm.open(0)
			wild := newPointsEnv(t, &flaky{Store: openParts(t, filepath.Join(t.TempDir(), "b.db")), r: r}, learnedRules)
			wild.w.journal = journal
			wildStream := wild.open(0)
			var again []Point
			for i := range 300 {
				calm.now = calm.now.Add(time.Minute)
				wild.now = calm.now
				points := minute(r, calm.now, i)
				_, err := calmStream.Take(t.Context(), points, int64(i))
				require.NoError(t, err)
				wildStream = wild.crashing(wildStream, journal, func(s *Stream) error {
					_, err := s.Take(t.Context(), append(again, points...), int64(i))
					return err
				})
				again = points
				if i%10 == 5 {
					require.NoError(t, calmStream.Tick(t.Context()))
					wildStream = wild.crashing(wildStream, journal, func(s *Stream) error { return s.Tick(t.Context()) })
				}
			}
			want := stateOf(t, calm.w)
			assert.Len(t, want, 10+5+10)
			assert.Equal(t, want, stateOf(t, wild.w))
			wildStream.Close()
			assert.Empty(t, stateOf(t, wild.w))
			wild.start()
			wildStream = wild.open(0)
			assert.Equal(t, want, stateOf(t, wild.w), "after a start")
			if journal < 50_000 {
				assert.Less(t, len(wildStream.journal), 290, "the journal is cut")
			}
			kinds, events := eventsOf(t, calm.parts, 0)
			gotKinds, gotEvents := eventsOf(t, wild.parts.(*flaky).Store, 0)
			assert.ElementsMatch(t, kinds, gotKinds)
			assert.ElementsMatch(t, events, gotEvents) // those of one point are in any order
			assert.Contains(t, kinds, EventResolved)
		})
	}
}

// minute is what ten sites report in a minute: some are silent for a while, and some are in trouble.
func minute(r *rand.Rand, now time.Time, i int) []Point {
	var points []Point
	for site := range 10 {
		if site == 3 && i > 150 && i < 180 || site == 4 && i > 290 {
			continue
		}
		v := 100 + 5*r.NormFloat64()
		if site == 2 && i > 200 && i < 220 {
			v *= 1.5
		}
		points = append(points, at("rate", now.Add(time.Duration(-site)*time.Second), v, "site", fmt.Sprint(site)))
	}
	return points
}

// flaky is a store that fails now and then; what it has stored it may say that it has not, when the process ends there.
type flaky struct {
	*store.Store

	r    *rand.Rand
	dead atomic.Bool
}

var errDied = errors.New("the process has died")

func (f *flaky) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	switch f.r.IntN(20) {
	case 0:
		f.dead.Store(true) // before it is stored
		return errDied
	case 1:
		err := f.Store.SavePart(ctx, p, c)
		f.dead.Store(true) // before anybody knows
		return errors.Join(err, errDied)
	}
	return f.Store.SavePart(ctx, p, c)
}

// crashing calls f until it succeeds, each time in a new process if the one before has died.
func (e *pointsEnv) crashing(s *Stream, journal int, f func(*Stream) error) *Stream {
	e.t.Helper()
	for {
		s.w.opts.Parts = dying{e.parts.(*flaky)}
		err := f(s)
		if !e.parts.(*flaky).dead.Swap(false) {
			require.NoError(e.t, err)
			return s
		}
		e.start()
		e.w.journal = journal
		s = e.open(0)
	}
}

// dying makes a process that has died stop trying.
type dying struct{ *flaky }

func (d dying) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	err := d.flaky.SavePart(ctx, p, c)
	if errors.Is(err, errDied) {
		return detect.ErrMoved // ends whatever goes on
	}
	return err
}
