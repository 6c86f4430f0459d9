package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
)

// queueCollector tells Prometheus what is due and not done, by asking the store at each scrape.
type queueCollector struct {
	store interface {
		Queue(ctx context.Context) (incident.Queue, error)
	}
}

var (
	queueDepth = prometheus.NewDesc("alertscribe_queue_depth",
		"Incidents by kind of due or scheduled work and whether it is running.", []string{"work", "state"}, nil)
	oldestUnfinished = prometheus.NewDesc("alertscribe_oldest_unfinished_seconds",
		"Age of the oldest incident that has unfinished work; 0 when there is none. A refresh counts from when it is due.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueDepth
	ch <- oldestUnfinished
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	q, err := c.store.Queue(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(queueDepth, err)
		return
	}
	for _, work := range incident.Works() {
		ch <- prometheus.MustNewConstMetric(queueDepth, prometheus.GaugeValue, float64(q.Due[work]), string(work), "due")
		ch <- prometheus.MustNewConstMetric(queueDepth, prometheus.GaugeValue, float64(q.Running[work]), string(work), "running")
	}
	age := 0.0
	if !q.Oldest.IsZero() {
		age = time.Since(q.Oldest).Seconds()
	}
	ch <- prometheus.MustNewConstMetric(oldestUnfinished, prometheus.GaugeValue, age)
}
