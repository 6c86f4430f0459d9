package ingest

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/detect/watch"
)

// What becomes of messages and of events, closed sets.
const (
	messageTaken        = "taken"
	messageDeadLettered = "dead_lettered"
	messageDropped      = "dropped"
	messageMissed       = "missed"

	eventPublished = "published"
	eventFailed    = "failed"
)

type metrics struct {
	points    *prometheus.CounterVec
	messages  *prometheus.CounterVec
	events    *prometheus.CounterVec
	faults    *prometheus.CounterVec
	connected *prometheus.GaugeVec

	mu       sync.Mutex
	bySource map[string]*counters
}

// counters are those of one source.
type counters struct {
	points                       map[string]prometheus.Counter // by outcome
	taken, deadLettered, dropped prometheus.Counter
	missed                       prometheus.Counter
	published, failed            prometheus.Counter
}

func newMetrics(r prometheus.Registerer, in *Ingester) *metrics {
	f := promauto.With(r)
	m := &metrics{
		points: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_detect_points_total",
			Help: "Points of sources by outcome: learned, late (repeated or out of order), future, unmatched (no rule takes them), split (their series comes from two parts), dropped (max_series).",
		}, []string{"source", "outcome"}),
		messages: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_detect_messages_total",
			Help: "Messages of sources by outcome: taken, dead_lettered, dropped (they can't be read, and there is no place for dead letters), missed (the broker had deleted them before they were read).",
		}, []string{"source", "outcome"}),
		events: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_detect_events_total", Help: "Events of anomalies by outcome: published, failed. Failed ones are sent again.",
		}, []string{"source", "outcome"}),
		faults: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_detect_source_errors_total",
			Help: "Attempts to reach the brokers of a source that failed, by kind: authentication, permission, tls, unreachable, missing (topic, queue or exchange), occupied (another program reads the queue), damaged (on the broker's disk), store, other.",
		}, []string{"source", "kind"}),
		connected: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alertscribe_detect_source_connected", Help: "Whether the source is read: 1 yes, 0 no. A copy that waits for its turn does not read.",
		}, []string{"source"}),
		bySource: map[string]*counters{},
	}
	if r != nil {
		r.MustRegister(&sourceCollector{in})
	}
	return m
}

// of returns the counters of a source.
func (m *metrics) of(source string) *counters {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.bySource[source]
	if c != nil {
		return c
	}
	c = &counters{
		points: map[string]prometheus.Counter{}, taken: m.messages.WithLabelValues(source, messageTaken),
		deadLettered: m.messages.WithLabelValues(source, messageDeadLettered), dropped: m.messages.WithLabelValues(source, messageDropped),
		missed:    m.messages.WithLabelValues(source, messageMissed),
		published: m.events.WithLabelValues(source, eventPublished), failed: m.events.WithLabelValues(source, eventFailed),
	}
	for _, outcome := range watch.PointOutcomes() {
		c.points[outcome] = m.points.WithLabelValues(source, outcome)
	}
	m.connected.WithLabelValues(source)
	for _, kind := range faultKinds() {
		m.faults.WithLabelValues(source, kind)
	}
	m.bySource[source] = c
	return c
}

// sourceCollector tells how sources stand, when it is asked.
type sourceCollector struct{ in *Ingester }

var (
	lagDesc = prometheus.NewDesc("alertscribe_detect_source_lag",
		"Messages that wait: in the partitions that this copy reads, or in the queue.", []string{"source"}, nil)
	queuedDesc = prometheus.NewDesc("alertscribe_detect_source_queued_bytes",
		"Bytes of messages that were read and not taken yet.", []string{"source"}, nil)
	partsDesc = prometheus.NewDesc("alertscribe_detect_source_parts", "Partitions that this copy reads; 1 for a queue.", []string{"source"}, nil)
)

// Describe implements prometheus.Collector.
func (c *sourceCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- lagDesc
	ch <- queuedDesc
	ch <- partsDesc
}

// Collect implements prometheus.Collector.
func (c *sourceCollector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.in.readers {
		queued, _ := r.queued.value()
		r.mu.Lock()
		parts := len(r.pumps)
		r.mu.Unlock()
		for _, m := range []struct {
			desc *prometheus.Desc
			v    float64
		}{{lagDesc, float64(r.lag())}, {queuedDesc, float64(queued)}, {partsDesc, float64(parts)}} {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, m.v, r.source.Name)
		}
	}
}

// lag returns how many messages wait.
func (r *reader) lag() (n int64) {
	r.eachPump(func(p *pump) {
		if l, ok := p.broker.(interface {
			lag(part int32, position int64) int64
		}); ok {
			position, _ := p.stored()
			n += l.lag(p.part.Number, position)
		}
	})
	return n
}
