package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func testReopen(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	id := accept(t, s, firing("x", at)).IncidentID
	finish(t, s, claim(t, s, incident.WorkEvidence), now.Now())
	finish(t, s, claim(t, s, incident.WorkAnalysis), now.Now())
	before, found := get(t, s, id)
	s = reopen(t, s)
	after, foundAfter := get(t, s, id)
	assert.Equal(t, before, after)
	assert.Equal(t, found, foundAfter)
	assert.Equal(t, incident.Receipt{IncidentID: id, Outcome: incident.OutcomeRepeat}, accept(t, s, firing("x", at)))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice does no harm")
}

func testReopenRanksSeverities(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	accept(t, s, firing("warning", at))
	accept(t, s, notification("x", at.Add(time.Second), alert("x", "a", "info", incident.Firing)))
	rules := incident.DefaultPolicy()
	rules.Severities = []string{"info", "warning"}
	s = reopen(t, s, func(o *Options) { o.Policy = rules })
	assert.Equal(t, "Awarning", claim(t, s, incident.WorkFile).Incident.Alertname, "info is not due yet")
	s = reopen(t, s, func(o *Options) { o.Now = time.Now })
	assert.Equal(t, "Ax", claim(t, s, incident.WorkFile).Incident.Alertname)
}
