package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
)

// Options say whom a Collector asks, and how much.
type Options struct {
	// Prometheus answers the questions; without it there are the alerts alone. Thanos and Mimir do as well.
	Prometheus Server
	// PublicURL is the root of Prometheus as people reach it, for links; default the URL of Prometheus.
	PublicURL *url.URL
	// Alertmanager knows which alerts fire still; optional.
	Alertmanager Server

	// History knows past incidents, as *store.Store does; optional.
	History history
	// Runbooks says which runbooks may be fetched; the zero value allows none.
	Runbooks Runbooks

	Language   incident.Language // default English
	Timeout    time.Duration     // for all that is looked up about an incident; default 20 s
	MaxQueries int               // to Prometheus about one incident; default 60
	// RefuteTimeout is for all that is looked up to refute a draft; default 10 s.
	RefuteTimeout time.Duration

	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default time.Now
}

// Collector looks up evidence. It is safe for concurrent use.
type Collector struct {
	options      Options
	prometheus   *server // nil where there is none
	alertmanager *alertmanager
	runbooks     *library
	recent       recentPast
	linkTo       *url.URL
	metrics      *metrics
	log          *slog.Logger
	now          func() time.Time
}

// New makes a Collector. It does not ask anything yet: an error is about the options, and says which.
func New(o Options) (*Collector, error) {
	o.Language = cmp.Or(o.Language, incident.English)
	o.Timeout = cmp.Or(o.Timeout, 20*time.Second)
	o.MaxQueries = cmp.Or(o.MaxQueries, 60)
	o.RefuteTimeout = cmp.Or(o.RefuteTimeout, 10*time.Second)
	c := &Collector{options: o, metrics: newMetrics(o.Registerer), log: o.Logger, now: o.Now}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if err := o.Language.Validate(); err != nil {
		return nil, err
	}
	var err error
	if c.prometheus, err = connect(o.Prometheus, "prometheus"); err != nil {
		return nil, fmt.Errorf("%w; set PROMETHEUS_URL", err)
	}
	am, err := connect(o.Alertmanager, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("%w; set ALERTMANAGER_URL", err)
	}
	if am != nil {
		c.alertmanager = &alertmanager{server: am, count: c.metrics.counter("alertmanager")}
	}
	if c.runbooks, err = newLibrary(o.Runbooks); err != nil {
		return nil, err
	}
	if c.prometheus != nil {
		c.linkTo = linkBase(o.PublicURL, c.prometheus.url)
	}
	return c, nil
}

// Close ends idle connections. The Collector may still be used.
func (c *Collector) Close() {
	c.prometheus.close()
	if c.alertmanager != nil {
		c.alertmanager.server.close()
	}
}

// A collector looks up one kind of evidence.
type collector struct {
	kind  incident.EvidenceKind
	title text // of the item that says that it failed
	run   collect
}

// collectors returns all collectors in the order of their items.
func (c *Collector) collectors() []collector {
	own := collector{incident.KindAlert, titleAlert, ownAlerts}
	if c.prometheus == nil {
		return []collector{
			own,
			{incident.KindSignal, titleSignal, noPrometheus},
			{incident.KindAlerts, titleOthers, otherAlerts},
			{incident.KindHistory, titleHistory, c.past},
			{incident.KindRunbook, titleRunbook, c.runbook},
		}
	}
	return []collector{
		own,
		{incident.KindSignal, titleSignal, signal},
		{incident.KindDrilldown, titleDrilldown, drilldown},
		{incident.KindSuspects, titleSuspects, suspects},
		{incident.KindNeighbors, titleNeighbors, neighbors},
		{incident.KindAlerts, titleOthers, otherAlerts},
		{incident.KindHistory, titleHistory, c.past},
		{incident.KindRunbook, titleRunbook, c.runbook},
	}
}

// Collect looks everything up and returns the items in a fixed order of kinds, numbered E1, E2 … It takes no longer
// than the time budget and never fails: what could not be looked up is an item with Failed whose summary says why.
func (c *Collector) Collect(ctx context.Context, inc *incident.Incident) []incident.Evidence {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	q := c.inquire(ctx, inc, c.options.MaxQueries)
	table := c.collectors()
	found := make([][]incident.Evidence, len(table))
	var wg sync.WaitGroup
	for i, one := range table {
		wg.Go(func() { found[i] = c.collect(ctx, one, q) })
	}
	wg.Wait()
	var items []incident.Evidence
	for _, some := range found {
		for _, item := range some {
			item.ID = "E" + strconv.Itoa(len(items)+1)
			items = append(items, item)
		}
	}
	queries := 0
	if q.prom != nil {
		queries = int(q.prom.asked.Load())
	}
	c.metrics.duration.Observe(time.Since(began).Seconds())
	c.log.InfoContext(ctx, "evidence collected", "incident", inc.ID, "alertname", inc.Alertname, "items", len(items),
		"queries", queries, "duration", time.Since(began))
	return items
}

// inquire prepares what the collectors share, with a budget of so many queries: the rule comes first, for the onset
// depends on it.
func (c *Collector) inquire(ctx context.Context, inc *incident.Incident, budget int) *inquiry {
	q := newInquiry(inc, c.now())
	q.language, q.linkTo, q.alertmanager = c.options.Language, c.linkTo, c.alertmanager
	q.log = c.log.With("incident", inc.ID)
	if c.prometheus == nil {
		return q
	}
	q.prom = newQuerier(c.prometheus, budget, c.metrics.counter("prometheus"))
	q.findRule(ctx)
	return q
}

// collect runs one collector; its failure, even a panic, is its own.
func (c *Collector) collect(ctx context.Context, one collector, q *inquiry) (items []incident.Evidence) {
	defer func() {
		if r := recover(); r != nil {
			q.log.ErrorContext(ctx, "a collector panicked", "kind", one.kind, "panic", r, "stack", string(debug.Stack()))
			items = c.failed(q, one, errors.New(q.say(sayOurFault)))
		}
	}()
	items, err := one.run(ctx, q)
	for i := range items {
		items[i].Kind = one.kind
		if items[i].Query != "" {
			items[i].Source = incident.SourcePrometheus
		}
	}
	if err != nil {
		q.log.WarnContext(ctx, "evidence could not be looked up", "kind", one.kind, "err", err)
		items = append(items, c.failed(q, one, err)...)
	}
	return items
}

func (c *Collector) failed(q *inquiry, one collector, err error) []incident.Evidence {
	c.metrics.failed.WithLabelValues(string(one.kind)).Inc()
	return []incident.Evidence{{
		Kind: one.kind, Title: q.say(one.title), Summary: q.say(sayFailed, q.explain(err)), Failed: true,
	}}
}

// explain says in the report's language why something could not be looked up, with the details as they are.
func (q *inquiry) explain(err error) string {
	detail := err.Error()
	for _, kind := range []error{errUnavailable, errTooExpensive, errBadQuery} {
		detail = strings.ReplaceAll(detail, kind.Error()+": ", "") // said by the phrase
	}
	detail = cut(detail, 300)
	switch {
	case errors.Is(err, errNoBudget):
		return q.say(sayNoBudget)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return q.say(sayTimeout)
	case errors.Is(err, errTooExpensive):
		return q.say(sayTooExpensive, detail)
	case errors.Is(err, errBadQuery):
		return q.say(sayBadQuery, detail)
	case errors.Is(err, errUnavailable):
		return q.say(sayUnavailable, detail)
	}
	return detail
}

func noPrometheus(_ context.Context, q *inquiry) ([]incident.Evidence, error) {
	return []incident.Evidence{{Title: q.say(titleSignal), Summary: q.say(sayNoPrometheus), Failed: true}}, nil
}
