package promql

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// Matcher is one label matcher of a selector, as PromQL writes it.
type Matcher struct {
	Label string // of any name: it is quoted where PromQL needs that
	Op    string // =, !=, =~ or !~
	Value string // unquoted
}

// Equals matches one value of a label.
func Equals(label, value string) Matcher { return Matcher{Label: label, Op: "=", Value: value} }

// String returns the matcher as it stands within braces.
func (m Matcher) String() string { return quoteLabel(m.Label) + m.Op + strconv.Quote(m.Value) }

// quoteLabel quotes a label name where PromQL needs it.
func quoteLabel(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return strconv.Quote(name)
}

// SelectorText writes a selector; without a name it is the matchers alone.
func SelectorText(name string, matchers ...Matcher) string {
	parts := make([]string, len(matchers))
	for i, m := range matchers {
		parts[i] = m.String()
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// SeriesText writes a series as PromQL selects it.
func SeriesText(labels map[string]string) string {
	name := labels[model.MetricNameLabel]
	var parts []string
	if name != "" && !model.LegacyValidation.IsValidMetricName(name) {
		parts, name = append(parts, Matcher{model.MetricNameLabel, "=", name}.String()), ""
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if label != model.MetricNameLabel {
			parts = append(parts, Matcher{label, "=", labels[label]}.String())
		}
	}
	if len(parts) == 0 && name != "" {
		return name
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// BareSelector writes a selector without offset and @, as the API for labels takes it.
func BareSelector(v *parser.VectorSelector) string {
	return (&parser.VectorSelector{Name: v.Name, LabelMatchers: v.LabelMatchers}).String()
}
