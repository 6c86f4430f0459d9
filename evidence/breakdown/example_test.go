package breakdown_test

import (
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/promql"
)

func ExampleCompare() {
	region := func(name string, failed, all []float64) breakdown.Part {
		return breakdown.Part{Labels: map[string]string{"region": name}, Whole: failed, Base: all}
	}
	var times []time.Time
	for i := range 6 {
		times = append(times, time.Unix(int64(60*i), 0))
	}
	b := breakdown.Compare(promql.FormRatio, []string{"region"}, []breakdown.Part{
		region("eu-west", []float64{1, 1, 1, 1, 1, 1}, []float64{100, 100, 100, 100, 100, 100}),
		region("us-east", []float64{1, 1, 1, 30, 30, 30}, []float64{100, 100, 100, 100, 100, 100}),
	}, times, times[3], 1)
	top := b.Parts[0]
	fmt.Printf("%s: %.0f%% of the change and %.0f%% of the traffic, from %.2f to %.2f\n",
		top.Labels["region"], 100*top.Share, 100*top.Expected, top.Before, top.After)
	fmt.Println(b.Concentrated())
	// Output:
	// us-east: 100% of the change and 50% of the traffic, from 0.01 to 0.30
	// true
}
