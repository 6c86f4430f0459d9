package ingest_test

import (
	"fmt"

	"github.com/alertscribe/alertscribe/detect/ingest"
)

// A message of which one metric can't be read.
func ExampleDecode() {
	points, err := ingest.Decode([]byte(`{"metrics": [
		{"name": "order_failure_rate", "value": 4.5, "timestamp": "2026-11-25T10:04:05Z", "labels": {"region": "eu"}},
		{"name": "order_rate", "value": "NaN", "timestamp": 1795601045}
	]}`))
	for _, p := range points {
		fmt.Println(p.Metric, p.Value, p.At.UTC())
	}
	fmt.Println(err)
	// Output:
	// order_failure_rate{region="eu"} 4.5 2026-11-25 10:04:05 +0000 UTC
	// 1 of 2 metrics can't be read: metrics[1]: value "NaN" is no finite number
}
