package factcheck_test

import (
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/analyzer/factcheck"
	"github.com/alertscribe/alertscribe/incident"
)

func Example() {
	opened := time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)
	inc := &incident.Incident{Alertname: "HighLoginFailureRate", OpenedAt: opened, StartedAt: opened}
	evidence := []incident.Evidence{
		{ID: "E1", Kind: incident.KindSignal, Summary: "The value was 64.2 % when the alert fired. Threshold: > 5 %."},
		{ID: "E2", Kind: incident.KindDrilldown, Summary: `{source="203.0.113.0/24"} carries 97 % of the change.`},
	}
	verdict := &incident.Verdict{Summary: "Logins fail since 08:30 UTC.", Causes: []incident.Cause{
		{Hypothesis: "An attack from 203.0.113.0/24, which carries 97 % of the change.", Evidence: []string{"E1", "E2"}},
		{Hypothesis: "A bug in v2.3.9 makes 71 % of logins fail.", Evidence: []string{"E1"}},
	}}
	factcheck.Check(verdict, factcheck.Input{Incident: inc, Alerts: inc.Alerts, Evidence: evidence})
	for _, cause := range verdict.Causes {
		fmt.Println(cause.Confidence, cause.Marks)
	}
	// Output:
	// 0.75 []
	// 0.17 [{number_not_found 71 %} {name_not_found v2.3.9}]
}
