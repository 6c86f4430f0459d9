package watch

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/detect"
)

// The kinds of errors, a closed set.
const (
	errorQuery   = "query"   // Prometheus did not answer, or refused
	errorPartial = "partial" // Prometheus answered without some of its data
	errorData    = "data"    // an answer holds two series with the same labels
	errorState   = "state"   // what is known could not be saved, or read
)

// droppedMaxSeries is the reason for which samples are not judged: the rule has max_series series.
const droppedMaxSeries = "max_series"

type metrics struct {
	predictions   *prometheus.CounterVec
	errors        *prometheus.CounterVec
	success       *prometheus.GaugeVec
	duration      *prometheus.HistogramVec
	missed        *prometheus.CounterVec
	dropped       *prometheus.CounterVec
	alerts        *prometheus.CounterVec
	disagreements *prometheus.CounterVec
}

// The outcomes of alerts, a closed set.
const (
	outcomeFired    = "fired"
	outcomeResolved = "resolved"
)

func newMetrics(r prometheus.Registerer, w *Watcher) *metrics {
	f := promauto.With(r)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "alertscribe_detect_" + name, Help: help}, labels)
	}
	m := &metrics{
		predictions: counter("predictions_total", "Samples judged, by rule.", "rule"),
		errors:      counter("errors_total", "Failures by kind: query, partial, data, state, model.", "kind"),
		success: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alertscribe_detect_last_success_timestamp_seconds", Help: "Time of the last evaluation of a group in which no rule failed.",
		}, []string{"group"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertscribe_detect_evaluation_duration_seconds", Buckets: []float64{.005, .025, .1, .5, 1, 2.5, 5, 10, 30, 60},
			Help: "Time to evaluate a group, its queries included.",
		}, []string{"group"}),
		missed:        counter("evaluations_missed_total", "Evaluations of a group that did not begin in time because the one before took too long. They are made up for.", "group"),
		dropped:       counter("series_dropped_total", "Samples not judged, by reason: max_series.", "reason"),
		alerts:        counter("alerts_total", "Alerts by rule and outcome: fired, resolved.", "rule", "outcome"),
		disagreements: counter("shadow_disagreements_total", "Samples that a rule and its shadow judged differently.", "rule"),
	}
	for _, kind := range []string{errorQuery, errorPartial, errorData, errorState, errorModel} {
		m.errors.WithLabelValues(kind)
	}
	m.dropped.WithLabelValues(droppedMaxSeries)
	if r != nil {
		r.MustRegister(&ruleCollector{w})
	}
	return m
}

// counters are those of one rule.
type counters struct {
	predictions, fired, resolved prometheus.Counter
	disagreements                prometheus.Counter // nil without a shadow
}

// of makes the series of a rule, so that rates of them are known from the start.
func (m *metrics) of(r *Rule) counters {
	c := counters{
		predictions: m.predictions.WithLabelValues(r.Key()),
		fired:       m.alerts.WithLabelValues(r.Key(), outcomeFired),
		resolved:    m.alerts.WithLabelValues(r.Key(), outcomeResolved),
	}
	if r.Shadow != nil {
		c.disagreements = m.disagreements.WithLabelValues(r.Key())
	}
	return c
}

// step counts one evaluation of a series, whose alert was in a state before.
func (c *counters) step(s *series, before detect.State, ok bool) {
	if s.origin.replayed {
		return
	}
	if ok {
		c.predictions.Inc()
	}
	switch now := s.alert.State; {
	case now == detect.Firing && before != detect.Firing:
		c.fired.Inc()
	case now != detect.Firing && before == detect.Firing:
		c.resolved.Inc()
	}
	if s.shadow != nil && s.now.Anomalous != s.shadowed.Anomalous {
		c.disagreements.Inc()
	}
}

// ruleCollector tells how the rules stand, when it is asked.
type ruleCollector struct{ w *Watcher }

var (
	seriesDesc = prometheus.NewDesc("alertscribe_detect_series", "Series of a rule by state: learning, inactive, pending, firing.",
		[]string{"rule", "state"}, nil)
	coverageDesc = prometheus.NewDesc("alertscribe_detect_coverage_ratio",
		"Share of judged samples since the start that were among the 95 % nearest to what was expected; less means that what was learned does not hold.",
		[]string{"rule"}, nil)
	quietDesc = prometheus.NewDesc("alertscribe_detect_quieted_series", "Series of a rule whose rate of false alarms feedback has lowered.",
		[]string{"rule"}, nil)
)

// Describe implements prometheus.Collector.
func (c *ruleCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- seriesDesc
	ch <- coverageDesc
	ch <- quietDesc
	ch <- driftDesc
	ch <- trainedDesc
}

// Collect implements prometheus.Collector.
func (c *ruleCollector) Collect(ch chan<- prometheus.Metric) {
	for _, g := range c.w.groups {
		for _, r := range g.rules {
			s := r.status()
			for state, n := range s.Series {
				ch <- prometheus.MustNewConstMetric(seriesDesc, prometheus.GaugeValue, float64(n), s.Rule, state)
			}
			if s.Judged > 0 {
				ch <- prometheus.MustNewConstMetric(coverageDesc, prometheus.GaugeValue, s.Coverage, s.Rule)
			}
			ch <- prometheus.MustNewConstMetric(quietDesc, prometheus.GaugeValue, float64(len(s.Quiet)), s.Rule)
			r.collectModels(ch)
		}
	}
}
