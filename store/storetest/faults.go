package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// testClosedUnderLoad: a store that is closed while notifications come has stored what it has acknowledged, and refuses the rest.
func testClosedUnderLoad(t *testing.T, e *Engine) {
	s := open(t, e)
	acknowledged := map[string]bool{}
	for round := range 8 { // what is in flight at the close is another thing each time
		closeUnderLoad(t, s, round, acknowledged)
		s = reopen(t, s)
	}
	stored := map[string]int{}
	for _, l := range s.log(t) {
		stored[string(l.Body)]++
	}
	for body := range acknowledged {
		assert.Equal(t, 1, stored[body], "%s is acknowledged", body)
	}
}

func closeUnderLoad(t *testing.T, s *opened, round int, acknowledged map[string]bool) {
	t.Helper()
	const clients, enough = 32, 40
	var mu sync.Mutex
	here, refused, under := 0, 0, make(chan struct{})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			var err error
			for i := 0; err == nil; i++ {
				n := firing(fmt.Sprint(i%30), at)
				body := fmt.Sprintf("%d-%d-%d", round, c, i)
				n.Body = []byte(body)
				_, err = s.Accept(context.Background(), n)
				mu.Lock()
				if err != nil {
					refused++
				} else {
					acknowledged[body] = true
					if here++; here == enough {
						close(under)
					}
				}
				mu.Unlock()
			}
		})
	}
	<-under
	require.NoError(t, s.Close())
	wg.Wait()
	assert.Equal(t, clients, refused, "each was refused in the end, and none waits for good")
}

// testReceipts: a receipt says of a notification what is stored of it, whatever shares its transaction.
func testReceipts(t *testing.T, e *Engine) {
	s := open(t, e)
	var mu sync.Mutex
	receipts := map[string]incident.Receipt{}
	var ops []func()
	for i := range 300 {
		ops = append(ops, func() {
			n := firing(fmt.Sprint(i%7), at)
			if i%3 == 0 {
				n = resolved(fmt.Sprint(i%11), at.Add(time.Duration(i)*time.Second))
			}
			body := fmt.Sprint(i)
			n.Body = []byte(body)
			receipt, err := s.Accept(context.Background(), n)
			assert.NoError(t, err) //nolint:testifylint // not in the test's own goroutine
			mu.Lock()
			defer mu.Unlock()
			receipts[body] = receipt
		})
	}
	together(ops...)
	for _, l := range s.log(t) {
		stored := incident.Receipt{IncidentID: l.Incident, Outcome: incident.Outcome(l.Outcome)}
		assert.Equal(t, stored, receipts[string(l.Body)], "%s", l.Body)
	}
}

// testClockIsSetBack: notifications count, work goes on, and limits hold when the clock is set back by hours, and forward again.
func testClockIsSetBack(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	now.advance(6 * time.Hour)
	limits := incident.Limits{CallsPerHour: 1}
	id := accept(t, s, firing("x", now.Now())).IncidentID
	_, err := s.ReserveCall(t.Context(), id, 0, limits)
	require.NoError(t, err)
	now.advance(-5 * time.Hour)
	_, err = s.ReserveCall(t.Context(), id, 0, limits)
	require.ErrorIs(t, err, incident.ErrBudget, "a call from the future counts")
	assert.Equal(t, incident.Receipt{IncidentID: id, Outcome: incident.OutcomeRepeat}, accept(t, s, firing("x", now.Now())))
	n := notification("x", now.Now(), alert("x", "a", "critical", incident.Firing), alert("x", "b", "critical", incident.Firing))
	assert.Equal(t, incident.Receipt{IncidentID: id, Outcome: incident.OutcomeUpdated}, accept(t, s, n))
	other := accept(t, s, firing("y", now.Now())).IncidentID
	for _, want := range []string{id, other} {
		c := claim(t, s, incident.WorkFile)
		assert.Equal(t, want, c.Incident.ID, "what changes now is done now")
		finish(t, s, c, now.Now())
	}
	now.advance(5 * time.Hour)
	assert.Equal(t, id, accept(t, s, firing("x", now.Now())).IncidentID)
	inc, _ := get(t, s, id)
	assert.Equal(t, 1, inc.Repeats, "the others have changed it")
	assert.Len(t, s.log(t), 5)
}

// testDeliveriesStay: what a channel was told outlives all that happens to the incident, and a restart.
func testDeliveriesStay(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	d := incident.Delivery{Incident: id, Channel: "oncall", Open: true, Revision: 1, ID: "x-opened-1", Told: map[string]string{"opened": "1"}}
	require.NoError(t, s.SaveDeliveries(t.Context(), d))
	accept(t, s, firing("x", at))
	n := firing("x", at.Add(time.Minute))
	for i := range 300 { // its alerts lie apart from then on
		n.Alerts = append(n.Alerts, alert("x", fmt.Sprint(i), "critical", incident.Firing))
	}
	accept(t, s, n)
	now.advance(time.Hour)
	finish(t, s, claim(t, s, incident.WorkEvidence), now.Now())
	accept(t, s, resolved("x", now.Now()))
	now.advance(time.Minute)
	assert.Equal(t, id, accept(t, s, firing("x", now.Now())).IncidentID, "it reopens")
	s = reopen(t, s)
	list, err := s.Deliveries(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, []incident.Delivery{d}, list)
}
