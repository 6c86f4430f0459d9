package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/exporter-toolkit/web"
)

// app is the running service: what outlives a change of the configuration, and the setup that the present one makes.
type app struct {
	cfg      *config // the one that it was started with
	opts     appOptions
	log      *slog.Logger
	registry *prometheus.Registry // of what outlives a reload
	reloads  *reloadMetrics
	listener net.Listener
	server   *http.Server
	store    engine

	*setup    // the present one; replaced by reload, and guarded by reloading
	reloading sync.Mutex
	handler   atomic.Pointer[http.Handler]

	working  context.Context // of all work; nil before start
	stopWork context.CancelFunc
	running  sync.WaitGroup
	serveErr chan error
	cleanups // run backwards
}

// appOptions are the settings that flags alone give.
type appOptions struct {
	configFile      string
	webConfigFile   string
	externalURL     string
	routePrefix     string // without a trailing slash
	enableLifecycle bool
	softStop        time.Duration
	listener        net.Listener            // bound already; nil binds the configured address
	load            func() (*config, error) // reads the configuration again; nil: it can't be reloaded
	quit            func()                  // ends the service; nil: a request can't
}

// newApp makes all parts and binds the listener, so that every fault of the set-up is an error here. What was made is
// cleaned up when a later part fails.
func newApp(ctx context.Context, cfg *config, o appOptions, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, opts: o, log: log, serveErr: make(chan error, 1), registry: prometheus.NewRegistry()}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.cleanUp(ctx))
	}
	return a, nil
}

func (a *app) build(ctx context.Context) (err error) {
	a.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("alertscribe"),
	)
	a.reloads = newReloadMetrics(a.registry)
	if err := a.listen(ctx); err != nil {
		return err
	}
	if a.store, err = openEngine(ctx, a.cfg, redacted(a.cfg, a.log), a.registry); err != nil {
		return err
	}
	a.onStop("closing the database", func(context.Context) error { return a.store.Close() })
	if a.setup, err = a.newSetup(ctx, a.cfg); err != nil {
		return err
	}
	a.handler.Store(&a.routes)
	a.server = newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.handler.Load()).ServeHTTP(w, r) }))
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

// cleanups are what is to be closed, in the order in which it was made.
type cleanups []cleanup

type cleanup struct {
	name string
	f    func(context.Context) error
}

func (c *cleanups) onStop(name string, f func(context.Context) error) {
	*c = append(*c, cleanup{name, f})
}

// cleanUp closes all, the newest first.
func (c *cleanups) cleanUp(ctx context.Context) error {
	var errs []error
	for _, one := range slices.Backward(*c) {
		if err := one.f(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one.name, err))
		}
	}
	*c = nil
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
	a.working, a.stopWork = context.WithCancel(context.WithoutCancel(ctx))
	a.startWork(a.working)
	a.startTelling(a.working)
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
	a.reloading.Lock() // for good: a reload finds the work stopped
	shutdown, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	close(a.stopping)
	a.stopWork()
	err := a.server.Shutdown(shutdown)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.server.Close()
	}
	a.end()
	a.running.Wait()
	return errors.Join(err, a.setup.cleanUp(ctx), a.cleanUp(ctx))
}

const shutdownTimeout = 5 * time.Second

// checkModel warns when the endpoint does not know the model. It never stops the start.
func (s *setup) checkModel(ctx context.Context) {
	if s.cfg.LLM.Key == "" {
		s.log.Warn("No API key, reports are evidence only; set DEEPSEEK_API_KEY in the environment or .env")
		return
	}
	warning, err := s.analyzer.CheckModel(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Warn("Listing models failed", "err", err)
	case warning != "":
		s.log.Warn("Model may not work", "warning", warning)
	}
}

// memoryLimit is soft: the garbage collector works harder rather than that the process grows beyond it. What lives in memory is
// far less; the rest is what notifications of thousands of alerts leave behind. GOMEMLIMIT replaces it.
const memoryLimit = 192 << 20

func (c *config) limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit + c.detectionMemory())
	}
}

// serve runs the service until it is told to stop.
func (c *cli) serve(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	cfg.limitMemory()
	log := c.logger()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	a, err := newApp(ctx, cfg, appOptions{
		configFile: c.configFile, webConfigFile: c.webConfigFile, externalURL: c.externalURL, routePrefix: c.prefix(),
		enableLifecycle: c.enableLifecycle, load: c.load, quit: quit,
	}, log)
	if err != nil {
		return err
	}
	a.start(ctx)
	cfg.logSettings(a.setup.log, a.listener.Addr().String())
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	for ctx.Err() == nil && err == nil {
		select {
		case <-ctx.Done():
			log.Info("Stopping, finishing in-flight work")
		case <-reload:
			_ = a.reload(ctx) // it is logged
		case err = <-a.serveErr:
		}
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
