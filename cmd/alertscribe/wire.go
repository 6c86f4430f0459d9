package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/version"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/evidence"
	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/store"
)

// newReporter makes the writer of reports; owner says that it is the running service's.
func newReporter(cfg *config, externalURL string, owner bool) (*report.Writer, error) {
	w, err := report.New(report.Options{
		Dir: cfg.Reports.Dir, Language: cfg.Reports.Language, TimeZone: cfg.zone, ExternalURL: externalURL, Version: version.Version, Owner: owner,
		Servers: report.Servers{
			Alertmanager: linkRoot(cfg.Alertmanager.PublicURL), Prometheus: linkRoot(cfg.Prometheus.PublicURL),
			PrometheusAsked: linkRoot(cfg.Prometheus.URL), Others: otherRoots(cfg),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the report directory %s (set REPORT_DIR): %w", cfg.Reports.Dir, err)
	}
	return w, nil
}

// otherRoots returns the Alertmanagers that are asked.
func otherRoots(cfg *config) []string {
	var roots []string
	for _, u := range cfg.alertmanagerURLs() {
		roots = append(roots, linkRoot(u))
	}
	return roots
}

// linkRoot returns a URL of the settings as links may show it; "" for none.
func linkRoot(raw string) string {
	u, err := url.Parse(raw)
	if raw == "" || err != nil {
		return ""
	}
	return promapi.LinkRoot(u).String()
}

// redacted returns a logger that writes no secrets: what servers answer and what alerts say gets into errors.
func redacted(cfg *config, log *slog.Logger) *slog.Logger {
	return slog.New(cfg.redactor.Handler(log.Handler()))
}

// newParts makes the collector of evidence and the analyzer, and reports what is wrong with either.
func newParts(cfg *config, past *store.Store, calls ledger, log *slog.Logger, reg prometheus.Registerer) (*evidence.Collector, *analyzer.Analyzer, error) {
	collector, evidenceErr := newCollector(cfg, past, log, reg)
	model, modelErr := newAnalyzer(cfg, calls, collector, log, reg)
	return collector, model, errors.Join(modelErr, evidenceErr)
}

// ledger counts model calls: the store, or memory for a command that ends.
type ledger interface {
	ReserveCall(ctx context.Context, incidentID string, cost float64, limits incident.Limits) (call int64, err error)
	SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error
}

// newAnalyzer makes the analyzer. What the collector finds refutes drafts, where there is a Prometheus to ask.
func newAnalyzer(cfg *config, calls ledger, collector *evidence.Collector, log *slog.Logger, reg prometheus.Registerer) (*analyzer.Analyzer, error) {
	o := analyzer.Options{
		BaseURL: cfg.LLM.BaseURL, Model: cfg.LLM.Model, Key: cfg.LLM.Key, Language: cfg.Reports.Language,
		Thinking: cfg.LLM.Thinking, ExtraBody: cfg.LLM.ExtraBody, MaxTokens: cfg.LLM.MaxTokens,
		Timeout: time.Duration(cfg.LLM.Timeout), MaxPromptBytes: cfg.Analysis.MaxPromptBytes,
		ProbeAfter: cfg.LLM.probeAfter, Limits: cfg.limits(), Redactor: cfg.redactor, Policy: cfg.rules(), Transport: cfg.transport,
		Prices: analyzer.Prices{Models: cfg.Budget.Prices, Peak: cfg.Budget.PeakHours}, Verify: cfg.Analysis.Verify,
		Ledger: calls, Version: version.Version, Logger: log.With("component", "analyzer"), Registerer: reg,
	}
	if cfg.Prometheus.URL != "" {
		o.Refuter = collector
	}
	a, err := analyzer.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting up the model's client: %w", err)
	}
	return a, nil
}

// roundTripper returns the transport of an http_config, or net/http's own when there is none.
func roundTripper(c *commonconfig.HTTPClientConfig, name string) (http.RoundTripper, error) {
	if c == nil {
		return http.DefaultTransport, nil
	}
	return commonconfig.NewRoundTripperFromConfig(*c, name)
}

// newCollector makes the collector of evidence; past is nil for a command that has no database.
func newCollector(cfg *config, past *store.Store, log *slog.Logger, reg prometheus.Registerer) (*evidence.Collector, error) {
	prom, err := upstream(cfg.Prometheus, "prometheus")
	if err != nil {
		return nil, err
	}
	am, err := upstream(cfg.firstAlertmanager(), "alertmanager")
	if err != nil {
		return nil, err
	}
	o := evidence.Options{
		Prometheus: prom, Alertmanager: am, Language: cfg.Reports.Language,
		Timeout: time.Duration(cfg.Analysis.EvidenceTimeout), MaxQueries: cfg.Analysis.EvidenceQueries,
		Runbooks: evidence.Runbooks(cfg.Analysis.Runbooks),
		Logger:   log.With("component", "evidence"), Registerer: reg,
	}
	if past != nil {
		o.History = past
	}
	if cfg.Prometheus.PublicURL != "" {
		if o.Prometheus.PublicURL, err = url.Parse(cfg.Prometheus.PublicURL); err != nil {
			return nil, fmt.Errorf("prometheus.public_url: %w", err)
		}
	}
	c, err := evidence.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting up the collection of evidence: %w", err)
	}
	return c, nil
}

// upstream returns a server to ask; the zero value when none is set.
func upstream(c upstreamConfig, name string) (promapi.Server, error) {
	if c.URL == "" {
		return promapi.Server{}, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return promapi.Server{}, fmt.Errorf("%s.url: %w", name, err)
	}
	s := promapi.Server{URL: u, HTTP: commonconfig.DefaultHTTPClientConfig}
	if c.HTTPConfig != nil {
		s.HTTP = *c.HTTPConfig
	}
	return s, nil
}

// onlyOurHosts rejects requests for other hosts where our names are known: from the external URL, or from the settings.
func (a *app) onlyOurHosts(next http.Handler) http.Handler {
	names := slices.Clone(a.cfg.Web.Hosts)
	if u, err := url.Parse(a.opts.externalURL); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
	}
	if len(names) == 0 {
		return next
	}
	return handler.Hosts{Names: names, RoutePrefix: a.opts.routePrefix, Logger: a.log.With("component", "web")}.Only(next)
}

// routes returns the handler of all that is served.
func (a *app) routes(w *report.Writer, registry *prometheus.Registry) (http.Handler, error) {
	links := ""
	if u, err := url.Parse(a.opts.externalURL); err == nil {
		links = u.Path
	}
	o := handler.Options{
		Store: a.store, Report: w, Directory: w, Analyzer: a.analyzer, ReportDir: a.cfg.Reports.Dir,
		Token: a.cfg.Web.WebhookToken.Reveal(), MaxBodyBytes: a.cfg.Web.MaxBodyBytes, MaxAlerts: a.cfg.Web.MaxAlerts,
		RoutePrefix: a.opts.routePrefix, LinkPrefix: links, Language: a.cfg.Reports.Language, TimeZone: a.cfg.zone,
		Policy: a.cfg.rules(), Version: version.Version, Stopping: a.stopping,
		Limits: a.cfg.limits(), Servers: a.probes.status, Channels: a.notifier.Health,
		Gatherer: registry, Registerer: registry, Logger: a.log.With("component", "web"),
	}
	if err := setSilences(a.cfg, &o); err != nil {
		return nil, err
	}
	return handler.New(o)
}
