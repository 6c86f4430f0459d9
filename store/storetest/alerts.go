package storetest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// testManyWritersOfOneLargeGroup: notifications, results and feedback at the same time lose nothing of each other.
func testManyWritersOfOneLargeGroup(t *testing.T, e *Engine) {
	s := open(t, e)
	id := accept(t, s, crowd(at, 0, layout.LargeGroup+1, incident.Firing)).IncidentID
	const each = 10
	var wg sync.WaitGroup
	for c := range 3 {
		wg.Go(func() {
			for i := range each {
				n := crowd(at, layout.LargeGroup+1+c*each+i, 1, incident.Firing)
				n.Truncated = 1
				_, err := s.Accept(context.Background(), n)
				assert.NoError(t, err)
			}
		})
	}
	wg.Go(func() {
		for range each {
			assert.NoError(t, s.Update(context.Background(), id, func(inc *incident.Incident) bool {
				return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "the disk", At: at}) == nil
			}))
		}
	})
	wg.Go(func() {
		for range each {
			for _, work := range incident.Works() {
				claims, _ := s.Claim(context.Background(), work, 1)
				for _, c := range claims {
					finish(t, s, c, at)
				}
			}
		}
	})
	wg.Wait()
	inc, _ := get(t, s, id)
	assert.Len(t, inc.Alerts, layout.LargeGroup+1+3*each)
	assert.Len(t, inc.Feedback, each)
	stored := 0
	for _, r := range inc.Timeline {
		stored += r.Joined
	}
	assert.Equal(t, len(inc.Alerts), stored)
}
