package report

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// TestSeverityAsSent: what the alert says is shown, and what is ours is said to be ours.
func TestSeverityAsSent(t *testing.T) {
	for name, tc := range map[string]struct {
		labels               map[string]string
		ours                 string
		head, cell, frontKey string
	}{
		"known":             {map[string]string{"severity": "critical"}, "critical", "· critical ·", "| critical |", ""},
		"capitals":          {map[string]string{"severity": "CRITICAL"}, "critical", "· critical ·", "| CRITICAL |", ""},
		"another school":    {map[string]string{"severity": "灾难"}, "warning", "· 灾难 (handled as warning) ·", "| 灾难 |", "severity_label: 灾难\n"},
		"a number":          {map[string]string{"severity": "1"}, "warning", "· 1 (handled as warning) ·", "| 1 |", "severity_label: \"1\"\n"},
		"level":             {map[string]string{"level": "4"}, "warning", "· level=4 (handled as warning) ·", "| level=4 |", "severity_label: level=4\n"},
		"priority":          {map[string]string{"priority": "P1"}, "warning", "· priority=P1 (handled as warning) ·", "| priority=P1 |", "severity_label: priority=P1\n"},
		"a level we know":   {map[string]string{"level": "Error"}, "error", "· error ·", "| level=Error |", ""},
		"none":              {nil, "warning", "· no severity (handled as warning) ·", "| – |", ""},
		"severity is first": {map[string]string{"severity": "info", "priority": "P1"}, "info", "· info ·", "| info |", ""},
		"hostile":           {map[string]string{"severity": "a|b\n# c"}, "warning", "· a&#124;b # c (handled as warning) ·", "| a&#124;b # c |", "severity_label: 'a|b # c'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := withAnnotations()
			delete(inc.Alerts[0].Labels, "severity")
			maps.Copy(inc.Alerts[0].Labels, tc.labels)
			inc.Severity = tc.ours
			md := rendered(t, inc, incident.Findings{})
			assert.Contains(t, md, tc.head)
			assert.Contains(t, md, tc.cell)
			front := string(newWriter(t, "en").Markdown(inc, incident.Findings{}, "x"))
			assert.Contains(t, front, "\nseverity: "+tc.ours+"\n"+tc.frontKey)
			if tc.frontKey == "" {
				assert.NotContains(t, front, "severity_label")
			}
		})
	}
}
