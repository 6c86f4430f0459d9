package analyzer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// A fake model answers; one of its two causes quotes a number that no evidence holds.
func Example() {
	model, err := modeltest.New()
	if err != nil {
		panic(err)
	}
	defer model.Close()
	model.Next(modeltest.Content(`{"summary": "Logins fail since 08:30 UTC.", "category": "security", "severity": "critical", "causes": [
		{"hypothesis": "shenzhen carries 97 % of the change.", "likelihood": "high", "evidence": ["E1"]},
		{"hypothesis": "The database answers 40 times slower.", "likelihood": "low", "evidence": ["E1"]}]}`))
	a, err := analyzer.New(analyzer.Options{BaseURL: model.URL, Key: "sk-example", Ledger: analyzer.NewMemoryLedger(time.Now)})
	if err != nil {
		panic(err)
	}
	opened := time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)
	inc := &incident.Incident{ID: incident.NewID(), Alertname: "HighLoginFailureRate", OpenedAt: opened, StartedAt: opened}
	verdict, err := a.Draft(context.Background(), inc, incident.Findings{Evidence: []incident.Evidence{
		{ID: "E1", Kind: incident.KindDrilldown, Title: "By ip_region", Summary: `{ip_region="shenzhen"} carries 97 % of the change.`},
	}})
	if err != nil {
		panic(err)
	}
	fmt.Println(verdict.Summary)
	for _, cause := range verdict.Causes {
		fmt.Println(cause.Hypothesis, cause.Confidence, cause.Marks)
	}
	// Output:
	// Logins fail since 08:30 UTC.
	// shenzhen carries 97 % of the change. 0.5 []
	// The database answers 40 times slower. 0.25 [{number_not_found 40 times}]
}
