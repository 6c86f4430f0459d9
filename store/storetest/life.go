package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// crowd is a notification of n alerts of a group, numbered from first on.
func crowd(received time.Time, first, n int, status incident.Status) *incident.Notification {
	out := notification("crowd", received)
	for i := first; i < first+n; i++ {
		out.Alerts = append(out.Alerts, alert("crowd", fmt.Sprint(i), "warning", status))
	}
	return out
}

// folded folds notifications as the store does, and compares what the store has with what folding alone makes of them.
type folded struct {
	s    *opened
	now  *clock
	want *incident.Incident
}

func (f *folded) send(t *testing.T, build func() *incident.Notification) incident.Receipt {
	t.Helper()
	f.now.advance(time.Minute)
	alone := build()
	alone.ReceivedAt = f.now.Now()
	alone.Normalize()
	var outcome incident.Outcome
	f.want, outcome = incident.DefaultPolicy().Fold(f.want, alone)
	n := build()
	n.ReceivedAt = f.now.Now()
	receipt := accept(t, f.s, n)
	assert.Equal(t, outcome, receipt.Outcome)
	f.want.ID, f.want.ReportPath = receipt.IncidentID, ""
	got, _ := get(t, f.s, receipt.IncidentID)
	got.ReportPath = ""
	for i := range got.Alerts {
		got.Alerts[i].Chunk = 0
	}
	require.Equal(t, f.want, got)
	return receipt
}

// testLargeGroup takes a group through all sizes.
func testLargeGroup(t *testing.T, e *Engine) {
	for _, n := range []int{101, 1001} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s, now := openAt(t, e)
			f := &folded{s: s, now: now}
			send := func(first, n int, status incident.Status, truncated uint64, change ...func(*incident.Notification)) {
				t.Helper()
				f.send(t, func() *incident.Notification {
					out := crowd(at, first, n, status)
					out.Truncated = truncated
					for _, c := range change {
						c(out)
					}
					return out
				})
			}
			send(0, 3, incident.Firing, 0)
			send(0, n, incident.Firing, 0)
			send(5, 1, incident.Resolved, uint64(n))
			send(n, 1, incident.Firing, uint64(n))
			send(0, n, incident.Firing, uint64(n), func(n *incident.Notification) { n.Alerts[7].Annotations = map[string]string{"value": "2"} })
			send(0, n+1, incident.Resolved, 0)
			f.s = reopen(t, s)
			send(0, 2, incident.Firing, 0)
			send(0, 2, incident.Resolved, 0)
			finish(t, f.s, claim(t, f.s, incident.WorkFile), now.Now())
			finish(t, f.s, claim(t, f.s, incident.WorkEvidence), now.Now())
			_, found := get(t, f.s, f.want.ID)
			assert.Len(t, found.Evidence, 1)
		})
	}
}

// testPair: what the second Alertmanager of a pair sends of the same group is folded into the same incident and costs nothing.
func testPair(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	f := &folded{s: s, now: now}
	from := func(url string, status incident.Status) func() *incident.Notification {
		return func() *incident.Notification {
			n := notification("x", at, alert("x", "a", "warning", status))
			n.ExternalURL = url
			return n
		}
	}
	opened := f.send(t, from("http://one:9093", incident.Firing))
	assert.Equal(t, incident.Receipt{IncidentID: opened.IncidentID, Outcome: incident.OutcomeRepeat}, f.send(t, from("http://two:9093", incident.Firing)))
	f.send(t, from("http://one:9093", incident.Resolved))
	f.send(t, from("http://two:9093", incident.Resolved))
	f.send(t, from("http://one:9093", incident.Firing)) // a flap
	assert.Len(t, all(t, s), 1)
}

// testTruncated: a body that says less than it knows takes nothing back.
func testTruncated(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	f := &folded{s: s, now: now}
	f.send(t, func() *incident.Notification { return crowd(at, 0, 20, incident.Firing) })
	f.send(t, func() *incident.Notification {
		n := crowd(at, 0, 5, incident.Resolved)
		n.Truncated = 15
		return n
	})
	inc, _ := get(t, s, f.want.ID)
	assert.Equal(t, incident.Firing, inc.Status)
}

// testRandomLife runs all kinds of changes at random; afterwards, and after a restart, all that can be read agrees.
func testRandomLife(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	rnd := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 300 {
		now.advance(time.Duration(rnd.IntN(1200)) * time.Second)
		group := fmt.Sprint(rnd.IntN(5))
		switch rnd.IntN(6) {
		case 0:
			accept(t, s, resolved(group, now.Now()))
			accepted++
		case 1:
			n := firing(group, now.Now())
			n.Alerts = append(n.Alerts, alert(group, fmt.Sprint(rnd.IntN(4)), "critical", incident.Firing))
			n.Alerts[0].Annotations = map[string]string{"value": fmt.Sprint(rnd.IntN(2))}
			accept(t, s, n)
			accepted++
		case 2, 3:
			accept(t, s, firing(group, now.Now()))
			accepted++
		case 4:
			for range 3 {
				accept(t, s, struck(fmt.Sprint(10+rnd.IntN(6)), "shop", "error", now.Now()))
				accepted++
			}
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
	related := 0
	before := all(t, s)
	for _, inc := range before {
		peeked, err := s.Peek(t.Context(), inc.ID)
		require.NoError(t, err)
		assert.Equal(t, inc, peeked)
		related += len(inc.Related)
	}
	assert.Positive(t, related)
	assert.Len(t, s.log(t), accepted)
	assert.Equal(t, before, all(t, reopen(t, s)))
}

// testClaimsAtOnce: each of many who claim at the same time gets another incident.
func testClaimsAtOnce(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	for i := range 5 {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	var mu sync.Mutex
	got := map[string]int{}
	one := func() {
		claims, err := s.Claim(context.Background(), incident.WorkFile, 1)
		mu.Lock()
		defer mu.Unlock()
		assert.NoError(t, err)
		for _, c := range claims {
			got[c.Incident.ID]++
		}
	}
	together(one, one, one, one, one, one, one, one)
	for range 5 {
		one()
	}
	assert.Len(t, got, 5)
	for id, n := range got {
		assert.Equal(t, 1, n, id)
	}
}

// testClosed: a closed store refuses, and never hangs.
func testClosed(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	c := claim(t, s, incident.WorkFile)
	require.NoError(t, s.Close())
	_, err := s.Accept(t.Context(), firing("x", at))
	require.Error(t, err)
	require.Error(t, s.Ping(t.Context()))
	require.Error(t, s.Update(t.Context(), id, func(*incident.Incident) bool { return true }))
	require.Error(t, s.Release(t.Context(), c))
	_, err = s.Claim(t.Context(), incident.WorkFile, 1)
	require.Error(t, err)
}

// testLead: a duty is done by one at a time, ends with the context, and is taken up again after it has ended by itself.
func testLead(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	doing, most, begun := 0, 0, make(chan struct{}, 100)
	do := func(ctx context.Context) {
		mu.Lock()
		doing++
		most = max(most, doing)
		mu.Unlock()
		begun <- struct{}{}
		<-ctx.Done()
		mu.Lock()
		doing--
		mu.Unlock()
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Lead(ctx, "a", do) })
	<-begun
	require.NoError(t, s.SaveDetection(t.Context(), "r", map[string][]byte{"1": {1}}))
	cancel()
	wg.Wait()
	assert.Equal(t, 1, most)
	assert.Zero(t, doing)
}
