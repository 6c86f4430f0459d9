package evidence

import (
	"maps"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// splitLabels returns the labels that all alerts share, and the names of those in which they differ.
func splitLabels(alerts []incident.Alert) (shared map[string]string, differ []string) {
	values := map[string]map[string]int{}
	for _, a := range alerts {
		for name, value := range a.Labels {
			if values[name] == nil {
				values[name] = map[string]int{}
			}
			values[name][value]++
		}
	}
	shared = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for value, n := range values[name] {
			if n == len(alerts) {
				shared[name] = value
			}
		}
		if _, same := shared[name]; !same {
			differ = append(differ, name)
		}
	}
	return shared, differ
}

// labelText writes labels as PromQL does, without braces, at most a dozen, each value cut.
func labelText(labels map[string]string) string {
	out := ""
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			out += ", "
		}
		if i == 12 {
			return out + "…"
		}
		out += boundedLine(name) + "=" + strconv.Quote(text.Cut(labels[name], maxShownLabel))
	}
	return out
}

// maxShownLabel bounds a label's name or value where it is shown, in characters.
const maxShownLabel = 80

// boundedLine returns what a stranger wrote as one short line of what can be seen.
func boundedLine(s string) string { return text.Cut(text.OneLine(s), maxShownLabel) }

// seriesLabels returns a series' labels as plain strings.
func seriesLabels(metric model.Metric) map[string]string {
	out := make(map[string]string, len(metric))
	for name, value := range metric {
		out[string(name)] = string(value)
	}
	return out
}

func cloneWith(labels map[string]string, name, value string) map[string]string {
	out := maps.Clone(labels)
	out[name] = value
	return out
}

func metricFromLabels(labels map[string]string) model.Metric {
	out := make(model.Metric, len(labels))
	for name, value := range labels {
		out[model.LabelName(name)] = model.LabelValue(value)
	}
	return out
}

func matchersText(scope []promql.Matcher) string {
	labels := map[string]string{}
	for _, m := range scope {
		labels[m.Label] = m.Value
	}
	return labelText(labels)
}

// labelsWithin reports whether all labels of a series stand in an alert, which may have more: those that were added on the
// way to Alertmanager.
func labelsWithin(series, alert map[string]string) bool {
	for name, value := range series {
		if alert[name] != value {
			return false
		}
	}
	return len(series) > 0
}

func labelNamesOf(m model.Metric) []string {
	var out []string
	for name := range m {
		out = append(out, string(name))
	}
	return out
}
