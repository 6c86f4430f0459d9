package incident_test

import (
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

func Example() {
	policy, now := incident.DefaultPolicy(), time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)
	n := &incident.Notification{
		ReceivedAt: now, GroupLabels: map[string]string{"alertname": "DiskFull"},
		Alerts: []incident.Alert{{Status: incident.Firing, Labels: map[string]string{"alertname": "DiskFull"}}},
	}
	n.Normalize()
	inc, outcome := policy.Fold(nil, n) // Alertmanager spoke
	_, evidenceDue := inc.Due[incident.WorkEvidence]
	fmt.Println(outcome, inc.Status, "evidence due:", evidenceDue)

	inc.EvidenceCollected(inc.Clone(), incident.DefaultPolicy(), now.Add(time.Second)) // what was looked up is stored
	_, analysisDue := inc.Due[incident.WorkAnalysis]
	fmt.Println("analysis due:", analysisDue)

	inc.Analyzed(inc.Clone(), incident.Spend{Calls: 2}, now.Add(time.Minute)) // the model answered
	inc.FileWritten(inc.Clone())                                              // the report on disk shows this revision
	fmt.Println(inc.Analysis.State, "due:", inc.Due)
	// Output:
	// opened firing evidence due: true
	// analysis due: true
	// complete due: map[refresh:2026-11-20 08:31:05 +0000 UTC]
}
