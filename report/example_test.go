package report_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/report"
)

func Example() {
	dir, err := os.MkdirTemp("", "reports")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := report.New(report.Options{Dir: dir, Language: incident.English})
	if err != nil {
		log.Fatal(err)
	}
	n := &incident.Notification{
		Receiver: "alertscribe", ReceivedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC),
		Alerts: []incident.Alert{{Status: incident.Firing, Labels: map[string]string{"alertname": "DiskFull", "severity": "critical"}}},
	}
	n.Normalize()
	inc := incident.DefaultPolicy().Open(n, "")
	if err := w.Write(context.Background(), inc, incident.Findings{}); err != nil { // atomically, at inc.ReportPath
		log.Fatal(err)
	}
	file, err := os.ReadFile(w.Path(inc))
	if err != nil {
		log.Fatal(err)
	}
	_, body, _ := strings.Cut(string(file), "# ")
	heading, _, _ := strings.Cut(body, "\n")
	fmt.Println(heading)
	// Output: DiskFull
}
