package evidence

import (
	"context"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// maxSelectors bounds how many selectors of a rule are asked about.
const maxSelectors = 8

// askLabels asks which labels the series have that the rule's values select. What is not asked about has none, as far
// as is known.
func askLabels(ctx context.Context, q *inquiry) (promql.SelectorLabels, error) {
	asked := map[string]*parser.VectorSelector{}
	if q.rule != nil {
		for i, c := range q.rule.conditions {
			list := promql.Selectors(c.Value)
			if c.Missing != nil {
				list = append(list, promql.Selectors(c.Missing)...)
			}
			for _, v := range list {
				if i < maxAlternatives && len(asked) < maxSelectors {
					asked[promql.BareSelector(v)] = v
				}
			}
		}
	}
	var mu sync.Mutex
	var failed error
	found := map[*parser.VectorSelector]promql.LabelNames{}
	var wg sync.WaitGroup
	for text, v := range asked {
		wg.Go(func() {
			list, err := q.prom.LabelNames(ctx, []string{text}, q.start, q.end)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			}
			found[v] = promql.NewLabelNames(list...).Without(model.MetricNameLabel)
		})
	}
	wg.Wait()
	return promql.LabelsOfSelectors(found), failed
}
