package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/worker"
)

// app is the running service: listener, store, workers and pages.
type app struct {
	cfg       *config
	opts      appOptions
	log       *slog.Logger
	listener  net.Listener
	server    *http.Server
	store     *store.Store
	worker    *worker.Worker
	analyzer  *analyzer.Analyzer
	probes    *probes
	notifier  *notify.Notifier
	detection *detection // nil without rules

	stopping chan struct{} // closed by stop
	stopWork context.CancelFunc
	running  sync.WaitGroup
	serveErr chan error
	cleanups []cleanup // run backwards
}

type cleanup struct {
	name string
	f    func(context.Context) error
}

// appOptions are the settings that flags alone give.
type appOptions struct {
	webConfigFile string
	externalURL   string
	routePrefix   string // without a trailing slash
	softStop      time.Duration
	listener      net.Listener // bound already; nil binds the configured address
}

// newApp makes all parts and binds the listener, so that every fault of the set-up is an error here. What was made is
// cleaned up when a later part fails.
func newApp(ctx context.Context, cfg *config, o appOptions, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, opts: o, log: redacted(cfg, log), serveErr: make(chan error, 1), stopping: make(chan struct{})}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.cleanUp(ctx))
	}
	return a, nil
}

func (a *app) build(ctx context.Context) (err error) {
	cfg, log := a.cfg, a.log
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("alertscribe"),
	)
	if err := a.listen(ctx); err != nil {
		return err
	}
	rules := cfg.rules()
	a.store, err = store.Open(ctx, store.Options{
		Path: cfg.databasePath(), Policy: rules, Retention: time.Duration(cfg.Storage.NotificationRetention),
		Logger: log.With("component", "store"), Registerer: registry,
	})
	if err != nil {
		return fmt.Errorf("opening the database %s: %w", cfg.databasePath(), err)
	}
	a.onStop("closing the database", func(context.Context) error { return a.store.Close() })
	writer, err := newReporter(cfg, a.opts.externalURL, true)
	if err != nil {
		return err
	}
	collector, model, err := newParts(cfg, a.store, a.store, log, registry)
	if err != nil {
		return badConfig(err)
	}
	a.analyzer = model
	if a.probes, err = newProbes(cfg); err != nil {
		return badConfig(err)
	}
	a.onStop("closing connections", func(context.Context) error { a.probes.close(); return nil })
	options := worker.Options{
		Store: a.store, Evidence: collector, Analyzer: a.analyzer, Report: writer, Policy: rules,
		Analyses: cfg.Analysis.Workers, SoftStop: a.opts.softStop, Logger: log.With("component", "worker"), Registerer: registry,
	}
	if cfg.Alertmanager.URL != "" {
		options.Alertmanager = collector
	}
	if a.worker, err = worker.New(options); err != nil {
		return err
	}
	if a.notifier, err = a.newNotifier(registry); err != nil {
		return err
	}
	if err = a.notifier.Enter(ctx); err != nil {
		return err
	}
	registry.MustRegister(&queueCollector{store: a.store}, &budgetCollector{store: a.store, limits: cfg.limits()}, a.probes)
	if err := a.buildDetection(registry); err != nil {
		return badConfig(err)
	}
	routes, err := a.routes(writer, registry)
	if err != nil {
		return err
	}
	a.server = newServer(a.onlyOurHosts(a.detectionRoutes(routes)))
	return nil
}

// newServer bounds what a slow or hostile client can hold. Where ?wait= holds an answer for longer, the handler extends
// the time for writing.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

func (a *app) onStop(name string, f func(context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, f})
}

func (a *app) cleanUp(ctx context.Context) error {
	var errs []error
	for _, c := range slices.Backward(a.cleanups) {
		if err := c.f(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(errs...)
}

func (a *app) listen(ctx context.Context) error {
	l := a.opts.listener
	if l == nil {
		var lc net.ListenConfig
		var err error
		if l, err = lc.Listen(ctx, "tcp", a.cfg.Web.ListenAddress); err != nil {
			return fmt.Errorf("listening (set --web.listen-address or LISTEN_ADDRESS): %w", err)
		}
	}
	a.listener = l
	a.onStop("closing the listener", func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// start begins to serve and to work. It returns at once; Done tells when serving has ended by itself.
func (a *app) start(ctx context.Context) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.stopWork = cancel
	a.running.Go(func() { a.worker.Run(working) })
	a.running.Go(func() { a.notifier.Run(working) })
	a.running.Go(func() { a.checkModel(working) })
	a.running.Go(func() { a.probes.run(working, a.log) })
	a.startDetection(working)
	a.running.Go(func() {
		systemd := false
		err := web.Serve(a.listener, a.server, &web.FlagConfig{
			WebListenAddresses: &[]string{a.listener.Addr().String()}, WebConfigFile: &a.opts.webConfigFile, WebSystemdSocket: &systemd,
		}, a.log.With("component", "web"))
		if !errors.Is(err, http.ErrServerClosed) {
			a.serveErr <- fmt.Errorf("serving: %w", err)
		}
	})
}

// stop ends serving, then working, then cleans up. Requests in flight get their answers; work in flight has the soft
// stop's time.
func (a *app) stop(ctx context.Context) error {
	shutdown, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	close(a.stopping)
	a.stopWork()
	err := a.server.Shutdown(shutdown)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.server.Close()
	}
	a.running.Wait()
	return errors.Join(err, a.cleanUp(ctx))
}

const shutdownTimeout = 5 * time.Second

// checkModel warns when the endpoint does not know the model. It never stops the start.
func (a *app) checkModel(ctx context.Context) {
	if a.cfg.LLM.Key == "" {
		a.log.Warn("No API key, reports are evidence only; set DEEPSEEK_API_KEY in the environment or .env")
		return
	}
	warning, err := a.analyzer.CheckModel(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("Listing models failed", "err", err)
	case warning != "":
		a.log.Warn("Model may not work", "warning", warning)
	}
}

// memoryLimit is soft: the garbage collector works harder rather than that the process grows beyond it. What lives in memory is
// far less; the rest is what notifications of thousands of alerts leave behind. GOMEMLIMIT replaces it.
const memoryLimit = 192 << 20

// serve runs the service until it is told to stop.
func (c *cli) serve(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit + cfg.detectionMemory())
	}
	log := c.logger()
	a, err := newApp(ctx, cfg, appOptions{
		webConfigFile: c.webConfigFile, externalURL: c.externalURL, routePrefix: c.prefix(),
	}, log)
	if err != nil {
		return err
	}
	a.start(ctx)
	cfg.logSettings(a.log, a.listener.Addr().String())
	select {
	case <-ctx.Done():
		log.Info("Stopping, finishing in-flight work")
		err = nil
	case err = <-a.serveErr:
	}
	return errors.Join(err, a.stop(context.WithoutCancel(ctx)))
}

// trimPrefixPath brings the prefix of all routes into the form "/a/b", or "" for none.
func trimPrefixPath(p string) string {
	p = strings.Trim(p, "/")
	if p == "" {
		return ""
	}
	return "/" + p
}
