package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

const (
	tick     = 100 * time.Millisecond
	stopSoon = 5 * time.Second
)

// Config of a Service.
type Config struct {
	// MetricsAddr serves /metrics, ControlAddr the control port; host:port, and port 0 takes a free one.
	MetricsAddr, ControlAddr string
	// Interval between two normal logins, at least 1 ms.
	Interval time.Duration
	// Seed makes the logins repeatable; 0 takes a random one.
	Seed uint64
	// NoRuntime leaves out the metrics of the Go runtime and of the process, for a service within another program: they would be
	// that one's, and have no past. Of them, process_start_time_seconds alone is made up.
	NoRuntime bool
}

// Service is the simulated login service with its two listeners.
type Service struct {
	logger           *slog.Logger
	now              func() time.Time
	logins           *logins
	registry         *prometheus.Registry
	metrics, command net.Listener
}

// New binds both listeners, so that an address in use is an error here. Run closes them.
func New(c Config, logger *slog.Logger) (*Service, error) {
	if c.Interval < time.Millisecond {
		return nil, fmt.Errorf("interval is %s: it must be at least 1ms", c.Interval)
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	s := &Service{logger: logger, now: time.Now, registry: prometheus.NewRegistry()}
	if !c.NoRuntime {
		s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	s.logins = newLogins(c.Interval, rand.New(rand.NewPCG(c.Seed, 0)), s.now(), s.registry)
	if c.NoRuntime {
		s.logins.begun = prometheus.NewGauge(prometheus.GaugeOpts{Name: "process_start_time_seconds", Help: "Start of the service, in seconds since 1970."})
		s.logins.begun.Set(float64(s.now().Unix()))
		s.registry.MustRegister(s.logins.begun)
	}
	var err error
	listen := new(net.ListenConfig)
	if s.metrics, err = listen.Listen(context.Background(), "tcp", c.MetricsAddr); err != nil {
		return nil, fmt.Errorf("listening for scrapes: %w", err)
	}
	if s.command, err = listen.Listen(context.Background(), "tcp", c.ControlAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for control: %w", err), s.metrics.Close())
	}
	return s, nil
}

// MetricsAddr is the host:port that is scraped.
func (s *Service) MetricsAddr() string { return s.metrics.Addr().String() }

// ControlAddr is the host:port of the control port.
func (s *Service) ControlAddr() string { return s.command.Addr().String() }

// Close closes both listeners of a Service that does not Run.
func (s *Service) Close() error { return errors.Join(s.metrics.Close(), s.command.Close()) }

// Run makes up logins and serves both listeners until ctx ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	metrics := http.NewServeMux()
	metrics.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	metrics.HandleFunc("GET /-/healthy", healthy)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, s.metrics, metrics) })
	group.Go(func() error { return serve(ctx, s.command, s.control()) })
	group.Go(func() error {
		s.simulate(ctx)
		return nil
	})
	s.logger.Info("Simulating logins", "metrics", s.MetricsAddr(), "control", s.ControlAddr(), "interval", s.logins.interval)
	return group.Wait()
}

func (s *Service) simulate(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.logins.advance(s.now())
		case <-ctx.Done():
			return
		}
	}
}

// serve answers until ctx ends, and then lets requests in flight finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopSoon)
		defer cancel()
		stopped <- server.Shutdown(soon)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving %s: %w", l.Addr(), err)
	}
	return <-stopped
}
