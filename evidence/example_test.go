package evidence_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/alertscribe/alertscribe/evidence"
	"github.com/alertscribe/alertscribe/incident"
)

func Example() {
	c, err := evidence.New(evidence.Options{}) // with Prometheus: promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}
	if err != nil {
		log.Fatal(err)
	}
	n := &incident.Notification{
		Receiver: "alertscribe", ReceivedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC),
		Alerts: []incident.Alert{{Status: incident.Firing, Labels: map[string]string{"alertname": "DiskFull", "instance": "db-1"}}},
	}
	n.Normalize()
	inc := incident.DefaultPolicy().Open(n, "")
	var found incident.Findings
	found.See(c.Collect(context.Background(), inc, nil)) // never fails: what is missing is an item that says so
	for _, e := range found.Evidence {
		fmt.Println(e.ID, e.Kind, e.Failed)
	}
	// Output:
	// E1 alert false
	// E2 signal true
}
