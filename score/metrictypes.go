package score

import (
	"strings"

	"github.com/prometheus/common/model"
)

// MetricTypes tells what metrics are by what their exporters say, or else by their names.
type MetricTypes map[string]model.MetricType

// Of returns the kind of a series: gauge, counter, or histogram for a part of a histogram or summary.
func (k MetricTypes) Of(name string) model.MetricType {
	base, isPart := strings.CutSuffix(name, "_count")
	if !isPart {
		base, isPart = strings.CutSuffix(name, "_sum")
	}
	if isPart {
		switch k[base] {
		case model.MetricTypeHistogram, model.MetricTypeSummary:
			return model.MetricTypeHistogram
		case model.MetricTypeGauge, model.MetricTypeCounter, model.MetricTypeGaugeHistogram, model.MetricTypeInfo,
			model.MetricTypeStateset, model.MetricTypeUnknown, "":
		}
	}
	switch t := k[name]; t {
	case model.MetricTypeCounter, model.MetricTypeGauge:
		return t
	case model.MetricTypeHistogram, model.MetricTypeSummary, model.MetricTypeGaugeHistogram, model.MetricTypeInfo,
		model.MetricTypeStateset, model.MetricTypeUnknown:
	}
	if _, known := k[strings.TrimSuffix(name, "_total")]; strings.HasSuffix(name, "_total") && (!known || k[strings.TrimSuffix(name, "_total")] == model.MetricTypeCounter) {
		return model.MetricTypeCounter
	}
	if isPart {
		return model.MetricTypeHistogram
	}
	return model.MetricTypeGauge
}
