package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// maxInFlight bounds the queries of one incident at a time.
const maxInFlight = 8

// Options say whom a Collector asks, and how much.
type Options struct {
	// Prometheus answers the questions; without it there are the alerts alone. Thanos and Mimir do as well.
	Prometheus promapi.Server
	// Several are Prometheus servers that share the alerts, in place of Prometheus: each item names the one that was asked.
	Several promapi.Pool
	// Alertmanager knows which alerts fire still; optional.
	Alertmanager promapi.Server

	// History knows past incidents, as *store.Store does; optional.
	History history
	// Bands knows what detection rules expect of series; optional.
	Bands bands
	// Runbooks says which runbooks may be fetched; the zero value allows none.
	Runbooks Runbooks

	Language   incident.Language // default English
	TimeZone   *time.Location    // by whose clock days are compared; default UTC
	Timeout    time.Duration     // for all that is looked up about an incident; default 20 s
	MaxQueries int               // to Prometheus about one incident; default 60
	// CounterEvidenceTimeout is for all that is looked up to refute a draft; default 10 s.
	CounterEvidenceTimeout time.Duration

	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default time.Now
}

// Collector looks up evidence. It is safe for concurrent use.
type Collector struct {
	options      Options
	pool         promapi.Pool // empty where there is no Prometheus
	alertmanager *alertmanagerAPI
	runbooks     *runbookFetcher
	recent       recentPast
	metrics      *metrics
	log          *slog.Logger
	now          func() time.Time
}

// New makes a Collector. It does not ask anything yet: an error is about the options, and says which.
func New(o Options) (*Collector, error) {
	o.Language = cmp.Or(o.Language, incident.English)
	o.TimeZone = cmp.Or(o.TimeZone, time.UTC)
	o.Timeout = cmp.Or(o.Timeout, 20*time.Second)
	o.MaxQueries = cmp.Or(o.MaxQueries, 60)
	o.CounterEvidenceTimeout = cmp.Or(o.CounterEvidenceTimeout, 10*time.Second)
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
	one, err := promapi.Connect(o.Prometheus, "prometheus")
	if err != nil {
		return nil, fmt.Errorf("%w; set PROMETHEUS_URL", err)
	}
	if c.pool = o.Several; len(c.pool) == 0 && one != nil {
		c.pool = promapi.Pool{{Client: one}}
	}
	am, err := promapi.Connect(o.Alertmanager, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("%w; set ALERTMANAGER_URL", err)
	}
	if am != nil {
		c.alertmanager = &alertmanagerAPI{server: am, count: c.metrics.counter("alertmanager")}
	}
	if c.runbooks, err = newRunbookFetcher(o.Runbooks); err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends idle connections. The Collector may still be used.
func (c *Collector) Close() {
	for _, m := range c.pool {
		m.Client.Close()
	}
	if c.alertmanager != nil {
		c.alertmanager.server.Close()
	}
}

// A collector looks up one kind of evidence.
type collector struct {
	kind  incident.EvidenceKind
	title message // of the item that says that it failed
	run   collectFunc
	// around is set where the items are about the alert looked at: their titles say so when there is another anchor.
	around bool
}

// collectors returns all collectors in the order of their items.
func (c *Collector) collectors(inv *investigation) []collector {
	own := collector{kind: incident.KindAlert, title: msgTitleAlert, run: collectOwnAlerts}
	if inv.server == nil {
		return []collector{
			own,
			{kind: incident.KindSignal, title: msgTitleSignal, run: c.noPrometheus},
			{kind: incident.KindBand, title: msgTitleBand, run: c.collectBands}, // that of a queue needs none
			{kind: incident.KindAlerts, title: msgTitleOthers, run: collectOtherAlerts},
			{kind: incident.KindHistory, title: msgTitleHistory, run: c.pastIncidentsItem},
			{kind: incident.KindRunbook, title: msgTitleRunbook, run: c.runbookItem},
		}
	}
	return []collector{
		own,
		{kind: incident.KindSignal, title: msgTitleSignal, run: collectSignal},
		{kind: incident.KindBand, title: msgTitleBand, run: c.collectBands},
		{kind: incident.KindDrilldown, title: msgTitleDrilldown, run: collectDrilldown, around: true},
		{kind: incident.KindSuspects, title: msgTitleSuspects, run: findSuspects, around: true},
		{kind: incident.KindNeighbors, title: msgTitleNeighbors, run: collectNeighbors, around: true},
		{kind: incident.KindAlerts, title: msgTitleOthers, run: collectOtherAlerts},
		{kind: incident.KindHistory, title: msgTitleHistory, run: c.pastIncidentsItem},
		{kind: incident.KindRunbook, title: msgTitleRunbook, run: c.runbookItem},
	}
}

// Collect looks everything up. The items come in a fixed order of kinds and have no ids yet. It takes no longer than the time
// budget and never fails: what could not be looked up is an item with Failed whose summary says why. seen is what earlier looks
// at the incident have brought, nil for a first one: a look goes on with their peaks, anchors and queries.
func (c *Collector) Collect(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) incident.Look {
	return c.look(ctx, inc, nil, seen)
}

// Refresh looks again, as Collect does, at what changes while an incident fires: [incident.RefreshedKinds].
func (c *Collector) Refresh(ctx context.Context, inc *incident.Incident, seen []incident.Evidence) incident.Look {
	kinds := incident.RefreshedKinds()
	if inc.FiringCount() == 0 { // what carried it can't be told from what is left by then: what was seen while it fired stays
		kinds = slices.DeleteFunc(kinds, func(k incident.EvidenceKind) bool { return k == incident.KindDrilldown })
	}
	return c.look(ctx, inc, kinds, seen)
}

func (c *Collector) look(ctx context.Context, inc *incident.Incident, kinds []incident.EvidenceKind, seen []incident.Evidence) incident.Look {
	began := time.Now()
	m := c.choose(inc, seen)
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.Timeout, c.options.Timeout))
	defer cancel()
	inv := c.investigate(ctx, inc, cmp.Or(m.MaxQueries, c.options.MaxQueries), seen...)
	look := incident.Look{At: inv.now.UTC(), Kinds: kinds}
	table := slices.DeleteFunc(c.collectors(inv), func(one collector) bool { return kinds != nil && !slices.Contains(kinds, one.kind) })
	found := make([][]incident.Evidence, len(table))
	var wg sync.WaitGroup
	for i, one := range table {
		wg.Go(func() { found[i] = c.runCollector(ctx, one, inv) })
	}
	wg.Wait()
	look.Items = slices.Concat(found...)
	queries := 0
	if inv.prom != nil {
		queries = inv.prom.Budget().Used()
	}
	c.metrics.duration.Observe(time.Since(began).Seconds())
	c.log.InfoContext(ctx, "Evidence collected", "incident", inc.ID, "alertname", inc.Alertname, "items", len(look.Items),
		"refresh", kinds != nil, "queries", queries, "duration", time.Since(began))
	return look
}

// investigate prepares what the collectors share, with a budget of so many queries: the rule comes first, for the onset
// depends on it.
func (c *Collector) investigate(ctx context.Context, inc *incident.Incident, budget int, seen ...incident.Evidence) *investigation {
	inv := newInvestigation(inc, c.now(), seen...)
	m := c.choose(inc, seen)
	inv.language, inv.pool, inv.server, inv.serverName, inv.alertmanager = c.options.Language, c.pool, m.Client, m.Name, c.alertmanager
	inv.log, inv.zone = c.log.With("incident", inc.ID), c.options.TimeZone
	if m.Client == nil {
		return inv
	}
	inv.prom = c.querier(inv.server, budget)
	inv.findRule(ctx)
	return inv
}

// querier asks Prometheus so many times, for one purpose.
func (c *Collector) querier(server *promapi.Client, queries int) *promapi.Querier {
	return promapi.NewQuerier(server, promapi.NewBudget(queries, maxInFlight), c.metrics.counter("prometheus"))
}

// runCollector runs one collector; its failure, even a panic, is its own.
func (c *Collector) runCollector(ctx context.Context, one collector, inv *investigation) (items []incident.Evidence) {
	defer func() {
		if r := recover(); r != nil {
			inv.log.ErrorContext(ctx, "Collector panicked, the report says so", "kind", one.kind, "panic", r, "stack", string(debug.Stack()))
			items = c.failedItem(inv, one, errors.New(inv.say(msgOurFault)))
		}
	}()
	inv = inv.apart(one.kind)
	items, err := one.run(ctx, inv)
	items, err = inv.admitPartial(items, err)
	for i := range items {
		items[i].Kind = one.kind
		if one.around {
			items[i].Title = inv.titleOf(items[i].Title, inv.whose)
		}
		if items[i].Query != "" {
			items[i].Source, items[i].Server = incident.SourcePrometheus, inv.serverName
		}
	}
	if err != nil {
		inv.log.WarnContext(ctx, "Evidence lookup failed, the report says so", "kind", one.kind, "err", err)
		items = append(items, c.failedItem(inv, one, err)...)
	}
	return items
}

func (c *Collector) failedItem(inv *investigation, one collector, err error) []incident.Evidence {
	c.metrics.failed.WithLabelValues(string(one.kind)).Inc()
	return []incident.Evidence{{
		Kind: one.kind, Title: inv.say(one.title), Summary: inv.say(msgFailed, inv.explain(err)), Failed: true,
	}}
}
