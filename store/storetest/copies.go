package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// testManyCopies: copies on one database are one store.
func testManyCopies(t *testing.T, e *Engine) {
	t.Run("Accept", func(t *testing.T) { testCopiesAccept(t, e) })
	t.Run("NoStaleMemory", func(t *testing.T) { testNoStaleMemory(t, e) })
	t.Run("Claim", func(t *testing.T) { testCopiesClaim(t, e) })
	t.Run("Ledger", func(t *testing.T) { testCopiesLedger(t, e) })
	t.Run("Changes", func(t *testing.T) { testCopiesChanges(t, e) })
	t.Run("Storm", func(t *testing.T) { testCopiesStorm(t, e) })
	t.Run("LargeGroup", func(t *testing.T) { testCopiesLargeGroup(t, e) })
	t.Run("Lead", func(t *testing.T) { testCopiesLead(t, e) })
}

// copies opens a database as often as it is told.
func copies(t *testing.T, e *Engine, n int, o Options) []*opened {
	t.Helper()
	db := e.New(t)
	list := make([]*opened, n)
	for i := range list {
		list[i] = e.open(t, db, o)
	}
	return list
}

// testCopiesAccept: the same groups through three copies at once give each group one incident, in which every notification counts
// once.
func testCopiesAccept(t *testing.T, e *Engine) {
	const clients, each, groups = 24, 25, 20
	stores := copies(t, e, 3, Options{})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				n := firing(fmt.Sprint((c+i)%groups), at)
				n.Alerts = append(n.Alerts, alert("x", fmt.Sprint(c), "warning", incident.Firing))
				n.Truncated = 1 // there are others
				_, err := stores[c%len(stores)].Accept(context.Background(), n)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Len(t, stores[0].log(t), clients*each)
	list := all(t, stores[1])
	assert.Len(t, list, groups)
	for _, inc := range list {
		assert.Len(t, inc.Alerts, 1+clients, "what one copy has added, another one did not overwrite")
	}
	counts := map[string]int{}
	for _, l := range stores[0].log(t) {
		counts[l.Outcome]++
	}
	assert.Equal(t, groups, counts[string(incident.OutcomeOpened)])
}

// testNoStaleMemory: what one copy remembers of an incident never hides what another one has done.
func testNoStaleMemory(t *testing.T, e *Engine) {
	now := &clock{now: at}
	stores := copies(t, e, 2, Options{Now: now.Now})
	f := &folded{now: now}
	var id string
	for i := range 20 {
		f.s = stores[i%2]
		id = f.send(t, func() *incident.Notification {
			n := firing("x", at)
			if i%3 == 0 {
				n.Alerts = append(n.Alerts, alert("x", fmt.Sprint(i), "critical", incident.Firing))
			}
			return n
		}).IncidentID
	}
	require.NoError(t, stores[0].Update(t.Context(), id, func(inc *incident.Incident) bool {
		return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "the disk", At: now.Now()}) == nil
	}))
	accept(t, stores[1], firing("x", now.Now()))
	inc, _ := get(t, stores[0], id)
	assert.Len(t, inc.Feedback, 1, "not lost")
}

// testCopiesClaim: no work is claimed by two copies, a lease that ran out passes to another one, and the first is refused then.
func testCopiesClaim(t *testing.T, e *Engine) {
	now := &clock{now: at}
	stores := copies(t, e, 3, Options{Now: now.Now})
	for i := range 30 {
		accept(t, stores[0], firing(fmt.Sprint(i), at))
	}
	var mu sync.Mutex
	got := map[string]int{}
	var ops []func()
	for i := range 15 {
		ops = append(ops, func() {
			claims, err := stores[i%3].Claim(context.Background(), incident.WorkFile, 2)
			if !assert.NoError(t, err) { //nolint:testifylint // not in the test's own goroutine
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range claims {
				got[c.Incident.ID]++
			}
		})
	}
	together(ops...)
	for id, n := range got {
		assert.Equal(t, 1, n, id)
	}
	c := claim(t, stores[0], incident.WorkEvidence)
	now.advance(30 * time.Second)
	taken := map[string]incident.Claim{}
	claims, err := stores[1].Claim(t.Context(), incident.WorkEvidence, 100)
	require.NoError(t, err)
	for _, c := range claims {
		taken[c.Incident.ID] = c
	}
	require.Contains(t, taken, c.Incident.ID)
	require.ErrorIs(t, stores[0].Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		inc.Severity, f.Evidence = "lost", []incident.Evidence{{ID: "E9"}}
	}), incident.ErrLeaseLost)
	require.ErrorIs(t, stores[0].Renew(t.Context(), c), incident.ErrLeaseLost)
	inc, found := get(t, stores[2], c.Incident.ID)
	assert.Equal(t, "warning", inc.Severity)
	assert.Empty(t, found.Evidence)
	finish(t, stores[1], taken[c.Incident.ID], now.Now())
}

// testCopiesLedger: limits are those of all copies together.
func testCopiesLedger(t *testing.T, e *Engine) {
	stores := copies(t, e, 3, Options{})
	limits := incident.Limits{CostPerHour: 1}
	var mu sync.Mutex
	allowed := 0
	var ops []func()
	for i := range 48 {
		ops = append(ops, func() {
			_, err := stores[i%3].ReserveCall(context.Background(), "an incident", .0625, limits)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				allowed++
			} else if !errors.Is(err, incident.ErrBudget) {
				assert.Fail(t, "neither allowed nor refused", err.Error())
			}
		})
	}
	together(ops...)
	assert.Equal(t, 16, allowed)
	used, err := stores[1].Used(t.Context())
	require.NoError(t, err)
	assert.Equal(t, incident.BudgetUsage{Calls: 16, CostHour: 1, CostDay: 1}, used)
}

// testCopiesChanges: what one copy commits is told to the subscribers of all, and wakes the workers of all.
func testCopiesChanges(t *testing.T, e *Engine) {
	stores := copies(t, e, 2, Options{})
	changes := stores[1].Subscribe(t.Context())
	id := accept(t, stores[0], firing("x", at)).IncidentID
	assert.Equal(t, incident.Change{ID: id, Revision: 1, Status: incident.Firing, Analysis: incident.Pending}, <-changes)
	<-stores[1].Due(incident.WorkFile)
	finish(t, stores[1], claim(t, stores[1], incident.WorkFile), at)
	own := stores[0].Subscribe(t.Context())
	accept(t, stores[1], firing("y", at))
	for c := range own {
		if c.ID != id { // which the other copy has told of before
			break
		}
	}
}

// testCopiesStorm: incidents of one namespace that open through three copies are linked both ways.
func testCopiesStorm(t *testing.T, e *Engine) {
	const groups = 60
	stores := copies(t, e, 3, Options{})
	var ops []func()
	for i := range groups {
		ops = append(ops, func() {
			severity := []string{"info", "critical", "warning"}[i%3]
			_, err := stores[i%3].Accept(context.Background(), struck(fmt.Sprint(i), "shop", severity, at.Add(time.Duration(i)*time.Millisecond)))
			assert.NoError(t, err)
		})
	}
	together(ops...)
	list := all(t, stores[0])
	require.Len(t, list, groups)
	byID, linked := map[string]*incident.Incident{}, 0
	for _, inc := range list {
		byID[inc.ID] = inc
	}
	for _, inc := range list {
		assert.LessOrEqual(t, len(inc.Related), incident.MaxRelated)
		for _, l := range inc.Related {
			assert.Contains(t, byID, l.ID)
		}
		if len(inc.Related) > 0 {
			linked++
		}
	}
	assert.GreaterOrEqual(t, linked, groups-3, "but the first of each copy, which may have been alone")
}

// testCopiesLargeGroup: a group of more than a thousand alerts grows through three copies at once, and loses nothing.
func testCopiesLargeGroup(t *testing.T, e *Engine) {
	stores := copies(t, e, 3, Options{})
	id := accept(t, stores[0], crowd(at, 0, 1001, incident.Firing)).IncidentID
	var ops []func()
	for i := range 12 {
		ops = append(ops, func() {
			n := crowd(at, 1001+i, 1, incident.Firing)
			n.Truncated = 1
			_, err := stores[i%3].Accept(context.Background(), n)
			assert.NoError(t, err)
		})
	}
	together(ops...)
	inc, _ := get(t, stores[1], id)
	assert.Len(t, inc.Alerts, 1013)
}

// testCopiesLead: a duty is one copy's at a time; it passes on when that one ends, or is held up past its lease, and then what
// it stores is refused.
func testCopiesLead(t *testing.T, e *Engine) {
	now := &clock{now: at}
	stores := copies(t, e, 2, Options{Now: now.Now})
	type term struct {
		copy int
		ctx  context.Context
	}
	terms := make(chan term, 10)
	lead := func(ctx context.Context, i int) (stop func()) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			stores[i].Lead(ctx, "duty", func(ctx context.Context) {
				terms <- term{i, ctx}
				<-ctx.Done()
			})
		})
		return func() {
			cancel()
			wg.Wait()
		}
	}
	stopFirst := lead(t.Context(), 0)
	defer stopFirst()
	first := <-terms
	require.Equal(t, 0, first.copy)
	stopSecond := lead(t.Context(), 1)
	defer stopSecond()
	require.NoError(t, stores[0].SaveDetection(first.ctx, "rule", map[string][]byte{"1": {1}}))
	now.advance(21 * time.Second) // the first copy stands still, and can't renew
	second := term{}
	for again := time.NewTicker(3 * time.Second); second.ctx == nil; {
		select {
		case second = <-terms:
			again.Stop()
		case <-again.C: // the first one did renew, for the machine was slow
			now.advance(21 * time.Second)
		}
	}
	require.Equal(t, 1, second.copy)
	require.ErrorIs(t, stores[0].SaveDetection(context.WithoutCancel(first.ctx), "rule", map[string][]byte{"1": {2}}), incident.ErrLeaseLost)
	require.ErrorIs(t, stores[0].SaveDeliveries(context.WithoutCancel(first.ctx), incident.Delivery{Channel: "a"}), incident.ErrLeaseLost)
	require.NoError(t, stores[1].SaveDetection(second.ctx, "rule", map[string][]byte{"1": {3}}))
	saved, err := stores[0].LoadDetection(t.Context(), "rule")
	require.NoError(t, err)
	assert.Equal(t, []byte{3}, saved["1"])
	stopSecond()
	assert.Equal(t, 0, (<-terms).copy, "given back at the end")
}
