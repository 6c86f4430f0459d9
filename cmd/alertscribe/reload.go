package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/redact"
)

// reloadMetrics are named as Prometheus names its own.
type reloadMetrics struct {
	successful, at prometheus.Gauge
}

func newReloadMetrics(reg prometheus.Registerer) *reloadMetrics {
	f := promauto.With(reg)
	m := &reloadMetrics{
		successful: f.NewGauge(prometheus.GaugeOpts{
			Name: "alertscribe_config_last_reload_successful", Help: "Whether the last configuration that was read was taken over.",
		}),
		at: f.NewGauge(prometheus.GaugeOpts{
			Name: "alertscribe_config_last_reload_success_timestamp_seconds", Help: "Time of the last configuration that was taken over.",
		}),
	}
	m.done()
	return m
}

func (m *reloadMetrics) done() {
	m.successful.Set(1)
	m.at.SetToCurrentTime()
}

var errStopped = errors.New("the service is stopping")

// reload reads the configuration again and takes it over: accepting goes on, and so does work in flight. A configuration
// with faults changes nothing.
func (a *app) reload(ctx context.Context) error {
	if !a.reloading.TryLock() {
		return errors.New("a reload is running already")
	}
	defer a.reloading.Unlock()
	err := a.takeOver(ctx)
	if err != nil {
		a.reloads.successful.Set(0)
		for line := range strings.Lines(err.Error()) {
			if line = strings.TrimSpace(line); !strings.HasSuffix(line, ":") { // what begins the list of faults
				a.setup.log.Error("Configuration not reloaded, the former one stays", "err", line)
			}
		}
		return err
	}
	a.reloads.done()
	return nil
}

func (a *app) takeOver(ctx context.Context) error {
	if a.working == nil || a.working.Err() != nil {
		return errStopped
	}
	cfg, err := a.opts.load()
	if err != nil {
		return err
	}
	unchanged := cfg.keep(a.cfg)
	next, err := a.newSetup(ctx, cfg)
	if err != nil {
		return err
	}
	old := a.setup
	a.store.SetPolicy(cfg.rules())
	cfg.limitMemory()
	a.handler.Store(&next.routes)
	next.startWork(a.working)
	close(old.stopping)
	old.stopTelling()
	reloadDetection(ctx, old.detection, next.detection)
	next.startTelling(a.working)
	a.setup = next
	next.log.Info("Configuration reloaded", "file", a.opts.configFile)
	for _, key := range unchanged {
		next.log.Warn("Setting takes effect at the next start", "key", key)
	}
	old.end()
	if err := old.cleanUp(ctx); err != nil {
		next.log.Warn("Former configuration not closed in full", "err", err)
	}
	return nil
}

// bears reports whether a request has the token; where there is none every request has.
func bears(r *http.Request, token redact.Secret) bool {
	want, has := sha256.Sum256([]byte("Bearer "+token.Reveal())), sha256.Sum256([]byte(r.Header.Get("Authorization")))
	return token == "" || subtle.ConstantTimeCompare(has[:], want[:]) == 1
}

// keep takes over what a reload can't change, and returns the keys of what differs.
func (c *config) keep(first *config) []string {
	var keys []string
	if c.Web.ListenAddress != first.Web.ListenAddress {
		keys = append(keys, "web.listen_address")
	}
	if c.Storage != first.Storage {
		keys = append(keys, "storage")
	}
	if !slices.Equal(c.Analysis.Severities, first.Analysis.Severities) { // rows are sorted by it
		keys = append(keys, "analysis.severities")
	}
	c.Web.ListenAddress, c.Storage, c.Analysis.Severities = first.Web.ListenAddress, first.Storage, first.Analysis.Severities
	return keys
}

// lifecycleRoutes adds what --web.enable-lifecycle allows, as Prometheus does. The webhook token guards it as it guards all that is posted.
func (a *app) lifecycleRoutes(next http.Handler, token redact.Secret) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, a.opts.routePrefix)
		if !ok || path != "/-/reload" && path != "/-/quit" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.Method != http.MethodPost && r.Method != http.MethodPut:
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, "Only POST or PUT requests allowed", http.StatusMethodNotAllowed)
		case !a.opts.enableLifecycle:
			http.Error(w, "Lifecycle API is not enabled. Start with --web.enable-lifecycle", http.StatusForbidden)
		case crossOrigin.Check(r) != nil:
			http.Error(w, "Request comes from a page of another site", http.StatusForbidden)
		case !bears(r, token):
			w.Header().Set("WWW-Authenticate", `Bearer realm="alertscribe"`)
			http.Error(w, "Missing or wrong token; send Authorization: Bearer with the value of ALERTSCRIBE_WEBHOOK_TOKEN", http.StatusUnauthorized)
		case path == "/-/quit" && a.opts.quit != nil:
			_, _ = w.Write([]byte("Requesting termination... Goodbye!\n")) // the client has gone, or reads it
			a.opts.quit()
		case path == "/-/reload" && a.opts.load != nil:
			if err := a.reload(context.WithoutCancel(r.Context())); err != nil {
				http.Error(w, "Configuration not reloaded, the former one stays: "+err.Error(), http.StatusInternalServerError)
			}
		default:
			http.Error(w, "This service can't do that", http.StatusNotImplemented)
		}
	})
}
