package watch

import (
	"cmp"
	"math"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/text"
)

const (
	ruleLabel     = "rule"
	exported      = "exported_" // before a label of the series' own that would hide ours
	maxLabelBytes = 200         // of a value
)

// anomalies collects what is known of single series.
type anomalies struct{ w *Watcher }

// Handler serves what is known of single series as metrics: value, expected, lower, upper and score, with the labels of the
// series and that of its rule. At most MaxExported series are served, those with the largest scores; the last line counts
// the others.
func (w *Watcher) Handler() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(anomalies{w})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// Describe implements prometheus.Collector: what there is depends on the series.
func (anomalies) Describe(chan<- *prometheus.Desc) {}

// exportedSeries is a series as it is served.
type exportedSeries struct {
	names, values                        []string
	value, expected, lower, upper, score float64
}

// Collect implements prometheus.Collector.
func (a anomalies) Collect(ch chan<- prometheus.Metric) {
	var all []exportedSeries
	for _, g := range a.w.groups {
		for _, r := range g.rules {
			all = append(all, r.exported()...)
		}
	}
	slices.SortStableFunc(all, func(x, y exportedSeries) int { return cmp.Compare(y.score, x.score) })
	cut := max(0, len(all)-a.w.opts.MaxExported)
	for _, s := range all[:len(all)-cut] {
		for _, m := range []struct {
			name, help string
			v          float64
		}{
			{"value", "Value of the series at its newest evaluation.", s.value},
			{"expected", "What was expected of it.", s.expected},
			{"lower", "Where an alert would start below; -Inf for a rule that does not look there.", s.lower},
			{"upper", "Where an alert would start above; +Inf for a rule that does not look there.", s.upper},
			{"score", "How unusual the value is: an alert starts at 1.", s.score},
		} {
			if math.IsNaN(m.v) {
				continue
			}
			desc := prometheus.NewDesc("alertscribe_anomaly_"+m.name, m.help, s.names, nil)
			if metric, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, m.v, s.values...); err == nil { // labels are a stranger's
				ch <- metric
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("alertscribe_anomaly_series_cut",
		"Series that are not served, since there are more than max_exported_series.", nil, nil), prometheus.GaugeValue, float64(cut))
}

// exported returns the series of a rule that have a sample in its newest evaluation.
func (w *watched) exported() []exportedSeries {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []exportedSeries
	for _, s := range w.series {
		if w.outdated(s) {
			continue
		}
		x := exportedSeries{
			names: []string{ruleLabel}, values: []string{w.Key()},
			value: s.now.Value, expected: s.now.Expected, lower: s.now.Lower, upper: s.now.Upper, score: s.now.Score,
		}
		for name, v := range s.labels {
			if name == ruleLabel {
				for there := true; there; _, there = s.labels[name] {
					name = exported + name
				}
			}
			if model.LegacyValidation.IsValidLabelName(string(name)) {
				x.names, x.values = append(x.names, string(name)), append(x.values, text.CutBytes(text.Clean(string(v)), maxLabelBytes))
			}
		}
		out = append(out, x)
	}
	return out
}
