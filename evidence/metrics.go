package evidence

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// metrics are the package's own.
type metrics struct {
	questions *prometheus.CounterVec
	failed    *prometheus.CounterVec
	duration  prometheus.Histogram
}

// newMetrics registers the metrics, all series at zero; a nil Registerer keeps them to ourselves.
func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	m := &metrics{
		questions: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_evidence_questions_total",
			Help: "Queries made while collecting evidence, by server and result.",
		}, []string{"server", "result"}),
		failed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_evidence_failed_total",
			Help: "Evidence items whose lookup failed, by kind.",
		}, []string{"kind"}),
		duration: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "alertscribe_evidence_duration_seconds",
			Help:    "Time taken to collect an incident's evidence.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30},
		}),
	}
	for _, server := range []string{"prometheus", "alertmanager", "runbook"} {
		for _, result := range promapi.Outcomes() {
			m.questions.WithLabelValues(server, result)
		}
	}
	for _, kind := range []incident.EvidenceKind{
		incident.KindAlert, incident.KindSignal, incident.KindBand, incident.KindDrilldown, incident.KindSuspects, incident.KindNeighbors,
		incident.KindAlerts, incident.KindHistory, incident.KindRunbook, incident.KindComparison, incident.KindCheck,
	} {
		m.failed.WithLabelValues(string(kind))
	}
	return m
}

// counter returns what counts the questions to one server by their outcome.
func (m *metrics) counter(server string) func(outcome string) {
	return func(outcome string) { m.questions.WithLabelValues(server, outcome).Inc() }
}
