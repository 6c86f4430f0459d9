package store

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are those of every engine.
type Metrics struct {
	Commit prometheus.Histogram
	Batch  prometheus.Histogram
	Failed prometheus.Counter
}

// NewMetrics registers the metrics; nil registers none.
func NewMetrics(r prometheus.Registerer) *Metrics {
	f := promauto.With(r)
	return &Metrics{
		Commit: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "alertscribe_store_commit_duration_seconds",
			Help:    "Time that transactions took, fsync included.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5}, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 100,
		}),
		Batch: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "alertscribe_store_batch_operations",
			Help:    "Operations that shared a transaction.",
			Buckets: []float64{1, 4, 16, 64, 256}, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}),
		Failed: f.NewCounter(prometheus.CounterOpts{
			Name: "alertscribe_store_failed_batches_total",
			Help: "Transactions that were rolled back. Their operations are tried again in smaller ones.",
		}),
	}
}
