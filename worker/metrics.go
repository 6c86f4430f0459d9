package worker

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	work      *prometheus.HistogramVec
	panics    prometheus.Counter
	firstFile prometheus.Histogram
	fileDelay prometheus.Histogram
	drafted   prometheus.Histogram
	analyzed  prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	quick := prometheus.ExponentialBuckets(.005, 2, 12) // 5 ms to 10 s
	slow := []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600}
	return &metrics{
		work: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertscribe_work_duration_seconds", Buckets: append(prometheus.ExponentialBuckets(.005, 4, 6), 20, 60, 120, 300),
			Help: "Duration of incident work by kind and outcome: done, failed, stopped (by us), lost (its lease).",
		}, []string{"work", "outcome"}),
		panics: f.NewCounter(prometheus.CounterOpts{
			Name: "alertscribe_work_panics_total", Help: "Work on incidents that panicked. Anything but 0 is a bug.",
		}),
		firstFile: f.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_first_report_delay_seconds", Buckets: quick,
			Help: "Time from the arrival of an incident's opening notification to its first report on disk.",
		}),
		fileDelay: f.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_report_delay_seconds", Buckets: quick,
			Help: "Time from a change of an incident (a notification, evidence, a verdict) to the report on disk that shows it.",
		}),
		drafted: f.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_draft_delay_seconds", Buckets: slow,
			Help: "Time from the arrival of an incident's opening notification to a stored draft that waits for its verification.",
		}),
		analyzed: f.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_analysis_delay_seconds", Buckets: slow,
			Help: "Time from the arrival of an incident's opening notification to a stored verdict that is final.",
		}),
	}
}
