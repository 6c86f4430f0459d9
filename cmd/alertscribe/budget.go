package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
)

// budgetCollector tells Prometheus how much of the budget is used, by asking the store at each scrape.
type budgetCollector struct {
	store interface {
		Used(ctx context.Context) (incident.BudgetUsage, error)
	}
	limits incident.Limits
}

var (
	budgetUsed = prometheus.NewDesc("alertscribe_budget_used_usd",
		"Model call cost in the last hour or day, in USD; calls of unknown cost count at their maximum.",
		[]string{"window"}, nil)
	budgetLimit = prometheus.NewDesc("alertscribe_budget_limit_usd", "Model call cost limit per hour or day, in USD; 0 for no limit.",
		[]string{"window"}, nil)
	budgetCallsUsed  = prometheus.NewDesc("alertscribe_budget_calls_used", "Model calls of the last hour.", nil, nil)
	budgetCallsLimit = prometheus.NewDesc("alertscribe_budget_calls_limit", "Limit on model calls per hour; 0 for no limit.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *budgetCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{budgetUsed, budgetLimit, budgetCallsUsed, budgetCallsLimit} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *budgetCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, window ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, window...)
	}
	gauge(budgetLimit, c.limits.CostPerHour, "hour")
	gauge(budgetLimit, c.limits.CostPerDay, "day")
	gauge(budgetCallsLimit, float64(c.limits.CallsPerHour))
	used, err := c.store.Used(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(budgetUsed, err)
		return
	}
	gauge(budgetUsed, used.CostHour, "hour")
	gauge(budgetUsed, used.CostDay, "day")
	gauge(budgetCallsUsed, float64(used.Calls))
}
