package notify

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/notify/channel"
)

// The outcomes of messages beside the kinds of failures.
const (
	outcomeDelivered = "delivered"
	outcomeExpired   = "expired" // given up on
)

type metrics struct {
	messages *prometheus.CounterVec
	up       *prometheus.GaugeVec
	delay    *prometheus.HistogramVec
	waiting  *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		messages: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_channel_messages_total",
			Help: "Attempts to send a message by channel and outcome: delivered, retry (later), config (somebody has to mend it), content (rejected), expired.",
		}, []string{"channel", "outcome"}),
		up: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alertscribe_channel_up", Help: "1 while a channel takes messages, 0 while it fails.",
		}, []string{"channel"}),
		delay: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertscribe_channel_delay_seconds", Buckets: []float64{.1, .5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 86400},
			Help: "Time from the change of an incident that a message is about to its delivery.",
		}, []string{"channel"}),
		waiting: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alertscribe_channel_waiting", Help: "Incidents that a channel's list has still to look at, those that are due later included.",
		}, []string{"channel"}),
	}
}

// enter makes a channel's series begin at zero.
func (m *metrics) enter(name string) {
	for _, kind := range channel.FailureKinds() {
		m.messages.WithLabelValues(name, string(kind))
	}
	m.messages.WithLabelValues(name, outcomeDelivered)
	m.messages.WithLabelValues(name, outcomeExpired)
	m.up.WithLabelValues(name).Set(1)
	m.delay.WithLabelValues(name)
	m.waiting.WithLabelValues(name)
}
