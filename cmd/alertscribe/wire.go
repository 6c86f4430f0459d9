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
)

// newReporter makes the writer of reports; owner says that it is the running service's.
func newReporter(cfg *config, pool promapi.Pool, externalURL string, owner bool) (*report.Writer, error) {
	w, err := report.New(report.Options{
		Dir: cfg.Reports.Dir, Language: cfg.Reports.Language, TimeZone: cfg.zone, ExternalURL: externalURL, Version: version.Version, Owner: owner,
		Servers: cfg.linkedServers(pool),
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// otherRoots returns the Alertmanagers that are asked.
func otherRoots(cfg *config) []string {
	var roots []string
	for _, p := range cfg.Prometheus.several {
		roots = append(roots, linkRoot(p.PublicURL), linkRoot(p.URL))
	}
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

// newParts makes the collector of evidence, with changes of its options, and the analyzer, and reports what is wrong with either.
func newParts(cfg *config, pool promapi.Pool, past history, calls ledger, log *slog.Logger, reg prometheus.Registerer, change ...func(*evidence.Options)) (*evidence.Collector, *analyzer.Analyzer, error) {
	collector, evidenceErr := newCollector(cfg, pool, past, log, reg, change...)
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
func newCollector(cfg *config, pool promapi.Pool, past history, log *slog.Logger, reg prometheus.Registerer, change ...func(*evidence.Options)) (*evidence.Collector, error) {
	am, err := upstream(cfg.firstAlertmanager(), "alertmanager")
	if err != nil {
		return nil, err
	}
	o := evidence.Options{
		Several: pool, Alertmanager: am, Language: cfg.Reports.Language, TimeZone: cfg.zone,
		Timeout: time.Duration(cfg.Analysis.EvidenceTimeout), MaxQueries: cfg.Analysis.EvidenceQueries,
		Runbooks: evidence.Runbooks(cfg.Analysis.Runbooks),
		Logger:   log.With("component", "evidence"), Registerer: reg,
	}
	if past != nil {
		o.History = past
	}
	for _, f := range change {
		f(&o)
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
func (s *setup) onlyOurHosts(next http.Handler) http.Handler {
	names := slices.Clone(s.cfg.Web.Hosts)
	if u, err := url.Parse(s.opts.externalURL); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
	}
	if len(names) == 0 {
		return next
	}
	return handler.Hosts{Names: names, RoutePrefix: s.opts.routePrefix, Logger: s.log.With("component", "web")}.Only(next)
}

// newRoutes returns the handler of all that is served.
func (s *setup) newRoutes(w *report.Writer, metrics prometheus.Gatherer) (http.Handler, error) {
	links := ""
	if u, err := url.Parse(s.opts.externalURL); err == nil {
		links = u.Path
	}
	o := handler.Options{
		Store: s.store, Report: w, Directory: w, Analyzer: s.analyzer, ReportDir: s.cfg.Reports.Dir,
		Token: s.cfg.Web.WebhookToken.Reveal(), MaxBodyBytes: s.cfg.Web.MaxBodyBytes, MaxAlerts: s.cfg.Web.MaxAlerts,
		RoutePrefix: s.opts.routePrefix, LinkPrefix: links, Language: s.cfg.Reports.Language, TimeZone: s.cfg.zone,
		Policy: s.cfg.rules(), Version: version.Version, Stopping: s.stopping,
		Limits: s.cfg.limits(), Servers: s.probes.status, Channels: s.notifier.Health,
		Gatherer: metrics, Registerer: s.registry, Logger: s.log.With("component", "web"),
	}
	if err := setSilences(s.cfg, &o); err != nil {
		return nil, err
	}
	return handler.New(o)
}
