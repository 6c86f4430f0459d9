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

// discoverLabels asks which labels the series have that the rule's values select. What is not asked about has none, as far
// as is known.
func discoverLabels(ctx context.Context, inv *investigation) (promql.SelectorLabels, error) {
	asked := map[string]*parser.VectorSelector{}
	if inv.rule != nil {
		for i, c := range inv.rule.conditions {
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
	for selector, v := range asked {
		wg.Go(func() {
			list, err := inv.prom.LabelNames(ctx, []string{selector}, inv.start, inv.end)
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
