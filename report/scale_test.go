package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// TestUnitsAsInEvidence: a unit stands behind its number alike in the sentences of the evidence and in what the report writes itself.
func TestUnitsAsInEvidence(t *testing.T) {
	seconds, bytes := promql.Unit{Base: promql.UnitSeconds}, promql.Unit{Base: promql.UnitBytes}
	for _, tt := range []struct {
		v    float64
		unit promql.Unit
		name string
	}{
		{0.25, seconds, "s"},
		{2e-5, seconds, "s"},
		{7.57, seconds, "s"},
		{40, bytes, "bytes"},
		{1536, bytes, "bytes"},
		{7.5 * (1 << 30), bytes, "bytes"},
	} {
		assert.Equal(t, tt.unit.Format(tt.v), number(tt.v, tt.name), fmt.Sprint(tt.v, tt.name))
	}
}

// TestStormSaysASharedSeverityOnce: what all incidents of a storm have is said once, what they differ in with each.
func TestStormSaysASharedSeverityOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		severities []string
		en, zh     string
		times      int // that a severity is written
	}{
		"alike":           {[]string{"critical", "critical", "critical"}, "(all critical)", "（严重级别均为 critical）", 1},
		"different":       {[]string{"critical", "warning", "critical"}, "(critical, ", "（critical，", 2},
		"none":            {[]string{"", ""}, "(08:", "（08:", 0},
		"one":             {[]string{"critical"}, "(critical, ", "（critical，", 1},
		"beyond the list": {[]string{"critical", "critical", "critical", "critical", "critical", "critical", "warning"}, "(critical, ", "（critical，", 5},
	} {
		t.Run(name, func(t *testing.T) {
			for language, want := range map[incident.Language]string{"en": tt.en, "zh": tt.zh} {
				inc, f := complete()
				inc.Related = nil
				for i, severity := range tt.severities {
					inc.Related = append(inc.Related, incident.RelatedIncident{
						ID: fmt.Sprintf("%c%s", 'a'+i, inc.ID[1:]), Alertname: fmt.Sprint("Other", i), Severity: severity, OpenedAt: inc.OpenedAt,
					})
				}
				line := lineWith(t, string(newWriter(t, language).Markdown(inc, f, "x")), "Other0")
				assert.Contains(t, line, want)
				assert.Equal(t, tt.times, strings.Count(line, "critical"), line)
			}
		})
	}
}

func lineWith(t *testing.T, report, part string) string {
	t.Helper()
	for line := range strings.Lines(report) {
		if strings.Contains(line, part) {
			return line
		}
	}
	t.Fatalf("nothing says %q", part)
	return ""
}
