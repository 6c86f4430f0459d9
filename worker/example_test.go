package worker_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/worker"
)

// lookups finds one item of evidence about any incident.
type lookups struct{}

func (lookups) Collect(context.Context, *incident.Incident, []incident.Evidence) incident.Look {
	return incident.Look{Items: []incident.Evidence{{Kind: incident.KindSignal, Title: "Alert signal"}}}
}

func (l lookups) Refresh(ctx context.Context, inc *incident.Incident, _ []incident.Evidence) incident.Look {
	return l.Collect(ctx, inc, nil)
}

func (lookups) PastIncidents(context.Context, *incident.Incident) []incident.PastIncident { return nil }

// ExampleSteps collects evidence for an incident that no store holds, as a command does.
func ExampleSteps() {
	n := &incident.Notification{
		Receiver: "alertscribe", ReceivedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC),
		Alerts: []incident.Alert{{Status: incident.Firing, Labels: map[string]string{"alertname": "DiskFull"}}},
	}
	n.Normalize()
	inc, found := incident.DefaultPolicy().Open(n, ""), incident.Findings{}
	steps := worker.Steps{Evidence: lookups{}, Policy: incident.DefaultPolicy(), Now: func() time.Time { return n.ReceivedAt }}

	apply, err := steps.Collect(context.Background(), incident.Claim{Incident: inc.Clone(), Findings: found})
	if err != nil {
		fmt.Println(err)
		return
	}
	apply(inc, &found) // a service does this under a lease, to the incident as it is by then
	fmt.Println(found.Evidence[0].Title, inc.Analysis.State)
	// Output: Alert signal pending
}
