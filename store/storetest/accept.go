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

func testAccept(t *testing.T, e *Engine) {
	s := open(t, e)
	opened := accept(t, s, firing("x", at))
	assert.Equal(t, incident.OutcomeOpened, opened.Outcome)
	assert.Equal(t, incident.Receipt{IncidentID: opened.IncidentID, Outcome: incident.OutcomeRepeat}, accept(t, s, firing("x", at)))
	over := accept(t, s, resolved("x", at.Add(time.Minute)))
	assert.Equal(t, incident.Receipt{IncidentID: opened.IncidentID, Outcome: incident.OutcomeResolved}, over)
	assert.Equal(t, incident.Receipt{Outcome: incident.OutcomeIgnored}, accept(t, s, resolved("y", at)), "of no incident")
	again := accept(t, s, firing("x", at.Add(48*time.Hour)))
	assert.Equal(t, incident.OutcomeOpened, again.Outcome)

	inc, _ := get(t, s, again.IncidentID)
	assert.Equal(t, opened.IncidentID, inc.Predecessor)
	assert.Equal(t, incident.OutcomeRepeat, accept(t, s, firing("x", at.Add(49*time.Hour))).Outcome, "folded into the newest")

	log := s.log(t)
	require.Len(t, log, 6)
	assert.Equal(t, Logged{"opened", opened.IncidentID, at, firing("x", at).Body}, log[0])
	assert.Equal(t, Logged{"ignored", "", at, firing("x", at).Body}, log[3])
}

func testPanicFailsAlone(t *testing.T, e *Engine) {
	s := open(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	var failed, beside error
	together(
		func() {
			failed = s.Update(context.Background(), id, func(inc *incident.Incident) bool {
				inc.Severity = "broken"
				panic("a fault of ours")
			})
		},
		func() { _, beside = s.Accept(context.Background(), firing("x", at)) },
	)
	require.ErrorContains(t, failed, "a fault of ours")
	require.NoError(t, beside)
	inc, _ := get(t, s, id)
	assert.Equal(t, "warning", inc.Severity)
	assert.Equal(t, 1, inc.Repeats)

	accept(t, s, firing("x", at))
}

func testManyClients(t *testing.T, e *Engine) {
	const clients, each, groups = 64, 50, 1000
	s := open(t, e)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				_, err := s.Accept(context.Background(), firing(fmt.Sprint((c*each+i)%groups), at))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	check := func(s *opened) {
		assert.Len(t, s.log(t), clients*each)
		repeats, keys := 0, map[string]bool{}
		for _, inc := range all(t, s) {
			repeats += inc.Repeats
			keys[inc.GroupKey] = true
		}
		assert.Len(t, keys, groups)
		assert.Equal(t, clients*each-groups, repeats)
	}
	check(s)
	check(reopen(t, s))
}
