package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/worker"
)

// setup is what one configuration makes: workers, channels, detection, and pages. A reload makes another one.
type setup struct {
	cfg       *config
	opts      appOptions
	log       *slog.Logger
	address   string // that is listened on
	store     engine // the service's
	registry  *prometheus.Registry
	worker    *worker.Worker
	analyzer  *analyzer.Analyzer
	probes    *probes
	notifier  *notify.Notifier
	detection *detection // nil without rules
	retention *retention
	routes    http.Handler

	stopping   chan struct{} // closed when it is to end: what streams and waits returns
	endWork    context.CancelFunc
	endTelling context.CancelFunc
	working    sync.WaitGroup
	telling    sync.WaitGroup
	cleanups   // run backwards
}

// newSetup makes all parts of a configuration. What was made is cleaned up when a later part fails.
func (a *app) newSetup(ctx context.Context, cfg *config) (*setup, error) {
	s := &setup{
		cfg: cfg, opts: a.opts, log: redacted(cfg, a.log), address: a.listener.Addr().String(), store: a.store,
		registry: prometheus.NewRegistry(), stopping: make(chan struct{}), endWork: func() {}, endTelling: func() {},
	}
	if err := s.build(ctx, a); err != nil {
		return nil, errors.Join(err, s.cleanUp(ctx))
	}
	return s, nil
}

func (s *setup) build(ctx context.Context, a *app) error {
	cfg, log := s.cfg, s.log
	pool, err := cfg.pool()
	if err != nil {
		return badConfig(err)
	}
	writer, err := newReporter(cfg, pool, s.opts.externalURL, true)
	if err != nil {
		return err
	}
	collector, model, err := newParts(cfg, pool, s.store, s.store, log, s.registry, s.withBands)
	if err != nil {
		return badConfig(err)
	}
	s.analyzer = model
	if s.probes, err = newProbes(cfg, pool); err != nil {
		return badConfig(err)
	}
	s.onStop("closing connections", func(context.Context) error { s.probes.close(); return nil })
	options := worker.Options{
		Store: s.store, Evidence: collector, Analyzer: s.analyzer, Report: writer, Policy: cfg.rules(),
		Analyses: cfg.Analysis.Workers, SoftStop: s.opts.softStop, Logger: log.With("component", "worker"), Registerer: s.registry,
	}
	if cfg.Alertmanager.URL != "" {
		options.Alertmanager = collector
	}
	if s.worker, err = worker.New(options); err != nil {
		return err
	}
	if s.notifier, err = s.newNotifier(); err != nil {
		return err
	}
	if err = s.notifier.Enter(ctx); err != nil {
		return err
	}
	s.registry.MustRegister(&queueCollector{store: s.store}, &budgetCollector{store: s.store, limits: cfg.limits()}, s.probes)
	if err := s.buildDetection(); err != nil {
		return badConfig(err)
	}
	s.retention = newRetention(cfg, s.store, writer, log, s.registry)
	routes, err := s.newRoutes(writer, prometheus.Gatherers{a.registry, s.registry})
	if err != nil {
		return err
	}
	s.routes = s.onlyOurHosts(a.lifecycleRoutes(s.detectionRoutes(routes), cfg.Web.WebhookToken))
	return nil
}

// startWork begins what may run beside that of a former setup: all of it claims what it does.
func (s *setup) startWork(ctx context.Context) {
	ctx, s.endWork = context.WithCancel(ctx)
	s.working.Go(func() { s.worker.Run(ctx) })
	s.working.Go(func() { s.checkModel(ctx) })
	s.working.Go(func() { s.probes.run(ctx, s.log) })
}

// startTelling begins what only one may do at a time: telling channels, and evaluating detection rules.
func (s *setup) startTelling(ctx context.Context) {
	ctx, s.endTelling = context.WithCancel(ctx)
	s.telling.Go(func() { s.notifier.Run(ctx) })
	s.telling.Go(func() { s.retention.run(ctx) })
	s.startDetection(ctx)
}

// stopTelling returns when nobody is told anymore.
func (s *setup) stopTelling() {
	s.endTelling()
	s.telling.Wait()
}

// end returns when all has ended. Work in flight has the soft stop's time.
func (s *setup) end() {
	s.endWork()
	s.stopTelling()
	s.working.Wait()
}
