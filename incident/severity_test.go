package incident

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSaidSeverity: an incident counts as what its alerts say where we know the word, and as warning where we do not, and then it
// tells what they say.
func TestSaidSeverity(t *testing.T) {
	for name, tc := range map[string]struct {
		alerts     []map[string]string
		ours, said string
		known      bool
	}{
		"known":                        {[]map[string]string{{"severity": "critical"}}, "critical", "critical", true},
		"capitals and blanks":          {[]map[string]string{{"severity": " Critical "}}, "critical", "critical", true},
		"another school":               {[]map[string]string{{"severity": "P0"}}, "warning", "P0", false},
		"another name, a word we know": {[]map[string]string{{"level": "Critical"}}, "critical", "critical", true},
		"another name":                 {[]map[string]string{{"level": "4"}}, "warning", "level=4", false},
		"in capitals":                  {[]map[string]string{{"Severity": "error"}}, "error", "error", true},
		"in capitals, another school":  {[]map[string]string{{"Severity": "Disaster"}}, "warning", "Disaster", false},
		"an empty one does not count":  {[]map[string]string{{"severity": " ", "priority": "P1"}}, "warning", "priority=P1", false},
		"none":                         {[]map[string]string{{}}, "warning", "", false},
		"an unknown above a low one":   {[]map[string]string{{"severity": "info"}, {"severity": "P1"}}, "warning", "P1", false},
		"none above a low one":         {[]map[string]string{{"severity": "info"}, {}}, "warning", "", false},
		"one of several says it":       {[]map[string]string{{"severity": "P1"}, {"severity": "warning"}}, "warning", "warning", true},
		"the highest":                  {[]map[string]string{{"severity": "P1"}, {"severity": "page"}}, "page", "page", true},
	} {
		t.Run(name, func(t *testing.T) {
			inc := &Incident{}
			for _, labels := range tc.alerts {
				inc.Alerts = append(inc.Alerts, Alert{Status: Firing, Labels: labels})
			}
			inc.Severity = DefaultPolicy().severity(inc)
			said, known := inc.SaidSeverity()
			assert.Equal(t, []any{tc.ours, tc.said, tc.known}, []any{inc.Severity, said, known})
		})
	}
}
