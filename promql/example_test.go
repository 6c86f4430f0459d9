package promql_test

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

func Example() {
	e, err := promql.Parse(`sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.05`)
	if err != nil {
		panic(err)
	}
	c := promql.Alternatives(e)[0][0]
	limit, _ := c.Limit()
	up, _ := c.Rises()
	fmt.Println(c.Value)
	fmt.Println(limit, up, c.Unit().Format(.123))

	known := promql.SelectorLabels(func(*parser.VectorSelector) promql.LabelNames {
		return promql.NewLabelNames("job", "instance", "path") // as a server would tell
	})
	drills, _ := promql.PlanCondition(c, known)
	fmt.Println(drills[0].Form, strings.Join(drills[0].Labels, ", "))
	fmt.Println(drills[0].Query("path"))
	// Output:
	// sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m]))
	// 0.05 true 12.3 %
	// ratio instance, path
	// sum by (job, path) (rate(errors_total[5m])) / sum by (job, path) (rate(requests_total[5m]))
}

func ExampleNarrow() {
	e, err := promql.Parse(`sum by (job) (rate(errors_total[5m]))`)
	if err != nil {
		panic(err)
	}
	known := promql.SelectorLabels(func(*parser.VectorSelector) promql.LabelNames { return promql.NewLabelNames("job", "instance") })
	fmt.Println(promql.Narrow(e, map[string]string{"job": "api", "instance": "a:80"}, known))
	// Output: sum by (job) (rate(errors_total{job="api"}[5m]))
}

func ExampleSeriesText() {
	fmt.Println(promql.SeriesText(map[string]string{"__name__": "up", "job": "api", "service.name": "shop"}))
	// Output: up{job="api","service.name"="shop"}
}
