package evidence

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxSelectors bounds how many selectors of a rule are asked about.
const maxSelectors = 8

// askLabels asks which labels the series have that the rule's values select. What is not asked about has none, as far
// as is known.
func askLabels(ctx context.Context, q *inquiry) (known, error) {
	asked := map[string]*parser.VectorSelector{}
	if q.rule != nil {
		for i, c := range q.rule.conditions {
			list := selectors(c.value)
			if c.missing != nil {
				list = append(list, selectors(c.missing)...)
			}
			for _, v := range list {
				if i < maxAlternatives && len(asked) < maxSelectors {
					asked[plain(v)] = v
				}
			}
		}
	}
	var mu sync.Mutex
	var failed error
	found := map[*parser.VectorSelector]names{}
	var wg sync.WaitGroup
	for text, v := range asked {
		wg.Go(func() {
			list, err := q.prom.LabelNames(ctx, []string{text}, q.start, q.end)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			}
			found[v] = namesOf(list...).without(model.MetricNameLabel)
		})
	}
	wg.Wait()
	return knownOf(found), failed
}

// knownOf answers for selectors that were asked about, and for those that were made of them by more matchers.
func knownOf(found map[*parser.VectorSelector]names) known {
	return func(v *parser.VectorSelector) names {
		var best *parser.VectorSelector
		for asked := range found {
			if within(asked, v) && (best == nil || len(asked.LabelMatchers) > len(best.LabelMatchers)) {
				best = asked
			}
		}
		return found[best]
	}
}

// within reports whether all matchers of a are matchers of v.
func within(a, v *parser.VectorSelector) bool {
	for _, m := range a.LabelMatchers {
		if !slices.ContainsFunc(v.LabelMatchers, func(o *labels.Matcher) bool { return o.String() == m.String() }) {
			return false
		}
	}
	return true
}

// plain writes a selector without offset and @, as the API for labels takes it.
func plain(v *parser.VectorSelector) string {
	return (&parser.VectorSelector{Name: v.Name, LabelMatchers: v.LabelMatchers}).String()
}
