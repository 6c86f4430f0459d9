package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

// detectionOf makes what a configuration with other rules runs, beside a service.
func (s *service) detectionOf(rules string) *detection {
	s.t.Helper()
	cfg := *s.cfg
	if withRules(s.t, "groups: []")(&cfg); rules != "" {
		withRules(s.t, rules)(&cfg)
	}
	other := &setup{cfg: &cfg, store: s.app.store, log: s.app.log, registry: prometheus.NewRegistry()}
	require.NoError(s.t, other.buildDetection())
	s.t.Cleanup(func() { assert.NoError(s.t, other.cleanUp(context.Background())) })
	return other.detection
}

// TestReloadDetection: rules are read again while an incident that was opened directly fires. Unchanged, it goes on, and nobody is told
// anything; without the rule, and without any, it resolves.
func TestReloadDetection(t *testing.T) {
	t.Parallel()
	q, pair := detectionPair(t, "http://127.0.0.1:1/")
	s := startService(t, func(c *config) { c.Prometheus.URL = pair.PromURL })
	run := func(d *detection) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		return func() { cancel(); running.Wait() }
	}
	first := s.detectionOf(detectRules)
	stop := run(first)
	require.Eventually(t, func() bool { return !first.Status()[0].Evaluated.IsZero() }, soon, 20*time.Millisecond)
	q.length.Store(5)
	require.Eventually(t, func() bool { return s.incidentOf("QueueUnusual") != nil }, time.Minute, 50*time.Millisecond)
	inc := s.incidentOf("QueueUnusual")
	stop()

	second := s.detectionOf(detectRules)
	reloadDetection(t.Context(), first, second)
	require.Equal(t, 1, second.Status()[0].Series["firing"], "it goes on")
	stop = run(second)
	before := second.Status()[0].Evaluated
	require.Eventually(t, func() bool { return second.Status()[0].Evaluated.After(before.Add(2 * time.Second)) }, time.Minute, 50*time.Millisecond)
	stop()
	now, _ := s.incident(inc.ID)
	assert.Equal(t, incident.Firing, now.Status)
	assert.Equal(t, inc.Alerts[0].StartsAt, now.Alerts[0].StartsAt)

	reloadDetection(t.Context(), nil, second)
	reloadDetection(t.Context(), second, s.detectionOf(""))
	s.await(inc.ID, soon, "resolved, for its rule is gone", func(inc *incident.Incident) bool { return inc.Status == incident.Resolved })
}

// TestResolveUntold: a start resolves incidents that were opened directly for rules that are gone, and no others.
func TestResolveUntold(t *testing.T) {
	s := startService(t, func(*config) {})
	accept := func(rule *watch.Rule) string {
		receipt, err := s.app.store.Accept(t.Context(), notification(rule, []watch.Alert{
			{Labels: map[string]string{"alertname": rule.Alert, "queue": "a"}, StartsAt: time.Now()},
			{Labels: map[string]string{"alertname": rule.Alert, "queue": "b"}, StartsAt: time.Now()},
		}, time.Now()))
		require.NoError(t, err)
		return receipt.IncidentID
	}
	gone, stays := accept(&watch.Rule{Group: "g", Alert: "Gone"}), &watch.Rule{Group: "g", Alert: "Stays"}
	kept := accept(stays)
	sent := &incident.Notification{Receiver: "pager", GroupKey: directPrefix + "g/Gone", GroupLabels: map[string]string{"alertname": "Sent"}, ReceivedAt: time.Now(), Alerts: []incident.Alert{
		{Status: incident.Firing, Labels: map[string]string{"alertname": "Sent"}, StartsAt: time.Now(), SeenAt: time.Now()},
	}}
	setBody(sent)
	receipt, err := s.app.store.Accept(t.Context(), sent)
	require.NoError(t, err)
	require.NoError(t, resolveUntold(t.Context(), s.app.store, map[string]bool{directGroup(stays): true}))
	s.await(gone, soon, "resolved", func(inc *incident.Incident) bool { return inc.Status == incident.Resolved && inc.FiringCount() == 0 })
	for _, id := range []string{kept, receipt.IncidentID} {
		inc, _ := s.incident(id)
		assert.Equal(t, incident.Firing, inc.Status)
	}
}
