package analyzer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

func TestAnswersAreFactChecked(t *testing.T) {
	b := newBench(t)
	b.srv.Next(modeltest.Content(`{"summary":"It fails since 03:33 UTC.","causes":[
		{"hypothesis":"shenzhen carries 85.3 % of the change, from 0.05 to 0.62.","likelihood":"high","evidence":["E2"]},
		{"hypothesis":"ip_region=\"hangzhou\" carries 99.1 % of it.","likelihood":"high","evidence":["E2"]}]}`))
	v, failure := b.ask(t, "a")
	require.Nil(t, failure)
	assert.Equal(t, []incident.Mark{{Kind: incident.MarkNumberNotFound, Text: "03:33 UTC"}}, v.Marks)
	assert.Empty(t, v.Causes[0].Marks)
	assert.InDelta(t, .5, v.Causes[0].Confidence, 1e-9)
	assert.Equal(t, []incident.Mark{
		{Kind: incident.MarkNumberNotFound, Text: "99.1 %"}, {Kind: incident.MarkNameNotFound, Text: "hangzhou"},
	}, v.Causes[1].Marks)
	assert.InDelta(t, .17, v.Causes[1].Confidence, 1e-9)
}

func TestEvidenceThatWasCutFromThePromptIsMissing(t *testing.T) {
	b := newBench(t, func(o *Options) { o.MaxPromptBytes = minPromptBytes })
	var evidence []incident.Evidence
	for i := range 60 {
		evidence = append(evidence, incident.Evidence{
			ID: fmt.Sprint("E", i+1), Kind: incident.KindSignal, Title: "Signal", Summary: strings.Repeat("It changed. ", 40),
		})
	}
	b.srv.Next(modeltest.Content(`{"summary":"It fails.","causes":[{"hypothesis":"It changed.","evidence":["E1","E60"]}]}`))
	v, err := b.Draft(t.Context(), testIncident(), incident.Findings{Evidence: evidence})
	require.NoError(t, err)
	assert.Equal(t, []incident.Mark{{Kind: incident.MarkEvidenceMissing, Text: "E60"}}, v.Causes[0].Marks)
}

func TestPromptIsWhatIsSent(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Language = "zh" })
	inc, evidence := testIncident(), testEvidence()
	inc.Alerts[0].Annotations["dsn"] = "postgres://app:hunter2@db/app"
	_, err := b.Draft(t.Context(), inc, incident.Findings{Evidence: evidence})
	require.NoError(t, err)
	shown := b.Prompt(inc, incident.Findings{Evidence: evidence})
	sent := b.srv.Requests()[0].Messages
	require.Len(t, shown, len(sent))
	for i, m := range sent {
		assert.Equal(t, m.Role, shown[i].Role)
		assert.Equal(t, *m.Content, shown[i].Content)
	}
	assert.NotContains(t, shown[1].Content, "hunter2")
	assert.Len(t, b.srv.Requests(), 1, "showing the prompt asks nobody")
}
