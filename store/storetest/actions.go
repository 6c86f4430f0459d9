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

// firing returns a notification of a group in which one alert fires.
func firing(group string, received time.Time) *incident.Notification {
	return notification(group, received, alert(group, "a", "warning", incident.Firing))
}

func resolved(group string, received time.Time) *incident.Notification {
	return notification(group, received, alert(group, "a", "warning", incident.Resolved))
}

func accept(t testing.TB, s *opened, n *incident.Notification) incident.Receipt {
	t.Helper()
	receipt, err := s.Accept(context.Background(), n)
	require.NoError(t, err)
	return receipt
}

// claim claims one incident and requires that there is one.
func claim(t testing.TB, s *opened, work incident.Work) incident.Claim {
	t.Helper()
	claims, err := s.Claim(context.Background(), work, 1)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	return claims[0]
}

func unclaimable(t testing.TB, s *opened, work incident.Work) {
	t.Helper()
	claims, err := s.Claim(context.Background(), work, 1)
	require.NoError(t, err)
	require.Empty(t, claims)
}

func get(t testing.TB, s *opened, id string) (*incident.Incident, incident.Findings) {
	t.Helper()
	inc, f, err := s.Incident(context.Background(), id)
	require.NoError(t, err)
	return inc, f
}

// finish stores what a worker would.
func finish(t testing.TB, s *opened, c incident.Claim, now time.Time) {
	t.Helper()
	require.NoError(t, s.Finish(context.Background(), c, result(c, now)))
}

// result is what a worker makes of a claim.
func result(c incident.Claim, now time.Time) func(*incident.Incident, *incident.Findings) {
	return func(inc *incident.Incident, f *incident.Findings) {
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
	}
}

// all returns all incidents.
func all(t testing.TB, s *opened) []*incident.Incident {
	t.Helper()
	var list []*incident.Incident
	q := incident.Query{Limit: 500}
	for {
		page, next, err := s.Incidents(context.Background(), q)
		require.NoError(t, err)
		list = append(list, page...)
		if q.After = next; next == "" {
			return list
		}
	}
}

// together runs functions at the same time.
func together(ops ...func()) {
	var wg sync.WaitGroup
	for _, op := range ops {
		wg.Go(op)
	}
	wg.Wait()
}

// nothingDue requires that no work is due, scheduled, or leased.
func nothingDue(t testing.TB, s *opened) {
	t.Helper()
	q, err := s.Queue(context.Background())
	require.NoError(t, err)
	for work, n := range q.Due {
		assert.Zero(t, n+q.Running[work], work)
	}
}
