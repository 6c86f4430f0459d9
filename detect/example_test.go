package detect_test

import (
	"fmt"
	"math"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

func Example() {
	series := detect.New(detect.Options{FalseAlarms: detect.Rate{Count: 1, Per: 14 * 24 * time.Hour}})
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 14 * 24 * 12 { // two weeks of a daily wave, a sample each five minutes
		series.Observe(at, 100+20*math.Sin(2*math.Pi*float64(i)/288)+math.Sin(float64(i*i)))
		at = at.Add(5 * time.Minute)
	}
	r := series.Observe(at, 0) // it stops
	fmt.Println(r.Anomalous, r.Value < r.Lower)
	// Output: true true
}
