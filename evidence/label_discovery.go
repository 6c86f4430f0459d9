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
	var list []*parser.VectorSelector
	if inv.rule != nil {
		for _, c := range inv.rule.candidates() {
			list = append(list, promql.Selectors(c.Result)...)
			list = append(list, promql.Selectors(c.Value)...)
			for _, e := range []parser.Expr{c.Threshold, c.Missing} {
				if e != nil {
					list = append(list, promql.Selectors(e)...)
				}
			}
		}
	}
	return labelsOf(ctx, inv, list)
}

// labelsOf asks which labels the series have that selectors select.
func labelsOf(ctx context.Context, inv *investigation, list []*parser.VectorSelector) (promql.SelectorLabels, error) {
	asked := map[string]*parser.VectorSelector{}
	for _, v := range list {
		if len(asked) < maxSelectors {
			asked[promql.BareSelector(v)] = v
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
