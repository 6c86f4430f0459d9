package evidence

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// familyLabels lists the labels whose values are parts of one whole, or states of one thing: where one grows, another shrinks.
var familyLabels = []string{
	"mode", "code", "status", "status_code", "response_code", "grpc_code", "state", "phase", "reason", "condition", "result", "outcome",
	"class", "classification", "type", "kind", "method", "level", "operation", "cause", "direction",
}

// sibling is what one value of a family label stands for.
type sibling struct {
	label, value string
	pinned       bool // the alert's expression selects it
}

// pinnedFamily returns the first selector of the rule's values that selects some of a family, and by which matcher.
func (inv *investigation) pinnedFamily() (*parser.VectorSelector, *labels.Matcher) {
	for _, sel := range inv.signalSelectors() {
		for _, m := range sel.LabelMatchers {
			if sel.Name != "" && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) && m.Value != "" && slices.Contains(familyLabels, m.Name) {
				return sel, m
			}
		}
	}
	return nil, nil
}

// readSiblings reads what the rest of a family does of which the alert's expression selects a part: of mode="idle", what
// took its place.
func (f *fetcher) readSiblings(ctx context.Context) ([]trackedSeries, error) {
	sel, pinned := f.inv.pinnedFamily()
	if sel == nil {
		return nil, nil
	}
	target := f.inv.targetLabels()
	delete(target, pinned.Name)
	var matchers []promql.Matcher
	for _, m := range sel.LabelMatchers {
		if m != pinned && m.Name != model.MetricNameLabel && target[m.Name] == "" {
			matchers = append(matchers, promql.Matcher{Label: m.Name, Op: m.Type.String(), Value: m.Value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(target)) {
		if target[name] != "" && !slices.Contains(unboundLabels, name) && model.LegacyValidation.IsValidLabelName(name) {
			matchers = append(matchers, orAbsent(name, target[name]))
		}
	}
	query := func(more ...promql.Matcher) string {
		selector := promql.SelectorText(sel.Name, slices.Concat(matchers, more)...)
		if f.types.Of(sel.Name) != model.MetricTypeGauge {
			selector = "rate(" + selector + "[" + promql.FormatDuration(f.window) + "])"
		}
		return "sum by (" + pinned.Name + ") (" + selector + ")"
	}
	m, err := f.inv.prom.Range(ctx, query(), f.g.Start, f.g.End(), f.g.Step)
	if err != nil {
		return nil, fmt.Errorf("reading what %s leaves out: %w", pinned, err)
	}
	var out []trackedSeries
	for _, s := range m {
		value := string(s.Metric[model.LabelName(pinned.Name)])
		if value == "" {
			continue
		}
		t := trackedSeries{
			labels: map[string]string{model.MetricNameLabel: sel.Name, pinned.Name: value}, values: f.g.Place(s.Values), unit: promql.UnitOfMetric(sel.Name),
			query: query(promql.Equals(pinned.Name, value)), lag: f.g.Step, lagRows: 1, aggregated: true,
			sibling: &sibling{pinned.Name, value, pinned.Matches(value)},
		}
		for _, k := range targetLabelOrder {
			if target[k.label] != "" {
				t.labels[k.label] = target[k.label]
			}
		}
		if f.types.Of(sel.Name) != model.MetricTypeGauge {
			t.lag, t.lagRows, t.unit.PerSecond = f.g.Step+f.window, 1+int(f.window/f.g.Step), true
			if t.unit.Base == promql.UnitNone {
				t.unit.Base = promql.UnitCount
			}
		}
		t.ownSignal = t.sibling.pinned
		t.place()
		out = append(out, t)
	}
	return out, nil
}
