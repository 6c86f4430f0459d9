package score_test

import (
	"fmt"

	"github.com/alertscribe/alertscribe/score"
)

func ExampleScorer_Score() {
	past := []float64{10, 11, 9, 10, 12, 10, 9, 11, 10, 10, 9, 11} // per minute
	since := []float64{60, 64, 61, 63, 62, 60}
	var s score.Scorer
	c, ok := s.Score(append(past, since...), len(past), 0)
	fmt.Printf("%t: from %.0f to %.0f, %.0f deviations\n", ok, c.Before, c.After, c.Score)
	fmt.Println("of one series:", c.Confident(score.Bar(1, c.Past)), "– the strongest of ten million:", c.Confident(score.Bar(1e7, c.Past)))

	c, _ = s.Score(append(past, 13, 9, 10, 11, 12, 10), len(past), 0)
	fmt.Println("as ever:", c.Confident(score.Bar(1, c.Past)))
	// Output:
	// true: from 10 to 63, 65 deviations
	// of one series: true – the strongest of ten million: false
	// as ever: false
}

func ExampleRate() {
	fmt.Println(score.Rate([]float64{100, 160, 220, 30}, 60e9, 60e9))
	// Output: [NaN 1 1 0.5]
}

func ExampleMetricTypes_Of() {
	known := score.MetricTypes{"queue_total": "gauge"}
	fmt.Println(known.Of("queue_total"), known.Of("errors_total"), known.Of("latency_seconds_sum"))
	// Output: gauge counter histogram
}
