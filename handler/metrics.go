package handler

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/incident"
)

type metrics struct {
	notifications *prometheus.CounterVec
	requests      *prometheus.HistogramVec
	accept        prometheus.Histogram
	feedback      *prometheus.CounterVec
	streams       prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	m := &metrics{
		notifications: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_notifications_total",
			Help: "Webhook requests by outcome. All but invalid, too_large, unauthorized, unsupported_type, and failed were stored.",
		}, []string{"outcome"}),
		requests: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertscribe_http_request_duration_seconds", Buckets: []float64{.005, .025, .1, .5, 2, 10, 60, 600},
			Help: "Time to answer a request, by the pattern of its route, method and status.",
		}, []string{"handler", "method", "code"}),
		accept: f.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_accept_duration_seconds", Buckets: prometheus.ExponentialBuckets(.0005, 2, 15), // to 8 s
			Help: "Time from the start of a request to the webhook until its notification was durable.",
		}),
		feedback: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_feedback_total", Help: "User feedback on analyses by kind: confirm or correct.",
		}, []string{"kind"}),
	}
	m.streams = f.NewGauge(prometheus.GaugeOpts{
		Name: "alertscribe_event_streams", Help: "Clients that read /api/v1/events, open pages among them.",
	})
	for _, k := range incident.FeedbackKinds() {
		m.feedback.WithLabelValues(string(k))
	}
	for _, o := range incident.Outcomes() {
		m.notifications.WithLabelValues(string(o))
	}
	for _, o := range []string{outcomeInvalid, outcomeTooLarge, outcomeUnauthorized, outcomeUnsupportedType, outcomeFailed} {
		m.notifications.WithLabelValues(o)
	}
	return m
}
