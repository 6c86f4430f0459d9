package store_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "alertscribe")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "alertscribe.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	receipt, err := s.Accept(ctx, &incident.Notification{ // append it, fold it into its incident
		Receiver: "alertscribe", GroupLabels: map[string]string{"alertname": "DiskFull"},
		Alerts: []incident.Alert{{Status: incident.Firing, Labels: map[string]string{"alertname": "DiskFull"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := s.Claim(ctx, incident.WorkEvidence, 4) // lease what is due
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range claims {
		err := s.Finish(ctx, c, func(inc *incident.Incident, f *incident.Findings) {
			f.Evidence = []incident.Evidence{{ID: "E1", Title: "Disk usage"}}
			inc.EvidenceCollected(c.Incident, incident.DefaultPolicy(), time.Now())
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	inc, findings, err := s.Incident(ctx, receipt.IncidentID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Outcome, inc.Alertname, findings.Evidence[0].Title)
	// Output: opened DiskFull Disk usage
}
